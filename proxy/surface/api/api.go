// Package api is the surface of the forge's REST API, package registries included.
package api

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
)

var (
	errTicket = reply.Forbidden("ticket_missing",
		"Access denied: The forge takes no token at this address. Ask for the download first, and follow the address "+
			"in its answer.")
)

// Surface is the REST API.
type Surface struct {
	surface.Words
	Seals *surface.Seals
	Links *reply.Links
}

// Name is for logs and tests.
func (*Surface) Name() string { return "api" }

// Has tells whether a raw path is the API's.
func (*Surface) Has(path []byte, _ string) bool { return header.HasPrefix(path, "/api/") }

// Refuse writes a refusal.
func (s *Surface) Refuse(q *surface.Request, n *reply.Notice, out *fasthttp.Response) {
	s.Words.Refuse(q, n, out)
	if n.Decision != nil && !s.Dialect.Message && takesProblem(q.Fields.Get(header.Accept)) {
		out.Header.SetContentType("application/problem+json")
	}
}

// takesProblem tells whether a denial may be labelled as problem details (RFC 9457), with GitLab's keys as its extension
// members: the client takes anything, or asks for that. A client that names application/json gets that. Of clients that
// do not care for the label some, such as gitbeaker, then show the whole text, and with it the permission that is missing.
func takesProblem(accept []byte) bool {
	if bytes.Contains(accept, []byte("application/json")) {
		return false
	}
	return len(accept) == 0 || bytes.Contains(accept, []byte("*/*")) || bytes.Contains(accept, []byte("application/problem+json"))
}

// Unseal takes a sealed text for Conan in Authorization, and a ticket in the query.
func (s *Surface) Unseal(q *surface.Request) *reply.Refusal {
	if q.Credential.Kind != surface.KindLegacy {
		return nil
	}
	if r, found := s.openTicket(q); found {
		return r
	}
	text, kind, bearer := q.SealedText()
	switch {
	case kind == surface.SealNone:
		return nil
	case kind != surface.SealConan || !bearer:
		return surface.ErrSealed
	case q.Severals():
		return reply.ErrSeveralCredentials
	}
	sealed, ok := s.Seals.Open(kind, text, time.Now())
	if !ok {
		return surface.ErrSealed
	}
	q.Sealed = sealed
	q.Credential.Kind = surface.KindPatgate
	q.Credential.Auth = routes.AuthBasic // the forge's own Conan token is not to be had
	return nil
}

// Proves implements surface.Proves: a credential is refused when it is wrong where every row reads one (GitLab 19.3,
// lib/gitlab/auth). Whatever is changed is changed by somebody the forge knows.
func (s *Surface) Proves(q *surface.Request, b *surface.Body) bool {
	var op routes.Operation
	if b.Present() || q.Table.Classify(&op, q.Method, q.Target) != nil || op.Route == nil ||
		op.Route.Kind != routes.KindPermission {
		return false
	}
	if q.Method != fasthttp.MethodGet && !q.IsHead {
		return true
	}
	return slices.Contains(s.Dialect.Ordinary, q.Credential.Auth)
}

// WritesByGet implements surface.WritesByGet: Conan's users get a token by a GET.
func (*Surface) WritesByGet(_, target []byte) bool {
	return bytes.Contains(target, []byte("/users/authenticate"))
}

// Classify finds the row.
func (s *Surface) Classify(q *surface.Request, op *routes.Operation) (surface.Visit, error) {
	if err := q.Table.Classify(op, q.Method, q.Target); err != nil {
		op.Route = nil
		return nil, err
	}
	switch kind := q.Sealed.Kind; {
	case kind == surface.SealConan && !strings.Contains(op.Route.Path, "/packages/conan/"):
		return nil, surface.ErrSealed
	case kind == surface.SealTicket && !ticketed(op.Route):
		return nil, surface.ErrSealed
	case kind != surface.SealTicket && ticketed(op.Route):
		return nil, errTicket
	}
	return visit{s}, nil
}

// Find is Classify without regard to what came with the request. It leaves a row where only a value in the path is wrong.
func (*Surface) Find(q *surface.Request, op *routes.Operation) error {
	return q.Table.Classify(op, q.Method, q.Target)
}

// visit is one request. What it knows is in its judgement and in the body.
type visit struct{ surface *Surface }

// Act adds nothing to what row and parameters name.
func (visit) Act(*surface.Request, *surface.Judgement) error { return nil }

// Explain says nothing.
func (visit) Explain(*surface.Request, *surface.Judgement, *reply.Refusal) {}

// Read reads the parameters.
func (visit) Read(q *surface.Request, b *surface.Body, j *surface.Judgement) error {
	return j.ReadParameters(q, b)
}

// conanLife is how long what patgate gives a Conan client in the place of the forge's token holds. The forge's would hold
// for months.
const conanLife = time.Hour

// Answer answers on rows where the forge would give a token that carries the owner's credential.
func (v visit) Answer(q *surface.Request, j *surface.Judgement) (*surface.Answer, error) {
	if j.Op.Route.Issues == "" {
		return nil, nil
	}
	text, err := q.Seal(v.surface.Seals, surface.SealConan, time.Now().Add(conanLife), "")
	if err != nil {
		return nil, err
	}
	return &surface.Answer{Status: fasthttp.StatusOK, Body: []byte(text),
		Header: [][2]string{{"Content-Type", "text/plain"}, {"Cache-Control", "no-store"}}}, nil
}
