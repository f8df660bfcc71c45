package tokens

import (
	"context"
	"strings"

	"patgate/admin/catalogue"
	"patgate/store"
	"patgate/store/seal"
)

// Owned is a stored owner with the credentials that are kept sealed, and how many of the owner's tokens are active.
type Owned struct {
	store.Owner
	Credentials []store.Credential
	Active      int
}

// Owners lists the stored owners, of every forge address. It is for operators.
func (s *Service) Owners(ctx context.Context, c Caller) ([]Owned, error) {
	if _, ok := c.(operator); !ok {
		return nil, refuse(ErrForbidden, "only operators may see owners")
	}
	owners, _, err := s.o.Store.OwnerTallies(ctx, store.OwnerFilter{Now: s.now(), Sort: store.OwnersByName})
	all := make([]Owned, len(owners))
	for i := 0; i < len(owners) && err == nil; i++ {
		all[i].Owner, all[i].Active = owners[i].Owner, owners[i].Active
		all[i].Credentials, err = s.o.Store.Credentials(ctx, all[i].ID)
	}
	return all, err
}

// OwnerTallies lists what the tokens of this forge's owners amount to, for those who may see all tokens.
func (s *Service) OwnerTallies(ctx context.Context, c Caller, f store.OwnerFilter) ([]store.OwnerTally, int, error) {
	if !c.administrates(s) {
		return nil, 0, ErrNotFound
	}
	_, _ = s.marks.Changed(ctx) // the answer is made from what is kept; the keeper reports errors
	f.Now, f.Origin, f.ReportsAreBroad = s.now(), s.o.Origin, s.o.AllowReportMode
	return s.o.Store.OwnerTallies(ctx, f)
}

// Tally counts the tokens that List would list for an owner; all is for administrators.
func (s *Service) Tally(ctx context.Context, c *Owner, all bool) (store.Tally, error) {
	f := store.OwnerFilter{Now: s.now(), ReportsAreBroad: s.o.AllowReportMode}
	if !all || !c.administrates(s) {
		o, err := s.owner(ctx, c.UserID())
		if f.OwnerID = o.ID; err != nil || o.ID == 0 {
			return store.Tally{}, err
		}
	}
	return s.o.Store.Tally(ctx, f)
}

// RemoveOwner erases an owner's sealed credentials and revokes all tokens, for operators. It gives the number of the tokens.
func (s *Service) RemoveOwner(ctx context.Context, c Caller, id int64) (revoked int, err error) {
	if _, ok := c.(operator); !ok {
		return 0, refuse(ErrForbidden, "only operators may remove owners")
	}
	err = s.Change(ctx, func(ctx context.Context, st store.Store) (err error) {
		revoked, err = st.RemoveOwner(ctx, id, store.Cause{Reason: "owner removed", By: c.by(), At: s.now()})
		return err
	})
	return revoked, err
}

// Seal keeps the credential that an owner has shown; fresh is false when it was kept already.
func (s *Service) Seal(ctx context.Context, o *Owner) (c store.Credential, fresh bool, err error) {
	b, err := s.bind(ctx, o, 0, true)
	if err == nil {
		fresh, err = s.keep(ctx, b)
	}
	if err != nil {
		return c, false, err
	}
	return b.credential, fresh, nil
}

// Replace puts the credential that an owner has shown in the place of a sealed one. The tokens that are bound to it go on with
// the new one, so the new one must not reach further.
func (s *Service) Replace(ctx context.Context, o *Owner, old *store.Credential) (store.Credential, error) {
	if beyond := catalogue.Broader(o.identity.Scopes, old.Scopes); len(beyond) > 0 {
		return store.Credential{}, refuse(ErrForbidden, "the new credential also has %s, which credential %d with %s does not: "+
			"the tokens bound to it must not reach further (fix: make a forge token with the same scopes, or patgate owner add)",
			strings.Join(beyond, ", "), old.ID, strings.Join(old.Scopes, ", "))
	}
	fresh := *old
	err := s.Change(ctx, func(ctx context.Context, st store.Store) error {
		owner, err := st.PutOwner(ctx, s.stored(o))
		if err != nil {
			return err
		}
		fresh.OwnerID, fresh.UpdatedAt = owner.ID, s.now()
		fresh.Kind, fresh.Scopes, fresh.ExpiresAt = o.identity.Kind.String(), o.identity.Scopes, o.identity.ExpiresAt
		fresh, err = st.ReplaceCredential(ctx, fresh, s.sealer(o.secret.Reveal()))
		return err
	})
	return fresh, err
}

// stored is an owner as it is stored.
func (s *Service) stored(o *Owner) store.Owner {
	return store.Owner{Origin: s.o.Origin, UserID: o.identity.UserID, Username: o.identity.Username, Admin: o.identity.Admin,
		CreatedAt: s.now()}
}

// sealer seals a secret with the active key.
func (s *Service) sealer(secret string) store.SealFunc {
	return func(to seal.Binding) (string, []byte, error) {
		if s.o.Keyring == nil {
			return "", nil, errNoKeys
		}
		return s.o.Keyring.Seal(to, []byte(secret))
	}
}
