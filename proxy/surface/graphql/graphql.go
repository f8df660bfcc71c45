// Package graphql is the surface of GitLab's GraphQL API: each document is decided whole.
package graphql

import (
	"bytes"
	"mime"
	"strings"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/graphql"
)

var (
	errGLQL = reply.Forbidden("unsupported_surface", "Access denied: GLQL is not supported with fine-grained tokens: a query in "+
		"it does not say what it reads. Use GraphQL or the REST API.")
	errPath = reply.Forbidden("unsupported_surface", "Access denied: GraphQL is supported with fine-grained tokens at "+
		"/api/graphql alone, written so.")
	errMethod = reply.Forbidden("unsupported_surface", "Access denied: GraphQL takes POST alone with fine-grained tokens.")
	errQuery  = reply.BadRequest("graphql_body", "GraphQL takes its document in the body alone: what stands in the address "+
		"would take its place.")
	errDocument = reply.Forbidden("unsupported_surface",
		"what it needs stands in the document: patgate routes explain --graphql FILE")
	errType = reply.BadRequest("bad_content_type", "GraphQL takes a body of the type application/json, and not encoded.")
)

const path = "/api/graphql"

// Surface is the GraphQL API.
type Surface struct {
	surface.Unsealing
	surface.Words
	// WithoutSchema refuses documents that ask for the schema.
	WithoutSchema bool

	recent atomic.Pointer[recent]
}

// Name is for logs and tests.
func (*Surface) Name() string { return routes.SurfaceGraphQL }

// Has tells whether a raw path is GraphQL's, or GLQL's, which is made of it.
func (*Surface) Has(raw []byte, base string) bool {
	if header.HasPrefix(raw, "/api/g") {
		return header.Below(raw, path) || header.HasPrefix(raw, path+".") || header.Below(raw, "/api/glql")
	}
	n := len(base)
	return len(raw) > n+1 && raw[n+1] == 'g' && header.HasPrefix(raw, base) && header.Below(raw[n:], "/glql")
}

// Find implements surface.Finder: what a document needs stands in its body.
func (s *Surface) Find(q *surface.Request, op *routes.Operation) error {
	if _, err := s.Classify(q, op); err != nil && err != errType {
		return err
	}
	return errDocument
}

// Classify checks what can be known without the body.
func (s *Surface) Classify(q *surface.Request, op *routes.Operation) (surface.Visit, error) {
	op.Route = nil
	switch {
	case bytes.Contains(q.Path, []byte("/glql")):
		return nil, errGLQL
	case string(q.Path) != path:
		return nil, errPath
	case q.Method != fasthttp.MethodPost:
		return nil, errMethod
	case len(q.Target) != len(q.Path):
		return nil, errQuery
	case !isJSON(q.Fields.Get(header.ContentType)) || q.Fields.Has(header.ContentEncoding):
		return nil, errType
	}
	reader := graphql.Of(q.Table)
	if reader == nil {
		return nil, errPath
	}
	return &visit{s: s, reader: reader}, nil
}

// isJSON tells whether a media type is JSON, in UTF-8.
func isJSON(text []byte) bool {
	media, params, err := mime.ParseMediaType(string(text))
	charset, given := params["charset"]
	return err == nil && media == "application/json" && (!given && len(params) == 0 || len(params) == 1 &&
		strings.EqualFold(charset, "utf-8"))
}

// Proves implements surface.Proves: GraphQL refuses a wrong credential (GitLab 19.3, app/controllers/graphql_controller.rb).
func (*Surface) Proves(q *surface.Request, _ *surface.Body) bool {
	return q.Method == fasthttp.MethodPost
}

// Refuse writes a refusal as an error of GraphQL (October 2021, 7.1.2). What is refused of a document is told with status 200, as
// GitLab does: clients read no body of another status.
func (s *Surface) Refuse(q *surface.Request, n *reply.Notice, out *fasthttp.Response) {
	s.Challenge(q, n, &out.Header)
	writeError(n, nil, out)
}
