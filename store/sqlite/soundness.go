package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"patgate/store"
)

// pieceTime bounds how long one table is read in search of damage: as long the -wal cannot begin anew.
const pieceTime = 2 * time.Second

// deciding are the tables that decide about tokens.
func deciding() []string {
	return []string{"sealing_keys", "owners", "credentials", "tokens", "changes", "sign_ins", "sqlite_sequence"}
}

// soundness is what is known of damage in the file.
type soundness struct {
	mu    sync.Mutex
	left  []string // tables that this look at the file has yet to read
	found []string // by it
	whole bool     // it has read each table to its end
	// known is what is wrong, as found by the last look that came to its end, or by this one; closed says that a table that decides
	// is damaged.
	known  error
	closed bool
	met    bool // damage was met outside of any look since the present one began
}

// unsound notes damage that a statement has met, and gives its error back.
func (db *DB) unsound(err error) error {
	if !errors.Is(err, store.ErrDamaged) {
		return err
	}
	s := &db.soundness
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.met = true; s.known == nil {
		s.known = err
	}
	return err
}

// damage tells what is wrong with the file, and whether nothing may be read from it or written to it for that.
func (db *DB) damage() (err error, closed bool) { //nolint:revive // the error is what is asked for
	s := &db.soundness
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known, s.closed
}

// Inspect implements store.Inspected.
func (db *DB) Inspect(ctx context.Context) (last bool) {
	s := &db.soundness
	table, begun := s.next(func() []string { return db.tables(ctx) })
	if !begun {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, pieceTime)
	defer cancel()
	err := explain(checkIntegrity(ctx, db.read, "quick_check", table))
	return s.read(table, err)
}

// Doubtful implements store.Inspected.
func (db *DB) Doubtful() bool {
	s := &db.soundness
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.met || len(s.left) > 0
}

// next gives the table to be read next, of those that are listed when a look at the file begins.
func (s *soundness) next(list func() []string) (table string, begun bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.left) == 0 {
		s.left, s.found, s.whole, s.met = list(), nil, true, false
	}
	if len(s.left) == 0 {
		return "", false
	}
	table, s.left = s.left[0], s.left[1:]
	return table, true
}

// read notes what was found in a table. What has been read whole, without anything, ends what was known before.
func (s *soundness) read(table string, err error) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last = len(s.left) == 0
	switch {
	case errors.Is(err, store.ErrDamaged):
		s.found = append(s.found, table)
		decides := slices.ContainsFunc(s.found, func(t string) bool { return slices.Contains(deciding(), t) })
		kind := store.ErrPartly
		if decides {
			kind = store.ErrDamaged
		}
		s.known, s.closed = fmt.Errorf("%w: %s (fix: stop patgate, and put back a copy with patgate store restore; patgate store "+
			"check reads all of it): %w", kind, strings.Join(s.found, ", "), err), decides
	case err != nil:
		s.whole = false // it took too long, or the store was closed
	}
	if last && s.whole && len(s.found) == 0 && !s.met {
		s.known, s.closed = nil, false
	}
	return last
}

// tables lists all tables, first those that decide.
func (db *DB) tables(ctx context.Context) []string {
	all := deciding()
	rows, err := db.read.QueryContext(ctx, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
	if err != nil {
		return all // what hinders it is met again when they are read
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if rows.Scan(&name) == nil && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
