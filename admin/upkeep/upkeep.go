// Package upkeep looks after tokens and their owners in the background: it revokes tokens that are unused, and tokens of owners
// whom the forge has blocked or removed.
package upkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/store"
	"patgate/token"
)

// Upkeep looks after the tokens of a service. All fields but Report are required.
type Upkeep struct {
	Tokens *tokens.Service
	Store  store.Store
	Forge  tokens.Forge
	// Interval is how often Run looks.
	Interval time.Duration
	// UnusedAfter is how long a token may go unused before it is revoked; 0 is for ever.
	UnusedAfter time.Duration
	// Report is called with each failure.
	Report func(error)
}

// automatic names patgate itself in the record.
const automatic = "patgate"

// Reasons of credentials that are not valid.
const (
	reasonRefused = "refused by the forge"
	reasonBlocked = "the forge says that the owner is blocked"
)

// Run looks after tokens until the context is done.
func (s *Upkeep) Run(ctx context.Context) {
	tick := time.NewTicker(s.Interval)
	defer tick.Stop()
	for {
		if err := s.Once(ctx); err != nil && ctx.Err() == nil && s.Report != nil {
			s.Report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Once does once what Run does: it revokes what was unused for too long, forgets what can no longer be undone, and asks the
// forge about every sealed credential. A credential that the forge refuses makes its tokens rest; when the forge takes it again,
// or another is put in its place, they work again. An owner whom the forge calls blocked in two looks in a row, or does not know
// any more, loses all tokens. A forge that does not answer changes nothing.
func (s *Upkeep) Once(ctx context.Context) error {
	var failed []error
	if s.UnusedAfter > 0 {
		failed = append(failed, s.revokeUnused(ctx, s.UnusedAfter))
	}
	failed = append(failed, s.Store.DropNarrowings(ctx, s.Tokens.Now().Add(-store.UndoWithin)))
	credentials, err := s.Store.Credentials(ctx, 0)
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

func (s *Upkeep) revokeUnused(ctx context.Context, after time.Duration) error {
	now := s.Tokens.Now()
	reason := "unused for " + terms.WriteSpan(after)
	var ids []int64
	err := s.Tokens.Change(ctx, func(ctx context.Context, st store.Store) (err error) {
		ids, err = st.RevokeUnused(ctx, now.Add(-after), store.Cause{Reason: reason, By: automatic, At: now})
		return err
	})
	for _, id := range ids {
		s.Tokens.Recorded(tokens.Change{What: "revoked", TokenID: id, By: automatic, Reason: reason})
	}
	return err
}

// checkCredential asks the forge about one credential and stores what has changed.
func (s *Upkeep) checkCredential(ctx context.Context, c *store.Credential, all []store.Credential) error {
	owner, err := s.Store.Owner(ctx, c.OwnerID)
	if err != nil || owner.Origin != s.Tokens.Origin() {
		return err
	}
	secret, err := s.Tokens.Unseal(&owner, c)
	if err != nil {
		return err
	}
	id, err := s.Forge.Identify(forge.On(ctx, owner.UserID, 0), secret)
	switch {
	case err == nil && id.UserID != owner.UserID:
		return s.setStatus(ctx, c, store.CredentialInvalid, "it belongs to another user at the forge now")
	case err == nil:
		if id.Username != owner.Username {
			owner.Username, owner.Admin = id.Username, id.Admin
			if _, err := s.Store.PutOwner(ctx, owner); err != nil {
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

func (s *Upkeep) setStatus(ctx context.Context, c *store.Credential, status store.CredentialStatus, reason string) error {
	if c.Status == status && c.Reason == reason {
		return nil
	}
	err := s.Tokens.Change(ctx, func(ctx context.Context, st store.Store) error {
		return st.SetCredentialStatus(ctx, c.ID, status, reason, s.Tokens.Now())
	})
	if err == nil {
		s.Tokens.Recorded(tokens.Change{What: "credential_" + status.String(), OwnerID: c.OwnerID, By: automatic, Reason: reason})
		c.Status, c.Reason = status, reason
	}
	return err
}

// Witness is a Forge that tells whether a user exists.
type Witness interface {
	// Exists asks, with somebody else's credential, whether there is a user of that id.
	Exists(ctx context.Context, credential token.Secret, userID int64) (bool, error)
}

// gone asks, with the valid credential of another owner, whether a user no longer exists. Without such a credential, or
// without a clear answer, it says no.
func (s *Upkeep) gone(ctx context.Context, owner *store.Owner, all []store.Credential) bool {
	witness, ok := s.Forge.(Witness)
	if !ok {
		return false
	}
	for i := range all {
		other := &all[i]
		if other.OwnerID == owner.ID || other.Status != store.CredentialValid {
			continue
		}
		o, err := s.Store.Owner(ctx, other.OwnerID)
		if err != nil || o.Origin != owner.Origin {
			continue
		}
		secret, err := s.Tokens.Unseal(&o, other)
		if err != nil {
			continue
		}
		exists, err := witness.Exists(forge.On(ctx, o.UserID, 0), secret, owner.UserID)
		return err == nil && !exists
	}
	return false
}

func (s *Upkeep) revokeOwned(ctx context.Context, owner *store.Owner, reason string) error {
	revoked := 0
	err := s.Tokens.Change(ctx, func(ctx context.Context, st store.Store) (err error) {
		revoked, err = st.RevokeOwned(ctx, owner.ID, store.Cause{Reason: reason, By: automatic, At: s.Tokens.Now()})
		return err
	})
	if err == nil && revoked > 0 {
		s.Tokens.Recorded(tokens.Change{What: "owner_revoked", OwnerID: owner.UserID, By: automatic, Reason: reason})
	}
	return err
}
