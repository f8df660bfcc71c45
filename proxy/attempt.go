package proxy

import (
	"time"

	"github.com/valyala/fasthttp"

	"patgate/forge"
	"patgate/routes"
	"patgate/routes/git"
)

// fingerprint gives that of the credential of a request without a patgate token: of its secret when it has one in a place that
// patgate reads, else of all that the forge may take for one. It is none for a request that has none in its head.
func (x *exchange) fingerprint() forge.Fingerprint {
	if x.print != (forge.Fingerprint{}) || x.cred.caller != callerLegacy && x.cred.caller != callerWeb {
		return x.print
	}
	text := x.scratch[:0]
	for i := range x.fields.list {
		f := &x.fields.list[i]
		if f.class != classCredential || f.field == fieldCookie && !x.h.dialect.isSession(f.value) {
			continue
		}
		if place, secret := x.cred.read(f); place != placeNone && x.cred.found == 1 {
			text = append(text, secret...)
			continue
		}
		text = append(text, byte(f.field), '\n')
		text = append(append(text, f.value...), '\n')
	}
	for query := x.target[len(x.path):]; ; {
		var pair []byte
		if pair, query = nextCredential(query); pair == nil {
			break
		}
		text = append(append(text, '&'), pair...)
	}
	x.print = x.h.attempts.Fingerprint(text)
	clear(text)
	x.scratch = text
	return x.print
}

// mayTry refuses a credential that may not be tried out now. Revocations are never locked out.
func (x *exchange) mayTry() *refusal {
	if x.cred.caller != callerLegacy {
		return nil
	}
	admit := x.h.attempts.Admit
	switch x.revocation() {
	case RevokesBySecret:
		return nil
	case RevokesByCredential:
		admit = x.h.attempts.AdmitRevocation
	}
	if wait := admit(x.client, x.fingerprint()); wait > 0 {
		return refuseTooMany(wait)
	}
	return nil
}

// judgeCredential notes what the forge's answer says of the credential of a caller without a patgate token.
func (x *exchange) judgeCredential(status int) {
	switch {
	case x.cred.caller != callerLegacy:
	case status == fasthttp.StatusUnauthorized:
		x.h.attempts.Wrong(x.client, x.fingerprint())
	case status >= 200 && status < 300 && x.proves():
		x.h.attempts.Accepted(x.fingerprint())
	}
}

// proves tells whether a good answer to this request shows that the forge has looked at its credential and accepted it. Many
// answers do not: pages and open rows are for anybody, and a credential in a place where a row does not look for one is passed
// over, as is one in a header beside one in the query or in a form. GitLab 19.3 (lib/gitlab/auth, app/controllers/repositories,
// app/controllers/jwt_controller.rb) and Gitea 1.26 (services/auth) refuse a wrong one in Basic for git and at the token
// service, and where every row of the API reads one. Whatever is changed is changed by somebody they know.
func (x *exchange) proves() bool {
	if x.cred.found != 1 || x.cred.place == placeNone || queryCredential(x.target) {
		return false
	}
	var op routes.Operation
	switch x.h.dialect.surface(x.path, x.table.Base()) {
	case surfaceGit:
		return x.cred.place == placeBasic && git.Classify(x.table, &op, &git.Request{}, x.method, x.target) == nil
	case surfaceRegistry:
		return x.cred.place == placeBasic && string(x.path) == x.tokenService()
	case surfaceAPI:
	default:
		return false
	}
	if x.body.present() || x.table.Classify(&op, x.method, x.target) != nil || op.Route == nil || op.Route.Kind != routes.KindPermission {
		return false
	}
	if x.method != fasthttp.MethodGet && !x.isHead {
		return true
	}
	for _, p := range x.h.dialect.ordinary {
		if placeOf[p] == x.cred.place {
			return true
		}
	}
	return false
}

// refuseTooMany answers for a credential that may not be tried out.
func refuseTooMany(wait time.Duration) *refusal {
	return &refusal{status: fasthttp.StatusTooManyRequests, reason: "failed_credentials", retry: max(wait, time.Second),
		message: "Too many wrong credentials came from this address. Wait before you try again."}
}
