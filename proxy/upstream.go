package proxy

import (
	"patgate/proxy/header"

	"errors"
	"fmt"
	"strings"

	"patgate/proxy/surface"
)

// ErrOption says that an option of New is missing or cannot be read.
var ErrOption = errors.New("bad option")

// check refuses options that a handler cannot work with.
func (o *Options) check() error {
	switch {
	case o.Table == nil, o.Sessions == nil, o.TokenState == nil, o.Resolver == nil, o.Audit == nil:
		return fmt.Errorf("%w: Table, Sessions, TokenState, Resolver and Audit must be given", ErrOption)
	}
	switch d := surface.DialectOf(o.Forge); {
	case d == nil:
		return fmt.Errorf("%w: there is no forge %q", ErrOption, o.Forge)
	case d.OwnRegistry && o.Registry.URL != "":
		return fmt.Errorf("%w: %s serves its container registry itself, so Registry must be empty", ErrOption, d.Realm)
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
		if !ok || scheme != "http" && scheme != "https" || !header.IsHost([]byte(host)) {
			return fmt.Errorf("%w: %q is not an origin such as https://gitlab.example.com", ErrOption, origin)
		}
	}
	return nil
}

// origin gives the upstream's scheme and host.
func (u *Upstream) origin() (scheme, host string) {
	scheme, host, _ = strings.Cut(u.URL, "://")
	return scheme, host
}
