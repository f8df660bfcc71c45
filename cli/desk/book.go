package desk

import (
	"context"
	"time"

	"patgate/admin/names"
	"patgate/store"
)

// Book gives what the places of a token are called, as a running patgate tells it, or with a nil r the local store. It is empty
// for what is no token, and when that cannot be read: texts are as good without.
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
