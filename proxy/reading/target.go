package reading

import (
	"bytes"
	"strings"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
)

// comeHome takes scheme and authority off a target in absolute form that names patgate itself (RFC 9112, 3.2.2): by the Host
// header and the scheme by which the request came, or by the public address. What it names counts, whatever Host says.
func (r *Reader) comeHome(q *surface.Request, host []byte) *reply.Refusal {
	scheme, rest, found := bytes.Cut(q.Target, []byte("://"))
	isSecure := header.EqualFold(scheme, "https")
	if !found || !isSecure && !header.EqualFold(scheme, "http") {
		return reply.ErrTarget
	}
	slash := bytes.IndexByte(rest, '/')
	if slash < 0 {
		return reply.ErrTarget
	}
	authority := rest[:slash]
	publicScheme, public, _ := strings.Cut(r.PublicURL, "://")
	public, _, _ = strings.Cut(public, "/")
	switch {
	case isSecure == q.Secure && header.EqualFold(authority, string(host)):
	case public != "" && isSecure == (publicScheme == "https") && header.EqualFold(authority, public):
		q.Origin = reply.AppendClientOrigin(q.Origin[:0], isSecure, authority)
	default:
		return reply.ErrAbroad
	}
	target := rest[slash:]
	if r.Root != "" {
		target = r.cutRoot(q, target)
		q.Origin = append(q.Origin, q.Root...)
	}
	r.aim(q, target)
	return nil
}

// respell writes a path as the forge reads it where clients leave to servers what RFC 3986 leaves to them. Doubled slashes are
// one to the routers of GitLab and Gitea, and not on a surface.Literal. Letters that stand bare, which no reader takes for
// anything else, are encoded, and so is what lies beyond ASCII; backslashes, blanks and "#" are not among them.
func (r *Reader) respell(q *surface.Request) {
	const digits = "0123456789ABCDEF"
	literal, is := q.Surface.(surface.Literal)
	squeezes := !is || !literal.Literal(q.Path)
	target := make([]byte, 0, len(q.Target)+32)
	for i, c := range q.Path {
		switch {
		case c == '/' && i > 0 && q.Path[i-1] == '/' && squeezes:
		case isBare[c]:
			target = append(target, '%', digits[c>>4], digits[c&15])
		default:
			target = append(target, c)
		}
	}
	r.aim(q, append(target, q.Target[len(q.Path):]...))
}

// isLoose tells whether respell has anything to do.
func isLoose(path []byte) bool {
	for i, c := range path {
		if isBare[c] || c == '/' && i > 0 && path[i-1] == '/' {
			return true
		}
	}
	return false
}

// isBare holds the bytes of a path that clients leave as they are, against RFC 3986, 3.3: browsers and fetch some (WHATWG URL,
// path percent-encode set), others all of them.
var isBare = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= 0x80 || bytes.IndexByte([]byte("\"<>[]^`{|}"), byte(c)) >= 0
	}
	return is
}()
