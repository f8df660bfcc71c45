package tables

import (
	"context"

	"patgate/store"
	"patgate/store/tables/granted"
)

// Unfilled implements store.Names.
func (db *Tables) Unfilled(ctx context.Context) (some bool, err error) {
	err = db.d.Read.QueryRow(ctx, granted.Unfilled).Scan(&some)
	return some, err
}

// FillPlaces implements store.Names. It is a Change, so that no token changes between being read and being noted.
func (db *Tables) FillPlaces(ctx context.Context) (more bool, err error) {
	if more, err = db.Unfilled(ctx); err != nil || !more {
		return false, err // nothing is changed by most starts
	}
	err = db.d.Change(ctx, "noting what tokens name", func(tx Conn) (err error) {
		more, err = granted.Fill(ctx, tx)
		return err
	})
	return more, err
}

// Above implements store.Names.
func (db *Tables) Above(ctx context.Context, origin string, n store.Naming, ownerID int64) (all []store.Place, err error) {
	return granted.Above(ctx, db.d.Read, origin, n, ownerID)
}
