package exchange

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"patgate/store"
	"patgate/token"
	"patgate/trust"
	"patgate/trust/keys"
)

// An ID token may be the credential itself (direct_use). It then stands for one patgate token, whose hash follows from the ID
// token's text: every node finds it there, and it is expired, paused and revoked as any other is. It is made when the ID token
// first comes; what was spent by that stays so, so that a token which was revoked is not made once more.

// standsFor is how long an ID token is a credential without being verified again: so long does a key that its issuer withdraws
// count at most.
const standsFor = time.Minute

// HashOf gives the hash of the token that an ID token stands for. It is none of a patgate token's: those begin in another way.
func HashOf(raw string) token.Hash { return sha256.Sum256([]byte("patgate ID token v1\x00" + raw)) }

// Standing gives the token that an ID token stands for, if that was found out lately under the policies in force. Nobody is
// asked.
func (s *Service) Standing(raw string, now time.Time) (hash token.Hash, ok bool) {
	hash = HashOf(raw)
	by, _, ok := s.standing.PeekAt(hash, 0, now)
	return hash, ok && by == s.o.Policies()
}

// Meant tells whether a text that is keys.Shaped says that it is an ID token for a trust here, of an issuer of the
// configuration. Nothing of it is verified, and nobody is asked.
func (s *Service) Meant(raw string) bool {
	_, audience, ok := s.o.Keys.Says(raw)
	return ok && trust.NameOf(audience, s.o.Audience) != ""
}

// Stand finds out whether an ID token that is Meant stands for a token, which has the hash HashOf. What it says is nil or as
// that of Exchange.
func (s *Service) Stand(ctx context.Context, raw token.Secret) error {
	hash, maxAge := HashOf(raw.Reveal()), time.Duration(0)
	if by, _, ok := s.standing.Peek(hash, 0); ok && by != s.o.Policies() {
		maxAge = -1
	}
	_, _, err := s.standing.Get(ctx, hash, maxAge, func(ctx context.Context) (*trust.Set, bool, error) {
		set, e := s.o.Policies(), Event{Direct: true}
		err := s.stand(ctx, set, direct{raw.Reveal(), hash}, &e)
		if err != nil || e.TokenID != 0 {
			s.report(&e, err)
		}
		return set, err == nil, err
	})
	return err
}

// notDirect is all that is said of trusts that take no ID token as the credential, and of those that are not there.
const notDirect = "an ID token is no credential by itself here: trade it (patgate exchange, or POST /-/patgate/exchange), or " +
	"have the policy of its trust say direct_use: true"

// stand is Stand under policies. The signature is looked at last of what the token itself can show.
func (s *Service) stand(ctx context.Context, set *trust.Set, d direct, e *Event) error {
	url, audience, ok := s.o.Keys.Says(d.raw)
	e.Trust = trust.NameOf(audience, s.o.Audience)
	p := set.Find(e.Trust)
	if !ok || p == nil || !p.DirectUse || p.IssuerURL != url {
		r := wrong("not_direct")
		r.Message = notDirect
		return r
	}
	// One that has come before may be as old as it lives.
	p, t, err := s.match(ctx, set, d.raw, "", keys.LongestLife, e)
	if err != nil {
		return err
	}
	err = s.stands(ctx, p, t, d.hash, e)
	if !errors.Is(err, store.ErrUnknownToken) {
		return err
	}
	if s.o.Tokens.Now().Sub(t.Made) > s.o.MaxAge+keys.Leeway {
		return wrong("time")
	}
	_, err = s.give(ctx, p, t, &d, e)
	var r *Refusal
	if errors.As(err, &r) && r.Reason == used {
		if other := s.stands(ctx, p, t, d.hash, e); !errors.Is(other, store.ErrUnknownToken) { // made meanwhile, by another node
			return other
		}
	}
	return err
}

// stands tells whether the token is there, and is what the policy, as it is now, would give at most: nil when it is.
func (s *Service) stands(ctx context.Context, p *trust.Policy, t *keys.Token, hash token.Hash, e *Event) error {
	b, err := s.o.Store.TokenByHash(ctx, hash)
	if err != nil {
		return err
	}
	narrowed := &Refusal{Reason: "narrowed", Message: "the trust " + p.Name + " gives less than when this ID token first came: " +
		"take a new one"}
	specs, ok := p.Grant(t.Claims)
	if !ok || b.Record.ExpiresAt.After(b.Record.CreatedAt.Add(p.TTL)) || !IsOwner(p, b.Owner.UserID, b.Owner.Username) {
		return narrowed
	}
	now := store.Trust{Scopes: specs, TableVersion: s.o.Tokens.Table().Version()}
	beyond, err := Beyond(&now, &b.Owner, b.Record.Scopes, s.o.Tokens.Table())
	if err != nil || beyond {
		return narrowed
	}
	return nil
}

// direct is an ID token that is to stand for a token with that hash.
type direct struct {
	raw  string
	hash token.Hash
}

// shape has the token be known by the ID token, and end with it: what is over is no credential, whatever the policy says.
func (d *direct) shape(r *token.Record, t *keys.Token) {
	r.Hash, r.LastFour = d.hash, token.LastFour(token.NewSecret(d.raw))
	if t.Expires.Before(r.ExpiresAt) {
		r.ExpiresAt = t.Expires
	}
}

// use names the ID token among those that were traded. A signature may be written in more than one way: what is signed may not.
func (d *direct) use(p *trust.Policy, t *keys.Token) [sha256.Size]byte {
	id := t.ID
	if id == "" {
		id = t.Signed
	}
	return useOf("direct", p.IssuerURL, id)
}
