package proxy

import (
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/surface/api"
	"patgate/proxy/surface/depproxy"
	"patgate/proxy/surface/git"
	"patgate/proxy/surface/registry"
	"patgate/proxy/surface/unsupported"
	"patgate/proxy/surface/web"
	"patgate/proxy/wire"
	"patgate/routes"
)

// newSurfaces gives the surfaces of the forge. The first that has a path serves it, and the last has every path.
func (h *Handler) newSurfaces(seals *surface.Seals) []surface.Surface {
	links := h.forge.Links
	words := surface.Words{Dialect: h.dialect, Help: links.PublicURL() + "/api/swagger"}
	named := h.options.Forge == routes.ForgeGitea
	rest := &api.Surface{Words: words, Seals: seals, Links: links}
	h.api = rest
	images := &registry.Surface{Words: words, Seals: seals, Links: links, Own: h.dialect.OwnRegistry, Backend: h.registry}
	repositories := &git.Surface{Words: words, Links: links, Named: named}
	pages := &web.Surface{Words: words, Pages: named}
	if named {
		return []surface.Surface{rest, images, repositories, pages}
	}
	proxied := &depproxy.Surface{Words: words, Seals: seals, Links: links,
		Tokens: &depproxy.Tokens{Ask: h.ask, Host: h.forge.Host, Forwarding: &h.forwarding}}
	return []surface.Surface{unsupported.MCP(words), unsupported.GraphQL(words), rest, proxied, images, unsupported.Cable(words),
		repositories, pages}
}

// upstream gives a server behind patgate, with connections for patgate tokens, and for everybody else when they are apart.
func (h *Handler) upstream(u Upstream) surface.Upstream {
	scheme, host := u.origin()
	pool := h.newPool(u)
	links := reply.NewLinks(h.options.PublicURL, append([]string{u.URL}, u.ExternalURLs...)...)
	return surface.Upstream{Scheme: scheme, Host: host, Links: links, Patgate: pool, Others: pool}
}

// newPool makes a pool of connections to an upstream.
func (h *Handler) newPool(u Upstream) *wire.Pool {
	scheme, host := u.origin()
	return wire.NewPool(wire.PoolOptions{
		Scheme: scheme, Host: host, TLS: u.TLS, Connections: u.Connections,
		Timeouts: &h.options.Timeouts, Watchdog: h.dog, Loops: h.loops,
	})
}
