package granted

import (
	"context"
	"errors"
	"slices"
	"strings"

	"patgate/store/tables/filter"
	"patgate/store/tables/limited"
)

const (
	// filledAtOnce is how many tokens at most one transaction notes, and notedAtOnce after how many rows it ends, because other
	// changes wait for it.
	filledAtOnce, notedAtOnce = 100, 2000
	// rowsAtOnce is how many rows one statement writes.
	rowsAtOnce = 100
)

// Unfilled asks whether any tokens are left to be filled in.
const Unfilled = "SELECT EXISTS (SELECT 1 FROM unplaced) OR EXISTS (SELECT 1 FROM ungranted)"

// Fill notes what some tokens name and hold, and tells whether more are left.
func Fill(ctx context.Context, tx Conn) (more bool, err error) {
	places, err := fillSome(ctx, tx, "unplaced", notePlaces)
	if err != nil {
		return false, err
	}
	grants, err := fillSome(ctx, tx, "ungranted", noteGrants)
	return places || grants, err
}

// holder is a token whose rights and places are noted.
type holder struct {
	id, owner      int64
	scopes, limits string
}

// fillSome does it for the next tokens, by the table that says which these are. note tells how many of them it has noted.
func fillSome(ctx context.Context, tx Conn, left string, note func(context.Context, Conn, []holder) (int, error)) (bool, error) {
	var done, last int64 // both 0: another process has ended it, or it was never begun
	err := tx.QueryRow(ctx, "SELECT coalesce(max(done), 0), coalesce(max(last), 0) FROM "+left).Scan(&done, &last)
	if err != nil || last == 0 {
		return false, err
	}
	rows, err := tx.Query(ctx, `SELECT t.id, t.owner_id, t.scopes,
		CASE WHEN t.family_id = t.id THEN `+limited.Column+` ELSE '' END
		FROM tokens t WHERE t.id > ? AND t.id <= ? ORDER BY t.id LIMIT ?`, done, last, filledAtOnce)
	if err != nil {
		return false, err
	}
	all, err := scanHolders(rows)
	if err != nil {
		return false, err
	}
	noted, err := note(ctx, tx, all)
	if err != nil {
		return false, err
	}
	if noted > 0 {
		done = all[noted-1].id
	}
	if noted == len(all) && noted < filledAtOnce {
		_, err = tx.Exec(ctx, "DELETE FROM "+left)
		return false, err
	}
	_, err = tx.Exec(ctx, "UPDATE "+left+" SET done = ?", done)
	return true, err
}

func scanHolders(rows Rows) (all []holder, err error) {
	defer rows.Close()
	for rows.Next() {
		var h holder
		if err := rows.Scan(&h.id, &h.owner, &h.scopes, &h.limits); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, rows.Err()
}

func notePlaces(ctx context.Context, tx Conn, all []holder) (noted int, err error) {
	var args []any
	for _, h := range all {
		if len(args)/4 >= notedAtOnce {
			break
		}
		args = append(args, filter.Places(h.scopes, h.owner, h.id)...)
		noted++
	}
	return noted, insertAll(ctx, tx, "token_places (place_id, kind, owner_id, token_id)", 4, args)
}

func noteGrants(ctx context.Context, tx Conn, all []holder) (noted int, err error) {
	var g filter.Granted
	var networks []any
	for _, h := range all {
		if len(g.Grants)/4+len(g.Rights)/3+len(networks)/2 >= notedAtOnce {
			break
		}
		g.Add(h.scopes, h.id)
		if s, err := limited.Parse(h.limits); err == nil { // limits that cannot be read hold nothing
			for _, network := range s.Networks {
				networks = append(networks, network, h.id)
			}
		}
		noted++
	}
	return noted, errors.Join(insertAll(ctx, tx, "token_grants (kind, place_id, token_id, scope)", 4, g.Grants),
		insertAll(ctx, tx, "token_rights (permission, token_id, scope)", 3, g.Rights),
		insertAll(ctx, tx, "family_networks (network, family_id)", 2, networks))
}

// insertAll writes rows of so many fields that are not there yet.
func insertAll(ctx context.Context, tx Conn, into string, fields int, args []any) error {
	row := "(?" + strings.Repeat(", ?", fields-1) + ")"
	for some := range slices.Chunk(args, fields*rowsAtOnce) {
		rows := row + strings.Repeat(", "+row, len(some)/fields-1)
		_, err := tx.Exec(ctx, "INSERT INTO "+into+" VALUES "+rows+" ON CONFLICT DO NOTHING", some...)
		if err != nil {
			return err
		}
	}
	return nil
}
