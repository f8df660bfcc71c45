package reply

import (
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
)

// What pages of the configured origins are told (Fetch, 3.2). Nothing lets a browser send cookies along, so that a wildcard for
// the names of fields gives away no more than the one token that a page sends itself; it does not stand for Authorization.
const (
	allowedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	allowedFields  = "*, Authorization"
	preflightAge   = "7200" // seconds, the longest that browsers keep one
)

// Origins are those of pages that browsers let read answers.
type Origins struct {
	list []string
	own  string
}

// NewOrigins takes origins, and writes them as browsers do: without the port that the scheme implies. Below the path own are
// patgate's own pages, which are for nobody else.
func NewOrigins(configured []string, own string) Origins {
	o := Origins{own: own}
	for _, origin := range configured {
		port := ":80"
		if strings.HasPrefix(origin, "https://") {
			port = ":443"
		}
		o.list = append(o.list, strings.TrimSuffix(origin, port))
	}
	return o
}

// Any tells whether there are some.
func (o *Origins) Any() bool { return len(o.list) > 0 }

// takes tells whether a page of that origin may read the answer to a request for a path.
func (o *Origins) takes(origin, path []byte) bool {
	return slices.Contains(o.list, string(origin)) && !header.Below(path, o.own)
}

// Preflight gives the fields that answer a browser which asks whether a page of an origin may send a request (Fetch, 4.8). It
// has no credential, and is told nothing but that. None: the page may not, or nobody asks that.
func (o *Origins) Preflight(head *fasthttp.RequestHeader, origin, path []byte) [][2]string {
	if string(head.Method()) != fasthttp.MethodOptions || !o.takes(origin, path) ||
		len(head.Peek("Access-Control-Request-Method")) == 0 {
		return nil
	}
	return [][2]string{
		{"Access-Control-Allow-Methods", allowedMethods},
		{"Access-Control-Allow-Headers", allowedFields},
		{"Access-Control-Max-Age", preflightAge},
	}
}

// Share lets a page of one of the origins read an answer, whatever it is. What the forge says of origins gives way to that.
func (o *Origins) Share(out *fasthttp.ResponseHeader, head *fasthttp.RequestHeader, path []byte) {
	if !o.Any() {
		return
	}
	out.Add("Vary", "Origin")
	origins := head.PeekAll("Origin")
	if len(origins) != 1 || !o.takes(origins[0], path) {
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
