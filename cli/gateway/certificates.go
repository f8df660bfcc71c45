package gateway

import (
	"context"
	"crypto/tls"

	"go.uber.org/zap"

	"patgate/cli/upstream"
)

// renewal is a certificate that is read again when it is asked for.
type renewal chan struct{}

// ask asks for that. One request is enough.
func (r renewal) ask() {
	select {
	case r <- struct{}{}:
	default:
	}
}

// watchCertificates watches the certificate that is served and those that are shown.
func (g *gateway) watchCertificates(ctx context.Context) (serve *tls.Config) {
	if g.certificate != nil {
		serve = g.certificate.ServerConfig()
		go g.certificate.Watch(upstream.CertificateInterval, g.renew[0], ctx.Done(), g.renewed(g.config.TLS.CertFile))
	}
	g.forgeWay.Watch(ctx, g.renew[1], g.renewed(g.config.Upstream.ClientCertificate))
	g.registryWay.Watch(ctx, g.renew[2], g.renewed(g.config.Registry.ClientCertificate))
	return serve
}

// renewed logs a reload of a certificate.
func (g *gateway) renewed(file string) func(error) {
	return func(err error) {
		if err != nil {
			g.logs.Error("certificate not reloaded, the one before stays", zap.Error(err))
			return
		}
		g.logs.Info("certificate reloaded", zap.String("file", file))
	}
}
