// Package direct has requests that carry an ID token where a patgate token may stand go on with the token that it stands for. ID
// tokens and whatever else is in the form of one, which are not made for a trust here, are left alone: the forge may take them.
package direct

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/forge"
	"patgate/proxy/header"
	"patgate/proxy/local"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/percent"
	"patgate/token"
	"patgate/trust/exchange"
	"patgate/trust/keys"
)

// Options are what a Door works with. All are required.
type Options struct {
	Exchange *exchange.Service
	// Attempts bounds those that are wrong, before anything is verified.
	Attempts *forge.Attempts
	// Deadline bounds what is asked before one is taken.
	Deadline time.Duration
	// Report is told of failures that are nobody's refusal.
	Report func(error)
}

// Door takes ID tokens as credentials. It is safe for concurrent use.
type Door struct{ o Options }

// New makes a door.
func New(o Options) *Door { return &Door{o} }

// trades tells whether a request trades the ID token that it carries.
func trades(q *surface.Request) bool {
	path := string(bytes.TrimSuffix(q.Path, []byte("/")))
	return q.Method == fasthttp.MethodPost && (path == local.Prefix+"/exchange" || path == local.Prefix+"/oauth/token")
}

// Take looks for an ID token among the credentials of a request that has none of patgate's. Below patgate's own path one is
// traded, and is no credential; nor is it one where a patgate token could not stand.
func (d *Door) Take(q *surface.Request) *reply.Refusal {
	if trades(q) {
		return nil
	}
	own := header.Below(q.Path, local.Prefix)
	for i := range q.Fields.List {
		h := &q.Fields.List[i]
		if h.Class != header.ClassCredential || h.Name == header.Cookie {
			continue
		}
		auth, secret := q.Credential.Read(h)
		elsewhere := h.Value // with whatever scheme
		if auth == routes.AuthBasic {
			if elsewhere = q.Credential.Username(); bytes.Equal(elsewhere, secret) {
				elsewhere = nil
			}
		}
		if auth != routes.AuthNone && !own && !h.Alias && keys.Shaped(secret) {
			if taken, r := d.take(q, auth, token.NewSecret(string(secret))); taken || r != nil {
				return r
			}
			if auth != routes.AuthBasic {
				continue
			}
		} else if auth == routes.AuthBasic && own {
			elsewhere = secret
		}
		if r := d.among(elsewhere, own); r != nil {
			return r
		}
	}
	for query := q.Target[len(q.Path):]; ; {
		var pair []byte
		if pair, query = surface.NextCredential(query); pair == nil {
			return nil
		}
		value := bytes.Clone(pair)
		if r := d.among(value[:percent.DecodeInPlace(value)], own); r != nil {
			return r
		}
	}
}

// Among refuses a request with an ID token among texts that the forge may take for credentials.
func (d *Door) Among(texts []byte) *reply.Refusal {
	return d.among(texts, false)
}

func (d *Door) among(texts []byte, own bool) *reply.Refusal {
	for looked := 0; ; {
		at := bytes.Index(texts, []byte(surface.SealIDToken))
		if at < 0 {
			return nil
		}
		begun := texts[at:]
		texts = bytes.TrimLeft(begun, surface.JWTLetters)
		text := begun[:len(begun)-len(texts)]
		if !keys.Shaped(text) {
			continue
		}
		if looked++; looked > mostLooked {
			return errMany
		}
		if r := d.misplaced(text, own); r != nil {
			return r
		}
	}
}

// mostLooked bounds the texts of one place that are looked at.
const mostLooked = 16

// The refusals of an ID token for a trust that was sent in a wrong place.
var (
	errMisplaced = reply.BadRequest("misplaced_id_token", "An ID token for a trust was sent in a place where it is not a "+
		"credential. It is not forwarded: send it as Authorization: Bearer, as PRIVATE-TOKEN, or as the password of Basic.")
	errMany = reply.BadRequest("misplaced_id_token", "The request has more JSON Web Tokens in one place than anybody sends as a "+
		"credential: send one.")
	errOwn = reply.Unauthorized("misplaced_id_token", "patgate itself takes no ID token as a credential: trade it (POST "+
		local.Prefix+"/exchange), or send it with requests to the forge.")
)

// misplaced refuses a text that is an ID token for a trust.
func (d *Door) misplaced(text []byte, own bool) *reply.Refusal {
	switch {
	case !d.o.Exchange.Meant(string(text)):
		return nil
	case own:
		return errOwn
	}
	return errMisplaced
}

// take has the request go on with the token that an ID token stands for. It is neither taken nor refused when it is meant for
// somebody else. When an address has sent too many wrong ID tokens, only the audience of further ones is read, unless they are
// known.
func (d *Door) take(q *surface.Request, auth routes.Auth, raw token.Secret) (taken bool, r *reply.Refusal) {
	hash, standing := d.o.Exchange.Standing(raw.Reveal(), q.Start)
	var print forge.Fingerprint
	if !standing {
		if !d.o.Exchange.Meant(raw.Reveal()) {
			return false, nil
		}
		print = d.o.Attempts.Fingerprint([]byte(raw.Reveal()))
		if wait := d.o.Attempts.Admit(q.Client, print); wait > 0 {
			return false, reply.TooMany(wait)
		}
	}
	q.Credential.Kind = surface.KindPatgate // it never goes to the forge, whatever becomes of it
	if q.Severals() {
		return true, reply.ErrSeveralCredentials
	}
	if !standing {
		if hash, r = d.stand(q, raw, print); r != nil {
			return true, r
		}
	}
	q.Sealed = surface.Sealed{Kind: surface.SealIDToken, Hash: hash}
	q.Credential.Auth = auth
	return true, nil
}

// stand finds out whether an ID token stands for a token. From an address that has sent too many wrong ones nothing is verified.
func (d *Door) stand(q *surface.Request, raw token.Secret, print forge.Fingerprint) (hash token.Hash, refused *reply.Refusal) {
	attempts := d.o.Attempts
	wait, trying := attempts.Try(q.Client, print)
	if wait > 0 {
		return hash, reply.TooMany(wait)
	}
	if trying {
		defer attempts.Done(q.Client)
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.o.Deadline)
	defer cancel()
	hash, err := d.o.Exchange.Stand(ctx, raw)
	var r *exchange.Refusal
	switch {
	case err == nil:
		attempts.Accepted(print)
		return hash, nil
	case !errors.As(err, &r):
		d.o.Report(err)
		return hash, reply.ErrStore
	case r.Wrong:
		attempts.Wrong(q.Client, print)
		return hash, reply.Unauthorized(reason, said(r))
	case r.Busy:
		return hash, &reply.Refusal{Status: fasthttp.StatusServiceUnavailable, Reason: reason, Message: said(r),
			Retry: 5 * time.Second}
	case r.Unable:
		return hash, &reply.Refusal{Status: fasthttp.StatusBadGateway, Reason: reason, Message: said(r)}
	}
	return hash, reply.Forbidden(reason, said(r))
}

// reason is that of a refused ID token, for log and metrics; what became of it is said by the exchange.
const reason = "id_token"

// said is a refusal as a sentence.
func said(r *exchange.Refusal) string { return "The ID token was refused: " + r.Message + "." }
