package tokens

import (
	"context"
	"errors"
	"fmt"
	"time"

	"patgate/admin/terms"
	"patgate/forge"
	"patgate/store"
	"patgate/token"
)

// Watching says how often tokens and their owners are looked after.
type Watching struct {
	Interval time.Duration
	// UnusedAfter is how long a token may go unused; 0 is for ever.
	UnusedAfter time.Duration
	// Report is told of what failed.
	Report func(error)
}

// automatic is who did it, for the record, when patgate itself did.
const automatic = "patgate"

// Reasons of credentials that are not valid.
const (
	reasonRefused = "refused by the forge"
	reasonBlocked = "the forge says that the owner is blocked"
)

// Watch looks after tokens until the context is done.
func (s *Service) Watch(ctx context.Context, w Watching) {
	tick := time.NewTicker(w.Interval)
	defer tick.Stop()
	for {
		if err := s.Look(ctx, w.UnusedAfter); err != nil && ctx.Err() == nil {
			w.Report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Look does once what Watch does: it revokes what was unused for too long, forgets what can no longer be undone, and asks the
// forge about every sealed credential. A credential that the forge refuses makes its tokens rest; when the forge takes it again,
// or another is put in its place, they work again. An owner whom the forge calls blocked in two looks in a row, or does not know
// any more, loses all tokens. A forge that does not answer changes nothing.
func (s *Service) Look(ctx context.Context, unusedAfter time.Duration) error {
	var failed []error
	if unusedAfter > 0 {
		failed = append(failed, s.revokeUnused(ctx, unusedAfter))
	}
	failed = append(failed, s.o.Store.DropNarrowings(ctx, s.now().Add(-store.UndoWithin)))
	credentials, err := s.o.Store.Credentials(ctx, 0)
	if err != nil {
		return errors.Join(append(failed, err)...)
	}
	for i := range credentials {
		if ctx.Err() != nil {
			break
		}
		if err := s.checkCredential(ctx, &credentials[i], credentials); err != nil {
			failed = append(failed, fmt.Errorf("checking credential %d: %w", credentials[i].ID, err))
		}
	}
	return errors.Join(failed...)
}

func (s *Service) revokeUnused(ctx context.Context, after time.Duration) error {
	now := s.now()
	reason := "unused for " + terms.WriteSpan(after)
	var ids []int64
	err := s.change(ctx, func(ctx context.Context, st store.Store) (err error) {
		ids, err = st.RevokeUnused(ctx, now.Add(-after), store.Cause{Reason: reason, By: automatic, At: now})
		return err
	})
	for _, id := range ids {
		s.o.Record(Change{What: "revoked", TokenID: id, By: automatic, Reason: reason})
	}
	return err
}

// checkCredential asks the forge about one credential and stores what has changed.
func (s *Service) checkCredential(ctx context.Context, c *store.Credential, all []store.Credential) error {
	owner, err := s.o.Store.Owner(ctx, c.OwnerID)
	if err != nil || owner.Origin != s.o.Origin {
		return err
	}
	secret, err := s.unseal(&owner, c)
	if err != nil {
		return err
	}
	id, err := s.o.Forge.Identify(ctx, secret)
	switch {
	case err == nil && id.UserID != owner.UserID:
		return s.setStatus(ctx, c, store.CredentialInvalid, "it belongs to another user at the forge now")
	case err == nil:
		if id.Username != owner.Username {
			owner.Username, owner.Admin = id.Username, id.Admin
			if _, err := s.o.Store.PutOwner(ctx, owner); err != nil {
				return err
			}
		}
		return s.setStatus(ctx, c, store.CredentialValid, "")
	case errors.Is(err, forge.ErrBlocked):
		if c.Status == store.CredentialInvalid && c.Reason == reasonBlocked {
			return s.revokeOwned(ctx, &owner, "the owner "+owner.Username+" is blocked at the forge")
		}
		return s.setStatus(ctx, c, store.CredentialInvalid, reasonBlocked)
	case errors.Is(err, forge.ErrCredential), errors.Is(err, forge.ErrCredentialKind):
		if c.Status == store.CredentialInvalid && s.gone(ctx, &owner, all) {
			return s.revokeOwned(ctx, &owner, "the owner "+owner.Username+" does not exist at the forge any more")
		}
		return s.setStatus(ctx, c, store.CredentialInvalid, reasonRefused)
	}
	return err
}

func (s *Service) setStatus(ctx context.Context, c *store.Credential, status store.CredentialStatus, reason string) error {
	if c.Status == status && c.Reason == reason {
		return nil
	}
	err := s.change(ctx, func(ctx context.Context, st store.Store) error {
		return st.SetCredentialStatus(ctx, c.ID, status, reason, s.now())
	})
	if err == nil {
		s.o.Record(Change{What: "credential_" + status.String(), OwnerID: c.OwnerID, By: automatic, Reason: reason})
		c.Status, c.Reason = status, reason
	}
	return err
}

// Witness is a Forge that tells whether a user exists.
type Witness interface {
	// Exists asks, with somebody else's credential, whether there is a user of that id.
	Exists(ctx context.Context, credential token.Secret, userID int64) (bool, error)
}

// gone asks, with the valid credential of another owner, whether a user is not there any more. Without one, or without a
// clear answer, nobody is gone.
func (s *Service) gone(ctx context.Context, owner *store.Owner, all []store.Credential) bool {
	witness, ok := s.o.Forge.(Witness)
	if !ok {
		return false
	}
	for i := range all {
		other := &all[i]
		if other.OwnerID == owner.ID || other.Status != store.CredentialValid {
			continue
		}
		o, err := s.o.Store.Owner(ctx, other.OwnerID)
		if err != nil || o.Origin != owner.Origin {
			continue
		}
		secret, err := s.unseal(&o, other)
		if err != nil {
			continue
		}
		exists, err := witness.Exists(ctx, secret, owner.UserID)
		return err == nil && !exists
	}
	return false
}

func (s *Service) revokeOwned(ctx context.Context, owner *store.Owner, reason string) error {
	revoked := 0
	err := s.change(ctx, func(ctx context.Context, st store.Store) (err error) {
		revoked, err = st.RevokeOwned(ctx, owner.ID, store.Cause{Reason: reason, By: automatic, At: s.now()})
		return err
	})
	if err == nil && revoked > 0 {
		s.o.Record(Change{What: "owner_revoked", OwnerID: owner.UserID, By: automatic, Reason: reason})
	}
	return err
}
