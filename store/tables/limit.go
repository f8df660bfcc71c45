package tables

import (
	"context"

	"patgate/store/tables/limited"
	"patgate/token/limits"
)

// SetLimits implements store.Tx. Caches of the family, and of what is below it, hear of it.
func (tx tx) SetLimits(ctx context.Context, family int64, s *limits.Spec) error {
	if err := limited.Set(ctx, tx, family, s); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "UPDATE tokens SET changed_by = changed_by WHERE family_id = ? OR "+
		"id IN ("+belowQuery+")", family, family)
	return err
}

// counts gives the use of limits.
func counts(d *Database) limited.Counts {
	return limited.Counts{Read: d.Read, Note: func(ctx context.Context, doing string, f func(limited.Conn) error) error {
		return d.Note(ctx, doing, func(tx Conn) error { return f(tx) })
	}}
}
