package tally

import (
	"context"
	"maps"
	"slices"

	"patgate/store/tables/granted"
)

// Uncounted lists some of the tokens that may be something else than they are kept as.
func Uncounted(ctx context.Context, q granted.Conn, now int64) (ids []int64, err error) {
	for _, ask := range []struct {
		query string
		args  []any
	}{{Changed, nil}, {Over, []any{now}}, {Ahead, []any{now + apart.Milliseconds()}}} {
		some, err := granted.Column[int64](ctx, q, ask.query, ask.args...)
		if err != nil {
			return nil, err
		}
		ids = append(ids, some...)
		slices.Sort(ids)
		if ids = slices.Compact(ids); len(ids) >= AtOnce {
			break
		}
	}
	return ids[:min(len(ids), AtOnce)], nil
}

// Keep counts tokens anew, as of an instant.
func Keep(ctx context.Context, tx granted.Conn, ids []int64, now int64) error {
	args := []any{now}
	for i := range AtOnce {
		if i < len(ids) {
			args = append(args, ids[i])
			continue
		}
		args = append(args, 0) // which no token has: so the statement is always the same
	}
	if _, err := tx.Exec(ctx, Taken(), args[1:]...); err != nil {
		return err
	}
	sums := map[int64][]int64{}
	if err := addKept(ctx, tx, args[1:], -1, sums); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, Recount(), args...); err != nil {
		return err
	}
	if err := addKept(ctx, tx, args[1:], 1, sums); err != nil {
		return err
	}
	return keepSums(ctx, tx, sums)
}

// addKept adds, so many times, what tokens are kept as to the sums of owners.
func addKept(ctx context.Context, tx granted.Conn, ids []any, times int64, sums map[int64][]int64) error {
	rows, err := tx.Query(ctx, Kept(), ids...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var owner int64
		var n [11]int64 // of all tokens, and of each kind
		fields := []any{&owner}
		for i := range n {
			fields = append(fields, &n[i])
		}
		if err := rows.Scan(fields...); err != nil {
			return err
		}
		if sums[owner] == nil {
			sums[owner] = make([]int64, len(n))
		}
		for i := range n {
			sums[owner][i] += times * n[i]
		}
	}
	return rows.Err()
}

// keepSums adds to what is kept of owners, in the order of their ids.
func keepSums(ctx context.Context, tx granted.Conn, sums map[int64][]int64) error {
	for _, owner := range slices.Sorted(maps.Keys(sums)) {
		args := []any{owner}
		moved := false
		for _, n := range sums[owner] {
			args, moved = append(args, n), moved || n != 0
		}
		if moved {
			if _, err := tx.Exec(ctx, Add(), args...); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, Top, owner); err != nil {
			return err
		}
	}
	return nil
}
