package proxy

import (
	"bytes"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/surface/git"
	"patgate/proxy/wire"
	"patgate/routes/percent"
)

// serveOther serves a request without a patgate token, as the configuration says. What passes is passed on as it is: raw
// target, body bytes and headers, those for this connection and those of proxies excepted. Framing is always our own.
func (x *exchange) serveOther() (kept bool) {
	h, q, b, s := x.h, &x.request, &x.body, &x.sending
	claimed, looked := h.claims(q), h.maybeInBody(q, b)
	switch {
	case looked:
		if err := x.findInBody(); err != nil {
			return x.deny(err)
		}
	case claimed:
		if passes, err := x.serveClaimed(); err != nil || !passes {
			return x.denyUnless(err)
		}
	}
	if r := h.refuseOther(q); r != nil {
		return x.deny(r)
	}
	if !claimed {
		if r := x.mayTry(); r != nil {
			return x.deny(r)
		}
	}
	x.event.Verdict, x.event.Reason = policy.Allow, q.Credential.Caller.String()
	upgrade := upgrades(q)
	b.ContentType = append(b.ContentType[:0], q.Fields.Get(header.ContentType)...)
	switch {
	case claimed, looked:
		s.Upload.Whole = b.Memory
	case b.Present() && !upgrade:
		s.Upload.Stream, s.Upload.Length = b, b.Length
	}
	s.Head = h.appendRaw(s.Head[:0], q, b, &s.Upload, upgrade)
	if err := x.record(); err != nil {
		return x.deny(reply.ErrAudit)
	}
	if upgrade {
		return x.tunnel()
	}
	return x.forward(q.Upstream.Others)
}

// refuseOther says why a request without a patgate token does not pass; nil when it does.
func (h *Handler) refuseOther(q *surface.Request) *reply.Refusal {
	if internalPath(q.Path) || q.Upstream.Root != "" && climbs(q.Path) {
		return reply.ErrDeniedPath
	}
	for i := range q.Fields.List {
		if q.Fields.List[i].Class == header.ClassLogin {
			return reply.ErrOverride
		}
	}
	return h.refuseByMode(q)
}

func (h *Handler) refuseByMode(q *surface.Request) *reply.Refusal {
	o := &h.options
	mode, refused := o.Legacy, reply.ErrLegacy
	if !o.LegacyUntil.IsZero() && !time.Now().Before(o.LegacyUntil) {
		mode = ModeDeny
	}
	switch caller := q.Credential.Caller; {
	case caller == surface.CallerWeb, caller == surface.CallerAnonymous && h.isPage(q):
		mode, refused = o.Web, reply.ErrWeb
	case caller == surface.CallerAnonymous:
		mode, refused = o.Anonymous, reply.ErrAnonymous
	}
	switch mode {
	case ModeAllow:
		return nil
	case ModeReadOnly:
		if !h.reads(q) {
			return reply.ErrReadOnly
		}
		return nil
	}
	return refused
}

// isPage tells whether a path is that of pages for browsers, and no reading of it leads to the API: Grape takes "/%61pi/v4" for
// its own.
func (h *Handler) isPage(q *surface.Request) bool {
	path := h.routed(q.Path)
	_, pages := surfaceOf(h.surfaces, path, q.Table.Base()).(surface.Pages)
	return pages && (header.HasPrefix(path, "/api/") || !anyReading(q.Path, isAPI))
}

// reads tells whether a request only reads: GET and HEAD, but not the first step of a git push, which creates a project
// where there is none, nor a token service that makes records or hands out rights, nor a websocket. A git fetch is a
// POST, and reads.
func (h *Handler) reads(q *surface.Request) bool {
	if upgrades(q) {
		return false
	}
	path := h.routed(q.Path)
	if q.Method == fasthttp.MethodPost {
		repositories, is := surfaceOf(h.surfaces, path, q.Table.Base()).(*git.Surface)
		return is && repositories.Layout.IsFetch(path)
	}
	if q.Method != fasthttp.MethodGet && !q.IsHead {
		return false
	}
	target := bytes.Clone(q.Target)
	target = bytes.ToLower(target[:percent.DecodeInPlace(target)])
	switch {
	case bytes.Contains(target, []byte("git-receive-pack")):
		return false
	case header.Below(path, "/jwt/auth"):
		return !bytes.Contains(target, []byte("push")) && !bytes.Contains(target, []byte("delete")) &&
			!bytes.Contains(target, []byte("*"))
	case bytes.Contains(target, []byte("/users/authenticate")):
		return false
	}
	return true
}

// routed gives a raw path as the forge's routers read it: doubled slashes are one, and GitLab draws most routes again below an
// organization.
func (h *Handler) routed(path []byte) []byte {
	if bytes.Contains(path, []byte("//")) {
		squeezed := make([]byte, 0, len(path))
		for i, c := range path {
			if c != '/' || i == 0 || path[i-1] != '/' {
				squeezed = append(squeezed, c)
			}
		}
		path = squeezed
	}
	if !h.dialect.Organizations {
		return path
	}
	return afterOrganization(path)
}

// upgrades tells whether the client wants another protocol on the connection.
func upgrades(q *surface.Request) bool {
	f := &q.Fields
	return header.EqualFold(f.Get(header.Upgrade), "websocket") && f.Nominated([]byte("upgrade")) && q.Method == fasthttp.MethodGet
}

// appendRaw writes the head of a request that passes as it is.
func (h *Handler) appendRaw(dst []byte, q *surface.Request, b *surface.Body, u *wire.Upload, upgrade bool) []byte {
	dst = append(append(append(dst, q.Method...), ' '), q.Upstream.Root...)
	dst = append(append(append(dst, q.Target...), " HTTP/1.1\r\nHost: "...), q.Upstream.Host...)
	dst = append(dst, '\r', '\n')
	for i := range q.Fields.List {
		f := &q.Fields.List[i]
		switch f.Class {
		case header.ClassHop, header.ClassForwarding:
			continue
		case header.ClassFraming:
			if f.Name != header.ContentEncoding && f.Name != header.AcceptEncoding {
				continue
			}
		}
		if f.Class != header.ClassFraming && q.Fields.Nominated(f.Text) {
			continue
		}
		value := f.Value
		if f.Name == header.Cookie {
			if value = h.options.OwnCookies.AppendOthers(nil, value); len(value) == 0 {
				continue
			}
		}
		dst = surface.AppendField(dst, f.Text, value)
	}
	if upgrade {
		dst = append(dst, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	}
	dst = h.forwarding.Append(dst, q)
	return surface.AppendFraming(dst, q, b, u)
}

// internalPaths are for the parts of an instance among themselves, and for its operators (GitLab 19.3, config/routes.rb,
// lib/api/internal). Those of all forges are denied in front of each: which one it is may be found out late. They are
// trusted by address there, and patgate's address may be on that list.
var internalPaths = []string{
	"/api/v4/internal", "/api/v3/internal", "/-/metrics", "/-/health", "/-/liveness", "/-/readiness", "/-/chaos",
	"/-/debug", "/-/from_secondary", "/-/kubernetes-agent/k8s-proxy/internal", "/health_check", "/metrics", "/admin/sidekiq",
	"/-/sidekiq", "/-/peek",
	"/api/internal", "/debug/pprof", // Gitea's (1.26, routers/private)
}

// internalPath tells whether any reading of a raw path leads to an internal one, or below an organization's prefix.
func internalPath(path []byte) bool { return anyReading(path, isInternal) }

// anyReading tells whether any reading of a raw path is one of those that is asks for: percent-encoded any number of times, with
// doubled or back slashes, dot segments, in any case.
func anyReading(path []byte, is func(clean []byte) bool) bool {
	read := bytes.ToLower(path)
	for range 6 {
		if is(cleanPath(read, true)) || is(cleanPath(read, false)) {
			return true
		}
		n := percent.DecodeInPlace(read)
		if n == len(read) {
			return false
		}
		read = bytes.ToLower(read[:n])
	}
	return true // encoded more often than any client does
}

// climbs tells whether any reading of a raw path has a ".." in it: below a root, it may lead to what is beside the forge.
func climbs(path []byte) bool {
	read := bytes.Clone(path)
	for range 6 {
		for segment := range bytes.FieldsFuncSeq(read, func(r rune) bool { return r == '/' || r == '\\' }) {
			segment, _, _ = bytes.Cut(segment, []byte{';'})
			if string(bytes.TrimFunc(segment, func(r rune) bool { return r <= ' ' })) == ".." {
				return true
			}
		}
		n := percent.DecodeInPlace(read)
		if n == len(read) {
			return false
		}
		read = read[:n]
	}
	return true
}

func isAPI(clean []byte) bool {
	return header.Below(clean, "/api") || header.Below(afterOrganization(clean), "/api")
}

func isInternal(clean []byte) bool {
	for _, p := range internalPaths {
		if header.Below(clean, p) || header.Below(afterOrganization(clean), p) {
			return true
		}
	}
	return false
}

// cleanPath squeezes slashes and takes out "." segments; a path parameter (";...") is cut off. ".." takes the segment
// before it along when it is resolved, as GitLab's Workhorse does to choose a route; Rails itself keeps it.
func cleanPath(path []byte, resolve bool) []byte {
	out := make([]byte, 0, len(path)+1)
	for segment := range bytes.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		segment, _, _ = bytes.Cut(segment, []byte{';'})
		segment = bytes.TrimFunc(segment, func(r rune) bool { return r <= ' ' })
		switch {
		case len(segment) == 0 || string(segment) == ".":
		case resolve && string(segment) == "..":
			out = out[:max(bytes.LastIndexByte(out, '/'), 0)]
		default:
			out = append(append(out, '/'), segment...)
		}
	}
	return out
}

// afterOrganization cuts off /o/<organization>, below which GitLab draws most of its routes again.
func afterOrganization(path []byte) []byte {
	if !header.HasPrefix(path, "/o/") {
		return path
	}
	if i := bytes.IndexByte(path[3:], '/'); i >= 0 {
		return path[3+i:]
	}
	return path
}
