// Package unsupported holds the surfaces of the forge for which a patgate token is good for nothing: they are told apart so that
// a client is told so in its own words.
package unsupported

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
)

// Surface refuses every request with a patgate token.
type Surface struct {
	surface.Unsealing
	surface.Words

	name string
	has  func(path []byte, base string) bool
	why  *reply.Refusal
}

// Name is for logs and tests.
func (s *Surface) Name() string { return s.name }

// Has tells whether a raw path is the surface's.
func (s *Surface) Has(path []byte, base string) bool { return s.has(path, base) }

// Classify refuses the request.
func (s *Surface) Classify(*surface.Request, *routes.Operation) (surface.Visit, error) {
	return nil, s.why
}

// MCP is GitLab's server for agents.
func MCP(w surface.Words) surface.Surface {
	return &Surface{Words: w, name: "mcp",
		why: unsupported("The MCP server is not supported with fine-grained tokens yet: use the REST API."),
		has: func(path []byte, base string) bool {
			first := letter(path, base)
			return first == 'm' && belowBase(path, base, "/mcp") || first == 'o' && belowBase(path, base, "/orbit/mcp")
		}}
}

// NoGraphQL is GraphQL at a forge that has none: it is not there, as the forge itself says (Gitea 1.26, routers/init.go).
func NoGraphQL(w surface.Words) surface.Surface {
	return &Surface{Words: w, name: routes.SurfaceGraphQL,
		why: &reply.Refusal{Status: fasthttp.StatusNotFound, Reason: "unsupported_surface",
			Message: "Not found: Gitea and Forgejo have no GraphQL: use the REST API."},
		has: func(path []byte, _ string) bool { return header.Below(path, "/api/graphql") }}
}

// Cable is GitLab's websockets.
func Cable(w surface.Words) surface.Surface {
	return &cable{Surface{Words: w, name: "websocket",
		why: unsupported("Websockets are not supported with fine-grained tokens yet."),
		has: func(path []byte, _ string) bool {
			return header.Below(path, "/-/cable") || bytes.HasSuffix(path, []byte(".ws"))
		}}}
}

type cable struct{ Surface }

// ForBrowsers: websockets are opened by pages of the web.
func (*cable) ForBrowsers() {}

// letter gives the first letter behind base, by which most paths are known to be another's; 0 where there is none.
func letter(path []byte, base string) byte {
	if len(path) < len(base)+2 {
		return 0
	}
	return path[len(base)+1]
}

// belowBase tells whether path is rest below base, or continues it.
func belowBase(path []byte, base, rest string) bool {
	return header.HasPrefix(path, base) && header.Below(path[len(base):], rest)
}

func unsupported(why string) *reply.Refusal {
	return reply.Forbidden("unsupported_surface", "Access denied: "+why)
}
