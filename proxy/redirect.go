package proxy

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/token"
)

var (
	refuseForeign = &refusal{status: fasthttp.StatusBadGateway, reason: "foreign_redirect",
		message: "The forge redirects this request to another host, which it should not. If that is an address of the forge itself, " +
			"it belongs under upstream.external_urls of patgate's configuration."}
	refuseStorage = &refusal{status: fasthttp.StatusBadGateway, reason: "foreign_redirect",
		message: "The forge redirects this request to a host that patgate does not send clients to: only https is, or what upstream.storage_urls lists."}
	refuseUnreadableRedirect = &refusal{status: fasthttp.StatusBadGateway, reason: "unreadable_redirect",
		message: "The forge redirects this request in a way that could be read in more than one way."}
	refuseTellingRedirect = &refusal{status: fasthttp.StatusBadGateway, reason: "redirect_credential",
		message: "The forge redirects this request to an address that holds a credential."}
)

// destination is where a Location leads.
type destination uint8

const (
	leadsNowhere destination = iota // it cannot be read in one way
	leadsHere                       // to the forge itself, and with that to patgate
	leadsAway                       // to another host
)

// destination reads a Location. Clients differ in what they make of blanks, backslashes, missing slashes and other
// schemes, so none of these lead anywhere.
func (l *links) destination(value []byte) destination {
	for _, c := range value {
		if c <= ' ' || c == 0x7f || c == '\\' {
			return leadsNowhere
		}
	}
	switch {
	case l.origin(value) > 0:
		return leadsHere
	case hasPrefix(value, "//"):
		return leadsNowhere
	case len(value) > 0 && value[0] == '/':
		return leadsHere
	}
	if _, authority := cutOrigin(value); authority != nil {
		if header.IsHost(authority) {
			return leadsAway
		}
		return leadsNowhere
	}
	if i := bytes.IndexAny(value, ":/?#"); i >= 0 && value[i] == ':' {
		return leadsNowhere // a scheme
	}
	return leadsHere
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

// checkRedirect looks at a Location that a holder of a patgate token would follow: it stays with patgate, or its row says
// that it may lead to another host; and it carries nobody's credential.
func (x *exchange) checkRedirect(value []byte) *refusal {
	if x.tells(value) {
		return refuseTellingRedirect
	}
	switch x.linksOf().destination(value) {
	case leadsHere:
		return nil
	case leadsNowhere:
		return refuseUnreadableRedirect
	}
	switch {
	case x.op.Route == nil || !x.op.Route.Redirects:
		return refuseForeign
	case !x.h.storage.takes(value):
		return refuseStorage
	}
	return nil
}

// tells tells whether an address holds the owner's credential, the client's token or what patgate holds in its place:
// plainly, percent-encoded or in base64.
func (x *exchange) tells(value []byte) bool {
	owner := []byte(x.session.Credential.Reveal())
	defer clear(owner)
	found := func(b []byte) bool {
		if token.Find(b) || len(owner) > 0 && bytes.Contains(b, owner) || len(x.registry.jwt) > 0 && bytes.Contains(b, x.registry.jwt) ||
			len(x.sealed.ticket) > 0 && bytes.Contains(b, x.sealed.ticket) {
			return true
		}
		for skip := range min(3, len(owner)) { // the alignments that base64 has
			part := owner[skip : len(owner)-(len(owner)-skip)%3]
			if len(part) > 0 && (bytes.Contains(b, base64.RawStdEncoding.AppendEncode(nil, part)) || bytes.Contains(b, base64.RawURLEncoding.AppendEncode(nil, part))) {
				return true
			}
		}
		return false
	}
	decoded := bytes.Clone(value)
	for range 4 {
		if found(decoded) {
			return true
		}
		n := unescapeInPlace(decoded)
		if n == len(decoded) {
			return false
		}
		decoded = decoded[:n]
	}
	return found(decoded)
}

// storage is where answers may send clients besides the forge: the origins that are listed, or every https address.
type storage []string

// newStorage reads a list of origins.
func newStorage(origins []string) (s storage) {
	for _, o := range origins {
		s = append(s, withPort(strings.ToLower(o)))
	}
	return s
}

// takes tells whether an absolute address is one of them.
func (s storage) takes(value []byte) bool {
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
	return origin + map[string]string{"http": ":80", "https": ":443"}[scheme]
}
