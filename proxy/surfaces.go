package proxy

import (
	"patgate/proxy/surface"
	"patgate/proxy/surface/api"
	"patgate/proxy/surface/depproxy"
	"patgate/proxy/surface/git"
	"patgate/proxy/surface/registry"
	"patgate/proxy/surface/unsupported"
	"patgate/proxy/surface/web"
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
		Tokens: &depproxy.Tokens{Ask: h.ask, Host: h.forge.Host, Root: h.forge.Root, Forwarding: &h.forwarding}}
	return []surface.Surface{unsupported.MCP(words), unsupported.GraphQL(words), rest, proxied, images, unsupported.Cable(words),
		repositories, pages}
}
