package rows

import (
	"time"

	"patgate/admin/console/picker"
	"patgate/admin/console/words"
	"patgate/admin/marks"
	"patgate/admin/tokens"
)

// Token is a token in the table.
type Token struct {
	ID                              int64
	Name, Description, LastFour     string
	Owner                           string // in the administrators' view
	State, StateWords, Reason       string
	Badges                          []words.Badge
	Scopes, MoreScopes              []Scope // MoreScopes only in the table
	Created, Expires, LastUsed      Moment
	Uses                            int64
	How                             string // what lets it reach the place that the table is narrowed to
	Limits                          []string
	Radius                          Radius
	Managed                         *Managed
	Active, CanRotate, CanEdit, Own bool
}

// Radius is the blast radius of a token as tables show it.
type Radius struct{ Short, Level, Why string }

// Of shows a token to a user of the forge.
func Of(t *tokens.Inspected, viewer int64, k *picker.Catalogue, now time.Time) Token {
	own := t.Owner.UserID == viewer
	return Token{
		ID:          t.ID,
		Name:        t.Name,
		Description: t.Description,
		LastFour:    t.LastFour,
		Owner:       t.Owner.Username,
		State:       t.State,
		StateWords:  words.State(t.State),
		Reason:      t.Reason,
		Badges:      words.Badges(t.Badges),
		Scopes:      Scopes(t, own, k, now),
		Created:     At(t.CreatedAt, now),
		Expires:     At(t.ExpiresAt, now),
		LastUsed:    At(t.LastUsedAt, now),
		Uses:        t.Uses,
		Limits:      t.Limits.Told(t.LimitUse),
		Own:         own,
		Managed:     ManagedBy(&t.Record),
		Radius:      Radius{t.Radius.Short(), t.Radius.Level(), t.Radius.Explain() + " " + words.Sentence(marks.Weights)},
		Active:      t.State == "active" || t.State == "credential_invalid",
		CanRotate:   own && t.RotatedTo == 0,
		CanEdit:     own && t.RotatedTo == 0,
	}
}
