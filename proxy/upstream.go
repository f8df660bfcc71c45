package proxy

import (
	"errors"
	"fmt"
	"slices"

	"patgate/dial"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
)

// ErrOption says that an option of New is missing or cannot be read.
var ErrOption = errors.New("bad option")

// check refuses options that a handler cannot work with.
func (o *Options) check() error {
	switch {
	case o.Table == nil, o.Sessions == nil, o.TokenState == nil, o.Resolver == nil, o.Audit == nil, o.Sealer == nil:
		return fmt.Errorf("%w: Table, Sessions, TokenState, Resolver, Audit and Sealer must be given", ErrOption)
	}
	switch d := surface.DialectOf(o.Forge); {
	case d == nil:
		return fmt.Errorf("%w: there is no forge %q", ErrOption, o.Forge)
	case d.OwnRegistry && o.Registry.URL != "":
		return fmt.Errorf("%w: %s serves its container registry itself, so Registry must be empty", ErrOption, d.Realm)
	}
	addresses := append([]string{o.Upstream.URL}, o.Upstream.ExternalURLs...)
	if o.PublicURL != "" {
		addresses = append(addresses, o.PublicURL)
	}
	origins := slices.Concat(o.StorageURLs, o.Origins)
	if o.Registry.URL != "" {
		origins = slices.Concat([]string{o.Registry.URL}, o.Registry.ExternalURLs, origins)
	}
	if err := reply.CheckAddresses(addresses, origins); err != nil {
		return fmt.Errorf("%w: %w", ErrOption, err)
	}
	return nil
}

// connect gives an upstream its dialer, if it has none.
func (u *Upstream) connect() (err error) {
	if u.Dialer == nil && u.URL != "" {
		u.Dialer, err = dial.New(dial.Options{URL: u.URL})
	}
	return err
}

// upstream gives a server behind patgate, with connections for patgate tokens, and for everybody else when they are apart.
func (h *Handler) upstream(u Upstream) surface.Upstream {
	base, _ := reply.ParseBase(u.URL) // it was checked
	name := base
	if h.dialect.NamedByHost {
		name, _ = reply.ParseBase(u.name(h.options.PublicURL))
	}
	pool := h.newPool(u)
	links := reply.NewLinks(h.options.PublicURL, append([]string{u.URL}, u.ExternalURLs...)...)
	return surface.Upstream{Scheme: name.Scheme, Host: name.Host, Root: base.Path, Links: links, Patgate: pool, Others: pool}
}

// newForwarding gives what the forge is told about the address that clients used. A forge that builds its addresses from that is
// told its own address.
func (h *Handler) newForwarding() surface.Forwarding {
	f := surface.Forwarding{Plain: h.forge.Scheme, Secure: "https", Via: "Via: " + h.options.Via + "\r\n"}
	if h.dialect.NamedByHost {
		f.Secure = f.Plain
		return f
	}
	public, _ := reply.ParseBase(h.options.PublicURL)
	if f.Host = public.Host; public.Scheme == "https" {
		f.Plain = public.Scheme
	}
	return f
}

// name gives the address by which the forge is called in requests: its own. Of further ones the first counts, unless public, by
// which clients reach patgate, is among them.
func (u *Upstream) name(public string) string {
	switch {
	case len(u.ExternalURLs) == 0:
		return u.URL
	case slices.Contains(u.ExternalURLs, public):
		return public
	}
	return u.ExternalURLs[0]
}

// newPool makes a pool of connections to an upstream.
func (h *Handler) newPool(u Upstream) *wire.Pool {
	return wire.NewPool(wire.PoolOptions{
		Dialer: u.Dialer, Connections: u.Connections, Timeouts: &h.options.Timeouts, Watchdog: h.dog, Loops: h.loops,
		Fleet: h.options.Fleet,
	})
}
