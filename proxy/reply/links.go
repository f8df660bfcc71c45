package reply

import (
	"bytes"
	"strings"

	"patgate/proxy/header"
)

// Links rewrites the forge's own address in Link and Location headers to the one under which clients reach patgate, so
// that a client that follows one comes back through patgate and does not carry its token past it. Where the forge lies under a
// path, its address ends with that: what is beside it on the same host is another's.
type Links struct {
	own    Base     // that of the forge which requests are sent to
	roots  []root   // of the forge
	known  []root   // the same, and the public address: a server that is told of it by X-Forwarded-Host makes redirects of it
	public string   // the address under which clients reach patgate; empty: the client's own
	apart  []string // those of texts that are not public; none without public
}

// root is an address of the forge's, as it may stand behind a scheme.
type root struct {
	host string // host[:port], lower case
	path string
}

// defaultPort is the port that a scheme implies, as it stands behind a host.
var defaultPort = map[string]string{"http": ":80", "https": ":443"}

// NewLinks makes the rewriting of addresses below these bases, of which the first is the one that requests are sent to. public
// is the address under which clients reach patgate; when it is empty, it is the one by which the client came.
func NewLinks(public string, bases ...string) *Links {
	l := &Links{public: public}
	for i, address := range bases {
		b, ok := ParseBase(strings.TrimSuffix(address, "/"))
		if !ok {
			continue
		}
		if i == 0 {
			l.own = b
		}
		l.roots = append(l.roots, rootsOf(b)...)
	}
	l.known = l.roots
	if b, ok := ParseBase(public); ok {
		own := withoutPort(strings.ToLower(b.Host))
		for _, r := range l.roots {
			if withoutPort(r.host) != own || r.path != b.Path {
				l.apart = append(l.apart, r.host+r.path)
			}
		}
		l.known = append(l.roots[:len(l.roots):len(l.roots)], rootsOf(b)...)
	}
	return l
}

// rootsOf gives the ways to write an address, with and without the port that a scheme implies.
func rootsOf(b Base) []root {
	host := strings.ToLower(b.Host)
	all := []root{{host, b.Path}}
	if bare, found := strings.CutSuffix(host, defaultPort[b.Scheme]); found {
		return append(all, root{bare, b.Path})
	}
	if !strings.Contains(host[strings.LastIndexByte(host, ']')+1:], ":") {
		all = append(all, root{host + ":80", b.Path}, root{host + ":443", b.Path})
	}
	return all
}

// PublicURL gives the configured address; empty when there is none.
func (l *Links) PublicURL() string { return l.public }

// texts gives the addresses of the forge as they stand behind a scheme.
func (l *Links) texts() (all []string) {
	for _, r := range l.roots {
		all = append(all, r.host+r.path)
	}
	return all
}

// all gives the forge's addresses and the public one, as they stand behind a scheme: a forge whose name patgate has taken calls
// itself by that.
func (l *Links) all() (all []string) {
	for _, r := range l.known {
		all = append(all, r.host+r.path)
	}
	return all
}

// Apart tells whether clients reach patgate under a configured address that is not one of the forge's.
func (l *Links) Apart() bool { return len(l.apart) > 0 }

// withoutPort cuts off the port that a scheme implies.
func withoutPort(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":80"), ":443")
}

// AppendLocation writes a Location value; client is the origin by which the client came, when it is valid.
func (l *Links) AppendLocation(dst, value, client []byte) []byte {
	if n := l.Origin(value); n > 0 {
		if public := l.PublicOrigin(client); len(public) > 0 {
			return append(append(dst, public...), value[n:]...)
		}
		return append(dst, orSlash(value[n:])...) // relative: the client stays where it is
	}
	if rest, is := l.here(value); is {
		if path := l.PublicPath(client); path != l.own.Path {
			return append(append(dst, path...), orSlash(rest)...)
		}
	}
	return append(dst, value...)
}

// here tells whether a reference without an authority leads below the forge's root, and gives what follows that.
func (l *Links) here(value []byte) (rest []byte, is bool) {
	if len(value) == 0 || value[0] != '/' || header.HasPrefix(value, "//") {
		return value, false
	}
	return CutRoot(value, l.own.Path)
}

// Stays tells whether a reference is one to the forge that begins with its address or with a slash.
func (l *Links) Stays(value []byte) bool {
	_, here := l.here(value)
	return here || l.Origin(value) > 0
}

// orSlash gives a path that may be empty as one that is not.
func orSlash(path []byte) []byte {
	if len(path) == 0 {
		return []byte{'/'}
	}
	return path
}

// AppendLink writes a Link value: every <reference> in it that is on the forge.
func (l *Links) AppendLink(dst, value, client []byte) []byte {
	for {
		i := bytes.IndexByte(value, '<')
		if i < 0 {
			return append(dst, value...)
		}
		dst = append(dst, value[:i+1]...)
		value = value[i+1:]
		end := bytes.IndexByte(value, '>')
		if end < 0 {
			return append(dst, value...)
		}
		dst = l.AppendLocation(dst, value[:end], client)
		value = value[end:]
	}
}

// Origin gives the length of the forge's address, or of the public one, at the start of an absolute reference to it, with its
// path; 0 when it is none. Whatever else an authority may hold (a user, another host behind "@") is not the forge's.
func (l *Links) Origin(value []byte) int {
	at := 0
	switch {
	case len(value) > 8 && header.EqualFold(value[:8], "https://"):
		at = 8
	case len(value) > 7 && header.EqualFold(value[:7], "http://"):
		at = 7
	case header.HasPrefix(value, "//"):
		at = 2
	default:
		return 0
	}
	end := at
	for end < len(value) && value[end] != '/' && value[end] != '?' && value[end] != '#' && value[end] != '\\' {
		end++
	}
	for _, r := range l.known {
		if !header.EqualFold(value[at:end], r.host) {
			continue
		}
		if _, below := CutRoot(value[end:], r.path); below || r.path == "" {
			return end + len(r.path)
		}
	}
	return 0
}

// PublicOrigin gives the address under which a client reaches patgate, with a path where it has one; client is the one by which
// it came.
func (l *Links) PublicOrigin(client []byte) []byte {
	if l.public != "" {
		return []byte(l.public)
	}
	return client
}

// PublicPath gives the path of that address; empty where it has none.
func (l *Links) PublicPath(client []byte) string {
	b, _ := ParseBase(string(l.PublicOrigin(client)))
	return b.Path
}

// AppendClientOrigin writes the origin by which a client came. Its Host is one that header.IsHost takes.
func AppendClientOrigin(dst []byte, secure bool, host []byte) []byte {
	if secure {
		dst = append(dst, "https://"...)
	} else {
		dst = append(dst, "http://"...)
	}
	return append(dst, host...)
}
