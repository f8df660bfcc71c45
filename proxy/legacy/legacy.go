// Package legacy says what passes of the requests without a patgate token, and in which form: those with a credential of the
// forge's own, with a session cookie, or without any. Nothing is decided here but by the configuration.
package legacy

import (
	"bytes"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes/percent"
)

// Mode says what happens to requests of one kind of caller. The zero value refuses them.
type Mode uint8

// The modes. ReadOnly passes GET and HEAD, except where a GET is the first step of a git push.
const (
	Deny Mode = iota
	ReadOnly
	Allow
)

// Modes say what passes of the requests without a patgate token.
type Modes struct {
	Legacy    Mode // with a credential of the forge's own
	Anonymous Mode // without one
	Web       Mode // pages and session cookies
	// LegacyUntil, when not zero, is when Legacy becomes Deny.
	LegacyUntil time.Time
}

// Rules tell what passes, and how.
type Rules struct {
	Modes
	Organizations bool              // the forge draws most routes again below an organization
	Surfaces      []surface.Surface // the first that has a path serves it
	OwnCookies    header.OwnCookies
	Forwarding    *surface.Forwarding
}

// Refuse says why a request without a patgate token does not pass, as one of that caller; nil when it does.
func (r *Rules) Refuse(q *surface.Request, caller surface.CredentialKind) *reply.Refusal {
	if internalPath(q.Path) || q.Upstream.Root != "" && climbs(q.Path) {
		return reply.ErrDeniedPath
	}
	for i := range q.Fields.List {
		if q.Fields.List[i].Class == header.ClassLogin {
			return reply.ErrOverride
		}
	}
	return r.RefuseByMode(q, caller)
}

// RefuseByMode is Refuse by the configuration alone.
func (r *Rules) RefuseByMode(q *surface.Request, caller surface.CredentialKind) *reply.Refusal {
	mode, refused := r.Legacy, reply.ErrLegacy
	if !r.LegacyUntil.IsZero() && !time.Now().Before(r.LegacyUntil) {
		mode = Deny
	}
	switch {
	case caller == surface.KindWeb, caller == surface.KindAnonymous && r.isPage(q):
		mode, refused = r.Web, reply.ErrWeb
	case caller == surface.KindAnonymous:
		mode, refused = r.Anonymous, reply.ErrAnonymous
	}
	switch mode {
	case Allow:
		return nil
	case ReadOnly:
		if !r.reads(q) {
			return reply.ErrReadOnly
		}
		return nil
	}
	return refused
}

// isPage tells whether a path is that of pages for browsers, and no reading of it leads to the API: Grape takes "/%61pi/v4" for
// its own.
func (r *Rules) isPage(q *surface.Request) bool {
	path := r.routed(q.Path)
	_, pages := surface.Of(r.Surfaces, path, q.Table.Base()).(surface.Pages)
	return pages && (header.HasPrefix(path, "/api/") || !anyReading(q.Path, isAPI))
}

// reads tells whether a request only reads: a GET or a HEAD, or what a surface knows better, but no websocket.
func (r *Rules) reads(q *surface.Request) bool {
	if Upgrades(q) {
		return false
	}
	path := r.routed(q.Path)
	if q.Method == fasthttp.MethodPost {
		s, is := surface.Of(r.Surfaces, path, q.Table.Base()).(surface.ReadsByPost)
		return is && s.ReadsByPost(path)
	}
	if q.Method != fasthttp.MethodGet && !q.IsHead {
		return false
	}
	target := bytes.Clone(q.Target)
	target = bytes.ToLower(target[:percent.DecodeInPlace(target)])
	return !slices.ContainsFunc(r.Surfaces, func(s surface.Surface) bool {
		w, is := s.(surface.WritesByGet)
		return is && w.WritesByGet(path, target)
	})
}

// MaybeInBody tells whether a request that has no credential in its head, or a browser's session alone, may have one in its
// body: pipeline triggers, runners and webhooks do, and the forge takes any token from there, on its API, GraphQL included, and
// on pages such as feeds, a session or not. Where everybody passes nobody looks, nor where nobody does.
func (r *Rules) MaybeInBody(q *surface.Request, b *surface.Body) bool {
	caller := q.Credential.Kind
	if caller != surface.KindAnonymous && caller != surface.KindWeb || !b.Present() {
		return false
	}
	asIs, asLegacy := r.RefuseByMode(q, caller), r.RefuseByMode(q, surface.KindLegacy)
	switch {
	case caller == surface.KindWeb:
		return asIs == nil && asLegacy != nil && !HoldsNothing(q.Fields.Get(header.ContentType))
	case anyReading(q.Path, isAPI):
		return asIs != nil || asLegacy != nil
	case r.isPage(q):
		return asIs == nil && asLegacy != nil
	}
	return false
}
