package gateway

import (
	"context"
	"crypto/tls"

	"go.uber.org/zap"

	"patgate/cli/gateway/behind"
	"patgate/cli/upstream"
	"patgate/config"
	"patgate/dial"
)

// certificates are patgate's own: what clients are shown, and what the servers behind are.
type certificates struct {
	config  *config.Config
	logger  *zap.Logger
	servers *behind.Servers
	served  *dial.Certificate // nil without TLS
	again   [3]renewal        // to be read again: what is served, and what is shown to forge and registry
}

// renewal is a certificate that is read again when it is asked for.
type renewal chan struct{}

// newCertificates reads the certificate that is served; the servers have read the others.
func newCertificates(c *config.Config, servers *behind.Servers, logger *zap.Logger) (a *certificates, err error) {
	a = &certificates{config: c, logger: logger, servers: servers,
		again: [3]renewal{make(renewal, 1), make(renewal, 1), make(renewal, 1)}}
	if c.TLS.CertFile != "" {
		a.served, err = dial.LoadCertificate(c.TLS.CertFile, c.TLS.KeyFile)
	}
	return a, err
}

// start keeps them up to date with their files until the context is done, and gives how clients are served; nil: without TLS.
func (a *certificates) start(ctx context.Context) (serve *tls.Config) {
	if a.served != nil {
		serve = a.served.ServerConfig()
		go a.served.Watch(upstream.CertificateInterval, a.again[0], ctx.Done(), a.renewed(a.config.TLS.CertFile))
	}
	a.servers.Forge.Watch(ctx, a.again[1], a.renewed(a.config.Upstream.ClientCertificate))
	a.servers.Registry.Watch(ctx, a.again[2], a.renewed(a.config.Registry.ClientCertificate))
	return serve
}

// reload has them read again. One request for that is enough.
func (a *certificates) reload() {
	for _, again := range a.again {
		select {
		case again <- struct{}{}:
		default:
		}
	}
}

// renewed logs a reload of a certificate.
func (a *certificates) renewed(file string) func(error) {
	return func(err error) {
		if err != nil {
			a.logger.Error("certificate not reloaded, the one before stays", zap.Error(err))
			return
		}
		a.logger.Info("certificate reloaded", zap.String("file", file))
	}
}
