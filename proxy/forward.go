package proxy

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/proxy/loop"
)

// forward sends the request whose head is written, and hands its answer on.
func (x *exchange) forward(p *pool) (kept bool) {
	x.pool = p
	safe := x.upload.none() && (x.method == fasthttp.MethodGet || x.isHead)
	conn, err := p.do(x.head, &x.upload, safe, x.isHead, &x.answer, x.claim())
	return x.handOn(conn, err)
}

// claim gives for whom a connection is wanted.
func (x *exchange) claim() claim { return claim{x.holder(), x.loop()} }

// holder gives whose request it is.
func (x *exchange) holder() holder {
	if x.session != nil {
		return ownerOf(x.session)
	}
	return holder(x.fingerprint())
}

// loop gives the event loop that the client's connection belongs to; nil when it belongs to none.
func (x *exchange) loop() *loop.Loop {
	if x.conn == nil || x.conn.socket == nil {
		return nil
	}
	return x.conn.socket.Loop()
}

// handOn hands the answer on that a connection brings, or answers for the error that stood in its way.
func (x *exchange) handOn(conn *upstreamConn, err error) (kept bool) {
	x.body.sent()
	if err != nil {
		if !errors.Is(err, errUpstreamConnect) && !errors.Is(err, errUpstreamBusy) {
			x.forget()
		}
		x.event.Failure = failureOf(err)
		r := refusalOf(err)
		if x.upload.running() && !r.close {
			copied := *r
			copied.close = true // part of the body is unread
			r = &copied
		}
		x.refuse(r)
		return false
	}
	x.upstream = conn
	x.event.Upstream = time.Since(x.event.Start)
	status := x.answer.StatusCode()
	if status == fasthttp.StatusSwitchingProtocols {
		x.free(false)
		x.event.Failure = failureUpstream
		x.refuse(refuseUnavailable)
		return false
	}
	x.judgeCredential(status)
	if status == fasthttp.StatusUnauthorized && x.registry.proxied != nil {
		x.h.proxyTokens.drop(x.proxyTokenKey())
	}
	if status < 400 || status >= 500 { // a 4xx changed nothing
		x.forget()
	}
	if r := x.copyAnswer(); r != nil {
		return x.broken(r, failureRedirect)
	}
	return x.deliver()
}

// droppedAnswer are headers of the forge's answers that are between it and its own front end, or would hand the client
// another host's cookie. Names are lower case; a trailing "*" matches any ending.
var droppedAnswer = []string{
	"connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
	"content-length", "gitlab-*", "x-sendfile*", "x-accel-*", "x-gitlab-custom-error", "x-gitlab-meta", "refresh",
}

// copyAnswer copies status and headers of the forge's answer. Callers without a patgate token get them as they are,
// those for this connection only excepted. A redirect that is not passed on is a refusal.
func (x *exchange) copyAnswer() *refusal {
	from, to := &x.answer.Header, &x.ctx.Response.Header
	x.ctx.Response.SetStatusCode(x.answer.StatusCode())
	ours := x.cred.caller == callerPatgate
	to.DisableNormalizing() // names stay as the forge spells them
	nominated := connectionOptions(from)
	for name, value := range from.All() {
		if len(nominated) > 0 && listed(nominated, name) {
			continue
		}
		value, passes, r := x.passOn(name, value)
		if r != nil {
			return r
		}
		if passes != passesNever {
			to.AddBytesKV(name, value)
		}
	}
	if ours {
		x.scratch, _ = x.event.ID.AppendText(x.scratch[:0])
		to.SetBytesV("X-Request-Id", x.scratch)
	}
	if x.h.options.OwnPages {
		to.Add("Content-Security-Policy", "sandbox") // beside the forge's own policy: both hold (CSP 3, 4.2)
	}
	return nil
}

// passes tells whether a field of the forge's answer is passed on.
type passes uint8

const (
	passesNever  passes = iota
	passesHere          // in this answer, with the value that is given
	passesAlways        // as it is, to every caller of this kind on this surface
)

// passOn tells whether a field of the forge's answer is passed on, and with which value, which is good until the next call.
func (x *exchange) passOn(name, value []byte) (passed []byte, p passes, r *refusal) {
	ours := x.cred.caller == callerPatgate
	switch {
	case ours && equalFold(name, "x-terraform-get"):
		if value = x.moduleAddress(value); value == nil {
			return nil, passesNever, nil
		}
		return value, passesHere, nil
	case dropped(name, ours):
		return nil, passesNever, nil
	case ours && equalFold(name, "set-cookie"), ours && equalFold(name, "x-request-id"):
		return nil, passesNever, nil
	case equalFold(name, "set-cookie") && x.setsOwnCookie(value):
		return nil, passesNever, nil
	case equalFold(name, "location"), equalFold(name, "content-location"):
		if ours {
			if r := x.checkRedirect(value); r != nil {
				return nil, passesNever, r
			}
		}
		x.scratch = x.linksOf().appendLocation(x.scratch[:0], value, x.origin)
		return x.scratch, passesHere, nil
	case equalFold(name, "link"):
		x.scratch = x.linksOf().appendLink(x.scratch[:0], value, x.origin)
		return x.scratch, passesHere, nil
	case equalFold(name, "www-authenticate") && x.surface == surfaceRegistry && below(x.path, "/v2"):
		x.scratch = x.appendRegistryChallenge(x.scratch[:0])
		return x.scratch, passesHere, nil
	case isDigest(name):
		if x.changes() {
			return nil, passesNever, nil
		}
		return value, passesHere, nil
	}
	return value, passesAlways, nil
}

// connectionOptions gives the value of the answer's Connection header.
func connectionOptions(h *fasthttp.ResponseHeader) []byte {
	for name, value := range h.All() {
		if equalFold(name, "connection") {
			return value
		}
	}
	return nil
}

// droppedByLetter is droppedAnswer by the first letter, with what is dropped for every caller.
var droppedByLetter = func() (by [32][]droppedName) {
	for i, d := range droppedAnswer {
		text, prefix := strings.CutSuffix(d, "*")
		by[d[0]%32] = append(by[d[0]%32], droppedName{text, prefix, i < 9})
	}
	return by
}()

type droppedName struct {
	text   string
	prefix bool // of any name that begins so
	always bool // for every caller, not only those with a patgate token
}

// dropped tells whether a header of the forge's answer stays behind. The first entries are for every caller.
func dropped(name []byte, ours bool) bool {
	if len(name) == 0 {
		return true
	}
	for _, d := range droppedByLetter[name[0]%32] {
		n := len(d.text)
		if (d.always || ours) && (len(name) == n || d.prefix && len(name) > n) && equalFold(name[:n], d.text) {
			return true
		}
	}
	return false
}

func listed(list, name []byte) bool {
	for len(list) > 0 {
		var option []byte
		option, list = cutList(list)
		if bytes.EqualFold(option, name) {
			return true
		}
	}
	return false
}

// isDigest tells whether a header is about the very bytes of a body.
func isDigest(name []byte) bool {
	for _, n := range [...]string{"etag", "digest", "content-digest", "repr-digest", "content-md5"} {
		if equalFold(name, n) {
			return true
		}
	}
	return false
}
