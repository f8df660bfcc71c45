package proxy

import (
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/fleet/share"
	"patgate/forge"
	"patgate/proxy/legacy"
	"patgate/proxy/local"
	"patgate/proxy/observe"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
	"patgate/routes"
)

// shown is the credential of a caller without a patgate token, or what it shows in the place of one, and what is made of it.
type shown struct {
	inBody []byte            // credentials of the forge's own that stand in the body
	print  forge.Fingerprint // of all that it shows; see fingerprint
	trying bool              // it is tried out, until the forge has said what it makes of it
	seen   *observe.Copy     // what is kept to find out what the caller did; nil: nothing
}

// claim says whose connection the request needs.
func (x *exchange) claim() wire.Claim {
	q := &x.request
	if s := x.judgement.Session; s != nil {
		return surface.ClaimOf(s, q.Conn)
	}
	print := x.fingerprint()
	claim := wire.Claim{Holder: wire.Holder(print), Loop: q.Conn.Loop(), Client: q.Conn, Share: unproven(q.Client)}
	if x.h.attempts.WasAccepted(print) {
		claim.Share = share.Borrower{Holder: claim.Holder}
	}
	return claim
}

// addresses hashes client addresses, in a way of this process's own.
var addresses = maphash.MakeSeed()

// unproven gives the borrower of a request without a credential, or with one that the forge has not accepted lately: the client's
// address. All such addresses belong to one holder, so that making up credentials gains nobody a larger share.
func unproven(client netip.Addr) share.Borrower {
	const beyondTokens = 1 << 63
	return share.Borrower{Holder: [2]uint64{0, 2}, Token: beyondTokens | maphash.Comparable(addresses, forge.AttemptKey(client))}
}

// caller says whose the request is: one with a credential of the forge's own in its body has that, whatever its head says.
func (x *exchange) caller() surface.CredentialKind {
	if len(x.shown.inBody) > 0 {
		return surface.KindLegacy
	}
	return x.request.Credential.Kind
}

// fingerprint gives the fingerprint of a credential that is no patgate token: of its secret where patgate can read it, else of
// everything that the forge may take for a credential. It is made once. It is zero for a request without a credential.
func (x *exchange) fingerprint() forge.Fingerprint {
	q := &x.request
	caller := x.caller()
	if x.shown.print != (forge.Fingerprint{}) || caller != surface.KindLegacy && caller != surface.KindWeb {
		return x.shown.print
	}
	text := append(legacy.CredentialsOf(q), x.shown.inBody...)
	x.shown.print = x.h.attempts.Fingerprint(text)
	clear(text)
	return x.shown.print
}

// mayTry refuses a credential that may not be tried out now. Revocations are never locked out.
func (x *exchange) mayTry() *reply.Refusal {
	q := &x.request
	if x.caller() != surface.KindLegacy || x.shown.trying {
		return nil
	}
	var wait time.Duration
	switch x.h.revocation(q) {
	case local.RevokesBySecret:
		return nil
	case local.RevokesByCredential:
		wait = x.h.attempts.AdmitRevocation(q.Client, x.fingerprint())
	default:
		wait, x.shown.trying = x.h.attempts.Try(q.Client, x.fingerprint())
	}
	if wait > 0 {
		return reply.TooMany(wait)
	}
	return nil
}

// mayTrade is mayTry for a request that shows its body in the place of a credential.
func (x *exchange) mayTrade(body []byte) *reply.Refusal {
	x.shown.print = x.h.attempts.Fingerprint(body)
	wait := time.Duration(0)
	if wait, x.shown.trying = x.h.attempts.Try(x.request.Client, x.shown.print); wait > 0 {
		return reply.TooMany(wait)
	}
	return nil
}

// foreseeOther refuses what a caller without a patgate token may not do, as far as that is known without the body. Revocations
// wait for the body.
func (x *exchange) foreseeOther() *reply.Refusal {
	q := &x.request
	if x.h.others.MaybeInBody(q, &x.body) {
		return nil // the body will tell
	}
	if r := x.h.others.Refuse(q, x.caller()); r != nil || x.h.revocation(q) != local.RevokesNothing {
		return r
	}
	return x.mayTry()
}

// tried ends what mayTry began.
func (x *exchange) tried() {
	if x.shown.trying {
		x.shown.trying = false
		x.h.attempts.Done(x.request.Client)
	}
}

// judgeCredential notes what the forge's answer says of the credential of a caller without a patgate token. A 401 says little
// where the forge may not have looked for the credential: it may be a good one in the wrong place.
func (x *exchange) judgeCredential(status int) {
	q := &x.request
	defer x.tried()
	switch {
	case x.caller() != surface.KindLegacy:
	case status == fasthttp.StatusUnauthorized && q.Credential.Auth == routes.AuthNone && q.Credential.Found == 1:
		x.h.attempts.Doubtful(q.Client, x.fingerprint())
	case status == fasthttp.StatusUnauthorized:
		x.h.attempts.Wrong(q.Client, x.fingerprint())
	case status >= 200 && status < 300 && legacy.Proves(q, &x.body):
		x.h.attempts.Accepted(x.fingerprint())
	}
}
