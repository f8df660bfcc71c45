package reply

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/routes/percent"
	"patgate/token"
)

// Why a redirect of the forge is not passed on.
var (
	ErrForeign = &Refusal{Status: fasthttp.StatusBadGateway, Reason: "foreign_redirect",
		Message: "The forge redirects this request to another host, which it should not. If that is an address of the forge " +
			"itself, it belongs under upstream.external_urls of patgate's configuration, and one of its registry under " +
			"registry.external_urls."}
	ErrStorage = &Refusal{
		Status: fasthttp.StatusBadGateway,
		Reason: "foreign_redirect",
		Message: "The forge redirects this request to a host that patgate does not send clients to: only https is, or what " +
			"upstream.storage_urls lists.",
	}
	ErrUnreadableRedirect = &Refusal{Status: fasthttp.StatusBadGateway, Reason: "unreadable_redirect",
		Message: "The forge redirects this request in a way that could be read in more than one way."}
	ErrCircle = &Refusal{Status: fasthttp.StatusBadGateway, Reason: "circular_redirect",
		Message: "The forge redirects this request to the same address under another scheme or name of its own, which leads " +
			"back here. Its operator sets upstream.url of patgate's configuration to that address, and upstream.connect where " +
			"that name leads to patgate."}
	ErrTellingRedirect = &Refusal{Status: fasthttp.StatusBadGateway, Reason: "redirect_credential",
		Message: "The forge redirects this request to an address that holds a credential."}
)

// Destination is where a Location leads.
type Destination uint8

// The destinations.
const (
	LeadsNowhere Destination = iota // it cannot be read in one way
	LeadsHere                       // to the forge itself, and with that to patgate
	LeadsAway                       // to another host
)

// Destination reads a Location. Clients differ in what they make of blanks, backslashes, missing slashes and other
// schemes, so none of these lead anywhere.
func (l *Links) Destination(value []byte) Destination {
	for _, c := range value {
		if c <= ' ' || c == 0x7f || c == '\\' {
			return LeadsNowhere
		}
	}
	switch {
	case l.Origin(value) > 0:
		return LeadsHere
	case header.HasPrefix(value, "//"):
		return LeadsNowhere
	case len(value) > 0 && value[0] == '/':
		if _, is := l.here(value); !is {
			return LeadsAway
		}
		return LeadsHere
	}
	if _, authority := cutOrigin(value); authority != nil {
		if header.IsHost(authority) {
			return LeadsAway
		}
		return LeadsNowhere
	}
	if i := bytes.IndexAny(value, ":/?#"); i >= 0 && value[i] == ':' {
		return LeadsNowhere // a scheme
	}
	return LeadsHere
}

// repeats tells whether a Location is the target of the request, whose head was sent, at another scheme or name of the forge's or
// at the address that the client came by: who follows it comes with the same request, to the same answer.
func (l *Links) repeats(value, sent, client []byte) bool {
	n := l.Origin(value)
	public := l.PublicOrigin(client)
	switch {
	case n > 0 && string(value[:n]) == l.own.Scheme+"://"+l.own.Host+l.own.Path:
		return false // to itself, perhaps after a cookie
	case n == 0 && len(public) > 0 && header.HasPrefix(value, string(public)):
		n = len(public)
	case n == 0:
		return false
	}
	_, sent, _ = bytes.Cut(sent, []byte{' '})
	target, _, _ := bytes.Cut(sent, []byte{' '})
	rest, _ := CutRoot(target, l.own.Path)
	return bytes.Equal(orSlash(value[n:]), orSlash(rest))
}

// cutOrigin gives the scheme and the authority of an absolute http or https address; nil for anything else.
func cutOrigin(value []byte) (scheme string, authority []byte) {
	for _, scheme := range [...]string{"https", "http"} {
		n := len(scheme) + len("://")
		if len(value) >= n && header.EqualFold(value[:n], scheme+"://") {
			rest := value[n:]
			if end := bytes.IndexAny(rest, "/?#"); end >= 0 {
				rest = rest[:end]
			}
			return scheme, rest
		}
	}
	return "", nil
}

// Tells tells whether an address holds a patgate token or one of the secrets: plainly, percent-encoded or in base64.
func Tells(address []byte, secrets ...[]byte) bool {
	decoded := bytes.Clone(address)
	for range 4 {
		if holds(decoded, secrets) {
			return true
		}
		n := percent.DecodeInPlace(decoded)
		if n == len(decoded) {
			return false
		}
		decoded = decoded[:n]
	}
	return holds(decoded, secrets)
}

func holds(text []byte, secrets [][]byte) bool {
	if token.Find(text) {
		return true
	}
	for _, secret := range secrets {
		if len(secret) > 0 && bytes.Contains(text, secret) {
			return true
		}
		for skip := range min(3, len(secret)) { // the alignments that base64 has
			part := secret[skip : len(secret)-(len(secret)-skip)%3]
			if len(part) == 0 {
				continue
			}
			if bytes.Contains(text, base64.RawStdEncoding.AppendEncode(nil, part)) ||
				bytes.Contains(text, base64.RawURLEncoding.AppendEncode(nil, part)) {
				return true
			}
		}
	}
	return false
}

// Storage is where answers may send clients besides the forge: the origins that are listed, or every https address.
type Storage []string

// NewStorage reads a list of origins.
func NewStorage(origins []string) (s Storage) {
	for _, o := range origins {
		s = append(s, withPort(strings.ToLower(o)))
	}
	return s
}

// takes tells whether an absolute address is one of them.
func (s Storage) takes(value []byte) bool {
	scheme, authority := cutOrigin(value)
	if len(s) == 0 {
		return scheme == "https"
	}
	origin := withPort(scheme + "://" + strings.ToLower(string(authority)))
	for _, o := range s {
		if o == origin {
			return true
		}
	}
	return false
}

// withPort adds the port that a scheme implies.
func withPort(origin string) string {
	scheme, host, _ := strings.Cut(origin, "://")
	if strings.Contains(host[strings.LastIndexByte(host, ']')+1:], ":") {
		return origin
	}
	return origin + defaultPort[scheme]
}
