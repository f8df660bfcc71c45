// Package behind is about the servers behind a gateway: the forge and its registry. At the start it finds out what the forge is
// and what it calls itself. It logs when the forge does not answer, and then goes on asking.
package behind

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"patgate/cli/gateway/logs"
	"patgate/cli/upstream"
	"patgate/config"
	"patgate/dial"
	"patgate/forge"
	"patgate/proxy/reading"
)

// Servers are the forge and its registry, as this process reaches them.
type Servers struct {
	Forge, Registry upstream.Way
	// Via marks the requests of this process, so that patgate knows them again.
	Via    string
	config *config.Config
	logger *zap.Logger
}

// New reads the certificates by which the servers of the configuration are reached, and asks none of them.
func New(c *config.Config, logger *zap.Logger) (s *Servers, err error) {
	s = &Servers{Via: reading.NewVia(), config: c, logger: logger}
	if s.Forge, err = upstream.To(c.Upstream.Way()); err != nil {
		return nil, err
	}
	if s.Registry, err = upstream.To(c.Registry.Way()); err != nil {
		return nil, err
	}
	s.reportTLS("upstream", s.Forge)
	s.reportTLS("registry", s.Registry)
	return s, nil
}

// reportTLS logs that the certificate of a server is not accepted, or that TLS with it fails: each kind of fault at once, and
// then once a minute while it goes on.
func (s *Servers) reportTLS(server string, way upstream.Way) {
	if way.Dialer == nil {
		return
	}
	var logged logs.Seldom
	way.Dialer.Report(func(err error) {
		if fault := dial.Fault(err); logged.Says(fault) {
			s.logger.Error("TLS with the "+server+" fails", zap.String("fault", fault), zap.Error(err))
		}
	})
}

// greetTimeout bounds the question at the start.
const greetTimeout = 10 * time.Second

// Greet asks the forge for something harmless below the base of its API, without a credential, and warns when it cannot be
// reached. It is no reason not to start: the forge may come up later.
func (s *Servers) Greet(ctx context.Context, base string) {
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	path := base + "/version"
	address := zap.Stringer("upstream", s.config.Upstream.URL)
	response, err := upstream.Ask(ctx, s.config, s.Via, path)
	if err != nil {
		if ctx.Err() != context.Canceled {
			s.logger.Warn("the upstream cannot be reached; requests will get 502 until it can", address, zap.Error(err))
		}
		return
	}
	_ = response.Body.Close()
	switch location := response.Header.Get("Location"); {
	case response.StatusCode == http.StatusLoopDetected:
		s.logger.Error("the upstream's address leads back to patgate itself: requests get 508 "+
			"(fix: set upstream.url to the forge)", address)
	case response.StatusCode >= 500:
		s.logger.Warn("the upstream answers with an error", address, zap.Int("status", response.StatusCode))
	case response.StatusCode >= 300 && response.StatusCode < 400:
		base, _ := forge.MovedTo(location, path, "")
		err := forge.Redirected(location, base)
		s.logger.Error("the upstream does not answer itself; requests get 502", address, zap.Error(err))
	default:
		s.logger.Debug("the upstream can be reached", address)
	}
}
