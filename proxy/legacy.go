package proxy

import (
	"bytes"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/routes/git"
)

// other serves a request without a patgate token, as the configuration says. What passes is passed on as it is: raw
// target, body bytes and headers, those for this connection and those of proxies excepted. Framing is always our own.
func (x *exchange) other() (kept bool) {
	read := false
	if x.claimed() {
		passes, r := x.serveClaimed()
		if r != nil {
			return x.deny(r)
		}
		if !passes {
			return false
		}
		read = true
	}
	if r := x.refuseOther(); r != nil {
		return x.deny(r)
	}
	x.event.Verdict, x.event.Reason = policy.Allow, x.cred.caller.String()
	x.decision = policy.Decision{}
	upgrade := x.upgrades()
	b := &x.body
	if !read {
		b.open(x)
	}
	b.contentType = append(b.contentType[:0], x.fields.get(fieldContentType)...)
	x.upload = upload{}
	switch {
	case read:
		x.upload.whole = b.memory
	case b.present() && !upgrade:
		x.upload.stream, x.upload.length = b, b.length
	}
	x.head = x.appendRaw(x.head[:0], upgrade)
	if err := x.record(); err != nil {
		return x.deny(refuseAudit)
	}
	if upgrade {
		return x.tunnel()
	}
	return x.forward(x.poolFor(x.h.others))
}

// refuseOther says why a request without a patgate token does not pass; nil when it does.
func (x *exchange) refuseOther() *refusal {
	if internalPath(x.path) {
		return refuseDeniedPath
	}
	for i := range x.fields.list {
		if x.fields.list[i].class == classLogin {
			return refuseOverride
		}
	}
	if r := x.refuseByMode(); r != nil {
		return r
	}
	return x.mayTry()
}

func (x *exchange) refuseByMode() *refusal {
	o := &x.h.options
	mode, refused := o.Legacy, refuseLegacy
	surface := x.h.dialect.surface(x.routed(), x.table.Base())
	if !o.LegacyUntil.IsZero() && !time.Now().Before(o.LegacyUntil) {
		mode = ModeDeny
	}
	switch {
	case x.cred.caller == callerWeb, x.cred.caller == callerAnonymous && surface == surfaceWeb, x.cred.caller == callerAnonymous && surface == surfaceCable:
		mode, refused = o.Web, refuseWeb
	case x.cred.caller == callerAnonymous:
		mode, refused = o.Anonymous, refuseAnonymous
	}
	switch mode {
	case ModeAllow:
		return nil
	case ModeReadOnly:
		if !x.reads() {
			return refuseReadOnly
		}
		return nil
	}
	return refused
}

// reads tells whether a request only reads: GET and HEAD, but not the first step of a git push, which creates a project
// where there is none, nor a token service that makes records or hands out rights, nor a websocket. A git fetch is a
// POST, and reads.
func (x *exchange) reads() bool {
	if x.upgrades() {
		return false
	}
	path := x.routed()
	if x.method == fasthttp.MethodPost {
		return x.h.dialect.surface(path, x.table.Base()) == surfaceGit && git.IsFetch(path, x.table.Named())
	}
	if x.method != fasthttp.MethodGet && x.method != fasthttp.MethodHead {
		return false
	}
	target := bytes.Clone(x.target)
	target = bytes.ToLower(target[:unescapeInPlace(target)])
	switch {
	case bytes.Contains(target, []byte("git-receive-pack")):
		return false
	case below(path, "/jwt/auth"):
		return !bytes.Contains(target, []byte("push")) && !bytes.Contains(target, []byte("delete")) && !bytes.Contains(target, []byte("*"))
	case bytes.Contains(target, []byte("/users/authenticate")):
		return false
	}
	return true
}

// routed gives a raw path as the forge's routers read it: doubled slashes are one, and GitLab draws most routes again below an
// organization.
func (x *exchange) routed() []byte {
	path := x.path
	if bytes.Contains(path, []byte("//")) {
		squeezed := make([]byte, 0, len(path))
		for i, c := range path {
			if c != '/' || i == 0 || path[i-1] != '/' {
				squeezed = append(squeezed, c)
			}
		}
		path = squeezed
	}
	if !x.h.dialect.organizations {
		return path
	}
	return afterOrganization(path)
}

// upgrades tells whether the client wants another protocol on the connection.
func (x *exchange) upgrades() bool {
	return equalFold(x.fields.get(fieldUpgrade), "websocket") && x.fields.nominated([]byte("upgrade")) && x.method == fasthttp.MethodGet
}

// appendRaw writes the head of a request that passes as it is.
func (x *exchange) appendRaw(dst []byte, upgrade bool) []byte {
	dst = append(append(append(dst, x.method...), ' '), x.target...)
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), x.upstreamHost()...)
	dst = append(dst, '\r', '\n')
	for i := range x.fields.list {
		f := &x.fields.list[i]
		switch f.class {
		case classHop, classForwarding:
			continue
		case classFraming:
			if f.field != fieldContentEncoding && f.field != fieldAcceptEncoding {
				continue
			}
		}
		if f.class != classFraming && x.fields.nominated(f.name) {
			continue
		}
		if f.field == fieldCookie {
			if x.scratch = x.appendCookies(x.scratch[:0], f.value); len(x.scratch) > 0 {
				dst = appendField(dst, f.name, x.scratch)
			}
			continue
		}
		dst = appendField(dst, f.name, f.value)
	}
	if upgrade {
		dst = append(dst, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	}
	dst = x.appendForwarding(dst)
	return x.appendFraming(dst)
}

// internalPaths are for the parts of an instance among themselves, and for its operators (GitLab 19.3, config/routes.rb,
// lib/api/internal). Those of all forges are denied in front of each: which one it is may be found out late. They are trusted by address there, and patgate's address may be on that list.
var internalPaths = []string{
	"/api/v4/internal", "/api/v3/internal", "/-/metrics", "/-/health", "/-/liveness", "/-/readiness", "/-/chaos",
	"/-/debug", "/-/from_secondary", "/-/kubernetes-agent/k8s-proxy/internal", "/health_check", "/metrics", "/admin/sidekiq",
	"/-/sidekiq", "/-/peek",
	"/api/internal", "/debug/pprof", // Gitea's (1.26, routers/private)
}

// internalPath tells whether any reading of a raw path leads to an internal one: percent-encoded any number of times,
// with doubled or back slashes, dot segments, in any case, or below an organization's prefix.
func internalPath(path []byte) bool {
	read := bytes.ToLower(path)
	for range 6 {
		if isInternal(cleanPath(read, true)) || isInternal(cleanPath(read, false)) {
			return true
		}
		n := unescapeInPlace(read)
		if n == len(read) {
			return false
		}
		read = bytes.ToLower(read[:n])
	}
	return true // encoded more often than any client does
}

func isInternal(clean []byte) bool {
	for _, p := range internalPaths {
		if below(clean, p) || below(afterOrganization(clean), p) {
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
	if !hasPrefix(path, "/o/") {
		return path
	}
	if i := bytes.IndexByte(path[3:], '/'); i >= 0 {
		return path[3+i:]
	}
	return path
}
