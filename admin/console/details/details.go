// Package details is the page of one token: all that is known about it, and what its owner can do with it.
package details

import (
	"time"

	"patgate/admin/console/rows"
	"patgate/admin/tokens"
)

// Page is one token with all there is to know.
type Page struct {
	Token                           rows.Token
	RenewUntil, RevokedAt, PausedAt rows.Moment
	RevokedBy                       string
	Addresses                       []string
	Parent, RotatedTo               int64
	Children, CredentialID, UserID  int64
	CanRevoke, CanPause, CanResume  bool
	CanConfirm, CanRotate, CanEdit  bool
	Finding                         string      // which rights are unused
	ToNarrow                        bool        // something can be done about it
	Narrowed, UndoUntil             rows.Moment // when it was narrowed, and until when that can be undone
	NarrowedBy                      string
	RenewsLater                     bool
	Denials                         []Denied
	CanShrink                       bool
	Replaced                        *Replaced
	ReportsUntil                    rows.Moment // of a token that is in report mode
}

// Denied is something that a token was denied, with the address on which it is granted.
type Denied struct {
	Endpoint, Reason string
	Permissions      []string
	Where            string
	Last             rows.Moment
	Count            int64
	Grant            string // the query
}

// Replaced tells whether a token was used since another was made for its job.
type Replaced struct {
	ID         int64
	Name       string
	Made, Last rows.Moment
	Quiet      bool
}

// Of gives the page of a token that a row shows, as far as the token tells. CanConfirm does not depend on its table.
func Of(t *tokens.Inspected, row rows.Token, now time.Time) *Page {
	ended := t.State == "revoked" || t.State == "expired"
	paused := !t.PausedAt.IsZero() && !ended
	return &Page{
		Token:        row,
		RenewUntil:   rows.At(t.RenewUntil, now),
		RevokedAt:    rows.At(t.RevokedAt, now),
		PausedAt:     rows.At(t.PausedAt, now),
		RevokedBy:    t.RevokedBy,
		Addresses:    t.Addresses,
		Parent:       t.ParentID,
		RotatedTo:    t.RotatedTo,
		Children:     t.Children,
		CredentialID: t.CredentialID,
		UserID:       t.Owner.UserID,
		CanRevoke:    t.State != "revoked",
		CanPause:     !ended && !paused,
		CanResume:    paused && row.Own,
		CanRotate:    !ended && !paused && row.Own && t.RotatedTo == 0,
		CanEdit:      t.State != "revoked" && row.Own && t.RotatedTo == 0,
		CanConfirm:   !ended && row.Own,
		RenewsLater:  t.RenewUntil.After(t.ExpiresAt),
	}
}
