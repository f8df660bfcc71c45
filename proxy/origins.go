package proxy

import (
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/surface"
)

// What pages of the configured origins are told (Fetch, 3.2). Nothing lets a browser send cookies along, so that a wildcard for
// the names of fields gives away no more than the one token that a page sends itself; it does not stand for Authorization.
const (
	allowedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	allowedFields  = "*, Authorization"
	preflightAge   = "7200" // seconds, the longest that browsers keep one
)

// originsOf gives the origins as browsers write them: without the port that the scheme implies.
func originsOf(configured []string) (origins []string) {
	for _, o := range configured {
		if port, ok := map[bool]string{true: ":443", false: ":80"}[strings.HasPrefix(o, "https://")]; ok {
			o = strings.TrimSuffix(o, port)
		}
		origins = append(origins, o)
	}
	return origins
}

// takesOrigin tells whether a page of that origin may read what is answered to a request. Patgate's own pages are for nobody
// else.
func (h *Handler) takesOrigin(origin string, q *surface.Request) bool {
	return slices.Contains(h.origins, origin) && !header.Below(q.Path, localPages)
}

// preflight answers a browser that asks whether a page may ask (Fetch, 4.8). It has no credential, and is told nothing but that.
func (x *exchange) preflight() (answered bool) {
	q, head := &x.request, &x.ctx.Request.Header
	if len(q.Path) == 0 || q.Path[0] != '/' { // browsers ask in no other form
		return false
	}
	x.h.respell(q)
	if string(head.Method()) != fasthttp.MethodOptions || q.Fields.Repeated(header.Origin) ||
		!x.h.takesOrigin(string(q.Fields.Get(header.Origin)), q) || len(head.Peek("Access-Control-Request-Method")) == 0 {
		return false
	}
	x.allowLocal()
	x.serveAnswer(&surface.Answer{Status: fasthttp.StatusNoContent, Header: [][2]string{
		{"Access-Control-Allow-Methods", allowedMethods},
		{"Access-Control-Allow-Headers", allowedFields},
		{"Access-Control-Max-Age", preflightAge},
	}}, nil)
	return true
}

// share lets a page of a configured origin read an answer, whatever it is. What the forge says of origins gives way to that.
func (x *exchange) share() {
	h, ctx := x.h, x.ctx
	if len(h.origins) == 0 {
		return
	}
	out := &ctx.Response.Header
	out.Add("Vary", "Origin")
	origins := ctx.Request.Header.PeekAll("Origin")
	if len(origins) != 1 || !h.takesOrigin(string(origins[0]), &x.request) {
		return
	}
	for _, name := range [...]string{"Origin", "Credentials", "Private-Network"} {
		deleteField(out, "Access-Control-Allow-"+name)
	}
	deleteField(out, "Access-Control-Expose-Headers")
	out.SetBytesV("Access-Control-Allow-Origin", origins[0])
	out.Set("Access-Control-Expose-Headers", "*")
}

// deleteField takes a field out of an answer, however the forge spelled its name.
func deleteField(h *fasthttp.ResponseHeader, name string) {
	for spelled := range h.All() {
		if header.EqualFold(spelled, name) {
			h.DelBytes(slices.Clone(spelled))
			deleteField(h, name)
			return
		}
	}
}
