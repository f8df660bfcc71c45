package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"patgate/admin/tokens"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// Prefix is the path below which everything is patgate's own, whatever the forge has there.
const Prefix = "/-/patgate/"

// extras is where the API's own paths begin.
const extras = "/-/patgate/api"

// leaks is where reports of leaked tokens are taken.
const leaks = "/-/patgate/leaks/"

// Options configure a Handler. Tokens and Base are required.
type Options struct {
	Tokens *tokens.Service
	// Base is the path of the forge's API: /api/v4.
	Base string
	// OwnPaths: only what is below Prefix is patgate's. The forge has no token API of GitLab's form whose paths would be.
	OwnPaths bool
	// Version asks the forge for its version with a credential; nil leaves the version out of answers.
	Version func(ctx context.Context, credential token.Secret) (version, revision string, err error)
	// Leaks answers leak reports; nil answers 404.
	Leaks *Leaks
	// Report is told of failures that are patgate's own. Nil drops them.
	Report func(error)
}

// Handler answers the token API. It is safe for concurrent use.
type Handler struct{ o Options }

// New makes a handler.
func New(o Options) (*Handler, error) {
	if o.Tokens == nil || o.Base == "" {
		return nil, errors.New("making the token API: tokens and base are required")
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	return &Handler{o}, nil
}

// Owns tells whether a route that a patgate token asks for is answered here and never by the forge: there it would be
// about the owner's credential.
func (h *Handler) Owns(r *routes.Route) bool {
	return !h.o.OwnPaths && r.Resource == "personal_access_token" && (strings.HasPrefix(r.Path, "/personal_access_tokens") || r.Path == "/user/personal_access_tokens")
}

// Probes tells whether tools ask for the route only to find out whether a token works. It is answered here, in the fewest
// words, for a token that may not ask the forge.
func (h *Handler) Probes(r *routes.Route) bool {
	return r.Method == http.MethodGet && (r.Path == "/user" || r.Path == "/version" || r.Path == "/metadata")
}

// Claims tells whether a request with a credential of the forge's own may be for patgate. Answer may still pass it on.
func (h *Handler) Claims(method string, target []byte) bool {
	base := h.o.Base
	if h.o.OwnPaths {
		return false
	}
	if len(target) <= len(base) || string(target[:len(base)]) != base {
		return false
	}
	rest := target[len(base):]
	const list, create = "/personal_access_tokens", "/user/personal_access_tokens"
	switch {
	case len(rest) >= len(create) && string(rest[:len(create)]) == create:
		return method == http.MethodPost
	case len(rest) >= len(list) && string(rest[:len(list)]) == list:
		return method == http.MethodGet || method == http.MethodHead || method == http.MethodPost || method == http.MethodDelete
	}
	return false
}

// IsRotation tells whether a request would rotate a token: what a rotated-out secret must not ask for.
func (h *Handler) IsRotation(method string, path []byte) bool {
	text := string(path)
	return method == http.MethodPost && strings.HasSuffix(strings.TrimSuffix(text, "/"), "/rotate") &&
		(strings.HasPrefix(text, h.o.Base+"/personal_access_tokens/") || strings.HasPrefix(text, extras+"/tokens/"))
}

// Revocation tells whether a request takes a token's power away, and whether it does so on the word of a secret or of a
// credential. Leak reports and revocations by the secret itself are of the first kind.
func (h *Handler) Revocation(method string, path []byte) (bySecret, byCredential bool) {
	text := strings.TrimSuffix(string(path), "/")
	if method == http.MethodPost && (text == extras+"/revoke" || strings.HasPrefix(text, leaks)) {
		return true, false
	}
	rest, ok := strings.CutPrefix(text, h.o.Base+"/personal_access_tokens/")
	if !ok {
		rest, ok = strings.CutPrefix(text, extras+"/tokens/")
	}
	_, action, _ := strings.Cut(rest, "/")
	return false, ok && (method == http.MethodDelete && action == "" || method == http.MethodPost && action == "pause")
}

// Reused is called for a rotated-out secret that asks for another rotation.
func (h *Handler) Reused(ctx context.Context, hash token.Hash) error {
	return h.o.Tokens.Reused(ctx, hash)
}

// Answer answers a request, or passes it on.
func (h *Handler) Answer(ctx context.Context, r *Request) Answer {
	if r.Method == http.MethodHead {
		r.Method = http.MethodGet
	}
	r.Path = strings.TrimSuffix(r.Path, "/")
	if strings.HasPrefix(r.Path, strings.TrimSuffix(Prefix, "/")) {
		return h.extra(ctx, r)
	}
	path, ok := strings.CutPrefix(r.Path, h.o.Base)
	if !ok {
		return pass()
	}
	path = strings.TrimSuffix(path, ".json")
	switch path {
	case "/user", "/version", "/metadata":
		return h.probe(ctx, r, path)
	case "/user/personal_access_tokens":
		if r.Method == http.MethodPost {
			return h.create(ctx, r, false)
		}
	case "/personal_access_tokens":
		if r.Method == http.MethodGet {
			return h.list(ctx, r, false)
		}
	}
	if rest, ok := strings.CutPrefix(path, "/personal_access_tokens/"); ok {
		return h.single(ctx, r, rest)
	}
	return pass()
}

// caller finds out who asks.
func (h *Handler) caller(ctx context.Context, r *Request) (*tokens.Caller, error) {
	switch {
	case r.Session != nil:
		return tokens.Token(r.Session), nil
	case !r.Credential.Empty():
		return h.o.Tokens.Owner(ctx, r.Credential)
	}
	return nil, tokens.ErrUnknownCaller
}

// as runs an operation for whoever asks.
func (h *Handler) as(ctx context.Context, r *Request, f func(c *tokens.Caller) (Answer, error)) Answer {
	c, err := h.caller(ctx, r)
	if err != nil {
		return h.failed(err)
	}
	a, err := f(c)
	if err != nil {
		a = h.failed(err)
	}
	a.Identified = true
	return a
}

// single answers for one token: /personal_access_tokens/:id, self, and what lies below.
func (h *Handler) single(ctx context.Context, r *Request, rest string) Answer {
	name, action, _ := strings.Cut(rest, "/")
	self := name == "self"
	id, err := strconv.ParseInt(name, 10, 64)
	switch {
	case r.Session == nil && (self || err != nil || id < store.FirstTokenID):
		return pass() // the forge's own token
	case self:
		id = r.Session.TokenID
	case err != nil:
		return message(http.StatusBadRequest, "400 Bad request - id is invalid")
	case id < store.FirstTokenID:
		return message(http.StatusNotFound, "404 Not Found")
	}
	switch {
	case action == "" && r.Method == http.MethodGet:
		return h.show(ctx, r, id)
	case action == "" && r.Method == http.MethodDelete:
		return h.revoke(ctx, r, id)
	case action == "rotate" && r.Method == http.MethodPost:
		return h.rotate(ctx, r, id)
	case action == "associations" && self && r.Method == http.MethodGet:
		return h.associations(ctx, r)
	}
	return message(http.StatusNotFound, "404 Not Found")
}
