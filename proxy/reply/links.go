package reply

import (
	"bytes"
	"strings"

	"patgate/proxy/header"
)

// Links rewrites the forge's own address in Link and Location headers to the one under which clients reach patgate, so
// that a client that follows one comes back through patgate and does not carry its token past it.
type Links struct {
	hosts  []string // host[:port] of the forge, lower case, as it may stand behind a scheme
	public string   // origin; empty: the client's own
}

// NewLinks makes the rewriting of addresses below these origins. public is the origin under which clients reach patgate; when it
// is empty, it is the one by which the client came.
func NewLinks(public string, origins ...string) *Links {
	l := &Links{public: public}
	for _, origin := range origins {
		scheme, host, ok := strings.Cut(strings.ToLower(origin), "://")
		if !ok {
			continue
		}
		host = strings.TrimSuffix(host, "/")
		l.hosts = append(l.hosts, host)
		defaultPort := map[string]string{"http": ":80", "https": ":443"}[scheme]
		if bare, found := strings.CutSuffix(host, defaultPort); found {
			l.hosts = append(l.hosts, bare)
		} else if !strings.Contains(host[strings.LastIndexByte(host, ']')+1:], ":") {
			l.hosts = append(l.hosts, host+":80", host+":443")
		}
	}
	return l
}

// PublicURL gives the configured origin; empty when there is none.
func (l *Links) PublicURL() string { return l.public }

// AppendLocation writes a Location value; client is the origin by which the client came, when it is valid.
func (l *Links) AppendLocation(dst, value, client []byte) []byte {
	if n := l.Origin(value); n > 0 {
		if public := l.PublicOrigin(client); len(public) > 0 {
			return append(append(dst, public...), value[n:]...)
		}
		if n == len(value) {
			return append(dst, '/')
		}
		return append(dst, value[n:]...) // relative: the client stays where it is
	}
	return append(dst, value...)
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

// Origin gives the length of the scheme and authority at the start of an absolute reference to the forge; 0 when it is
// none. Whatever else an authority may hold (a user, another host behind "@") is not the forge's.
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
	for _, host := range l.hosts {
		if header.EqualFold(value[at:end], host) {
			return end
		}
	}
	return 0
}

// PublicOrigin gives the origin under which a client reaches patgate; client is the one by which it came.
func (l *Links) PublicOrigin(client []byte) []byte {
	if l.public != "" {
		return []byte(l.public)
	}
	return client
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
