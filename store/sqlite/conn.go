package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"

	"patgate/store/tables"
)

// runner is a pool or a transaction.
type runner interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// conn runs statements for package tables.
type conn struct {
	on runner
	db *DB
}

// Exec implements tables.Conn.
func (c conn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := c.on.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, c.db.mean(err)
	}
	n, err := res.RowsAffected()
	return n, c.db.mean(err)
}

// Query implements tables.Conn.
func (c conn) Query(ctx context.Context, query string, args ...any) (tables.Rows, error) {
	r, err := c.on.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, c.db.mean(err)
	}
	return rows{r, c.db}, nil
}

// QueryRow implements tables.Conn.
func (c conn) QueryRow(ctx context.Context, query string, args ...any) tables.Row {
	return row{c.on.QueryRowContext(ctx, query, args...), c.db}
}

// rows are an answer whose errors have the meaning of package store.
type rows struct {
	*sql.Rows
	db *DB
}

// Scan implements tables.Rows.
func (r rows) Scan(fields ...any) error { return r.db.mean(r.Rows.Scan(fields...)) }

// Err implements tables.Rows.
func (r rows) Err() error { return r.db.mean(r.Rows.Err()) }

// Close implements tables.Rows.
func (r rows) Close() { _ = r.Rows.Close() }

// row is one row of an answer.
type row struct {
	*sql.Row
	db *DB
}

// Scan implements tables.Row.
func (r row) Scan(fields ...any) error { return r.db.mean(r.Row.Scan(fields...)) }

// mean is explain, with what package tables tells apart.
func (db *DB) mean(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return tables.ErrNone
	case constraint(err):
		return errors.Join(tables.ErrConstraint, err)
	}
	return db.unsound(explain(err))
}

// mostPrepared bounds what a pool keeps prepared.
const mostPrepared = 64

// prepared is a runner that keeps its first statements prepared, because reading their text takes longer than running most of
// them.
type prepared struct {
	runner
	mu   sync.Mutex
	kept map[string]*sql.Stmt
}

// statement gives the prepared statement of a query; nil when there are too many.
func (p *prepared) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.kept[query]; s != nil || len(p.kept) >= mostPrepared {
		return s, nil
	}
	s, err := p.PrepareContext(ctx, query)
	if err == nil {
		p.kept[query] = s
	}
	return s, err
}

// ExecContext implements runner.
func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := p.statement(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return p.runner.ExecContext(ctx, query, args...)
	}
	return s.ExecContext(ctx, args...)
}

// QueryContext implements runner. Lists of arguments come in all lengths: they are not kept.
func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if strings.Contains(query, "?, ?") {
		return p.runner.QueryContext(ctx, query, args...)
	}
	s, err := p.statement(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return p.runner.QueryContext(ctx, query, args...)
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext implements runner.
func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := p.statement(ctx, query)
	if err != nil || s == nil { // the row tells the error again
		return p.runner.QueryRowContext(ctx, query, args...)
	}
	return s.QueryRowContext(ctx, args...)
}

// close closes the prepared statements.
func (p *prepared) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []error
	for _, s := range p.kept {
		all = append(all, s.Close())
	}
	return errors.Join(all...)
}
