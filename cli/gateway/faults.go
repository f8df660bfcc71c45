package gateway

import (
	"sync"
	"time"

	"go.uber.org/zap"

	"patgate/cli/upstream"
	"patgate/dial"
)

// repeated is how often a fault that goes on is logged.
const repeated = time.Minute

// seldom lets what is the same as before pass once in a while. It is safe for concurrent use.
type seldom struct {
	mu   sync.Mutex
	last string
	at   time.Time
}

// says tells whether what is to be said now.
func (s *seldom) says(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if what == s.last && time.Since(s.at) < repeated {
		return false
	}
	s.last, s.at = what, time.Now()
	return true
}

// reportTLS has it logged when the certificate of a server behind patgate is not accepted, or TLS with it fails: every kind of
// fault once, and once a minute while it goes on.
func (g *gateway) reportTLS(server string, way upstream.Way) {
	if way.Dialer == nil {
		return
	}
	var logged seldom
	way.Dialer.Report(func(err error) {
		if fault := dial.Fault(err); logged.says(fault) {
			g.logger.Error("TLS with the "+server+" fails", zap.String("fault", fault), zap.Error(err))
		}
	})
}

// unkept gives what logs that no long body can be kept in the temporary directory, once a minute while it goes on.
func (g *gateway) unkept() func(dir string, err error) {
	var logged seldom
	return func(dir string, err error) {
		if logged.says(dir) {
			g.logger.Error("a request body could not be kept in the temporary directory (fix: make room there, or name another one in "+
				"the environment variable TMPDIR; it needs room for limits.bodies_disk)",
				zap.String("directory", dir), zap.Stringer("bodies_disk", g.config.Limits.BodiesDisk), zap.Error(err))
		}
	}
}
