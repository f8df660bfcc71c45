package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"patgate/store"
	"patgate/store/tables"
)

// runner is a pool or a transaction.
type runner interface {
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// conn runs statements for package tables. Each waits no longer than patience; patience is 0 in a transaction that has a bound
// of its own.
type conn struct {
	on       runner
	db       *DB
	patience time.Duration
}

// bound bounds what a statement may wait.
func (c conn) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.patience == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.patience)
}

// Exec implements tables.Conn.
func (c conn) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	tag, err := c.on.Exec(ctx, c.db.numbered(query), args...)
	return tag.RowsAffected(), c.db.mean(err)
}

// Query implements tables.Conn.
func (c conn) Query(ctx context.Context, query string, args ...any) (tables.Rows, error) {
	ctx, cancel := c.bound(ctx)
	r, err := c.on.Query(ctx, c.db.numbered(query), args...)
	if err != nil {
		cancel()
		return nil, c.db.mean(err)
	}
	return rows{r, c.db, cancel}, nil
}

// QueryRow implements tables.Conn.
func (c conn) QueryRow(ctx context.Context, query string, args ...any) tables.Row {
	r, err := c.Query(ctx, query, args...)
	return row{r, err}
}

// rows are an answer whose errors have the meaning of package store.
type rows struct {
	pgx.Rows
	db     *DB
	cancel context.CancelFunc
}

// Scan implements tables.Rows.
func (r rows) Scan(fields ...any) error { return r.db.mean(r.Rows.Scan(fields...)) }

// Err implements tables.Rows.
func (r rows) Err() error { return r.db.mean(r.Rows.Err()) }

// Close implements tables.Rows.
func (r rows) Close() {
	r.Rows.Close()
	r.cancel()
}

// row is the first row of an answer.
type row struct {
	rows tables.Rows
	err  error
}

// Scan implements tables.Row.
func (r row) Scan(fields ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return tables.ErrNone
	}
	if err := r.rows.Scan(fields...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// numberings keeps statements as PostgreSQL reads them.
type numberings struct{ known sync.Map }

// numbered writes the arguments of a statement as PostgreSQL reads them: ? becomes $1, $2 and so on, ?1 becomes $1.
func (n *numberings) numbered(query string) string {
	if text, known := n.known.Load(query); known {
		return text.(string)
	}
	var b strings.Builder
	next := 0
	for i := range len(query) {
		switch {
		case query[i] != '?':
			b.WriteByte(query[i])
		case i+1 < len(query) && '0' <= query[i+1] && query[i+1] <= '9':
			b.WriteByte('$')
		default:
			next++
			fmt.Fprintf(&b, "$%d", next)
		}
	}
	n.known.Store(query, b.String())
	return b.String()
}

// mean gives a driver's error the meaning it has in package store. Others stay as they are.
func (db *DB) mean(err error) error {
	if err == nil {
		return nil
	}
	if db.closed.Load() {
		return store.ErrClosed
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return tables.ErrNone
	}
	var told *pgconn.PgError
	if !errors.As(err, &told) {
		if unanswered(err) {
			return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
		}
		return err
	}
	switch {
	case strings.HasPrefix(told.Code, "08"), strings.HasPrefix(told.Code, "57P"), told.Code == "53300", told.Code == "25P03":
		// the connection failed, the server is about to end or not there yet, it has no connection left, or has ended this one
		return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	case told.Code == diskFull:
		return fmt.Errorf("%w: the disk of the server of %s is full (fix: free some space there, and try "+
			"again): %w", store.ErrNoRoom,
			db.name, err)
	case strings.HasPrefix(told.Code, "23"): // integrity constraint violation
		return errors.Join(tables.ErrConstraint, err)
	case told.Code == "55P03", told.Code == "57014": // lock not available, query cancelled
		return fmt.Errorf("%w: another transaction holds a lock that this one needs: %w", store.ErrLocked, err)
	case told.Code == "25006": // read only
		return fmt.Errorf("%w: the server takes no writes: %w", store.ErrUnreachable, err)
	case told.Code == "XX001", told.Code == "XX002": // data or index corrupted
		err = fmt.Errorf("%w: the server of %s says so (fix: see its log, and put back a "+
			"backup): %w", store.ErrPartly, db.name, err)
		db.damaged.Store(&damage{err, time.Now()})
		return err
	case strings.HasPrefix(told.Code, "XX"), told.Code == "58P01": // internal error; a file is missing
		return fmt.Errorf("%w: %w", store.ErrDamaged, err)
	}
	return err
}

// unanswered tells whether an error is one of the way to the server, or of its having taken too long.
func unanswered(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed)
}

// again tells whether a transaction failed only because another one ran beside it, or held what it waited for.
func again(err error) bool {
	var told *pgconn.PgError
	return errors.As(err, &told) && (told.Code == "40001" || told.Code == "40P01" || told.Code == "55P03")
}
