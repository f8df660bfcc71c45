package proxy

import (
	"bytes"
	"encoding/base64"

	"patgate/token"
)

// place is where in a request a credential stands. Many of the forge's package routes look in one place only (GitLab 19.3,
// lib/gitlab/api_authentication), so that rows say where the owner's credential goes: see placing.
type place uint8

const (
	placeNone place = iota
	placePrivateToken
	placeBearer   // Authorization: Bearer
	placeBasic    // Authorization: Basic, as the password
	placeTokenKey // Authorization: Token
	placeRaw      // Authorization: the token itself (RubyGems)
	placeNugetKey // X-NuGet-ApiKey
	placeTicket   // token in the query, sealed
)

var placeNames = [...]string{"none", "PRIVATE-TOKEN", "bearer", "basic", "token", "authorization", "X-NuGet-ApiKey", "ticket"}

// String gives the name for logs.
func (p place) String() string { return placeNames[p] }

// caller is what kind of credential a request carries.
type caller uint8

const (
	callerAnonymous caller = iota
	callerWeb              // a browser's session cookie
	callerLegacy           // a credential of the forge's own
	callerPatgate
)

var callerNames = [...]string{"anonymous", "web", "legacy", "patgate"}

// String gives the name for logs.
func (c caller) String() string { return callerNames[c] }

// credential is what was found in a request's headers and target.
type credential struct {
	dialect *dialect // nil is GitLab's
	caller  caller
	place   place  // of the only one
	secret  []byte // of a patgate token; points into the request or into buf
	buf     []byte // decoded Basic credentials
	found   int    // how many headers hold one
}

// find reads every place of a request in which GitLab 19.3 takes a credential from headers. With a patgate token, that
// must be the only credential, in one place, once. No answer repeats a value.
func (c *credential) find(f *fields, target []byte) *refusal {
	c.caller, c.place, c.secret = callerAnonymous, placeNone, nil
	if mentionsToken(target) {
		return refuseTokenInTarget
	}
	found, ours, session := 0, 0, false
	misplaced := false
	var own *field
	for i := range f.list {
		h := &f.list[i]
		if h.class != classCredential {
			continue
		}
		if h.field == fieldCookie {
			if !c.dialect.isSession(h.value) {
				continue
			}
			session = true
		}
		found++
		p, secret := c.read(h)
		c.place = p
		switch {
		case token.HasPrefix(secret) && p != placeNone:
			ours++
			c.secret, own = secret, h
			misplaced = misplaced || h.alias
		case token.Find(h.value) || token.Find(c.buf):
			ours++
			misplaced = true
		}
	}
	c.found = found
	switch {
	case ours == 0:
		if f.mentionsToken(nil) {
			return refuseMisplaced // in a header that holds no credential
		}
		switch {
		case found > 0 && session && found == 1:
			c.caller = callerWeb
		case found > 0 || queryCredential(target):
			c.caller = callerLegacy
		}
		if found > 1 {
			c.place = placeNone
		}
		return nil
	case found > 1:
		return refuseSeveralCredentials
	case misplaced:
		return refuseMisplaced
	case queryCredential(target):
		return refuseSeveralCredentials
	}
	if c.place == placeBasic {
		own = nil // it is encoded there
	}
	if f.mentionsToken(own) {
		return refuseSeveralCredentials
	}
	c.caller = callerPatgate
	return nil
}

// mentionsToken tells whether a patgate token stands plainly in a header line, besides the first one in the line that holds
// the credential. A name and a value are looked at apart: what is between them stands in no token.
func (f *fields) mentionsToken(own *field) bool {
	for i := range f.list {
		h := &f.list[i]
		if h.known {
			continue
		}
		value := h.value
		if h == own {
			value = token.Behind(value)
		}
		if token.Find(h.name) || token.Find(value) {
			return true
		}
	}
	return false
}

// read gives the secret in a credential header, and its place when it is one that a patgate token may take.
func (c *credential) read(h *field) (place, []byte) {
	c.buf = c.buf[:0]
	switch h.field {
	case fieldPrivateToken:
		return placePrivateToken, h.value
	case fieldNugetKey:
		return placeNugetKey, h.value
	case fieldAuthorization:
		scheme, rest, hasScheme := bytes.Cut(h.value, []byte{' '})
		switch {
		case !hasScheme && (c.dialect == nil || c.dialect.rawTokens):
			return placeRaw, h.value
		case equalFold(scheme, "bearer"):
			return placeBearer, trimSpace(rest)
		case equalFold(scheme, "token"):
			return placeTokenKey, trimSpace(rest)
		case equalFold(scheme, "basic"):
			c.decodeBasic(trimSpace(rest))
			username, password, ok := bytes.Cut(c.buf, []byte{':'})
			switch {
			case !ok:
			case c.dialect != nil && c.dialect.usernameTokens && (len(password) == 0 || string(password) == "x-oauth-basic"):
				return placeBasic, username
			default:
				return placeBasic, password
			}
		}
	}
	return placeNone, nil
}

// decodeBasic decodes leniently: the forge's Basic decoder skips what is not in the alphabet, and so must a search for
// our own prefix.
func (c *credential) decodeBasic(encoded []byte) {
	c.buf = c.buf[:0]
	for _, b := range encoded {
		switch {
		case b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '+', b == '/':
			c.buf = append(c.buf, b)
		case b == '-':
			c.buf = append(c.buf, '+')
		case b == '_':
			c.buf = append(c.buf, '/')
		}
	}
	n := len(c.buf) - len(c.buf)%4
	if tail := len(c.buf) - n; tail > 1 {
		n = len(c.buf)
	}
	m, err := base64.RawStdEncoding.Decode(c.buf[:n], c.buf[:n]) // in place: the output never passes the input
	if err != nil {
		m = 0
	}
	c.buf = c.buf[:m]
}

// isSession tells whether a Cookie header logs in at the forge (GitLab 19.3: the session, "remember me", KAS).
func isSession(cookie []byte) bool {
	return bytes.Contains(cookie, []byte("_gitlab_")) || bytes.Contains(cookie, []byte("remember_user_token"))
}

// mentionsToken tells whether a patgate token stands in a target, plainly or percent-encoded, however often.
func mentionsToken(target []byte) bool {
	if token.Find(target) {
		return true
	}
	if !hidesText(target) {
		return false
	}
	var room [256]byte
	decoded := append(room[:0], target...)
	for range 4 {
		n := unescapeInPlace(decoded)
		if n == len(decoded) {
			return false
		}
		decoded = decoded[:n]
		if token.Find(decoded) {
			return true
		}
		if bytes.IndexByte(decoded, '%') < 0 {
			return false
		}
	}
	return false
}

// hidesText tells whether an escape stands for what a token is made of, or for part of a further escape.
func hidesText(b []byte) bool {
	for {
		at := bytes.IndexByte(b, '%')
		if at < 0 || at+2 >= len(b) {
			return false
		}
		hi, lo := hexValue(b[at+1]), hexValue(b[at+2])
		if hi < 0 || lo < 0 {
			b = b[at+1:]
			continue
		}
		switch c := byte(hi<<4 | lo); {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '_', c == '%':
			return true
		}
		b = b[at+3:]
	}
}

// unescapeInPlace decodes valid percent-escapes and gives the new length.
func unescapeInPlace(b []byte) int {
	n := bytes.IndexByte(b, '%')
	if n < 0 {
		return len(b)
	}
	for i := n; i < len(b); i++ {
		c := b[i]
		if c == '%' && i+2 < len(b) {
			hi, lo := hexValue(b[i+1]), hexValue(b[i+2])
			if hi >= 0 && lo >= 0 {
				c = byte(hi<<4 | lo)
				i += 2
			}
		}
		b[n] = c
		n++
	}
	return n
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// before gives the part of b in front of the first c, or all of it.
func before(b []byte, c byte) []byte {
	if i := bytes.IndexByte(b, c); i >= 0 {
		return b[:i]
	}
	return b
}

// queryCredential tells whether the query names a parameter that GitLab 19.3 takes a credential from.
func queryCredential(target []byte) bool {
	pair, _ := nextCredential(target[len(before(target, '?')):])
	return pair != nil
}

// nextCredential gives the first such parameter of a query, and what stands behind it. query begins with what separates it from
// what is in front of it. Nil: there is none.
func nextCredential(query []byte) (pair, rest []byte) {
	query = query[min(len(query), 1):]
	for len(query) > 0 {
		pair = before(query, '&')
		rest = query[len(pair):]
		query = rest[min(len(rest), 1):]
		name := before(pair, '=')
		if len(name) < 5 || len(name) > 128 {
			continue
		}
		var room [128]byte
		decoded := append(room[:0], name...)
		decoded = bytes.Trim(decoded[:unescapeInPlace(decoded)], " +[]")
		switch string(decoded) {
		case "private_token", "access_token", "bearer_token", "job_token", "token", "feed_token", "rss_token":
			return pair, rest
		}
	}
	return nil, nil
}
