package tables

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"patgate/store"
)

// SetNarrowing implements store.Tx.
func (tx tx) SetNarrowing(ctx context.Context, id int64, n *store.Narrowing) (err error) {
	scopes, old := "", time.Time{}
	if n != nil {
		if scopes, err = n.ScopesText(); err != nil {
			return err
		}
		old = n.At.Add(-store.UndoWithin)
	}
	_, err = tx.Exec(ctx, "DELETE FROM narrowings WHERE token_id = ? OR narrowed_at < ?", id, millis(old))
	if err != nil || n == nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO narrowings VALUES (?, ?, ?, ?, ?)", id, scopes, n.TableVersion, millis(n.At), n.By)
	return err
}

// MoveNarrowing implements store.Tx.
func (tx tx) MoveNarrowing(ctx context.Context, from, to int64) error {
	_, err := tx.Exec(ctx, "UPDATE narrowings SET token_id = ? WHERE token_id = ?", to, from)
	return err
}

// Narrowing implements store.Narrowings.
func (db *Tables) Narrowing(ctx context.Context, id int64) (n store.Narrowing, err error) {
	var scopes string
	var at int64
	err = db.d.Read.QueryRow(ctx,
		"SELECT scopes, table_version, narrowed_at, narrowed_by FROM narrowings WHERE token_id = ?", id).
		Scan(&scopes, &n.TableVersion, &at, &n.By)
	if errors.Is(err, ErrNone) {
		return store.Narrowing{}, nil
	}
	if err != nil {
		return store.Narrowing{}, fmt.Errorf("reading what token %d might do before: %w", id, err)
	}
	if err := json.Unmarshal([]byte(scopes), &n.Scopes); err != nil {
		return store.Narrowing{}, fmt.Errorf("%w: what token %d might do before: %w", store.ErrDamaged, id, err)
	}
	n.At = instant(at)
	return n, nil
}

// DropNarrowings implements store.Narrowings.
func (db *Tables) DropNarrowings(ctx context.Context, before time.Time) error {
	return db.d.Change(ctx, "forgetting what tokens might do before", func(tx Conn) error {
		_, err := tx.Exec(ctx, "DELETE FROM narrowings WHERE narrowed_at < ?", millis(before))
		return err
	})
}

// observingQuery gives since when what tokens do is kept, and for how long; zeros when it is not.
const observingQuery = "SELECT coalesce(max(since), 0), coalesce(max(keep), 0) FROM observing"

// SetObserving implements store.Store.
func (db *Tables) SetObserving(ctx context.Context, keep time.Duration, at time.Time) error {
	var since, before int64
	err := db.d.Read.QueryRow(ctx, observingQuery).Scan(&since, &before)
	if err == nil && before == keep.Milliseconds() {
		return nil // no write for what most starts find: there may be no room for it
	}
	return db.d.Note(ctx, "noting since when what tokens do is kept", func(tx Conn) error {
		var since, before int64
		err := tx.QueryRow(ctx, observingQuery).Scan(&since, &before)
		if before < keep.Milliseconds() { // what is older than that is gone
			since = max(since, millis(at)-before)
		}
		if err == nil {
			_, err = tx.Exec(ctx, "DELETE FROM observing")
		}
		if err != nil || keep == 0 {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO observing (since, keep) VALUES (?, ?)", since, keep.Milliseconds())
		return err
	})
}

// ObservingSince implements store.Store.
func (db *Tables) ObservingSince(ctx context.Context, now time.Time) (time.Time, error) {
	var since, keep int64
	if err := db.d.Read.QueryRow(ctx, observingQuery).Scan(&since, &keep); err != nil {
		return time.Time{}, fmt.Errorf("reading since when what tokens do is kept: %w", err)
	}
	if keep == 0 {
		return time.Time{}, nil
	}
	return instant(max(since, millis(now)-keep)), nil
}
