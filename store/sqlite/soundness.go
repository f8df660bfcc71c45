package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"patgate/store"
)

// pieceTime bounds how long one table is read in search of damage: the -wal cannot begin anew then. Those that decide get more.
const (
	pieceTime    = 2 * time.Second
	decidingTime = 20 * time.Second
	listTime     = 2 * time.Second
)

// confirmedAfter is how long after damage was found in a table it is read again, from the disk, before that counts.
const confirmedAfter = 2 * time.Second

// lookedAgain is how long after a look that found something the next one begins.
const lookedAgain = 20 * time.Second

// metAgain gives how long after so many looks in a row, to which damage that was met led, the next one may begin.
func metAgain(looks int) time.Duration {
	return []time.Duration{0, 10 * time.Second, time.Minute, 10 * time.Minute}[min(looks, 3)]
}

// metForgotten is after which time without any damage being met the next look begins at once.
const metForgotten = 20 * time.Minute

// deciding are the tables that decide about tokens.
func deciding() []string {
	return []string{"sealing_keys", "owners", "credentials", "tokens", "changes", "sqlite_sequence"}
}

// soundness is what is known about damage in the file.
type soundness struct {
	verdict atomic.Pointer[verdict] // nil when nothing is wrong; every read and write looks at it

	mu   sync.Mutex       // of what follows; nobody waits while holding it
	now  func() time.Time // time.Now when nil
	left []string         // tables that this look at the file has yet to read
	// deciding says that this look has read the tables that decide to their end and found nothing; whole, that it has read all
	// tables so.
	deciding, whole bool
	sound           bool                // deciding of the last look, unless something else was found since
	bad             map[string]badTable // what is wrong, until the table is read to its end and found sound

	met    error     // damage that a statement met since the last look that read everything, and found nothing
	during bool      // it was met since the present look began
	metAt  time.Time // when last
	looks  int       // how many looks damage that was met has led to
	next   time.Time // when one may begin
}

// verdict is what is wrong, and whether nothing may be read from the file or written to it for that.
type verdict struct {
	err    error
	closed bool
	tables []string // those that are surely damaged
}

// badTable is what was found in a table; sure when it was found twice.
type badTable struct {
	err  error
	sure bool
}

func (s *soundness) time() time.Time {
	if s.now == nil {
		return time.Now()
	}
	return s.now()
}

// unsound notes damage that a statement has met, and gives its error back.
func (db *DB) unsound(err error) error {
	if errors.Is(err, store.ErrDamaged) {
		db.soundness.meet(err)
	}
	return err
}

// meet notes damage.
func (s *soundness) meet(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.time()
	if now.Sub(s.metAt) > metForgotten {
		s.looks, s.sound, s.next = 0, false, time.Time{}
	}
	s.during, s.metAt = true, now
	if s.met == nil {
		s.met = err
	}
	s.judge()
}

// damage tells what is wrong with the file, and whether nothing may be read from it or written to it for that.
func (db *DB) damage() (err error, closed bool) { //nolint:revive // the error is what is asked for
	if v := db.soundness.verdict.Load(); v != nil {
		return v.err, v.closed
	}
	return nil, false
}

// damagedTable tells, by an error, that a table is surely damaged.
func (db *DB) damagedTable(table string) error {
	if v := db.soundness.verdict.Load(); v != nil && slices.Contains(v.tables, table) {
		return v.err
	}
	return nil
}

// Inspect implements store.Inspected. Where it finds damage it waits, and reads again.
func (db *DB) Inspect(ctx context.Context) (last bool) {
	s := &db.soundness
	if s.over() {
		s.begin(db.tables(ctx))
	}
	table, known := s.piece()
	if known {
		return s.read(table, db.readFresh(ctx, table))
	}
	err := db.readTable(ctx, db.read, table)
	if !faulty(err) {
		return s.read(table, err)
	}
	s.suspect(table, err)
	select {
	case <-ctx.Done():
		return s.read(table, ctx.Err())
	case <-time.After(confirmedAfter):
	}
	return s.read(table, db.readFresh(ctx, table))
}

// faulty tells whether an error of reading a table is about the data on the disk.
func faulty(err error) bool { return errors.Is(err, store.ErrDamaged) || errors.Is(err, errUnread) }

// readTable reads a table and its indexes.
func (db *DB) readTable(ctx context.Context, pool *sql.DB, table string) error {
	limit := pieceTime
	if slices.Contains(deciding(), table) {
		limit = decidingTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return explain(checkIntegrity(ctx, pool, "quick_check", table))
}

// readFresh is readTable on a connection that has no page yet. Another file of the name is left alone.
func (db *DB) readFresh(ctx context.Context, table string) error {
	if err := db.standing.look(); err != nil {
		return err
	}
	pool, err := connect(db.path, time.Second, 1, true)
	if err != nil {
		return err
	}
	defer pool.Close()
	return db.readTable(ctx, pool, table)
}

// Doubtful implements store.Inspected. While something is known to be wrong it is true from time to time.
func (db *DB) Doubtful() bool { return db.soundness.doubtful() }

func (s *soundness) doubtful() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.left) > 0 || (s.met != nil || len(s.bad) > 0) && !s.time().Before(s.next)
}

// over tells whether no table is left to be read.
func (s *soundness) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.left) == 0
}

// begin begins a look at tables.
func (s *soundness) begin(tables []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.met != nil {
		s.looks++
	}
	s.left, s.deciding, s.whole, s.during = tables, true, true, false
}

// piece gives the table to be read next, and whether something is known to be wrong with it.
func (s *soundness) piece() (table string, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	table = s.left[0]
	_, known = s.bad[table]
	return table, known
}

// suspect notes what was found in a table for the first time.
func (s *soundness) suspect(table string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(table, badTable{err: err})
}

// note keeps what is wrong with a table. What was surely damaged stays so when the disk does not give it.
func (s *soundness) note(table string, b badTable) {
	if s.bad == nil {
		s.bad = map[string]badTable{}
	}
	if old := s.bad[table]; old.sure && errors.Is(old.err, store.ErrDamaged) && errors.Is(b.err, errUnread) {
		b = old
	}
	s.bad[table] = b
	s.judge()
}

// read notes what was found in the table that is read, for the second time when it was damaged, and ends the look with the last.
func (s *soundness) read(table string, err error) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = s.left[1:]
	switch {
	case faulty(err):
		s.note(table, badTable{err: err, sure: true})
	case err == nil:
		delete(s.bad, table)
	}
	if err != nil { // damage, or it took too long, or the store was closed
		s.whole = false
		s.deciding = s.deciding && !slices.Contains(deciding(), table)
		s.sound = s.sound && s.deciding
	}
	if !slices.ContainsFunc(s.left, func(name string) bool { return slices.Contains(deciding(), name) }) { // they come first
		s.sound = s.deciding
	}
	if len(s.left) > 0 {
		s.judge()
		return false
	}
	now := s.time()
	if s.sound && !s.during && (s.whole || now.Sub(s.metAt) > metForgotten) {
		s.met = nil
	}
	pause := metAgain(s.looks)
	if s.met != nil {
		pause = max(pause, lookedAgain)
	}
	if len(s.bad) > 0 {
		pause = lookedAgain
	}
	s.next = now.Add(pause)
	s.judge()
	return true
}

// judge says what the findings mean. Certain damage in the tables that decide closes the store. Data that the disk does not give
// fails the calls that need it, and the next look may find it.
func (s *soundness) judge() {
	names := slices.Sorted(maps.Keys(s.bad))
	var damaged, away []string
	v := &verdict{}
	doubt := s.met != nil && !s.sound
	var found error
	for _, name := range names {
		b := s.bad[name]
		if !errors.Is(b.err, store.ErrDamaged) {
			away = append(away, name)
			continue
		}
		if damaged = append(damaged, name); found == nil {
			found = b.err
		}
		if slices.Contains(deciding(), name) {
			doubt = true
			v.closed = v.closed || b.sure
		}
		if b.sure {
			v.tables = append(v.tables, name)
		}
	}
	kind := store.ErrPartly
	if doubt {
		kind = store.ErrDamaged
	}
	switch {
	case len(damaged) > 0:
		v.err = fmt.Errorf("%w: %s (fix: stop patgate, and put back a copy with patgate store restore; patgate store check "+
			"reads all of it): %w", kind, strings.Join(damaged, ", "), found)
	case s.met != nil && doubt:
		v.err = s.met
	case s.met != nil:
		v.err = fmt.Errorf("%w: damage outside the tables that decide about tokens was met while reading or writing (fix: "+
			"stop patgate, and see what patgate store check says): %w", kind, s.met)
	case len(away) > 0:
		v.err = fmt.Errorf("%w: %s (fix: see the system's log for errors of the disk): %w", kind, strings.Join(away, ", "),
			s.bad[away[0]].err)
	default:
		v = nil
	}
	s.verdict.Store(v)
}

// tables lists all tables, first those that decide.
func (db *DB) tables(ctx context.Context) []string {
	all := deciding()
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
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
