// Package direct has requests that carry an ID token where a patgate token may stand go on with the token that it stands for. ID
// tokens and whatever else is in the form of one, which are not made for a trust here, are left alone: the forge may take them.
package direct

import (
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

// Take looks for an ID token among the credentials of a request that has none of patgate's. What is below patgate's own path
// trades them, and takes none as the credential.
func (d *Door) Take(q *surface.Request) *reply.Refusal {
	if header.Below(q.Path, local.Prefix) {
		return nil
	}
	c := &q.Credential
	for i := range q.Fields.List {
		h := &q.Fields.List[i]
		if h.Class != header.ClassCredential {
			continue
		}
		place, secret := c.Read(h)
		if place == routes.PlaceNone || !keys.Shaped(secret) {
			continue
		}
		raw := token.NewSecret(string(secret))
		hash, standing := d.o.Exchange.Standing(raw.Reveal(), q.Start)
		if !standing && !d.o.Exchange.Meant(raw.Reveal()) {
			continue
		}
		c.Caller = surface.CallerPatgate // it never goes to the forge, whatever becomes of it
		switch {
		case q.Severals():
			return reply.ErrSeveralCredentials
		case h.Alias:
			return reply.ErrMisplaced
		}
		if !standing {
			if r := d.stand(q, raw); r != nil {
				return r
			}
		}
		q.Sealed = surface.Sealed{Kind: surface.SealIDToken, Hash: hash}
		c.Place = place
		return nil
	}
	return nil
}

// stand finds out whether an ID token stands for a token. From an address that has sent too many wrong ones nothing is verified.
func (d *Door) stand(q *surface.Request, raw token.Secret) *reply.Refusal {
	attempts := d.o.Attempts
	print := attempts.Fingerprint([]byte(raw.Reveal()))
	wait, trying := attempts.Try(q.Client, print)
	if wait > 0 {
		return reply.TooMany(wait)
	}
	if trying {
		defer attempts.Done(q.Client)
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.o.Deadline)
	defer cancel()
	err := d.o.Exchange.Stand(ctx, raw)
	var r *exchange.Refusal
	switch {
	case err == nil:
		attempts.Accepted(print)
		return nil
	case !errors.As(err, &r):
		d.o.Report(err)
		return reply.ErrStore
	case r.Wrong:
		attempts.Wrong(q.Client, print)
		return reply.Unauthorized(reason, said(r))
	case r.Busy:
		return &reply.Refusal{Status: fasthttp.StatusServiceUnavailable, Reason: reason, Message: said(r), Retry: 5 * time.Second}
	case r.Unable:
		return &reply.Refusal{Status: fasthttp.StatusBadGateway, Reason: reason, Message: said(r)}
	}
	return reply.Forbidden(reason, said(r))
}

// reason is that of a refused ID token, for log and metrics; what became of it is said by the exchange.
const reason = "id_token"

// said is a refusal as a sentence.
func said(r *exchange.Refusal) string { return "The ID token was refused: " + r.Message + "." }
