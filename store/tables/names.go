package tables

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"patgate/store"
	"patgate/store/tables/filter"
)

// namedAtOnce bounds for how many tokens names are read by one statement.
const namedAtOnce = 500

// nameAll puts into tokens what their places are called, as their owners saw them.
func nameAll(ctx context.Context, q Conn, list []store.Listed) error {
	for some := range slices.Chunk(list, namedAtOnce) {
		at := make(map[int64]*store.Listed, len(some))
		args := make([]any, len(some))
		for i := range some {
			some[i].Names = store.Named{}
			at[some[i].ID] = &some[i]
			args[i] = some[i].ID
		}
		rows, err := q.Query(ctx, `SELECT p.token_id, n.kind, n.place_id, n.path, n.seen_at, n.gone_at FROM token_places p
			JOIN paths n ON n.owner_id = p.owner_id AND n.kind = p.kind AND n.place_id = p.place_id
			JOIN owners o ON o.id = p.owner_id AND o.removed_at = 0
			WHERE p.token_id IN (?`+strings.Repeat(", ?", len(args)-1)+")", args...)
		if err == nil {
			err = eachName(rows, func(token int64, p store.Place, n store.Name) { at[token].Names[p] = n })
		}
		if err != nil {
			return fmt.Errorf("reading the names of places: %w", err)
		}
	}
	return nil
}

// eachName reads rows of a number and the columns of a name.
func eachName(rows Rows, put func(number int64, p store.Place, n store.Name)) error {
	defer rows.Close()
	for rows.Next() {
		var number, id, seen, gone int64
		var kind, path string
		if err := rows.Scan(&number, &kind, &id, &path, &seen, &gone); err != nil {
			return err
		}
		place := store.Place{Kind: filter.KindOf(kind), ID: id}
		put(number, place, store.Name{Path: path, Seen: instant(seen), Gone: instant(gone)})
	}
	return rows.Err()
}

// NamesOf implements store.Names.
func (db *Tables) NamesOf(ctx context.Context, origin string, userID int64, places []store.Place) (store.Named, error) {
	named := store.Named{}
	for some := range slices.Chunk(places, namedAtOnce) {
		args := []any{origin, userID}
		for _, p := range some {
			args = append(args, p.ID)
		}
		rows, err := db.d.Read.Query(ctx, `SELECT n.owner_id, n.kind, n.place_id, n.path, n.seen_at, n.gone_at FROM owners o
			JOIN paths n ON n.owner_id = o.id AND n.kind IN ('project', 'group')
			WHERE o.origin = ? AND o.user_id = ? AND o.removed_at = 0
			AND n.place_id IN (?`+strings.Repeat(", ?", len(some)-1)+")", args...)
		if err == nil {
			err = eachName(rows, func(_ int64, p store.Place, n store.Name) {
				if slices.Contains(some, p) {
					named[p] = n
				}
			})
		}
		if err != nil {
			return nil, fmt.Errorf("reading the names of places: %w", err)
		}
	}
	return named, nil
}

// SeePlaces implements store.Names.
func (db *Tables) SeePlaces(ctx context.Context, origin string, seen []store.Sighting) (late []int, err error) {
	if len(seen) == 0 {
		return nil, nil
	}
	err = db.d.Note(ctx, "storing the names of places", func(tx Conn) error {
		late = nil
		for i := range seen {
			behind, err := seePlace(ctx, tx, origin, &seen[i])
			if err != nil {
				return err
			}
			if behind {
				late = append(late, i)
			}
		}
		return nil
	})
	return late, err
}

// seePlace keeps what was seen of one place, and tells whether something else is kept that is newer.
func seePlace(ctx context.Context, tx Conn, origin string, s *store.Sighting) (late bool, err error) {
	at, keep := s.At, `ON CONFLICT (owner_id, kind, place_id) DO UPDATE
		SET path = excluded.path, seen_at = excluded.seen_at, gone_at = 0
		WHERE paths.seen_at <= excluded.seen_at AND paths.gone_at <= excluded.seen_at`
	gone := time.Time{}
	if s.Path == "" {
		at, gone = time.Time{}, s.At
		keep = `ON CONFLICT (owner_id, kind, place_id) DO UPDATE SET gone_at = excluded.gone_at
			WHERE paths.seen_at <= excluded.gone_at AND paths.gone_at = 0`
	}
	kind := filter.KindName(s.Place.Kind)
	n, err := tx.Exec(ctx, `INSERT INTO paths (owner_id, kind, place_id, path, seen_at, gone_at)
		SELECT o.id, CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT) FROM owners o
		WHERE o.origin = ? AND o.user_id = ? AND o.removed_at = 0
		AND EXISTS (SELECT 1 FROM token_places p WHERE p.place_id = ? AND p.kind = ? AND p.owner_id = o.id) `+keep,
		kind, s.Place.ID, s.Path, millis(at), millis(gone), origin, s.UserID, s.Place.ID, kind)
	if err != nil || n > 0 {
		return false, err
	}
	args := []any{kind, s.Place.ID, origin, s.UserID, millis(s.At)}
	other := "n.gone_at = 0 AND n.seen_at > ?"
	if s.Path != "" {
		other = "(n.gone_at > ? OR n.seen_at > ? AND n.path <> ?)"
		args = append(args, millis(s.At), s.Path)
	}
	var newer int64
	err = tx.QueryRow(ctx, `SELECT count(*) FROM owners o JOIN paths n ON n.owner_id = o.id AND n.kind = ? AND n.place_id = ?
		WHERE o.origin = ? AND o.user_id = ? AND o.removed_at = 0 AND `+other, args...).Scan(&newer)
	return newer > 0, err
}

// ForgetPlaces implements store.Names.
func (db *Tables) ForgetPlaces(ctx context.Context, before time.Time) error {
	return db.d.Note(ctx, "forgetting the names of places", func(tx Conn) error {
		_, err := tx.Exec(ctx, `DELETE FROM paths WHERE seen_at < ? AND gone_at < ? AND NOT EXISTS (SELECT 1 FROM token_places p
			WHERE p.place_id = paths.place_id AND p.kind = paths.kind AND p.owner_id = paths.owner_id)
			OR owner_id IN (SELECT id FROM owners WHERE removed_at > 0)`, millis(before), millis(before))
		return err
	})
}
