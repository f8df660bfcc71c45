// Package reading reads the head of a request into a surface.Request: in which form its target is, which surface and which server
// it is for, who asks, with which credential, from where. What can be read in more than one way is refused.
package reading

import (
	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
)

// Reader reads requests. Its fields are not changed once it does.
type Reader struct {
	Dialect   *surface.Dialect
	Surfaces  []surface.Surface // the first that has a path serves it
	Forge     *surface.Upstream
	Root      string // that clients may put in front of every path; empty: none
	PublicURL string // under which clients reach patgate; empty: any
	Via       string // the name under which requests are sent on, of NewVia
	Proxies   *Proxies
	IDTokens  IDTokens
}

// IDTokens are what takes ID tokens as credentials; nil takes none.
type IDTokens interface {
	// Take has a request go on with the token that an ID token in its head stands for, and refuses one that stands elsewhere.
	Take(*surface.Request) *reply.Refusal
	// Among refuses a request with one among texts that stood in its body as credentials.
	Among(texts []byte) *reply.Refusal
}

// InBody refuses a request with an ID token among the credentials that stood in its body.
func (r *Reader) InBody(texts []byte) error {
	if r.IDTokens != nil {
		if refusal := r.IDTokens.Among(texts); refusal != nil {
			return refusal
		}
	}
	return nil
}

// Read reads the parts of a request's head: which surface it is for, who asks, with which credential, from where. block is the
// header block, from behind the request line up to and with the empty line.
func (r *Reader) Read(q *surface.Request, method string, target, block []byte, version string) *reply.Refusal {
	q.Method = method
	q.IsHead = method == fasthttp.MethodHead
	if r.Root != "" {
		target = r.cutRoot(q, target)
	}
	q.Fields.Table, q.Credential.Dialect = r.Dialect.Fields, r.Dialect
	r.aim(q, target)
	if problem := q.Fields.Parse(block); problem != "" {
		return &reply.Refusal{Status: fasthttp.StatusBadRequest, Reason: "malformed_header", Message: problem, Close: true}
	}
	if version == "" {
		return reply.ErrVersion
	}
	host := q.Fields.Get(header.Host)
	if !header.IsHost(host) || q.Fields.Repeated(header.Host) {
		return reply.ErrHost
	}
	if r.returned(&q.Fields) {
		return reply.ErrLoop
	}
	q.Client, q.Secure = r.Proxies.Client(q.Client, q.Secure, &q.Fields)
	q.Origin = reply.AppendClientOrigin(q.Origin[:0], q.Secure, host)
	if r.Root != "" {
		q.Origin = append(q.Origin, q.Root...)
	}
	if q.Method == "" {
		if header.HasPrefix(q.Path, "/") { // a browser may ask whether a page may send one of another method there
			r.respell(q)
		}
		return reply.ErrMethod
	}
	if len(target) == 0 || target[0] != '/' {
		if refusal := r.comeHome(q, host); refusal != nil {
			return refusal
		}
		target = q.Target
	}
	if refusal := q.Credential.Find(&q.Fields, target); refusal != nil {
		return refusal
	}
	if !q.InLoop && isLoose(q.Path) { // a loop takes no such target: the table refuses it
		return r.unsealLoose(q)
	}
	return r.unseal(q)
}

// unseal looks for an ID token, and has the surface look for a sealed text.
func (r *Reader) unseal(q *surface.Request) *reply.Refusal {
	if r.IDTokens != nil && q.Credential.Kind == surface.KindLegacy && !q.InLoop { // it may have to wait
		if refusal := r.IDTokens.Take(q); refusal != nil {
			return refusal
		}
	}
	return q.Surface.Unseal(q)
}

// unsealLoose has the surface look for a sealed text that the path leads to as the forge reads it. What comes with one, or with a
// patgate token, keeps that spelling, so that all steps have one path; all else stays as it came.
func (r *Reader) unsealLoose(q *surface.Request) *reply.Refusal {
	came := q.Target
	r.respell(q)
	refusal := r.unseal(q)
	if refusal == nil && !q.IsPatgate() {
		r.aim(q, came)
	}
	return refusal
}

// cutRoot takes the path off under which patgate, or the forge, lies. GitLab has nothing beside its own, and clients that were
// made for that send it; to those that were pointed at patgate's bare address it is nothing.
func (r *Reader) cutRoot(q *surface.Request, target []byte) []byte {
	rest, below := reply.CutRoot(target, r.Root)
	q.Root = ""
	if below {
		q.Root = r.Root
	}
	if below && (len(rest) == 0 || rest[0] != '/') {
		return append([]byte{'/'}, rest...)
	}
	return rest
}

// aim notes a request's target, and which surface and which server it is for.
func (r *Reader) aim(q *surface.Request, target []byte) {
	q.Target = target
	q.Path = header.Before(target, '?')
	q.Surface = surface.Of(r.Surfaces, q.Path, q.Table.Base())
	q.Upstream = r.Forge
	if s, is := q.Surface.(surface.Elsewhere); is {
		if u := s.Upstream(q.Path); u != nil {
			q.Upstream = u
		}
	}
}

// MethodOf gives the constant of a method that is passed on; empty for others.
func MethodOf(method []byte) string {
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

// VersionOf gives the constant of a version of HTTP that is spoken; empty for others.
func VersionOf(protocol []byte) string {
	switch string(protocol) {
	case "HTTP/1.1":
		return "HTTP/1.1"
	case "HTTP/1.0":
		return "HTTP/1.0"
	}
	return ""
}
