package tokens

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"patgate/admin/catalogue"
	"patgate/forge"
	"patgate/store"
	"patgate/token"
)

// binding is the sealed credential that a token is, or will be, bound to, with the secret for asking the forge.
type binding struct {
	owner      store.Owner
	credential store.Credential // with id 0 when it is still to be sealed
	secret     token.Secret
	shown      *Owner // who has shown it; nil when it is a sealed one
}

// session is for the resolver's questions. What it learns with an unsealed credential is kept apart.
func (b *binding) session() *token.Session {
	as := &token.Session{OwnerUserID: b.owner.UserID, Username: b.owner.Username, Credential: b.secret}
	if b.shown == nil {
		as.CredentialID = b.credential.ID
	}
	return as
}

// errNoKeys: a command that opened no sealing keys wants to seal or open a credential.
var errNoKeys = errors.New("the sealing keys are not open")

// Unseal opens a stored credential.
func (s *Service) Unseal(owner *store.Owner, c *store.Credential) (token.Secret, error) {
	if s.o.Keyring == nil {
		return token.Secret{}, errNoKeys
	}
	plain, err := s.o.Keyring.Unseal(c.Binding(owner), c.KeyID, c.Sealed)
	if err != nil {
		return token.Secret{}, fmt.Errorf("opening credential %d of %s: %w", c.ID, owner.Username, err)
	}
	defer clear(plain)
	return token.NewSecret(string(plain)), nil
}

// owner finds the stored owner of a forge user id; a zero one when there is none.
func (s *Service) owner(ctx context.Context, userID int64) (store.Owner, error) {
	owners, err := s.o.Store.Owners(ctx)
	if err != nil {
		return store.Owner{}, err
	}
	for _, o := range owners {
		if o.UserID == userID && o.Origin == s.o.Origin {
			return o, nil
		}
	}
	return store.Owner{}, nil
}

// bind chooses the credential that a new token of an owner is bound to: the one shown, when it is sealed already or the request
// says to seal it; else one of the owner's sealed credentials that reaches no further. None is sealed unless that is asked for.
func (s *Service) bind(ctx context.Context, c *Owner, credentialID int64, sealIt bool) (*binding, error) {
	b := &binding{secret: c.secret, shown: c}
	var err error
	if b.owner, err = s.owner(ctx, c.identity.UserID); err != nil {
		return nil, err
	}
	b.owner.UserID, b.owner.Username = c.identity.UserID, c.identity.Username
	var within *store.Credential
	shown := c.identity.Scopes
	if b.owner.ID != 0 {
		all, err := s.o.Store.Credentials(ctx, b.owner.ID)
		if err != nil {
			return nil, err
		}
		for i := range all {
			k := &all[i]
			plain, err := s.Unseal(&b.owner, k)
			if err != nil {
				return nil, err
			}
			same := plain.Equal(c.secret)
			switch {
			case credentialID != 0 && k.ID != credentialID:
			case same:
				b.credential = *k
				return b, nil
			case k.Status != store.CredentialValid, len(catalogue.Broader(k.Scopes, shown)) > 0:
			case within == nil, len(catalogue.Broader(shown, within.Scopes)) > 0 && len(catalogue.Broader(shown, k.Scopes)) == 0:
				within = k
			}
		}
	}
	switch {
	case credentialID != 0 && within == nil:
		return nil, refuse(ErrForbidden, "%s has no sealed credential %d that reaches no further than the one of this request",
			c.identity.Username, credentialID)
	case sealIt && credentialID == 0:
		return b, nil
	case within != nil:
		b.credential = *within
		return b, nil
	}
	return nil, refuse(ErrForbidden, "patgate holds no forge credential of %s that could be used for this token. "+
		"Send seal: true to have the one of this request kept sealed, or add one: patgate owner add", c.identity.Username)
}

// keep makes sure that owner and credential are stored, and the credential valid. sealed tells that it was sealed now.
func (s *Service) keep(ctx context.Context, b *binding) (sealed bool, err error) {
	if b.credential.ID != 0 {
		if b.credential.Status == store.CredentialValid || !sameSecret(s, b) {
			return false, nil
		}
		return false, s.Change(ctx, func(ctx context.Context, st store.Store) error {
			return st.SetCredentialStatus(ctx, b.credential.ID, store.CredentialValid, "", s.now())
		})
	}
	err = s.Change(ctx, func(ctx context.Context, st store.Store) error {
		if b.owner, err = st.PutOwner(ctx, s.stored(b.shown)); err != nil {
			return err
		}
		id := &b.shown.identity
		b.credential, err = st.AddCredential(ctx, store.Credential{OwnerID: b.owner.ID, Kind: id.Kind.String(), Scopes: id.Scopes,
			ExpiresAt: id.ExpiresAt, CreatedAt: s.now()}, s.sealer(b.secret.Reveal()))
		return err
	})
	if err == nil {
		s.o.Record(Change{What: "credential_sealed", OwnerID: b.owner.UserID, By: b.shown.by(),
			Reason: "credential " + strconv.FormatInt(b.credential.ID, 10)})
	}
	return err == nil, err
}

// sameSecret tells whether the binding's credential is the very one that the forge has just accepted.
func sameSecret(s *Service, b *binding) bool {
	plain, err := s.Unseal(&b.owner, &b.credential)
	return err == nil && b.shown != nil && plain.Equal(b.secret)
}

// sealed binds an operator's request to an owner's sealed credential, if the forge still accepts it. Its answer is stored.
func (s *Service) sealed(ctx context.Context, owner store.Owner, credential store.Credential) (*binding, error) {
	b := &binding{owner: owner, credential: credential}
	var err error
	if b.secret, err = s.Unseal(&owner, &credential); err != nil {
		return nil, err
	}
	id, err := s.o.Forge.Identify(forge.On(ctx, owner.UserID, 0), b.secret)
	if errors.Is(err, forge.ErrCredential) {
		stored := s.Change(ctx, func(ctx context.Context, st store.Store) error {
			return st.SetCredentialStatus(ctx, credential.ID, store.CredentialInvalid, "refused by the forge", s.now())
		})
		err = fmt.Errorf("credential %d of %s: %w (fix: patgate owner replace)", credential.ID, owner.Username, err)
		return nil, errors.Join(err, stored)
	}
	if err != nil {
		return nil, fmt.Errorf("asking %s whose credential this is: %w", s.o.Origin, err)
	}
	if err := acceptable(&id, s.o.AllowAdminOwners); err != nil {
		return nil, err
	}
	if id.UserID != owner.UserID {
		return nil, fmt.Errorf("credential %d belongs to user %d at the forge now, not to %s (user %d)", credential.ID, id.UserID,
			owner.Username, owner.UserID)
	}
	if credential.Status != store.CredentialValid {
		return b, s.Change(ctx, func(ctx context.Context, st store.Store) error {
			return st.SetCredentialStatus(ctx, credential.ID, store.CredentialValid, "", s.now())
		})
	}
	return b, nil
}

// boundTo gives the binding of a stored token, without asking the forge.
func (s *Service) boundTo(ctx context.Context, l *store.Listed) (*binding, error) {
	b := &binding{owner: l.Owner}
	var err error
	if b.credential, err = s.o.Store.Credential(ctx, l.CredentialID); err != nil {
		return nil, err
	}
	b.secret, err = s.Unseal(&l.Owner, &b.credential)
	return b, err
}

// ends warns of a forge credential that ends before the token.
func (b *binding) ends(r *token.Record) []string {
	if end := b.credential.ExpiresAt; !end.IsZero() && end.Before(r.ExpiresAt) {
		return []string{"the owner's forge token expires before this one, on " + end.UTC().Format("2006-01-02 15:04 UTC") +
			": replace it in time (patgate owner replace)"}
	}
	return nil
}

// sealedNote tells that a credential is kept from now on.
func (b *binding) sealedNote() string {
	return fmt.Sprintf("the forge token of %s is now kept sealed, as credential %d with the scopes %s", b.owner.Username,
		b.credential.ID, strings.Join(b.credential.Scopes, ", "))
}
