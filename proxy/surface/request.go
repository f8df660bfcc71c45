package surface

import (
	"bytes"
	"net/netip"
	"time"

	"patgate/audit"
	"patgate/fleet/share"
	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/wire"
	"patgate/routes"
	"patgate/token"
)

// Request is what came: the head of a request, read once. Its slices point into the server's buffers and are good until the
// handler returns.
type Request struct {
	Table    *routes.Table
	Dialect  *Dialect
	Surface  Surface
	Upstream *Upstream // that it is meant for

	Method     string // a constant; empty: one that is not passed on
	IsHead     bool
	Root       string // that was cut off the target; empty: it came without
	Target     []byte
	Path       []byte // of the target, without the query
	Fields     header.Block
	Credential Credential
	Sealed     Sealed

	Conn   *wire.Client // nil in front of a listener of somebody else's
	Client netip.Addr
	Secure bool   // the client's own connection is https
	Origin []byte // by which the client came, with Root

	ID     audit.RequestID
	Start  time.Time
	InLoop bool // nothing may wait
}

// Sealed is a sealed text that came in the place of a patgate token.
type Sealed struct {
	Kind  SealKind // none: the token itself came, or something else
	Hash  token.Hash
	Until time.Time
	Inner []byte // a JWT of the forge's, or none
}

// Reset forgets the request.
func (q *Request) Reset() {
	clear(q.Fields.List)
	q.Credential.Reset()
	fields, credential, origin := q.Fields, q.Credential, q.Origin[:0]
	*q = Request{Fields: fields, Credential: credential, Origin: origin}
}

// IsPatgate tells whether the request carries a patgate token, or a sealed text that stands for one.
func (q *Request) IsPatgate() bool { return q.Credential.Kind == KindPatgate }

// TokenHash gives the hash of the request's token. The error is of a token that cannot be one.
func (q *Request) TokenHash() (token.Hash, error) {
	if q.Sealed.Kind != SealNone {
		return q.Sealed.Hash, nil
	}
	return token.Parse(q.Credential.Secret)
}

// Query gives the raw query.
func (q *Request) Query() []byte {
	return q.Target[min(len(q.Path)+1, len(q.Target)):]
}

// SealedText gives the sealed text in the Authorization header, if its value is one. bearer tells that it stands where such a
// text may.
func (q *Request) SealedText() (text []byte, kind SealKind, bearer bool) {
	scheme, text, _ := bytes.Cut(q.Fields.Get(header.Authorization), []byte{' '})
	text = header.TrimSpace(text)
	return text, KindOf(text), header.EqualFold(scheme, "bearer")
}

// Severals tells whether a credential besides the one in Authorization stands in the request.
func (q *Request) Severals() bool { return q.Credential.Found > 1 || QueryCredential(q.Target) }

// ErrSealed refuses a sealed text where it is not good for anything.
var ErrSealed = &reply.Refusal{Status: 401, Reason: "no_credential", Challenge: reply.ChallengeToken,
	Message: "The token has ended, was not made here, or is not valid for this."}

// Unsealing is that of a surface where no sealed text is good for anything.
type Unsealing struct{}

// Unseal refuses one.
func (Unsealing) Unseal(q *Request) *reply.Refusal {
	if q.Credential.Kind != KindLegacy {
		return nil
	}
	if _, kind, _ := q.SealedText(); kind != SealNone {
		return ErrSealed
	}
	return nil
}

// Seal makes a sealed text for the token that the request came with. One that came with a sealed text gets no other.
func (q *Request) Seal(seals *Seals, kind SealKind, until time.Time, inner string) (string, error) {
	hash, err := q.TokenHash()
	if err != nil || q.Sealed.Kind != SealNone && q.Sealed.Kind != SealIDToken {
		return "", ErrSealed
	}
	return seals.Seal(kind, hash, until, inner), nil
}

// Upstream is a server behind patgate: the forge, or its container registry.
type Upstream struct {
	Scheme, Host string
	Root         string // the path that it lies under; empty: none
	Links        *reply.Links
	Patgate      *wire.Pool // connections for patgate tokens
	Others       *wire.Pool // and for everybody else
	IsRegistry   bool       // it is another server than the forge, and knows nothing of the owner's credential
}

// ClaimOf says whose connection a patgate token's request needs: its owner's. Holders of the other kind are keyed hashes of a
// credential, and odd in their second half.
func ClaimOf(s *token.Session, c *wire.Client) wire.Claim {
	owner := uint64(s.OwnerUserID)
	return wire.Claim{Holder: wire.Holder{owner}, Loop: c.Loop(), Client: c,
		Share: share.Borrower{Holder: wire.Holder{owner}, Token: uint64(s.TokenID)}}
}
