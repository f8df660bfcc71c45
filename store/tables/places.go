package tables

import (
	"context"
	"errors"
	"slices"
	"strings"

	"patgate/store/tables/filter"
)

const (
	// filledAtOnce is of how many tokens one transaction notes what they name.
	filledAtOnce = 100
	// rowsAtOnce is how many rows one statement writes.
	rowsAtOnce = 100
)

// FillPlaces implements store.Names. It is a Change, so that no token changes between being read and being noted.
func (db *Tables) FillPlaces(ctx context.Context) (more bool, err error) {
	if more, err = unplaced(ctx, db.d.Read); err != nil || !more {
		return false, err // nothing is changed by most starts
	}
	err = db.d.Change(ctx, "noting what tokens name", func(tx Conn) (err error) {
		more, err = fillSome(ctx, tx)
		return err
	})
	return more, err
}

func unplaced(ctx context.Context, on Conn) (some bool, err error) {
	var n int64
	err = on.QueryRow(ctx, "SELECT count(*) FROM unplaced").Scan(&n)
	return n > 0, err
}

// fillSome does it for the next tokens.
func fillSome(ctx context.Context, tx Conn) (more bool, err error) {
	var done, last int64
	err = tx.QueryRow(ctx, "SELECT done, last FROM unplaced").Scan(&done, &last)
	if errors.Is(err, ErrNone) { // another process has ended it
		return false, nil
	}
	if err != nil {
		return false, err
	}
	rows, err := tx.Query(ctx, "SELECT id, owner_id, scopes FROM tokens WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", done, last,
		filledAtOnce)
	if err != nil {
		return false, err
	}
	tokens, args, err := scanPlaces(rows, &done)
	if err != nil {
		return false, err
	}
	const fields = 4
	for some := range slices.Chunk(args, fields*rowsAtOnce) {
		_, err := tx.Exec(ctx, "INSERT INTO token_places (place_id, kind, owner_id, token_id) VALUES (?, ?, ?, ?)"+
			strings.Repeat(", (?, ?, ?, ?)", len(some)/fields-1)+" ON CONFLICT DO NOTHING", some...)
		if err != nil {
			return false, err
		}
	}
	if tokens < filledAtOnce {
		_, err = tx.Exec(ctx, "DELETE FROM unplaced")
		return false, err
	}
	_, err = tx.Exec(ctx, "UPDATE unplaced SET done = ?", done)
	return true, err
}

// scanPlaces reads tokens, and gives how many they are, the last one's id, and the fields of the rows that note what they name.
// Scopes that cannot be read name nothing.
func scanPlaces(rows Rows, last *int64) (tokens int, args []any, err error) {
	defer rows.Close()
	for rows.Next() {
		var owner int64
		var text string
		if err := rows.Scan(last, &owner, &text); err != nil {
			return 0, nil, err
		}
		tokens++
		args = append(args, filter.Places(text, owner, *last)...)
	}
	return tokens, args, rows.Err()
}
