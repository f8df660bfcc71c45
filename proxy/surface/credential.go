package surface

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/routes"
	"patgate/routes/percent"
	"patgate/token"
)

// CredentialKind is what kind of credential a request carries.
type CredentialKind uint8

// The kinds.
const (
	KindAnonymous CredentialKind = iota
	KindWeb                      // a browser's session cookie
	KindLegacy                   // a credential of the forge's own
	KindPatgate
)

var kindNames = [...]string{"anonymous", "web", "legacy", "patgate"}

// String gives the name for logs.
func (c CredentialKind) String() string { return kindNames[c] }

// Credential is what was found in a request's headers and target.
type Credential struct {
	Dialect *Dialect
	Kind    CredentialKind
	Auth    routes.Auth // of the only one
	Secret  []byte      // of a patgate token; points into the request or into buf
	Found   int         // how many headers hold one

	buf   []byte // decoded Basic credentials
	first []byte // the secret in front of the one that is read
}

// Find reads every place of a request in which GitLab 19.3 takes a credential from headers. With a patgate token, that
// must be the only credential: it may stand in several places, as where a client adds what it finds in a .netrc to what it was
// told. No answer repeats a value.
func (c *Credential) Find(f *header.Block, target []byte) *reply.Refusal {
	c.Kind, c.Auth, c.Secret = KindAnonymous, routes.AuthNone, nil
	if MentionsToken(target) {
		return reply.ErrTokenInTarget
	}
	found, ours, session := 0, 0, false
	misplaced, differ := false, false
	for i := range f.List {
		h := &f.List[i]
		if h.Class != header.ClassCredential {
			continue
		}
		if h.Name == header.Cookie {
			if !c.Dialect.IsSession(h.Value) {
				continue
			}
			session = true
		}
		if found++; ours > 0 {
			c.first = append(c.first[:0], c.Secret...) // it may stand in what Read overwrites
		}
		before := c.Auth
		p, secret := c.Read(h)
		c.Auth = p
		switch {
		case token.HasPrefix(secret) && p != routes.AuthNone:
			if ours++; ours > 1 {
				differ = differ || subtle.ConstantTimeCompare(c.first, secret) != 1
				c.Auth = before
			}
			c.Secret = secret
			h.Own = p != routes.AuthBasic // where it is encoded
			misplaced = misplaced || h.Alias
		case token.Find(h.Value) || token.Find(c.buf):
			ours++
			misplaced = true
		}
	}
	c.Found = found
	switch {
	case ours == 0:
		if repeatsToken(f) {
			return reply.ErrMisplaced // in a header that holds no credential
		}
		switch {
		case session && found == 1 && !QueryCredential(target):
			c.Kind = KindWeb
		case found > 0 || QueryCredential(target):
			c.Kind = KindLegacy
		}
		if found > 1 {
			c.Auth = routes.AuthNone
		}
		return nil
	case found > ours, differ:
		return reply.ErrSeveralCredentials
	case misplaced:
		return reply.ErrMisplaced
	case QueryCredential(target), repeatsToken(f):
		return reply.ErrSeveralCredentials
	}
	c.Found = 1
	c.Kind = KindPatgate
	return nil
}

// repeatsToken tells whether a patgate token stands plainly in a header line, besides the first one in each line that holds
// the credential. A name and a value are looked at apart: what is between them stands in no token.
func repeatsToken(f *header.Block) bool {
	for i := range f.List {
		h := &f.List[i]
		if h.Known {
			continue
		}
		find := token.Find
		if h.Own {
			find = token.Repeats
		}
		if token.Find(h.Text) || find(h.Value) {
			return true
		}
	}
	return false
}

// Read gives the secret in a credential header, and its place when it is one that a patgate token may take.
func (c *Credential) Read(h *header.Field) (routes.Auth, []byte) {
	c.buf = c.buf[:0]
	switch h.Name {
	case header.PrivateToken:
		return routes.AuthPrivateToken, h.Value
	case header.NugetKey:
		return routes.AuthNugetKey, h.Value
	case header.Authorization:
		scheme, rest, hasScheme := bytes.Cut(h.Value, []byte{' '})
		switch {
		case !hasScheme && c.Dialect.RawTokens:
			return routes.AuthRaw, h.Value
		case header.EqualFold(scheme, "bearer"):
			return routes.AuthBearer, header.TrimSpace(rest)
		case header.EqualFold(scheme, "token"):
			return routes.AuthToken, header.TrimSpace(rest)
		case header.EqualFold(scheme, "basic"):
			c.decodeBasic(header.TrimSpace(rest))
			username, password, ok := bytes.Cut(c.buf, []byte{':'})
			switch {
			case !ok:
			case c.Dialect.UsernameTokens && (len(password) == 0 || string(password) == "x-oauth-basic"):
				return routes.AuthBasic, username
			default:
				return routes.AuthBasic, password
			}
		}
	}
	return routes.AuthNone, nil
}

// Username gives what stands in front of the secret in Basic, as Read has read it last.
func (c *Credential) Username() []byte { return header.Before(c.buf, ':') }

// decodeBasic decodes leniently: the forge's Basic decoder skips what is not in the alphabet, and so must a search for
// our own prefix.
func (c *Credential) decodeBasic(encoded []byte) {
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

// MentionsToken tells whether a patgate token stands in a target, plainly or percent-encoded, however often.
func MentionsToken(target []byte) bool {
	if token.Find(target) {
		return true
	}
	if !hidesText(target) {
		return false
	}
	var room [256]byte
	decoded := append(room[:0], target...)
	for range 4 {
		n := percent.DecodeInPlace(decoded)
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
		if at < 0 {
			return false
		}
		c, ok := percent.Decode(b[at:])
		if !ok {
			b = b[at+1:]
			continue
		}
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '_', c == '%':
			return true
		}
		b = b[at+3:]
	}
}

// QueryCredential tells whether the query names a parameter that GitLab 19.3 takes a credential from.
func QueryCredential(target []byte) bool {
	pair, _ := NextCredential(target[len(header.Before(target, '?')):])
	return pair != nil
}

// NextCredential gives the first such parameter of a query, and what stands behind it. query begins with what separates it from
// what is in front of it. Rack 2 parts parameters at ";" too. Nil: there is none.
func NextCredential(query []byte) (pair, rest []byte) {
	query = query[min(len(query), 1):]
	for len(query) > 0 {
		pair = header.Before(header.Before(query, '&'), ';')
		rest = query[len(pair):]
		query = rest[min(len(rest), 1):]
		if IsCredentialName(header.Before(pair, '=')) {
			return pair, rest
		}
	}
	return nil, nil
}

// IsCredentialName tells whether the forge takes a credential from a parameter of that name, as it stands in a query or
// form. Rack passes over brackets in front of a name, however many, and what stands in brackets behind it names something within.
func IsCredentialName(name []byte) bool {
	if len(name) < 5 || bytes.IndexByte(name, 'n') < 0 && bytes.IndexByte(name, '%') < 0 {
		return false // all of them have an "n", if it is not encoded
	}
	var room [128]byte
	decoded := append(room[:0], name...)
	decoded = bytes.TrimLeft(decoded[:percent.DecodeInPlace(decoded)], " +[]")
	if end := bytes.IndexAny(decoded, "[]"); end >= 0 {
		decoded = decoded[:end]
	}
	switch string(bytes.TrimRight(decoded, " +")) {
	case "private_token", "access_token", "bearer_token", "job_token", "token", "feed_token", "rss_token", "instance_id":
		return true
	}
	return false
}

// Reset forgets the credential.
func (c *Credential) Reset() {
	*c = Credential{buf: emptied(c.buf), first: emptied(c.first)}
}

// AuthFor tells where the owner's credential goes on a row: where the client had its token when the forge looks there, else where
// it looks first.
func (c *Credential) AuthFor(row *routes.Route) routes.Auth {
	auths := c.Dialect.Ordinary
	if row != nil && len(row.Auth) > 0 {
		auths = row.Auth
	}
	for _, p := range auths {
		if p == c.Auth {
			return p
		}
	}
	return auths[0]
}
