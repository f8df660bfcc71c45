package desk

import (
	"context"
	"time"

	"patgate/admin/names"
	"patgate/store"
)

// Book gives the names of a token's places, from a running patgate, or from the local store when r is nil. It is empty for a
// subject that is not a token, and when it cannot be read: texts can do without names.
func Book(ctx context.Context, r *Remote, d *Desk, id int64) names.Book {
	if id < store.FirstTokenID {
		return names.Book{}
	}
	if r == nil {
		l, _ := d.Show(ctx, d.As, id)
		return names.Of(l.Names, time.Now())
	}
	l, err := r.Token(ctx, id)
	if err != nil {
		return names.Book{}
	}
	return names.Of(l.Names, time.Now())
}
