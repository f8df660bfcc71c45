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

// An ID token may be the credential itself (direct_use). It then stands for one patgate token, whose hash follows from what is
// signed of the ID token, in however many ways the signature may be written: every node finds it there, and it is expired, paused
// and revoked as any other is. It is made when the ID token first comes; what was spent by that stays so, so that a token which
// was revoked is not made once more.

// standsFor is how long an ID token is a credential without being verified again: so long does a key that its issuer withdraws
// count at most.
const standsFor = time.Minute

// standing is an ID token that is a credential: the token that it stands for, and the policies and issuers that were in force.
type standing struct {
	by      *trust.Set
	issuers *keys.Issuers
	hash    token.Hash
}

// counts tells whether these are those in force.
func (s *Service) counts(found *standing) bool {
	return found.by == s.o.Policies() && found.issuers == s.o.Keys.Issuers()
}

// HashOf gives the hash of the token that an ID token stands for, made from its signed part. No patgate token has such a hash:
// those begin in another way.
func HashOf(signed string) token.Hash { return hashed("patgate ID token v1\x00", signed) }

// keyOf is under what an ID token is remembered: with its signature.
func keyOf(raw string) token.Hash { return hashed("patgate ID token\x00", raw) }

func hashed(prefix, text string) token.Hash {
	var room [keys.Longest + 64]byte
	return sha256.Sum256(append(append(room[:0], prefix...), text...))
}

// Standing gives the token that an ID token stands for, if that was found out lately under the policies in force. Nobody is
// asked.
func (s *Service) Standing(raw string, now time.Time) (hash token.Hash, ok bool) {
	found, _, ok := s.standing.PeekAt(keyOf(raw), 0, now)
	return found.hash, ok && s.counts(&found)
}

// Meant tells whether a text that is keys.Shaped says that it is an ID token for a trust here, of an issuer of the
// configuration. Nothing of it is verified, and nobody is asked.
func (s *Service) Meant(raw string) bool {
	_, audience, ok := s.o.Keys.Says(raw)
	return ok && trust.NameOf(audience, s.o.Audience) != ""
}

// Stand finds out whether an ID token that is Meant stands for a token, and which one. What it says is nil or as that of
// Exchange, and the same sentence for all that shows no right to anything: whether there is a trust that takes ID tokens so is
// not told.
func (s *Service) Stand(ctx context.Context, raw token.Secret) (token.Hash, error) {
	key, maxAge := keyOf(raw.Reveal()), time.Duration(0)
	if found, _, ok := s.standing.Peek(key, 0); ok && !s.counts(&found) {
		maxAge = -1
	}
	found, _, err := s.standing.Get(ctx, key, maxAge, func(ctx context.Context) (standing, bool, error) {
		set, issuers, e := s.o.Policies(), s.o.Keys.Issuers(), Event{Direct: true}
		hash, err := s.stand(ctx, set, raw, &e)
		if err != nil || e.TokenID != 0 {
			s.report(&e, err)
		}
		return standing{set, issuers, hash}, err == nil, err
	})
	return found.hash, err
}

// notDirect is all that is said about an ID token that shows no right to anything: its trust takes none as the credential, there
// is no such trust, or nobody has signed it.
const notDirect = "it is not a credential by itself here: trade it (patgate exchange, or POST /-/patgate/exchange), or " +
	"have the policy of its trust say direct_use: true; its author finds the reason in the log of patgate"

// stand is Stand under policies. Of the checks on the token itself, that of the signature comes last.
func (s *Service) stand(ctx context.Context, set *trust.Set, raw token.Secret, e *Event) (hash token.Hash, err error) {
	url, audience, ok := s.o.Keys.Says(raw.Reveal())
	e.Trust = trust.NameOf(audience, s.o.Audience)
	p := set.Find(e.Trust)
	if !ok || p == nil || !p.DirectUse || p.IssuerURL != url {
		return hash, &Refusal{Reason: "not_direct", Message: notDirect, Wrong: true}
	}
	// One that has come before may be as old as it lives.
	p, t, err := s.match(ctx, set, raw.Reveal(), "", keys.LongestLife, e)
	var r *Refusal
	if errors.As(err, &r) && (r.Message == unproven || r.Reason == unknownKey) {
		return hash, &Refusal{Reason: r.Reason, Message: notDirect, Wrong: true}
	}
	if err != nil {
		return hash, err
	}
	d := direct{raw, HashOf(t.Signed)}
	err = s.stands(ctx, p, t, d.hash, e)
	if !errors.Is(err, store.ErrUnknownToken) {
		return d.hash, err
	}
	if s.o.Tokens.Now().Sub(t.Made) > s.o.MaxAge+keys.Leeway {
		return hash, &Refusal{Reason: "time", Message: notDirect, Wrong: true}
	}
	_, err = s.give(ctx, p, t, &d, e)
	if errors.As(err, &r) && (r.Reason == used || r.Reason == full) {
		if other := s.stands(ctx, p, t, d.hash, e); !errors.Is(other, store.ErrUnknownToken) { // made meanwhile, by another node
			err = other
		}
	}
	return d.hash, err
}

// withdrawn refuses to trade an ID token when the token that it stands for was taken away: who did that meant the ID token.
func (s *Service) withdrawn(ctx context.Context, t *keys.Token) error {
	b, err := s.o.Store.TokenByHash(ctx, HashOf(t.Signed))
	switch {
	case errors.Is(err, store.ErrUnknownToken):
		return nil
	case err != nil:
		return err
	case !b.Record.RevokedAt.IsZero(), !b.Record.PausedAt.IsZero(), b.Record.RotatedTo != 0:
		return &Refusal{Reason: "revoked", Message: "the token that this ID token stands for was revoked or paused: " +
			"nothing else is given for it"}
	}
	return nil
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
	raw  token.Secret
	hash token.Hash
}

// shape has the token be known by the ID token, and end with it: what is over is no credential, whatever the policy says.
func (d *direct) shape(r *token.Record, t *keys.Token) {
	r.Hash, r.LastFour = d.hash, token.LastFour(d.raw)
	if t.Expires.Before(r.ExpiresAt) {
		r.ExpiresAt = t.Expires
	}
}

// use names the ID token among those that were traded.
func (d *direct) use(p *trust.Policy, t *keys.Token) [sha256.Size]byte {
	id := t.ID
	if id == "" {
		id = t.Signed
	}
	return useOf("direct", p.IssuerURL, id)
}
