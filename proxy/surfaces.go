package proxy

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/surface/api"
	"patgate/proxy/surface/depproxy"
	"patgate/proxy/surface/git"
	"patgate/proxy/surface/registry"
	"patgate/proxy/surface/unsupported"
	"patgate/proxy/surface/web"
	"patgate/routes"
	gitpaths "patgate/routes/git"
)

// parts are what the surfaces of a forge are made of.
type parts struct {
	forge    string
	links    *reply.Links
	seals    *surface.Seals
	registry *surface.Upstream // behind patgate and not the forge; nil: there is none
	tokens   *depproxy.Tokens
}

// surfaces gives the surfaces of a forge, the REST API's by itself too. The first that has a path serves it, and the last has
// every path.
func (p parts) surfaces() (rest *api.Surface, list []surface.Surface) {
	dialect := surface.DialectOf(p.forge)
	words := surface.Words{Dialect: dialect, Help: p.links.PublicURL() + "/api/swagger"}
	rest = &api.Surface{Words: words, Seals: p.seals, Links: p.links}
	images := &registry.Surface{Words: words, Seals: p.seals, Links: p.links, Own: dialect.OwnRegistry, Backend: p.registry}
	repositories := &git.Surface{Words: words, Links: p.links, Layout: gitpaths.LayoutOf(p.forge)}
	if p.forge == routes.ForgeGitea {
		return rest, []surface.Surface{rest, images, repositories, &web.Surface{Words: words, Links: p.links, Pages: true}}
	}
	proxied := &depproxy.Surface{Words: words, Seals: p.seals, Links: p.links, Tokens: p.tokens}
	return rest, []surface.Surface{unsupported.MCP(words), unsupported.GraphQL(words), rest, proxied, images,
		unsupported.Cable(words), repositories, &web.Surface{Words: words, Links: p.links}}
}

// Find reads a method and a raw target into the operation that a patgate token would be judged by, as the surface that has the
// path does. found is false where none but that of web pages has it, and it is no operation there.
func Find(table *routes.Table, op *routes.Operation, method string, target []byte) (found bool, err error) {
	path, _, _ := bytes.Cut(target, []byte{'?'})
	q := &surface.Request{Table: table, Method: method, IsHead: method == fasthttp.MethodHead, Target: target, Path: path}
	p := parts{forge: table.Forge(), links: &reply.Links{}}
	if !surface.DialectOf(p.forge).OwnRegistry {
		p.registry = &surface.Upstream{} // there may be one
	}
	_, list := p.surfaces()
	q.Surface = surfaceOf(list, path, table.Base())
	if finder, is := q.Surface.(surface.Finder); is {
		return true, finder.Find(q, op)
	}
	_, err = q.Surface.Classify(q, op)
	return op.Route != nil || err != nil && q.Surface != list[len(list)-1], err
}

// surfaceOf gives the surface that a raw path belongs to.
func surfaceOf(list []surface.Surface, path []byte, base string) surface.Surface {
	for _, s := range list {
		if s.Has(path, base) {
			return s
		}
	}
	return list[len(list)-1] // it has every path
}
