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
	"patgate/token"
)

// Parts are what the surfaces of a forge are made of.
type Parts struct {
	Forge    string
	Upstream *surface.Upstream // the forge's address
	Seals    *surface.Seals
	Registry *surface.Upstream // behind patgate and not the forge; nil: there is none
	// Ask sends a request of patgate's own to the forge, which Forwarding tells of the client, and reads a short answer whole.
	Ask        func(q *surface.Request, s *token.Session, head []byte) (status int, body []byte, err error)
	Forwarding *surface.Forwarding
	// WithoutSchema refuses GraphQL documents that ask for the schema.
	WithoutSchema bool
}

// List gives the surfaces of a forge, the REST API's by itself too. The first that has a path serves it, and the last has
// every path.
func (p Parts) List() (rest surface.Surface, list []surface.Surface) {
	dialect, links := surface.DialectOf(p.Forge), p.Upstream.Links
	words := surface.Words{Dialect: dialect, Help: links.PublicURL() + "/api/swagger"}
	rest = &api.Surface{Words: words, Seals: p.Seals, Links: links}
	images := &registry.Surface{Words: words, Seals: p.Seals, Links: links, Own: dialect.OwnRegistry, Backend: p.Registry}
	repositories := &git.Surface{Words: words, Links: links, Seals: p.Seals, Layout: gitpaths.LayoutOf(p.Forge)}
	if p.Forge == routes.ForgeGitea {
		return rest, []surface.Surface{unsupported.NoGraphQL(words), rest, images, repositories,
			&web.Surface{Words: words, Links: links, Pages: true}}
	}
	tokens := &depproxy.Tokens{Ask: p.Ask, Host: p.Upstream.Host, Root: p.Upstream.Root, Forwarding: p.Forwarding}
	proxied := &depproxy.Surface{Words: words, Seals: p.Seals, Links: links, Tokens: tokens}
	documents := &graphql.Surface{Words: words, WithoutSchema: p.WithoutSchema}
	return rest, []surface.Surface{unsupported.MCP(words), documents, rest, proxied, images,
		unsupported.Cable(words), repositories, &web.Surface{Words: words, Links: links}}
}

// Find reads a method and a raw target into the operation that a patgate token would be judged by, as the surface that has the
// path does. found is false where none but that of web pages has it, and it is no operation there.
func Find(table *routes.Table, op *routes.Operation, method string, target []byte) (found bool, err error) {
	path, _, _ := bytes.Cut(target, []byte{'?'})
	q := &surface.Request{Table: table, Method: method, IsHead: method == fasthttp.MethodHead, Target: target, Path: path}
	p := Parts{Forge: table.Forge(), Upstream: &surface.Upstream{Links: &reply.Links{}}}
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
