package proxy

import (
	"time"

	"github.com/valyala/fasthttp"

	"patgate/token"
)

// conanLife is how long what patgate gives a Conan client in the place of the forge's token holds. The forge's would hold
// for months.
const conanLife = time.Hour

// sealOwn makes a sealed text for the token that the request came with. One that came with a sealed text gets no other.
func (x *exchange) sealOwn(kind sealKind, until time.Time) (string, *refusal) {
	hash, err := token.Parse(x.cred.secret)
	if err != nil || x.sealed.kind != sealNone {
		return "", refuseSealed
	}
	return x.h.seals.seal(kind, hash, until, ""), nil
}

// issueOwn answers a row of which the forge's own answer would be a token that carries the owner's credential.
func (x *exchange) issueOwn() *refusal {
	text, r := x.sealOwn(sealConan, time.Now().Add(conanLife))
	if r != nil {
		return r
	}
	return x.answerSelf(&LocalAnswer{Status: fasthttp.StatusOK, Body: []byte(text), Header: map[string][]string{
		"Content-Type": {"text/plain"}, "Cache-Control": {"no-store"}}})
}

// answerSelf records the decision and answers in the forge's place.
func (x *exchange) answerSelf(a *LocalAnswer) *refusal {
	if err := x.record(); err != nil {
		return refuseAudit
	}
	x.answerLocal(a)
	x.answered = true
	return nil
}
