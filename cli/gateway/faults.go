package gateway

import (
	"go.uber.org/zap"

	"patgate/cli/gateway/logs"
	"patgate/cli/upstream"
	"patgate/dial"
)

// reportTLS has it logged when the certificate of a server behind patgate is not accepted, or TLS with it fails: every kind of
// fault once, and once a minute while it goes on.
func (g *gateway) reportTLS(server string, way upstream.Way) {
	if way.Dialer == nil {
		return
	}
	var logged logs.Seldom
	way.Dialer.Report(func(err error) {
		if fault := dial.Fault(err); logged.Says(fault) {
			g.logs.Error("TLS with the "+server+" fails", zap.String("fault", fault), zap.Error(err))
		}
	})
}

// unkept gives what logs that no long body can be kept in the temporary directory, once a minute while it goes on.
func (g *gateway) unkept() func(dir string, err error) {
	var logged logs.Seldom
	return func(dir string, err error) {
		if logged.Says(dir) {
			g.logs.Error("a request body could not be kept in the temporary directory (fix: make room there, or name another one in "+
				"the environment variable TMPDIR; it needs room for limits.bodies_disk)",
				zap.String("directory", dir), zap.Stringer("bodies_disk", g.config.Limits.BodiesDisk), zap.Error(err))
		}
	}
}
