package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// ErrOption says that an option of New is missing or cannot be read.
var ErrOption = errors.New("bad option")

// check refuses options that a handler cannot work with.
func (o *Options) check() error {
	switch {
	case o.Table == nil, o.Sessions == nil, o.TokenState == nil, o.Resolver == nil, o.Audit == nil:
		return fmt.Errorf("%w: Table, Sessions, TokenState, Resolver and Audit must be given", ErrOption)
	}
	switch d := dialectOf(o.Forge); {
	case d == nil:
		return fmt.Errorf("%w: there is no forge %q", ErrOption, o.Forge)
	case d.ownRegistry && o.Registry.URL != "":
		return fmt.Errorf("%w: %s serves its container registry itself, so Registry must be empty", ErrOption, d.realm)
	}
	origins := append([]string{o.Upstream.URL, o.PublicURL}, o.Upstream.ExternalURLs...)
	origins = append(origins, o.StorageURLs...)
	if o.Registry.URL != "" {
		origins = append(origins, o.Registry.URL)
	}
	for _, origin := range origins {
		scheme, host, ok := strings.Cut(origin, "://")
		if origin == o.PublicURL && origin == "" {
			continue
		}
		if !ok || scheme != "http" && scheme != "https" || !isHost([]byte(host)) {
			return fmt.Errorf("%w: %q is not an origin such as https://gitlab.example.com", ErrOption, origin)
		}
	}
	return nil
}

// newPool makes a pool of connections to the forge.
func (h *Handler) newPool() *pool {
	return h.poolOf(h.options.Upstream, h.upstreamScheme, h.upstreamHost)
}

// poolOf makes a pool of connections to an upstream.
func (h *Handler) poolOf(u Upstream, scheme, host string) *pool {
	p := &pool{address: host, limits: &h.options.Timeouts, dog: h.dog, max: u.Connections, adopt: h.adopt, idle: newIdleLists(h.mostLoops)}
	name := host
	if only, port, err := net.SplitHostPort(host); err == nil {
		name = only
		p.address = net.JoinHostPort(only, port)
	} else {
		name = strings.Trim(name, "[]")
		p.address = net.JoinHostPort(name, map[string]string{"http": "80", "https": "443"}[scheme])
	}
	if scheme == "https" {
		config := &tls.Config{}
		if u.TLS != nil {
			config = u.TLS.Clone()
		}
		if config.ServerName == "" {
			config.ServerName = name
		}
		config.NextProtos = []string{"http/1.1"}
		config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
		config.ClientSessionCache = tls.NewLRUClientSessionCache(64)
		p.tls = config
	}
	return p
}

// TLSWithAuthorities gives a client configuration that trusts the certificate authorities in a PEM file and no others.
// An empty name gives nil: the system's authorities.
func TLSWithAuthorities(file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authorities %q: %w", file, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the certificate authorities %q: %w: no certificate in it", file, ErrOption)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}
