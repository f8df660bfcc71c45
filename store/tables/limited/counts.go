package limited

import (
	"context"

	"patgate/store"
	"patgate/token/limits"
)

// Counts is a store.Limited on the connections of a database.
type Counts struct {
	Read Conn
	// Note runs f in a transaction, and commits it unless f fails.
	Note func(ctx context.Context, doing string, f func(Conn) error) error
}

// TakeUse implements store.Limited. A limit that is used up is only read: repeated requests hold up no change.
func (c Counts) TakeUse(ctx context.Context, of []limits.MostUses) error {
	for _, m := range of {
		switch uses, _, err := used(ctx, c.Read, m.Family, 0); {
		case err != nil:
			return err
		case uses >= m.Most:
			return store.ErrUsedUp
		}
	}
	return c.Note(ctx, "counting a use", func(tx Conn) error { return take(ctx, tx, of) })
}

// AddBytes implements store.Limited.
func (c Counts) AddBytes(ctx context.Context, moved []limits.Moved) (sums []int64, err error) {
	err = c.Note(ctx, "counting bytes", func(tx Conn) (err error) {
		sums, err = add(ctx, tx, moved)
		return err
	})
	return sums, err
}

// LimitsAbove implements store.Limited.
func (c Counts) LimitsAbove(ctx context.Context, id int64) ([]store.Above, error) {
	return above(ctx, c.Read, id)
}

// LimitUse implements store.Limited.
func (c Counts) LimitUse(ctx context.Context, family, day int64) (uses, bytes int64, err error) {
	return used(ctx, c.Read, family, day)
}
