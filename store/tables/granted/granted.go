// Package granted keeps what the scopes of tokens name, reach and hold, and the networks of their limits, in tables of their own.
package granted

import "context"

// Conn runs statements of one transaction, or on their own, as tables.Conn does.
type Conn interface {
	Exec(ctx context.Context, query string, args ...any) (rows int64, err error)
	Query(ctx context.Context, query string, args ...any) (Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) interface{ Scan(fields ...any) error }
}

// Rows are the rows of an answer.
type Rows = interface {
	Scan(fields ...any) error
	Next() bool
	Err() error
	Close()
}

// Column asks for rows of one value.
func Column[T any](ctx context.Context, q Conn, query string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return scanColumn[T](rows)
}

// scanColumn reads rows of one value.
func scanColumn[T any](rows Rows) (all []T, err error) {
	defer rows.Close()
	for rows.Next() {
		var n T
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, rows.Err()
}
