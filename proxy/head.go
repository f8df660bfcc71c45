package proxy

import (
	"encoding/base64"
	"strconv"

	"github.com/valyala/fasthttp"
)

// appendHead writes the head of the upstream request for a patgate token: the target that was decided on, the owner's
// credential in the place of the token, and of the client's headers those on the closed list.
func (x *exchange) appendHead(dst, target []byte) []byte {
	dst = append(append(append(dst, x.method...), ' '), target...)
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), x.upstreamHost()...)
	dst = append(dst, '\r', '\n')
	if !x.decision.Anonymous {
		dst = x.appendCredential(dst)
	}
	plainAnswer := x.op.Route != nil && (len(x.op.Route.Response.Remove) > 0 || x.op.Route.Response.Links) || x.git.batch != nil || x.registry.auth != nil
	if x.surface == surfaceWeb {
		dst = append(dst, "Accept: */*\r\n"...) // it could ask for another format than the path does
	}
	for i := range x.fields.list {
		f := &x.fields.list[i]
		switch f.class {
		case classPassed, classList:
			if x.surface == surfaceWeb && f.field == fieldAccept {
				continue
			}
			if plainAnswer && (f.field == fieldRange || equalFold(f.name, "if-range")) {
				continue // a part cannot be filtered, and could be chosen so that it is just what must not be seen
			}
			dst = appendField(dst, f.name, f.value)
		case classFraming:
			if f.field == fieldAcceptEncoding && !plainAnswer {
				dst = appendField(dst, f.name, f.value)
			}
		}
	}
	dst = x.appendForwarding(dst)
	return x.appendFraming(dst)
}

// appendCredential puts the owner's credential where the forge looks for it.
func (x *exchange) appendCredential(dst []byte) []byte {
	if len(x.registry.jwt) > 0 {
		return append(append(append(dst, "Authorization: Bearer "...), x.registry.jwt...), '\r', '\n')
	}
	if x.toRegistry() {
		return dst // it is not the forge
	}
	secret := x.session.Credential.Reveal()
	switch x.placing() {
	case placeBearer:
		dst = append(append(dst, "Authorization: Bearer "...), secret...)
	case placeTokenKey:
		dst = append(append(dst, "Authorization: Token "...), secret...)
	case placeRaw:
		dst = append(append(dst, "Authorization: "...), secret...)
	case placeNugetKey:
		dst = append(append(dst, "X-NuGet-ApiKey: "...), secret...)
	case placeBasic:
		return x.appendBasic(dst)
	case placeTicket:
		return dst // it is in the target
	default:
		dst = append(append(dst, "PRIVATE-TOKEN: "...), secret...)
	}
	return append(dst, '\r', '\n')
}

// appendBasic writes the owner's name and credential.
func (x *exchange) appendBasic(dst []byte) []byte {
	dst = append(dst, "Authorization: Basic "...)
	x.scratch = append(append(append(x.scratch[:0], x.session.Username...), ':'), x.session.Credential.Reveal()...)
	dst = base64.StdEncoding.AppendEncode(dst, x.scratch)
	clear(x.scratch)
	return append(dst, '\r', '\n')
}

// appendForwarding writes who the client is: one X-Forwarded-For, whatever the client sent. Via goes on as it came, with a line of
// our own behind it (RFC 9110, 7.6.3).
func (x *exchange) appendForwarding(dst []byte) []byte {
	if x.client.IsValid() {
		dst = append(dst, "X-Forwarded-For: "...)
		if x.conn != nil && x.conn.peer == x.client {
			dst = append(dst, x.conn.from...)
		} else {
			dst = x.client.AppendTo(dst)
		}
		dst = append(dst, '\r', '\n')
	}
	dst = append(dst, "X-Forwarded-Proto: "...)
	if x.secure || x.h.publicSecure {
		dst = append(dst, "https\r\n"...)
	} else {
		dst = append(append(dst, x.h.upstreamScheme...), '\r', '\n')
	}
	if x.h.publicHost != "" {
		dst = append(append(append(dst, "X-Forwarded-Host: "...), x.h.publicHost...), '\r', '\n')
	}
	dst = append(dst, x.h.via...)
	dst = append(dst, "X-Request-Id: "...)
	dst, _ = x.event.ID.AppendText(dst) // it has no error to give
	return append(dst, '\r', '\n')
}

// appendFraming writes how the body is sent, and ends the head.
func (x *exchange) appendFraming(dst []byte) []byte {
	u := &x.upload
	if t := x.body.contentType; len(t) > 0 {
		dst = appendField(dst, []byte("Content-Type"), t)
	}
	if x.body.gzipped {
		dst = append(dst, "Content-Encoding: gzip\r\n"...)
	}
	switch {
	case u.running() && u.length < 0:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case !u.none() || x.method != fasthttp.MethodGet && x.method != fasthttp.MethodHead && x.method != fasthttp.MethodDelete:
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(u.whole))+max(u.length, 0), 10)
		dst = append(dst, '\r', '\n')
	}
	return append(dst, '\r', '\n')
}

func appendField(dst, name, value []byte) []byte {
	dst = append(append(dst, name...), ':', ' ')
	return append(append(dst, value...), '\r', '\n')
}

// strange refuses what a header block with a patgate token must not hold.
func (x *exchange) strange() *refusal {
	f := &x.fields
	for i := range f.list {
		h := &f.list[i]
		switch {
		case h.alias:
			return refuseAlias
		case h.class == classRefused, h.class == classLogin:
			return refuseOverride
		case h.class == classPassed && f.repeated(h.field), h.class == classFraming && f.repeated(h.field):
			return refuseRepeatedHeader
		case (h.class == classCredential || h.class == classPassed || h.class == classList || h.class == classFraming) && f.nominated(h.name):
			return refuseNominated
		}
	}
	if f.has(fieldUpgrade) && !equalFold(f.get(fieldUpgrade), "h2c") {
		return refuseUpgrade
	}
	if f.has(fieldExpect) && !equalFold(f.get(fieldExpect), "100-continue") {
		return refuseExpect
	}
	return nil
}
