package proxy

import (
	"bytes"
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// localPrefix is the path below which everything is patgate's own, whatever the forge has there.
const localPrefix = "/-/patgate"

// Local answers what is patgate's own business: its token API. What it answers never reaches the forge as it came.
type Local interface {
	// Owns tells whether a row that a patgate token asks for is answered here, always.
	Owns(r *routes.Route) bool
	// Probes tells whether a row is answered here for a patgate token that may not ask the forge for it.
	Probes(r *routes.Route) bool
	// Claims tells whether a request with a credential of the forge's own may be for patgate.
	Claims(method string, target []byte) bool
	// IsRotation tells whether a request would rotate a token, and Reused is called when the secret that it comes with was
	// rotated out.
	IsRotation(method string, path []byte) bool
	Reused(ctx context.Context, hash token.Hash) error
	// Revocation tells whether a request takes a token's power away.
	Revocation(method string, path []byte) Revocation
	// Answer answers. Nothing in the request is changed or kept after it returns.
	Answer(ctx context.Context, r *LocalRequest) LocalAnswer
}

// LocalRequest is a request to patgate itself.
type LocalRequest struct {
	Method, Path, Query string
	Header              http.Header // of a few names only, none of which carries a credential but for leak reports
	Body                []byte
	Session             *token.Session // of a patgate token, valid
	Credential          token.Secret   // of the forge's own
	Client              netip.Addr
	Origin              string
}

// LocalAnswer is the answer to it. Pass is for requests with a credential of the forge's own: they go on as they came.
type LocalAnswer struct {
	Status int
	Header http.Header
	Body   []byte
	Pass   bool
	// Identified: the credential is right, whatever became of the request.
	Identified bool
}

// Revocation is what a request of that kind is allowed by. The zero value: it is none.
type Revocation uint8

// Revocations are never locked out by the failures of others from the same address. What is revoked on the word of a secret
// costs the forge nothing, and what is on that of a credential, a question.
const (
	RevokesNothing Revocation = iota
	RevokesBySecret
	RevokesByCredential
)

// local tells whether the request's target is patgate's own, whoever asks.
func (x *exchange) local() bool {
	return x.h.options.Local != nil && below(x.path, localPrefix)
}

// owned tells whether the row that a patgate token asks for is answered here.
func (x *exchange) owned() bool {
	l := x.h.options.Local
	return l != nil && x.op.Route != nil && l.Owns(x.op.Route)
}

// probed tells whether the row that was just denied is answered here all the same.
func (x *exchange) probed() bool {
	l := x.h.options.Local
	return l != nil && x.op.Route != nil && !x.h.options.ForwardProbes && x.decision.Verdict != policy.Allow && l.Probes(x.op.Route)
}

// claimed tells whether a request with a credential of the forge's own may be for patgate.
func (x *exchange) claimed() bool {
	l := x.h.options.Local
	return l != nil && x.cred.caller == callerLegacy && l.Claims(x.method, x.target)
}

// revocation tells whether the request takes a token's power away.
func (x *exchange) revocation() Revocation {
	l := x.h.options.Local
	if l == nil {
		return RevokesNothing
	}
	return l.Revocation(x.method, x.path)
}

// serveLocal answers a request below localPrefix.
func (x *exchange) serveLocal() *refusal {
	if x.cred.caller == callerPatgate {
		if r := x.authenticate(); r != nil {
			return r
		}
	} else if r := x.mayTry(); r != nil && !below(x.path, localPages) { // those have a bound of their own
		return r
	}
	_, r := x.askLocal(string(x.path))
	return r
}

// serveOwned answers for a row that is patgate's own: its path in canonical spelling, with what was classified.
func (x *exchange) serveOwned() *refusal {
	path := x.op.AppendPath(nil)
	_, r := x.askLocal(string(path))
	return r
}

// serveClaimed answers for a caller with a credential of the forge's own, or tells that the request passes on. Its body
// is in memory then.
func (x *exchange) serveClaimed() (passes bool, r *refusal) {
	if r := x.mayTry(); r != nil {
		return false, r
	}
	return x.askLocal(string(x.path))
}

// reasonLocal is that of a request that patgate answered itself.
const reasonLocal = "local"

// askLocal reads the body, records that patgate answers itself, and has the answer written. For callers without a patgate
// token what passes is recorded later, when it is passed on.
func (x *exchange) askLocal(path string) (passes bool, r *refusal) {
	b := &x.body
	b.open(x)
	limit := x.h.options.Limits.BodyBytes
	if b.present() {
		if b.length > limit {
			return false, refuseBodyTooLarge
		}
		b.lease.from = x.h.room
		full := false
		var err error
		b.memory, err = readUpTo(b, b.memory[:0], limit+1, func(n int64) bool {
			full = !b.lease.memoryFor(n)
			return !full
		})
		if full {
			err = errNoRoom
		}
		if err != nil {
			return false, refusalOf(err)
		}
		if int64(len(b.memory)) > limit {
			return false, refuseBodyTooLarge
		}
	}
	request := &LocalRequest{Method: x.method, Path: path, Query: query(x.target), Body: b.memory, Session: x.session,
		Client: x.client, Origin: string(x.h.links.publicOrigin(x.origin)), Header: x.localHeader()}
	if x.cred.caller == callerLegacy {
		request.Credential = x.forgeCredential()
	}
	may := x.cred.caller == callerLegacy && !below(x.path, localPrefix)
	if !may {
		if err := x.recordLocal(); err != nil {
			return false, refuseAudit
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*x.h.options.Timeouts.Resolve)
	defer cancel()
	answer := x.h.options.Local.Answer(ctx, request)
	if answer.Pass && may {
		return true, nil
	}
	if answer.Pass {
		answer = LocalAnswer{Status: fasthttp.StatusNotFound, Body: []byte(`{"message":"404 Not Found"}`), Header: http.Header{"Content-Type": {"application/json"}}}
	}
	if may {
		if err := x.recordLocal(); err != nil {
			return false, refuseAudit
		}
	}
	switch {
	case x.cred.caller != callerLegacy:
	case answer.Identified:
		x.h.attempts.Accepted(x.fingerprint())
	case answer.Status == fasthttp.StatusUnauthorized:
		x.h.attempts.Wrong(x.client, x.fingerprint())
	}
	x.answerLocal(&answer)
	x.answered = true
	return false, nil
}

func (x *exchange) recordLocal() error {
	x.event.Verdict, x.event.Reason = policy.Allow, reasonLocal
	return x.record()
}

// answerLocal writes an answer of patgate's own.
func (x *exchange) answerLocal(a *LocalAnswer) {
	out := &x.ctx.Response
	out.Reset()
	out.SetStatusCode(a.Status)
	h := &out.Header
	for name, values := range a.Header {
		for _, v := range values {
			h.Add(name, v)
		}
	}
	h.SetBytesV("Date", fasthttp.AppendHTTPDate(nil, time.Now()))
	h.Set("X-Request-Id", x.event.ID.String())
	sent := int64(len(a.Body))
	if a.Status == fasthttp.StatusNoContent {
		out.SkipBody = true
	} else {
		out.SetBody(a.Body)
	}
	if x.isHead {
		sent = 0
	}
	x.complete(a.Status, sent)
}

// localPages is the path below which patgate's own web pages lie, where they are served on this address.
const localPages = localPrefix + "/console"

// localHeader gives the headers that the token API reads, and those that patgate's own web pages read.
func (x *exchange) localHeader() http.Header {
	h := http.Header{}
	if below(x.path, localPages) {
		for i := range x.fields.list {
			switch f := &x.fields.list[i]; {
			case f.alias:
			case equalFold(f.name, "cookie"), equalFold(f.name, "origin"), equalFold(f.name, "sec-fetch-site"), equalFold(f.name, "sec-fetch-mode"),
				equalFold(f.name, "accept"), equalFold(f.name, "range"), equalFold(f.name, "if-range"), equalFold(f.name, "host"):
				h.Add(string(f.name), string(f.value))
			}
		}
	}
	for _, name := range [...]string{"Content-Type", "Github-Public-Key-Identifier", "Github-Public-Key-Signature"} {
		if v := x.ctx.Request.Header.Peek(name); len(v) > 0 {
			h.Set(name, string(v))
		}
	}
	if below(x.path, localPrefix+"/leaks") {
		h.Set("Authorization", string(x.fields.get(fieldAuthorization)))
	}
	return h
}

// forgeCredential gives the one credential of the forge's own that a request carries, as PRIVATE-TOKEN or Bearer, or in
// front of Gitea as Authorization: token; none when there are several or it stands elsewhere.
func (x *exchange) forgeCredential() token.Secret {
	var secret []byte
	if queryCredential(x.target) {
		return token.Secret{}
	}
	for i := range x.fields.list {
		f := &x.fields.list[i]
		if f.class != classCredential || f.field == fieldCookie && !x.h.dialect.isSession(f.value) {
			continue
		}
		place, value := x.cred.read(f)
		if secret != nil || f.alias || place != placePrivateToken && place != placeBearer && (place != placeTokenKey || x.h.dialect.rawTokens) || !isToken(value) {
			return token.Secret{}
		}
		secret = value
	}
	return token.NewSecret(string(secret))
}

func query(target []byte) string {
	_, q, _ := bytes.Cut(target, []byte{'?'})
	return string(q)
}

// reused tells the token API of a rotated-out secret that asks for another rotation.
func (x *exchange) reused(hash token.Hash) {
	l := x.h.options.Local
	if l == nil || !l.IsRotation(x.method, x.path) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), x.h.options.Timeouts.Resolve)
	defer cancel()
	if err := l.Reused(ctx, hash); err != nil {
		x.event.Failure = failureReuse
	}
}
