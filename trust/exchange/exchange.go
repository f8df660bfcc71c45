// Package exchange trades ID tokens for patgate tokens: it has the token verified, finds the policy that it was made for, and
// makes what that grants, with the credential of the owner who has allowed it, and no more than that owner has allowed.
package exchange

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/cache"
	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
	"patgate/trust"
	"patgate/trust/keys"
)

// Options say what a Service works with. All but Report is required.
type Options struct {
	Keys     *keys.Keys
	Policies func() *trust.Set
	// Audience is what ID tokens are made for, without the name of a policy.
	Audience string
	Tokens   *tokens.Service
	Store    store.Store
	// MaxAge is how old an ID token may be, MaxLifetime how long what it is traded for may live.
	MaxAge, MaxLifetime time.Duration
	// MaxStanding bounds the ID tokens that are remembered as credentials; 10,000 when zero.
	MaxStanding int64
	// Report is told of every exchange.
	Report func(Event)
}

// Event is an exchange, for the log. It holds no secret.
type Event struct {
	Trust, Issuer string
	Direct        bool // the ID token came as the credential itself
	// Reason is why it was refused, from a closed set; empty when it was not.
	Reason string
	// Claims are those that matched; Claim is one that did not.
	Claims, Claim string
	TokenID       int64
	// Err is what failed, where that is patgate's, the forge's or the issuer's fault.
	Err error
}

// Refusal is why an ID token was not traded. What it says is for the client.
type Refusal struct {
	// Reason is from a closed set, for the log.
	Reason  string
	Message string
	// Wrong: nothing shows that the caller has any right here.
	Wrong bool
	// Busy: it may go at another time.
	Busy bool
	// Unable: the caller has shown what it must, and the owner cannot act at the forge.
	Unable bool
}

// Error gives the message.
func (r *Refusal) Error() string { return r.Message }

// unproven is all that an unknown caller is told: not which trusts there are, nor what they match.
const unproven = "the ID token is not accepted here for that trust: its author finds the reason in the log of patgate, or by " +
	"patgate trust test"

func wrong(reason string) *Refusal { return &Refusal{Reason: reason, Message: unproven, Wrong: true} }

// Reasons: the ID token was traded before; as many tokens are alive as may be; the issuer had no such key a moment ago.
const (
	used       = "used"
	full       = "max_active"
	unknownKey = "unknown_key"
)

var errFull = &Refusal{Reason: full, Message: "the trust has as many live tokens as it may (max_active)", Busy: true}

// Given is what an ID token was traded for.
type Given struct {
	*tokens.Created
	Trust string
}

// Service trades ID tokens. It is safe for concurrent use.
type Service struct {
	o        Options
	standing *cache.Cache[token.Hash, standing] // ID tokens that are credentials
}

// New makes a service.
func New(o Options) (*Service, error) {
	if o.Keys == nil || o.Policies == nil || o.Audience == "" || o.Tokens == nil || o.Store == nil || o.MaxAge <= 0 ||
		o.MaxLifetime <= 0 {
		return nil, errors.New("making the exchange of ID tokens: an option is missing")
	}
	if o.Report == nil {
		o.Report = func(Event) {}
	}
	if o.MaxStanding == 0 {
		o.MaxStanding = 10_000
	}
	standing, err := cache.New[token.Hash, standing](cache.Options{Name: "id_tokens", MaxEntries: o.MaxStanding,
		TTL: standsFor})
	return &Service{o, standing}, err
}

// Close stops what the service keeps; nil has nothing.
func (s *Service) Close() {
	if s != nil {
		s.standing.Close()
	}
}

// Stats tells how the memory of ID tokens that are credentials is doing; nil has none.
func (s *Service) Stats() []cache.Stats {
	if s == nil {
		return nil
	}
	return []cache.Stats{s.standing.Stats()}
}

// Named gives the trust that the audience of a request means, in full or by the trust's name alone; empty means that of the ID
// token.
func (s *Service) Named(audience string) (name, problem string) {
	if audience == "" {
		return "", ""
	}
	if name = trust.NameOf(audience, s.o.Audience); name != "" {
		return name, ""
	}
	if name = trust.NameOf(s.o.Audience+"/trust/"+audience, s.o.Audience); name != "" {
		return name, ""
	}
	return "", "audience must be " + s.o.Audience + "/trust/NAME"
}

// Exchange trades an ID token. name is the trust that the caller means; empty is that of the token's audience.
func (s *Service) Exchange(ctx context.Context, raw token.Secret, name string) (*Given, error) {
	e := Event{Trust: name}
	p, t, err := s.match(ctx, s.o.Policies(), raw.Reveal(), name, s.o.MaxAge, &e)
	if err == nil {
		err = s.withdrawn(ctx, t)
	}
	var given *Given
	if err == nil {
		given, err = s.give(ctx, p, t, nil, &e)
	}
	s.report(&e, err)
	return given, err
}

// report tells what became of an exchange.
func (s *Service) report(e *Event, err error) {
	var r *Refusal
	switch {
	case errors.As(err, &r):
		e.Reason = r.Reason
	case err != nil:
		e.Reason, e.Err = "failed", err
	}
	s.o.Report(*e)
}

// match verifies an ID token, and finds the policy that gives tokens for it. maxAge is how long ago it may have been made.
func (s *Service) match(ctx context.Context, set *trust.Set, raw, name string, maxAge time.Duration,
	e *Event) (*trust.Policy, *keys.Token, error) {
	t, err := s.o.Keys.Verify(ctx, raw, maxAge)
	if err != nil {
		if errors.Is(err, keys.ErrUnavailable) {
			e.Err = err
			return nil, nil, &Refusal{Reason: "keys_unavailable", Busy: true,
				Message: "the keys of the issuer cannot be read now: try again"}
		}
		if errors.Is(err, keys.ErrBarred) { // a new key of the issuer, or one that nobody has
			return nil, nil, &Refusal{Reason: unknownKey, Busy: true,
				Message: "the issuer had no such key a moment ago: try again in half a minute"}
		}
		return nil, nil, wrong(reasonOf(err))
	}
	e.Issuer = t.Issuer
	made := trust.NameOf(t.Audience, s.o.Audience)
	p := set.Find(made)
	switch {
	case made == "" || name != "" && name != made:
		return nil, nil, wrong("audience")
	case p == nil:
		return nil, nil, wrong("no_such_trust")
	case p.Issuer != t.Issuer || p.IssuerURL != t.URL || p.IssuerKeys != t.Keys: // others may have been given the name
		e.Trust = made
		return nil, nil, wrong("issuer")
	}
	e.Trust = made
	if v := p.Judge(t.Claims); !v.Allowed {
		e.Claim = v.Claim
		r := wrong("claims")
		if p.Mode == trust.Audit {
			r.Message = "audit: the trust " + p.Name + " does not match " + v.Claim + ": " + v.Why
		}
		return nil, nil, r
	}
	e.Claims = p.Matched(t.Claims)
	switch p.Mode {
	case trust.Audit:
		return nil, nil, &Refusal{Reason: "audit", Message: "audit: the trust " + p.Name + " matches and would give a token; " +
			"nothing is given while its mode is audit"}
	case trust.Enforce:
		return p, t, nil
	}
	return nil, nil, &Refusal{Reason: "paused", Message: "the trust " + p.Name + " is paused"}
}

// reasonOf names why a token could not be verified.
func reasonOf(err error) string {
	for _, r := range []struct {
		err  error
		name string
	}{{keys.ErrForm, "form"}, {keys.ErrHeader, "header"}, {keys.ErrClaims, "unreadable_claims"},
		{keys.ErrIssuer, "unknown_issuer"}, {keys.ErrKey, unknownKey}, {keys.ErrSignature, "signature"}, {keys.ErrTime, "time"},
		{keys.ErrAudience, "audience"}} {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	return "unverified"
}

// give makes the token of claims that matched. direct is the ID token itself when that is to stand for it.
func (s *Service) give(ctx context.Context, p *trust.Policy, t *keys.Token, direct *direct, e *Event) (*Given, error) {
	if p.SingleUse && t.ID == "" {
		return nil, &Refusal{Reason: "no_jti", Message: "the ID token has no jti, and the trust takes each once"}
	}
	allowed, owner, err := s.allowed(ctx, p)
	if err != nil {
		return nil, err
	}
	specs, ok := p.Grant(t.Claims)
	if !ok {
		return nil, wrong("claims")
	}
	if err := s.covered(p, t.Claims, &allowed, &owner, specs, e); err != nil {
		return nil, err
	}
	now := s.o.Tokens.Now()
	r := token.Record{Name: p.TokenName(t.Claims), Description: trust.Clean("trust "+p.Name+": "+e.Claims, terms.MaxDescription),
		CreatedAt: now, ExpiresAt: s.end(p, t, now), Scopes: specs, TableVersion: allowed.TableVersion}
	if direct != nil {
		direct.shape(&r, t)
	}
	if !r.ExpiresAt.After(now) {
		return nil, wrong("time")
	}
	// The forge is not asked for what would be refused here. The store counts once more, where nobody else stores meanwhile.
	if active, err := s.o.Store.ActiveOf(ctx, p.Name, now); err != nil {
		return nil, err
	} else if active >= p.MaxActive {
		return nil, errFull
	}
	use := store.TrustUse{Trust: allowed, Ends: t.Expires.Add(2 * keys.Leeway), MostActive: p.MaxActive, Claims: e.Claims}
	switch {
	case direct != nil:
		use.ID = direct.use(p, t)
	case p.SingleUse:
		use.ID = useOf(p.IssuerURL, t.ID)
	}
	made, err := s.o.Tokens.CreateBound(ctx, "trust:"+p.Name, owner, allowed.CredentialID, r,
		func(ctx context.Context, st store.Store, r token.Record) (token.Record, error) {
			if err := s.still(p, t); err != nil {
				return token.Record{}, err
			}
			return st.CreateTrusted(ctx, r, use)
		})
	switch {
	case errors.Is(err, store.ErrUsed):
		return nil, &Refusal{Reason: used, Message: "this ID token was traded already: the trust takes each once"}
	case errors.Is(err, store.ErrFull):
		return nil, errFull
	case errors.Is(err, store.ErrUnknownTrust):
		return nil, notAllowed(p)
	case errors.Is(err, forge.ErrCredential), errors.Is(err, tokens.ErrUnknownCaller), errors.Is(err, tokens.ErrForbidden),
		errors.Is(err, tokens.ErrNotFound), errors.Is(err, tokens.ErrConflict), errors.Is(err, store.ErrUnknownCredential):
		e.Err = err
		return nil, &Refusal{Reason: "owner_credential", Unable: true, Message: "the owner of the trust cannot act at the " +
			"forge now: the credential that was sealed is refused there, or not usable (patgate owner replace)"}
	case err != nil:
		return nil, err
	}
	e.TokenID = made.ID
	return &Given{made, p.Name}, nil
}

// still refuses when a policy or its issuer is another one by now, or gone.
func (s *Service) still(p *trust.Policy, t *keys.Token) error {
	i, err := s.o.Keys.Issuer(t.URL)
	now := s.o.Policies().Find(p.Name)
	if err == nil && i.Name == t.Issuer && i.Keys() == t.Keys && (now == p || reflect.DeepEqual(now, p)) {
		return nil
	}
	return &Refusal{Reason: "changed", Busy: true, Message: "the trust or its issuer was changed a moment ago: try again"}
}

// useOf names an ID token among those that were traded: by hashes of one length, so that no two issuers and ids come to the
// same.
func useOf(parts ...string) [sha256.Size]byte {
	all := make([]byte, 0, sha256.Size*len(parts))
	for _, text := range parts {
		one := sha256.Sum256([]byte(text))
		all = append(all, one[:]...)
	}
	return sha256.Sum256(all)
}

// end is when a token ends.
func (s *Service) end(p *trust.Policy, t *keys.Token, now time.Time) time.Time {
	end := now.Add(min(p.TTL, s.o.MaxLifetime, s.o.Tokens.MaxLifetime()))
	if p.BindToJob && t.Expires.Before(end) {
		end = t.Expires
	}
	return end
}

func notAllowed(p *trust.Policy) *Refusal {
	return &Refusal{Reason: "not_allowed", Message: "nobody has allowed the trust " + p.Name + " yet, or not for this owner: " +
		"patgate trust allow " + p.Name}
}

// allowed reads what the owner of a policy has allowed.
func (s *Service) allowed(ctx context.Context, p *trust.Policy) (a store.Trust, owner store.Owner, err error) {
	if a, err = s.o.Store.Trust(ctx, p.Name); errors.Is(err, store.ErrUnknownTrust) {
		return a, owner, notAllowed(p)
	}
	if err != nil {
		return a, owner, err
	}
	owner, err = s.o.Store.Owner(ctx, a.OwnerID)
	if err == nil && (owner.Origin != s.o.Tokens.Origin() || !owner.RemovedAt.IsZero() ||
		!IsOwner(p, owner.UserID, owner.Username)) {
		err = notAllowed(p)
	}
	return a, owner, err
}

// IsOwner tells whether a forge user is the one whom a policy names: digits are an id, and else it is a username.
func IsOwner(p *trust.Policy, userID int64, username string) bool {
	if _, err := strconv.ParseInt(p.Owner, 10, 64); err == nil {
		return p.Owner == strconv.FormatInt(userID, 10)
	}
	return p.Owner == username
}

// covered refuses what reaches further than what the owner of a policy has allowed: in what it grants for these claims, in who
// gets it, or for how long.
func (s *Service) covered(p *trust.Policy, c trust.Claims, allowed *store.Trust, owner *store.Owner, specs []policy.ScopeSpec,
	e *Event) error {
	rules, err := trust.ParseRules(allowed.Rules)
	if err != nil {
		return fmt.Errorf("%w: the trust %s: %w", store.ErrDamaged, p.Name, err)
	}
	widened := &Refusal{Reason: "widened", Message: "the trust " + p.Name + " grants more, to more, or for longer than its " +
		"owner has allowed: patgate trust allow " + p.Name}
	if what := p.Rules(s.o.Audience).Beyond(rules); what != "" {
		e.Claim = what
		return widened
	}
	held := *allowed
	var ok bool
	if held.Scopes, ok = rules.Grant(allowed.Scopes, c); !ok {
		return widened
	}
	beyond, err := Beyond(&held, owner, specs, s.o.Tokens.Table())
	if err == nil && beyond {
		err = widened
	}
	return err
}

// Beyond tells whether scopes reach further than what was allowed. The forge is not asked: a project counts as covered where it
// is named itself.
func Beyond(allowed *store.Trust, owner *store.Owner, specs []policy.ScopeSpec, table *routes.Table) (bool, error) {
	wanted, err := policy.Compile(owner.UserID, allowed.TableVersion, specs, table.Catalogue())
	if err != nil {
		return true, err
	}
	held, err := store.CompileStored(owner.UserID, allowed.TableVersion, allowed.Scopes, table.Catalogue())
	if err != nil {
		return true, err
	}
	unseen := func(routes.Boundary, int64) policy.Container { return policy.Container{} }
	return len(policy.Subset(wanted, held, unseen)) > 0, nil
}
