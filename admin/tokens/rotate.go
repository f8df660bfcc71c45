package tokens

import (
	"context"
	"strconv"
	"time"

	"patgate/admin/terms"
	"patgate/store"
	"patgate/token"
)

// Rotation says how to rotate a token.
type Rotation struct {
	// ExpiresAt is when the new token ends, as in Creation; empty is in a week, as with GitLab.
	ExpiresAt string
	// RenewUntil is as in Creation, for rotations on an owner's word.
	RenewUntil string
	// Grace is for how long the old secret still works: a duration, or a number of seconds; empty is not at all.
	Grace string
}

// Rotate puts a new token with a new secret in the place of one. A token may rotate itself and what it made, if it holds
// rotate_personal_access_token, and never past what its maker gave as the end of all renewals. An owner may rotate any
// token, with a forge credential that reaches as far as the one the token is bound to.
func (s *Service) Rotate(ctx context.Context, c Caller, id int64, q Rotation) (*Created, error) {
	if err := present(c); err != nil {
		return nil, err
	}
	l, err := c.own(ctx, s, id)
	if err != nil {
		return nil, err
	}
	renewer, byToken := c.(holder)
	if byToken && renewer.TokenID == id && l.RotatedTo != 0 { // in its grace, for everything else
		if err := s.Reused(ctx, l.Hash); err != nil {
			return nil, err
		}
		return nil, ErrUnknownCaller
	}
	now := s.now()
	limit := s.o.Lifetimes.LongestEnd(now)
	switch {
	case byToken:
		if err := renewer.lacks(s, "rotate_personal_access_token"); err != nil {
			return nil, err
		}
		limit = limit.Within(l.RenewUntil, "the token may be renewed until "+l.RenewUntil.Format(time.RFC3339)+
			" only, as whoever made it said")
	case l.ParentID != 0:
		parent := strconv.FormatInt(l.ParentID, 10)
		limit = limit.Within(l.RenewUntil, "the token was made by token "+parent+" and does not outlive it")
	}
	owner, byOwner := c.(*Owner)
	if byOwner {
		if err := owner.Vouch(ctx, s, &l); err != nil {
			return nil, err
		}
	}
	problems := &terms.Invalid{}
	r := token.Record{Name: l.Name, Description: l.Description, Scopes: l.Scopes, TableVersion: l.TableVersion, CreatedAt: now}
	r.ExpiresAt = problems.End("expires_at", q.ExpiresAt, now, terms.RotationLife, limit)
	if byToken {
		if q.RenewUntil != "" {
			problems.Add("renew_until", "is set by the owner alone: a token cannot move its own end")
		}
		r.RenewUntil, r.BornAt = l.RenewUntil, l.Elder(renewer.Record) // its own word gives nothing a new life
	} else {
		r.RenewUntil = problems.Renewal(q.RenewUntil, now, r.ExpiresAt, limit)
	}
	if r.ReportUntil = l.ReportUntil; !byOwner || !l.Reports(now) {
		r.ReportUntil = time.Time{} // only the owner may keep report mode on
	} else if r.ReportUntil.After(r.ExpiresAt) {
		r.ReportUntil = r.ExpiresAt
	}
	grace := problems.Grace(q.Grace, now, s.o.Lifetimes.Grace)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	if r.Managed = l.Managed; byToken {
		r.Managed = l.Managed.Renewed(r.ExpiresAt)
	}
	secret, hash, err := s.mint()
	if err != nil {
		return nil, err
	}
	r.Hash, r.LastFour = hash, token.LastFour(secret)
	err = s.Change(ctx, func(ctx context.Context, st store.Store) (err error) {
		r, err = st.RotateToken(ctx, id, l.Revision, r, grace, c.by())
		return err
	})
	if err != nil {
		return nil, moved(err)
	}
	s.marks.Made(ctx, r.ID)
	s.record("rotated", &l, c, "", r.ID)
	return &Created{Listed: store.Listed{Record: r, Owner: l.Owner, Names: l.Names}, Secret: secret}, nil
}

// Reused is called when a secret that was rotated out is presented for another rotation: two hold it, and either may be the
// thief. All that was ever made from the token is revoked.
func (s *Service) Reused(ctx context.Context, hash token.Hash) error {
	b, err := s.o.Store.TokenByHash(ctx, hash)
	if err != nil {
		return err
	}
	if b.Record.RotatedTo == 0 {
		return nil
	}
	const reason = "a rotated-out secret was presented for another rotation"
	var revoked int
	err = s.Change(ctx, func(ctx context.Context, st store.Store) (err error) {
		revoked, err = st.RevokeFamily(ctx, b.Record.ID, store.Cause{Reason: reason, By: "patgate", At: s.now()})
		return err
	})
	if err == nil && revoked > 0 {
		s.o.Record(Change{
			What:    "family_revoked",
			TokenID: b.Record.ID,
			OwnerID: b.Owner.UserID,
			By:      "patgate",
			Reason:  reason,
			Other:   b.Record.FamilyID,
		})
	}
	return err
}
