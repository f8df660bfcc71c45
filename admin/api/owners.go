package api

import (
	"net/http"
	"time"

	"patgate/admin/tokens"
	"patgate/store"
)

// OwnerSummary is what an owner's tokens amount to. All but the first four numbers count active tokens.
type OwnerSummary struct {
	UserID            int64      `json:"user_id"`
	Username          string     `json:"username"`
	Active            int        `json:"active"`
	Paused            int        `json:"paused"`
	Expired           int        `json:"expired"`
	Revoked           int        `json:"revoked"`
	Broad             int        `json:"broad"`
	MakesCredentials  int        `json:"makes_credentials"`
	Dangerous         int        `json:"dangerous"`
	UnusedLong        int        `json:"unused_60_days"`
	UnusedPermissions int        `json:"unused_permissions"`
	Soon              int        `json:"expiring_soon"`
	Reach             int64      `json:"highest_blast_radius"`
	LastUsedAt        *time.Time `json:"last_used_at"` // to the minute
}

// SummaryOf shows what an owner's tokens amount to.
func SummaryOf(o *store.OwnerTally) OwnerSummary {
	return OwnerSummary{UserID: o.UserID, Username: o.Username, Active: o.Active, Paused: o.Paused, Expired: o.Expired(),
		Revoked: o.Revoked, Broad: o.Broad, MakesCredentials: o.Mints, Dangerous: o.Dangerous, UnusedLong: o.Idle,
		UnusedPermissions: o.Unused, Soon: o.Soon, Reach: o.Reach, LastUsedAt: orNull(o.LastUsedAt)}
}

// owners answers what owners' tokens amount to, for administrators.
func (q *call) owners() (*reply, error) {
	if !q.o.Tokens.Administrates(q.caller) { // whatever is asked
		return nil, tokens.ErrNotFound
	}
	p := q.query()
	part := p.page()
	f := store.OwnerFilter{Search: p.text("search"), Limit: part.size, Offset: part.offset()}
	if name := p.text("sort"); name != "" {
		var err error
		if f.Sort, err = store.ParseOwnerSort(name); err != nil {
			p.problems.Add("sort", "%v", err)
		}
	}
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	list, total, err := q.o.Tokens.OwnerTallies(q.Context(), q.caller, f)
	if err != nil {
		return nil, err
	}
	counting, err := q.o.Tokens.Judging(q.Context())
	if err != nil {
		return nil, err
	}
	views := make([]OwnerSummary, len(list))
	for i := range list {
		views[i] = SummaryOf(&list[i])
	}
	a := answer(http.StatusOK, views)
	part.write(a.header, q, total)
	if counting {
		a.header.Set("X-Patgate-Counting", "true")
	}
	return a, nil
}
