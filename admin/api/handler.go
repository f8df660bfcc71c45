package api

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strconv"
	"strings"

	"patgate/admin/catalogue"
	"patgate/admin/learning"
	"patgate/admin/questions"
	"patgate/admin/tokens"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
	"patgate/trust/exchange"
)

// Prefix is the path below which everything is patgate's own, whatever the forge has there.
const Prefix = "/-/patgate/"

// extras is where the API's own paths begin.
const extras = "/-/patgate/api"

// leaks is where reports of leaked tokens are taken.
const leaks = Prefix + "leaks/"

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
	// Questions answers questions about grants; nil answers 404.
	Questions *questions.Service
	// Learning answers what tokens were seen to do; nil answers 404.
	Learning *learning.Service
	// Templates gives those that tokens are made by; nil is those that patgate brings.
	Templates func() []catalogue.Template
	// Exchange trades ID tokens; nil answers 404.
	Exchange *exchange.Service
	// Report is called with failures of patgate's own. Nil drops them.
	Report func(error)
}

// Handler answers the token API. It is an http.Handler, for requests whose context says who asks, and safe for concurrent
// use.
type Handler struct {
	o   Options
	mux *http.ServeMux
}

// New makes a handler.
func New(o Options) (*Handler, error) {
	if o.Tokens == nil || o.Base == "" {
		return nil, errors.New("making the token API: tokens and base are required")
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	if o.Templates == nil {
		o.Templates = catalogue.Templates
	}
	h := &Handler{o: o, mux: http.NewServeMux()}
	h.forgePaths(o.Base)
	h.ownPaths()
	h.leakPaths()
	h.questionPaths()
	h.learningPaths()
	h.exchangePaths()
	return h, nil
}

// forgePaths gives the paths that the forge has too. A request there with a credential of the forge's is passed on, unless it is
// for patgate.
func (h *Handler) forgePaths(base string) {
	const one = "/personal_access_tokens/{id}"
	for _, path := range []string{"/user", "/version", "/metadata"} {
		h.handle("GET "+base+path, func(q *call) (*reply, error) { return q.probe(path) })
	}
	h.handle("POST "+base+"/user/personal_access_tokens", (*call).withScopes, (*call).identify, (*call).create)
	h.handle("GET "+base+"/personal_access_tokens", (*call).granular, (*call).identify, (*call).list)
	h.handle("GET "+base+"/personal_access_tokens/self/associations", (*call).name, (*call).identify, (*call).associations)
	h.handle("GET "+base+one, (*call).name, (*call).identify, (*call).show)
	h.handle("DELETE "+base+one, (*call).name, (*call).identify, (*call).revoke)
	h.handle("POST "+base+one+"/rotate", (*call).name, (*call).identify, (*call).rotate)
	h.handle(base+one, (*call).name, (*call).none)
	h.handle(base+one+"/{below...}", (*call).name, (*call).none)
}

// Owns tells whether a route is answered here for patgate tokens, and never by the forge: the forge's answer would be about the
// owner's credential.
func (h *Handler) Owns(r *routes.Route) bool {
	return !h.o.OwnPaths && r.Resource == "personal_access_token" &&
		(strings.HasPrefix(r.Path, "/personal_access_tokens") || r.Path == "/user/personal_access_tokens")
}

// Probes tells whether tools ask for the route only to find out whether a token works. For a token that may not ask the forge,
// it is answered here, in the fewest words.
func (h *Handler) Probes(r *routes.Route) bool {
	return r.Method == http.MethodGet && (r.Path == "/user" || r.Path == "/version" || r.Path == "/metadata")
}

// Claims tells whether a request with a credential of the forge's own may be for patgate. It may still pass on.
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

// Revocation tells whether a request takes a token's power away, and what entitles it to: a secret or a credential. Leak reports
// and revocations by the secret itself are of the first kind.
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

// ServeHTTP answers a request, or passes it on (Asker.Passed). The path is taken as it stands: a path that the mux would clean
// or redirect is not found.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	inner := r.Clone(r.Context())
	at := strings.TrimSuffix(r.URL.Path, "/")
	if !own(at) {
		at = strings.TrimSuffix(at, ".json")
	}
	inner.URL.Path, inner.URL.RawPath = at, ""
	if _, pattern := h.mux.Handler(inner); pattern != "" && path.Clean(at) == at {
		h.mux.ServeHTTP(w, inner)
		return
	}
	a := passed
	if own(at) {
		a = h.failed(tokens.ErrNotFound)
	}
	a.write(w, r)
}

// own tells whether a path is patgate's own.
func own(path string) bool { return strings.HasPrefix(path, strings.TrimSuffix(Prefix, "/")) }

// step is a part of answering a request. The first that gives a reply or an error ends it.
type step func(q *call) (*reply, error)

// handle serves a pattern by steps. Errors get their status in one place, failed.
func (h *Handler) handle(pattern string, steps ...step) {
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		q, err := h.read(r)
		var a *reply
		for i := 0; i < len(steps) && a == nil && err == nil; i++ {
			a, err = steps[i](q)
		}
		if err != nil {
			a = h.failed(err)
		}
		a.write(w, r)
	})
}

// identify finds out who asks.
func (q *call) identify() (_ *reply, err error) {
	switch {
	case q.Session != nil:
		q.caller = tokens.Token(q.Session)
	case !q.Credential.Empty():
		if q.caller, err = q.o.Tokens.Owner(q.Context(), q.Credential); err == nil && q.Identified != nil {
			q.Identified()
		}
	default:
		err = tokens.ErrUnknownCaller
	}
	return nil, err
}

// name reads the id in the path. Where the forge has the same path, an id that is not one of patgate's is that of a token of the
// forge's own.
func (q *call) name() (_ *reply, err error) {
	name := q.PathValue("id")
	q.id, err = strconv.ParseInt(name, 10, 64)
	own := own(q.URL.Path)
	switch {
	case q.Session != nil && (name == "self" || name == ""):
		q.id, err = q.Session.TokenID, nil
	case err == nil && q.id >= store.FirstTokenID:
	case !own && q.Session == nil:
		return passed, nil
	case !own && err != nil:
		return message(http.StatusBadRequest, "400 Bad request - id is invalid"), nil
	case name == "self":
		return message(http.StatusNotFound, "404 Not Found - self is for a patgate token"), nil
	default:
		return nil, tokens.ErrNotFound
	}
	return nil, err
}

// none answers requests for what does not exist.
func (q *call) none() (*reply, error) { return nil, tokens.ErrNotFound }
