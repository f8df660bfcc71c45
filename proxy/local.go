package proxy

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/token"
)

// localPrefix is the path below which everything is patgate's own, whatever the forge has there.
const localPrefix = "/-/patgate"

// Local answers what is patgate's own business: its token API. What it answers never reaches the forge as it came.
type Local interface {
	// Owns tells whether a row that a patgate token asks for is answered here, always.
	Owns(r *routes.Route) bool
	// Probes tells whether a row is answered here for a patgate token that may not ask the forge for it.
	Probes(r *routes.Route) bool
	// Claims tells whether a request with a credential of the forge's own may be for patgate.
	Claims(method string, target []byte) bool
	// IsRotation tells whether a request would rotate a token, and Reused is called when the secret that it comes with was
	// rotated out.
	IsRotation(method string, path []byte) bool
	Reused(ctx context.Context, hash token.Hash) error
	// Revocation tells whether a request takes a token's power away.
	Revocation(method string, path []byte) Revocation
	// Answer answers. Nothing in the request is changed or kept after it returns.
	Answer(ctx context.Context, r *LocalRequest) LocalAnswer
}

// LocalRequest is a request to patgate itself.
type LocalRequest struct {
	Method, Path, Query string
	Header              http.Header // of a few names only, none of which carries a credential but for leak reports
	Body                []byte
	Session             *token.Session // of a patgate token, valid
	Credential          token.Secret   // of the forge's own
	Client              netip.Addr
	Origin              string
}

// LocalAnswer is the answer to it. Pass is for requests with a credential of the forge's own: they go on as they came.
type LocalAnswer struct {
	Status int
	Header http.Header
	Body   []byte
	Pass   bool
	// Identified: the credential is right, whatever became of the request.
	Identified bool
}

// Revocation is what a request of that kind is allowed by. The zero value: it is none.
type Revocation uint8

// Revocations are never locked out by the failures of others from the same address. What is revoked on the word of a secret
// costs the forge nothing, and what is on that of a credential, a question.
const (
	RevokesNothing Revocation = iota
	RevokesBySecret
	RevokesByCredential
)

// isLocal tells whether the request's target is patgate's own, whoever asks.
func (h *Handler) isLocal(q *surface.Request) bool {
	return h.options.Local != nil && header.Below(q.Path, localPrefix)
}

// claims tells whether a request with a credential of the forge's own may be for patgate.
func (h *Handler) claims(q *surface.Request) bool {
	l := h.options.Local
	return l != nil && q.Credential.Caller == surface.CallerLegacy && l.Claims(q.Method, q.Target)
}

// revocation tells whether the request takes a token's power away.
func (h *Handler) revocation(q *surface.Request) Revocation {
	l := h.options.Local
	if l == nil {
		return RevokesNothing
	}
	return l.Revocation(q.Method, q.Path)
}

// serveLocal answers a request below localPrefix.
func (x *exchange) serveLocal() (kept bool) {
	if x.request.IsPatgate() {
		if r := x.authenticate(); r != nil {
			return x.deny(r)
		}
	} else if r := x.mayTry(); r != nil && !header.Below(x.request.Path, localPages) { // those have a bound of their own
		return x.deny(r)
	}
	_, err := x.askLocal(string(x.request.Path), false)
	return x.denyUnless(err)
}

// serveOwned answers for a row that is patgate's own: its path in canonical spelling, with what was classified.
func (x *exchange) serveOwned() (kept bool) {
	_, err := x.askLocal(string(x.judgement.Op.AppendPath(nil)), false)
	return x.denyUnless(err)
}

func (x *exchange) denyUnless(err error) (kept bool) {
	if err != nil {
		return x.deny(err)
	}
	return false
}

// serveClaimed answers for a caller with a credential of the forge's own, or tells that the request passes on. Its body
// is in memory then.
func (x *exchange) serveClaimed() (passes bool, err error) {
	if r := x.mayTry(); r != nil {
		return false, r
	}
	return x.askLocal(string(x.request.Path), !header.Below(x.request.Path, localPrefix))
}

// reasonLocal is that of a request that patgate answered itself.
const reasonLocal = "local"

// askLocal reads the body, records that patgate answers itself, and has the answer written. What may pass is recorded when it
// does not.
func (x *exchange) askLocal(path string, mayPass bool) (passes bool, err error) {
	h, q, b := x.h, &x.request, &x.body
	if b.Present() {
		if err := b.Whole(0, false); err != nil {
			return false, err
		}
	}
	request := &LocalRequest{Method: q.Method, Path: path, Query: string(q.Query()), Body: b.Memory, Session: x.judgement.Session,
		Client: q.Client, Origin: string(h.forge.Links.PublicOrigin(q.Origin)), Header: x.localHeader()}
	legacy := q.Credential.Caller == surface.CallerLegacy
	if legacy {
		request.Credential = forgeCredential(q)
	}
	if !mayPass {
		if err := x.recordLocal(); err != nil {
			return false, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*h.options.ResolverDeadline)
	defer cancel()
	answer := h.options.Local.Answer(ctx, request)
	switch {
	case answer.Pass && mayPass:
		return true, nil
	case answer.Pass:
		answer = LocalAnswer{Status: fasthttp.StatusNotFound, Body: []byte(`{"message":"404 Not Found"}`),
			Header: http.Header{"Content-Type": {"application/json"}}}
	}
	if mayPass {
		if err := x.recordLocal(); err != nil {
			return false, err
		}
	}
	switch {
	case !legacy:
	case answer.Identified:
		h.attempts.Accepted(x.fingerprint())
	case answer.Status == fasthttp.StatusUnauthorized:
		h.attempts.Wrong(q.Client, x.fingerprint())
	}
	own := &surface.Answer{Status: answer.Status, Body: answer.Body}
	for name, values := range answer.Header {
		for _, value := range values {
			own.Header = append(own.Header, [2]string{name, value})
		}
	}
	x.answer(own)
	return false, nil
}

func (x *exchange) recordLocal() error {
	x.allowLocal()
	return x.record()
}

// allowLocal notes that patgate answers itself.
func (x *exchange) allowLocal() { x.event.Verdict, x.event.Reason = policy.Allow, reasonLocal }

// localPages is the path below which patgate's own web pages lie, where they are served on this address.
const localPages = localPrefix + "/console"

// localHeader gives the headers that the token API reads, and those that patgate's own web pages read.
func (x *exchange) localHeader() http.Header {
	q, out := &x.request, http.Header{}
	if header.Below(q.Path, localPages) {
		for i := range q.Fields.List {
			f := &q.Fields.List[i]
			if name := strings.ToLower(string(f.Text)); !f.Alias && slices.Contains(pageHeaders, name) {
				out.Add(string(f.Text), string(f.Value))
			}
		}
	}
	for _, name := range [...]string{"Content-Type", "Github-Public-Key-Identifier", "Github-Public-Key-Signature"} {
		if v := x.ctx.Request.Header.Peek(name); len(v) > 0 {
			out.Set(name, string(v))
		}
	}
	if header.Below(q.Path, localPrefix+"/leaks") {
		out.Set("Authorization", string(q.Fields.Get(header.Authorization)))
	}
	return out
}

// pageHeaders are those that patgate's own web pages read.
var pageHeaders = []string{"cookie", "origin", "sec-fetch-site", "sec-fetch-mode", "accept", "range", "if-range", "host"}

// forgeCredential gives the one credential of the forge's own that a request carries, as PRIVATE-TOKEN or Bearer, or in
// front of Gitea as Authorization: token; none when there are several or it stands elsewhere.
func forgeCredential(q *surface.Request) token.Secret {
	var secret []byte
	if surface.QueryCredential(q.Target) {
		return token.Secret{}
	}
	for i := range q.Fields.List {
		f := &q.Fields.List[i]
		if f.Class != header.ClassCredential || f.Name == header.Cookie && !q.Dialect.IsSession(f.Value) {
			continue
		}
		place, value := q.Credential.Read(f)
		readable := place == routes.PlacePrivateToken || place == routes.PlaceBearer ||
			place == routes.PlaceToken && !q.Dialect.RawTokens
		if secret != nil || f.Alias || !readable || !header.IsToken(value) {
			return token.Secret{}
		}
		secret = value
	}
	return token.NewSecret(string(secret))
}

// reused tells the token API of a rotated-out secret that asks for another rotation.
func (x *exchange) reused(hash token.Hash) {
	l, q := x.h.options.Local, &x.request
	if l == nil || !l.IsRotation(q.Method, q.Path) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), x.h.options.ResolverDeadline)
	defer cancel()
	if err := l.Reused(ctx, hash); err != nil {
		x.event.Failure = reply.FailureReuse
	}
}
