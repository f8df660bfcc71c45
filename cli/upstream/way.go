package upstream

import (
	"context"
	"time"

	"patgate/config"
	"patgate/dial"
)

// CertificateInterval is how often the certificate's files are looked at.
const CertificateInterval = 10 * time.Second

// Way is how a process reaches the forge or its registry.
type Way struct {
	Dialer *dial.Dialer // nil: there is no such server
	shown  *dial.Certificate
}

// To makes what connects to a server as the configuration says.
func To(c config.Way) (w Way, err error) {
	if c.URL.Empty() {
		return w, nil
	}
	o := dial.Options{URL: c.URL.String(), Connect: c.Connect.String(), CAFile: c.CAFile, Proxy: Proxy(c.Proxy)}
	if c.ClientCertificate != "" {
		if w.shown, err = dial.LoadCertificate(c.ClientCertificate, c.ClientKey); err != nil {
			return w, err
		}
		o.Certificate = w.shown.Present
	}
	w.Dialer, err = dial.New(o)
	return w, err
}

// Proxy gives a proxy with its credentials.
func Proxy(c config.Proxy) dial.Proxy {
	p := dial.Proxy{Host: c.Host()}
	if secret := c.Credential(); !secret.Empty() {
		p.Credential = secret.Reveal
	}
	return p
}

// Watch reads the certificate that is shown to the server again when it changes, and when again says so.
func (w *Way) Watch(ctx context.Context, again <-chan struct{}, report func(error)) {
	if w.shown != nil {
		go w.shown.Watch(CertificateInterval, again, ctx.Done(), report)
	}
}
