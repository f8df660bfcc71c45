// Package limited keeps the limits of tokens in a table, by family, and how much of them is used.
package limited

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"patgate/store"
	"patgate/token/limits"
)

// Conn runs statements of one transaction, or on their own, as tables.Conn does.
type Conn interface {
	Exec(ctx context.Context, query string, args ...any) (rows int64, err error)
	QueryRow(ctx context.Context, query string, args ...any) interface{ Scan(fields ...any) error }
}

// Column is an expression for the limits of the token t, as text that Parse reads.
const Column = "coalesce((SELECT m.limits FROM token_limits m WHERE m.family_id = t.family_id), '')"

// Parse reads what is stored.
func Parse(text string) (s limits.Spec, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &s)
	}
	return s, err
}

// Set stores the limits of a family. What was used of earlier ones stays counted.
func Set(ctx context.Context, on Conn, family int64, s *limits.Spec) error {
	text := ""
	if !s.Empty() {
		data, err := json.Marshal(s)
		if err != nil {
			return err
		}
		text = string(data)
	}
	_, err := on.Exec(ctx, `INSERT INTO token_limits (family_id, limits) VALUES (?, ?)
		ON CONFLICT (family_id) DO UPDATE SET limits = excluded.limits`, family, text)
	return err
}

// take counts one use for each of some families, within a transaction that is not committed when it fails.
func take(ctx context.Context, on Conn, of []limits.MostUses) error {
	for _, m := range of {
		taken, err := on.Exec(ctx, "UPDATE token_limits SET uses = uses + 1 WHERE family_id = ? AND uses < ?", m.Family, m.Most)
		if err != nil {
			return err
		}
		if taken == 0 {
			return store.ErrUsedUp
		}
	}
	return nil
}

// add adds bytes to the daily sums of some families, and gives the sums. A day that is over does not begin again: bytes of an
// older day, from a clock that is behind, count for the newest. A stored day that is days ahead came from a wrong clock.
func add(ctx context.Context, on Conn, moved []limits.Moved) (sums []int64, err error) {
	for _, m := range moved {
		_, err := on.Exec(ctx, `UPDATE token_limits SET bytes = CASE WHEN day < ?1 THEN ?2 ELSE bytes + ?2 END,
			day = CASE WHEN day < ?1 OR day > ?1 + 1 THEN ?1 ELSE day END WHERE family_id = ?3`, m.Day, m.Bytes, m.Family)
		if err != nil {
			return nil, err
		}
		_, bytes, err := used(ctx, on, m.Family, m.Day)
		if err != nil {
			return nil, err
		}
		sums = append(sums, bytes)
	}
	return sums, nil
}

// used gives how often a family was used, as far as that is bounded, and what it moved on a day, or on a newer one.
func used(ctx context.Context, on Conn, family, day int64) (uses, bytes int64, err error) {
	err = on.QueryRow(ctx, `SELECT coalesce(max(uses), 0), coalesce(max(CASE WHEN day >= ? THEN bytes END), 0) FROM token_limits
		WHERE family_id = ?`, day, family).Scan(&uses, &bytes)
	return uses, bytes, err
}

// mostAbove bounds how many tokens one may come from, in a store that is damaged too.
const mostAbove = 10_000

// above gives the limits of a token and of all that it comes from, of those that have any.
func above(ctx context.Context, on Conn, id int64) (all []store.Above, err error) {
	for range mostAbove {
		var a store.Above
		var parent int64
		var text string
		err := on.QueryRow(ctx, `SELECT coalesce(max(t.family_id), 0), coalesce(max(t.parent_id), 0),
			coalesce(max(`+Column+`), '') FROM tokens t WHERE t.id = ?`, id).Scan(&a.Family, &parent, &text)
		if err != nil {
			return nil, err
		}
		if a.Limits, err = Parse(text); err != nil || a.Family == 0 {
			return nil, fmt.Errorf("%w: limits of token %d: %w", store.ErrDamaged, id, errors.Join(err, store.ErrUnknownToken))
		}
		if !a.Limits.Empty() {
			all = append(all, a)
		}
		if id = parent; id == 0 {
			return all, nil
		}
	}
	return nil, fmt.Errorf("%w: token %d comes from itself", store.ErrDamaged, id)
}
