package reply

import (
	"strings"

	"patgate/proxy/header"
	"patgate/routes"
	"patgate/token"
)

// Passage says what of the head of the forge's answer a client gets.
type Passage struct {
	// Ours: the caller holds a patgate token. Others get the fields as they are, those for this connection only excepted.
	Ours bool
	// Links rewrites the upstream's own addresses; Origin is that by which the client came.
	Links  *Links
	Origin []byte
	// Status is that of the answer, and Sent the head of the request that it is the answer to.
	Status int
	Sent   []byte
	// Changed: the body is changed, so that digests of it do not pass.
	Changed bool
	// Redirects says where a caller with a patgate token may be sent.
	Redirects Redirects
	// OwnCookies are those of patgate's own pages.
	OwnCookies header.OwnCookies
	// Special passes the fields that one surface alone reads; nil: the surface has no such fields.
	Special Special
}

// Special passes fields that one surface alone reads.
type Special interface {
	// Field tells whether the field is one of those, and writes the value that is passed on; none when it stays behind.
	Field(dst, name, value []byte) (written []byte, passes, special bool)
}

// Passes tells whether a field of the forge's answer is passed on.
type Passes uint8

// How a field passes.
const (
	PassesNever  Passes = iota
	PassesHere          // in this answer, with the value that is given
	PassesAlways        // as it is, to every caller of this kind on this surface
)

// Field tells whether a field is passed on, and with which value, which may stand in scratch. A redirect that is not passed on
// is a refusal.
func (p *Passage) Field(scratch *[]byte, name, value []byte) (passed []byte, how Passes, r *Refusal) {
	if p.Special != nil {
		if written, passes, special := p.Special.Field((*scratch)[:0], name, value); special {
			if !passes {
				return nil, PassesNever, nil
			}
			*scratch = written
			return written, PassesHere, nil
		}
	}
	switch {
	case dropped(name, p.Ours), p.Ours && (header.EqualFold(name, "set-cookie") || header.EqualFold(name, "x-request-id")):
		return nil, PassesNever, nil
	case header.EqualFold(name, "set-cookie") && p.OwnCookies.SetIn(value):
		return nil, PassesNever, nil
	case header.EqualFold(name, "location") && p.Status/100 == 3 && p.Links.repeats(value, p.Sent, p.Origin):
		return nil, PassesNever, ErrCircle
	case header.EqualFold(name, "location"), header.EqualFold(name, "content-location"):
		if p.Ours {
			if r := p.Redirects.check(p.Links, value); r != nil {
				return nil, PassesNever, r
			}
		}
		*scratch = p.Links.AppendLocation((*scratch)[:0], value, p.Origin)
		return *scratch, PassesHere, nil
	case header.EqualFold(name, "link"):
		*scratch = p.Links.AppendLink((*scratch)[:0], value, p.Origin)
		return *scratch, PassesHere, nil
	case isDigest(name):
		if p.Changed {
			return nil, PassesNever, nil
		}
		return value, PassesHere, nil
	}
	return value, PassesAlways, nil
}

// Redirects says where a caller with a patgate token may be sent by one answer.
type Redirects struct {
	Row     *routes.Route // nil: the request has no row
	Storage Storage
	Session *token.Session
	Secrets [2][]byte // what patgate holds besides the owner's credential
}

// check looks at a Location that the caller would follow: it stays with patgate, or its row says that it may lead to another
// host; and it carries nobody's credential.
func (d *Redirects) check(links *Links, value []byte) *Refusal {
	if d.Tell(value) {
		return ErrTellingRedirect
	}
	switch links.Destination(value) {
	case LeadsHere:
		return nil
	case LeadsNowhere:
		return ErrUnreadableRedirect
	}
	switch {
	case d.Row == nil || !d.Row.Redirects:
		return ErrForeign
	case !d.Storage.takes(value):
		return ErrStorage
	}
	return nil
}

// Tell tells whether an address holds the owner's credential, the client's token or what patgate holds in its place.
func (d *Redirects) Tell(value []byte) bool {
	owner := []byte(d.Session.Credential.Reveal())
	defer clear(owner)
	return Tells(value, owner, d.Secrets[0], d.Secrets[1])
}

// droppedAnswer are headers of the forge's answers that are between it and its own front end, or would hand the client
// another host's cookie. Names are lower case; a trailing "*" matches any ending. The first ten are dropped for every caller.
var droppedAnswer = []string{
	"connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
	"content-length", "x-patgate-would-deny", "gitlab-*", "x-sendfile*", "x-accel-*", "x-gitlab-custom-error", "x-gitlab-meta",
	"refresh", "x-terraform-get",
}

// droppedByLetter is droppedAnswer by the first letter.
var droppedByLetter = func() (by [32][]droppedName) {
	for i, d := range droppedAnswer {
		text, prefix := strings.CutSuffix(d, "*")
		by[d[0]%32] = append(by[d[0]%32], droppedName{text, prefix, i < 10})
	}
	return by
}()

type droppedName struct {
	text   string
	prefix bool // of any name that begins so
	always bool // for every caller, not only those with a patgate token
}

// dropped tells whether a header of the forge's answer stays behind.
func dropped(name []byte, ours bool) bool {
	if len(name) == 0 {
		return true
	}
	for _, d := range droppedByLetter[name[0]%32] {
		n := len(d.text)
		if (d.always || ours) && (len(name) == n || d.prefix && len(name) > n) && header.EqualFold(name[:n], d.text) {
			return true
		}
	}
	return false
}

// isDigest tells whether a header is about the very bytes of a body.
func isDigest(name []byte) bool {
	for _, n := range [...]string{"etag", "digest", "content-digest", "repr-digest", "content-md5"} {
		if header.EqualFold(name, n) {
			return true
		}
	}
	return false
}
