// Package tables keeps a store in the tables of a relational database: the statements and codecs that SQLite and PostgreSQL
// share. Statements are written as SQLite reads them: an argument is ?, or ?1 where it stands several times; max and min of two
// numbers are functions; text is ordered by its bytes. store/sqlite and store/postgres give connections, transactions and schema.
package tables

import (
	"context"
	"errors"
	"math"
	"time"

	"patgate/store"
	"patgate/store/tables/filter"
	"patgate/store/tables/limited"
)

// Errors that a Database's connections give beside those of package store.
var (
	// ErrNone: a query for one row found none.
	ErrNone = errors.New("no row")
	// ErrConstraint: the change broke a UNIQUE, CHECK or FOREIGN KEY rule.
	ErrConstraint = errors.New("constraint")
)

// Conn runs statements: on their own, or within a transaction. Its errors have the meaning that package store gives them.
type Conn interface {
	// Exec tells how many rows were changed.
	Exec(ctx context.Context, query string, args ...any) (rows int64, err error)
	Query(ctx context.Context, query string, args ...any) (Rows, error)
	// QueryRow reads one row; Scan gives ErrNone when there is none.
	QueryRow(ctx context.Context, query string, args ...any) Row
}

// Row is a row that was asked for.
type Row = interface{ Scan(fields ...any) error }

// Rows are the rows of an answer.
type Rows = interface {
	Row
	Next() bool
	Err() error
	Close()
}

// Database is what a database gives beside statements. All of it is required.
type Database struct {
	// Read runs single statements. Each is one consistent read of what was committed.
	Read Conn
	// Snapshot runs f, whose reads all see one state.
	Snapshot func(ctx context.Context, f func(Conn) error) error
	// Change runs f in a transaction that changes owners, credentials, tokens or what hangs on them, and commits it unless f
	// fails. One runs at a time, in all processes together. f may be run again when the transaction was rolled back.
	Change func(ctx context.Context, doing string, f func(Conn) error) error
	// Withdraw is Change for what only takes rights away. Where there is no room, it uses what is kept for it.
	Withdraw func(ctx context.Context, doing string, f func(Conn) error) error
	// Note is Change for what was used and seen. It waits for no Change, nor does Change for it.
	Note func(ctx context.Context, doing string, f func(Conn) error) error
	// Sign is Change for who is signed in to the console. It waits for neither of these, nor do they for it, but for Alone.
	Sign func(ctx context.Context, doing string, f func(Conn) error) error
	// SignOut is Sign for what only ends sign-ins, as Withdraw is for changes.
	SignOut func(ctx context.Context, doing string, f func(Conn) error) error
	// Alone keeps Signs from running beside a Change, from now until the Change ends. The Change sees what a Sign has committed
	// before. It is never called within Sign or SignOut, so no two wait for each other.
	Alone func(ctx context.Context, change Conn) error
	// NextID takes the id of the next row of a table, within the transaction that makes it.
	NextID func(ctx context.Context, tx Conn, table string) (int64, error)
	// Head is an expression for the newest change.
	Head string
	// Counter is the last id of a table that NextID serves, or the newest change.
	Counter func(ctx context.Context, on Conn, name string) (int64, error)
	// SetCounter sets it, within a transaction.
	SetCounter func(ctx context.Context, tx Conn, name string, seq int64) error
	// CopyBegins and CopyEnds are called when rows are copied as they are: what triggers count is counted already.
	CopyBegins, CopyEnds func(ctx context.Context, tx Conn) error
	// Filter is how tokens are looked up.
	Filter filter.Dialect
	// FillMarks puts into marks the tokens with ids above one and up to another, within a Note, when the table unmarked says that
	// there are some; empty without such a table. FillText does the same with their text, by the table that Untexted names.
	FillMarks, FillText, Untexted string
	// MissMarks gives tokens without marks their marks, soon or at once.
	MissMarks string
	// Unjudged is an expression for whether there are tokens that were not judged yet.
	Unjudged string
	// Scrub is called after sealed credentials were erased.
	Scrub func(ctx context.Context)
}

// Tables are the part of a store.Store that is the same on every relational database.
type Tables struct {
	store.Rules
	limited.Counts
	d          Database
	boundQuery string
}

// New keeps a store in a database that has the schema.
func New(d Database) *Tables {
	db := &Tables{d: d, boundQuery: boundQuery(d.Head)}
	db.Counts = counts(&db.d)
	db.Rules = store.Rules{Transact: db.transact, Withdraw: db.withdraw}
	return db
}

// Database gives the database that the store is kept in.
func (db *Tables) Database() *Database { return &db.d }

// Everything reads all rows that hold something in a form of their own, and fails when one is not in it.
func (db *Tables) Everything(ctx context.Context) error {
	if _, _, err := db.Tokens(ctx, store.Filter{}); err != nil {
		return err
	}
	_, err := db.Credentials(ctx, 0)
	return err
}

// Count counts what the store holds.
func (db *Tables) Count(ctx context.Context, h *store.Health) error {
	const counts = `SELECT (SELECT count(*) FROM owners WHERE removed_at = 0),
		(SELECT count(*) FROM credentials WHERE status <> 'removed'), (SELECT count(*) FROM tokens),
		(SELECT count(*) FROM tokens t WHERE NOT EXISTS (SELECT 1 FROM marks m WHERE m.token_id = t.id)), `
	return db.d.Read.QueryRow(ctx, counts+db.d.Head).Scan(&h.Owners, &h.Credentials, &h.Tokens, &h.Unmarked, &h.Sequence)
}

// most is a LIMIT without effect.
const most int64 = math.MaxInt64

// millis stores a time; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// instant reads a stored time.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
