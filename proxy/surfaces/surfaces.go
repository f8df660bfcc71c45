// Package surfaces is the list of surfaces for each forge.
package surfaces

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/surface/api"
	"patgate/proxy/surface/depproxy"
	"patgate/proxy/surface/git"
	"patgate/proxy/surface/graphql"
	"patgate/proxy/surface/registry"
	"patgate/proxy/surface/unsupported"
	"patgate/proxy/surface/web"
	"patgate/routes"
	gitpaths "patgate/routes/git"
)

// Parts are what the surfaces of a forge are made of.
type Parts struct {
	Forge    string
	Links    *reply.Links
	Seals    *surface.Seals
	Registry *surface.Upstream // behind patgate and not the forge; nil: there is none
	Tokens   *depproxy.Tokens
	// WithoutSchema refuses GraphQL documents that ask for the schema.
	WithoutSchema bool
}

// List gives the surfaces of a forge, the REST API's by itself too. The first that has a path serves it, and the last has
// every path.
func (p Parts) List() (rest *api.Surface, list []surface.Surface) {
	dialect := surface.DialectOf(p.Forge)
	words := surface.Words{Dialect: dialect, Help: p.Links.PublicURL() + "/api/swagger"}
	rest = &api.Surface{Words: words, Seals: p.Seals, Links: p.Links}
	images := &registry.Surface{Words: words, Seals: p.Seals, Links: p.Links, Own: dialect.OwnRegistry, Backend: p.Registry}
	repositories := &git.Surface{Words: words, Links: p.Links, Seals: p.Seals, Layout: gitpaths.LayoutOf(p.Forge)}
	if p.Forge == routes.ForgeGitea {
		return rest, []surface.Surface{unsupported.NoGraphQL(words), rest, images, repositories,
			&web.Surface{Words: words, Links: p.Links, Pages: true}}
	}
	proxied := &depproxy.Surface{Words: words, Seals: p.Seals, Links: p.Links, Tokens: p.Tokens}
	documents := &graphql.Surface{Words: words, WithoutSchema: p.WithoutSchema}
	return rest, []surface.Surface{unsupported.MCP(words), documents, rest, proxied, images,
		unsupported.Cable(words), repositories, &web.Surface{Words: words, Links: p.Links}}
}

// Find reads a method and a raw target into the operation that a patgate token would be judged by, as the surface that has the
// path does. found is false where none but that of web pages has it, and it is no operation there.
func Find(table *routes.Table, op *routes.Operation, method string, target []byte) (found bool, err error) {
	path, _, _ := bytes.Cut(target, []byte{'?'})
	q := &surface.Request{Table: table, Method: method, IsHead: method == fasthttp.MethodHead, Target: target, Path: path}
	p := Parts{Forge: table.Forge(), Links: &reply.Links{}}
	if !surface.DialectOf(p.Forge).OwnRegistry {
		p.Registry = &surface.Upstream{} // there may be one
	}
	_, list := p.List()
	q.Surface = surface.Of(list, path, table.Base())
	if finder, is := q.Surface.(surface.Finder); is {
		return true, finder.Find(q, op)
	}
	_, err = q.Surface.Classify(q, op)
	return op.Route != nil || err != nil && q.Surface != list[len(list)-1], err
}
