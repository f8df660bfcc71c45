package proxy

import (
	"net/netip"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
)

// read reads the parts of a request's head: which surface it is for, who asks, with which credential, from where. raw is the
// header block, from behind the request line up to and with the empty line.
func (h *Handler) read(q *surface.Request, method string, target, raw []byte, version string) *reply.Refusal {
	q.Method = method
	q.IsHead = method == fasthttp.MethodHead
	if h.root != "" {
		target = h.cutRoot(q, target)
	}
	q.Fields.Table, q.Credential.Dialect = h.dialect.Fields, h.dialect
	h.aim(q, target)
	if problem := q.Fields.Parse(raw); problem != "" {
		return &reply.Refusal{Status: fasthttp.StatusBadRequest, Reason: "malformed_header", Message: problem, Close: true}
	}
	if version == "" {
		return reply.ErrVersion
	}
	host := q.Fields.Get(header.Host)
	if !header.IsHost(host) || q.Fields.Repeated(header.Host) {
		return reply.ErrHost
	}
	if h.returned(&q.Fields) {
		return reply.ErrLoop
	}
	q.Client, q.Secure = h.proxies.Client(q.Client, q.Secure, &q.Fields)
	q.Origin = reply.AppendClientOrigin(q.Origin[:0], q.Secure, host)
	if h.root != "" {
		q.Origin = append(q.Origin, q.Root...)
	}
	if q.Method == "" {
		return reply.ErrMethod
	}
	if len(target) == 0 || target[0] != '/' {
		if r := h.comeHome(q, host); r != nil {
			return r
		}
		target = q.Target
	}
	if r := q.Credential.Find(&q.Fields, target); r != nil {
		return r
	}
	if !q.InLoop && isLoose(q.Path) { // a loop takes no such target: the table refuses it
		return h.unsealLoose(q)
	}
	return q.Surface.Unseal(q)
}

// unsealLoose has the surface look for a sealed text that the path leads to as the forge reads it. What comes with one, or with a
// patgate token, keeps that spelling, so that all steps have one path; all else stays as it came.
func (h *Handler) unsealLoose(q *surface.Request) *reply.Refusal {
	came := q.Target
	h.respell(q)
	r := q.Surface.Unseal(q)
	if r == nil && !q.IsPatgate() {
		h.aim(q, came)
	}
	return r
}

// cutRoot takes the path off under which patgate, or the forge, lies. GitLab has nothing beside its own, and clients that were
// made for that send it; to those that were pointed at patgate's bare address it is nothing.
func (h *Handler) cutRoot(q *surface.Request, target []byte) []byte {
	rest, below := reply.CutRoot(target, h.root)
	q.Root = ""
	if below {
		q.Root = h.root
	}
	if below && (len(rest) == 0 || rest[0] != '/') {
		return append([]byte{'/'}, rest...)
	}
	return rest
}

// aim notes a request's target, and which surface and which server it is for.
func (h *Handler) aim(q *surface.Request, target []byte) {
	q.Target = target
	q.Path = header.Before(target, '?')
	q.Surface = surfaceOf(h.surfaces, q.Path, q.Table.Base())
	q.Upstream = &h.forge
	if s, is := q.Surface.(surface.Elsewhere); is {
		if u := s.Upstream(q.Path); u != nil {
			q.Upstream = u
		}
	}
}

// methodOf gives the constant of a method that is passed on; empty for others.
func methodOf(method []byte) string {
	switch string(method) {
	case fasthttp.MethodGet:
		return fasthttp.MethodGet
	case fasthttp.MethodHead:
		return fasthttp.MethodHead
	case fasthttp.MethodPost:
		return fasthttp.MethodPost
	case fasthttp.MethodPut:
		return fasthttp.MethodPut
	case fasthttp.MethodPatch:
		return fasthttp.MethodPatch
	case fasthttp.MethodDelete:
		return fasthttp.MethodDelete
	}
	return ""
}

// versionOf gives the constant of a version of HTTP that is spoken; empty for others.
func versionOf(protocol []byte) string {
	switch string(protocol) {
	case "HTTP/1.1":
		return "HTTP/1.1"
	case "HTTP/1.0":
		return "HTTP/1.0"
	}
	return ""
}

// Client gives the address that a request comes from which another listener took, by the address of its connection and its
// lines of X-Forwarded-For.
func (h *Handler) Client(peer netip.Addr, forwardedFor []string) netip.Addr {
	var f header.Block
	for _, line := range forwardedFor {
		f.Add(header.ForwardedFor, []byte(line))
	}
	client, _ := h.proxies.Client(peer.WithZone("").Unmap(), false, &f)
	return client
}
