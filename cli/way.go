package cli

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"patgate/config"
	"patgate/dial"
	"patgate/proxy/wire"
)

// way is how a process reaches the forge or its registry.
type way struct {
	dialer *dial.Dialer // nil: there is no such server
	shown  *wire.Certificate
}

// wayTo makes what connects to a server as the configuration says.
func wayTo(c config.Way) (w way, err error) {
	if c.URL.Empty() {
		return w, nil
	}
	o := dial.Options{URL: c.URL.String(), Connect: c.Connect.String(), CAFile: c.CAFile, Proxy: proxyTo(c.Proxy)}
	if c.ClientCertificate != "" {
		if w.shown, err = wire.LoadCertificate(c.ClientCertificate, c.ClientKey); err != nil {
			return w, err
		}
		o.Certificate = w.shown.Present
	}
	w.dialer, err = dial.New(o)
	return w, err
}

// proxyTo gives a proxy with what it asks for.
func proxyTo(c config.Proxy) dial.Proxy {
	p := dial.Proxy{Host: c.Host()}
	if secret := c.Credential(); !secret.Empty() {
		p.Credential = secret.Reveal
	}
	return p
}

// watch reads the certificate that is shown to the server again when it changes, and when again says so.
func (w *way) watch(ctx context.Context, again <-chan struct{}, report func(error)) {
	if w.shown != nil {
		go w.shown.Watch(certificateInterval, again, ctx.Done(), report)
	}
}

// askOpenly asks the forge for a path without a credential, and follows no redirect. via is what the question is known by;
// empty: by nothing.
func askOpenly(ctx context.Context, c *config.Config, via, path string) (*http.Response, error) {
	return askAs(ctx, c, via, path, c.Upstream.URL)
}

// askAs is askOpenly, and calls the forge by a name.
func askAs(ctx context.Context, c *config.Config, via, path string, name config.Base) (*http.Response, error) {
	w, err := wayTo(c.Upstream.Way())
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Upstream.URL.String()+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "patgate")
	if via != "" {
		request.Header.Set("Via", via)
	}
	if name != c.Upstream.URL {
		scheme, _, _ := strings.Cut(name.String(), "://")
		request.Host = name.Host()
		request.Header.Set("X-Forwarded-Proto", scheme)
	}
	transport := w.dialer.Transport()
	transport.DisableKeepAlives = true
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client.Do(request)
}

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
		go g.certificate.Watch(certificateInterval, g.renew[0], ctx.Done(), g.renewed(g.config.TLS.CertFile))
	}
	g.forgeWay.watch(ctx, g.renew[1], g.renewed(g.config.Upstream.ClientCertificate))
	g.registryWay.watch(ctx, g.renew[2], g.renewed(g.config.Registry.ClientCertificate))
	return serve
}

// renewed logs a reload of a certificate.
func (g *gateway) renewed(file string) func(error) {
	return func(err error) {
		if err != nil {
			g.logger.Error("certificate not reloaded, the one before stays", zap.Error(err))
			return
		}
		g.logger.Info("certificate reloaded", zap.String("file", file))
	}
}
