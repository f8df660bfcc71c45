// Package sqlite is the store on one SQLite file, in WAL mode, with a pure-Go driver. Several processes of one machine
// may hold the file at a time: commands work while a gateway runs. The file must not be on a network file system.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"patgate/store"
	"patgate/store/signins"
	"patgate/store/sqlite/files"
	"patgate/store/tables"
	"patgate/store/trusts"
)

// applicationID marks the file as patgate's in its header ("PATG"), so that another program's database is told apart.
const applicationID = 0x50415447

// quickCheckBytes is the size up to which a file is read whole and checked when it is opened. Larger ones are checked
// by Check alone, and page by page as they are read.
const quickCheckBytes = 8 << 20

// Options says how to open a store. The zero value is the default.
type Options struct {
	// LockTimeout is how long to wait for another process that is writing; 5 s when zero.
	LockTimeout time.Duration
	// Readers is how many reads may run at a time; 4 when zero.
	Readers int
	// MustExist makes a missing file an error (fs.ErrNotExist) instead of the first start.
	MustExist bool
}

// DB is an open store. It implements store.Store.
type DB struct {
	*tables.Tables
	signins.SignIns
	trusts.Trusts
	path      string
	write     *sql.DB   // one connection
	read      *sql.DB   // several, which cannot write
	prepared  *prepared // on read
	anchor    *sql.Conn // of read, never closed before the end: SQLite removes the -wal with the last connection
	standing  standing
	full      atomic.Pointer[error] // store.ErrNoRoom, from the last change that found none until Retry finds some
	closed    atomic.Bool
	reserve   reserve
	soundness soundness
	giving    sync.Mutex // held while the reserve is given up, so that it is not filled again at that moment
}

var (
	_ store.Store     = (*DB)(nil)
	_ store.Faulty    = (*DB)(nil)
	_ store.Saving    = (*DB)(nil)
	_ store.Inspected = (*DB)(nil)
)

// Open opens the store in the file at path, and makes file (mode 0600) and directory (mode 0700) on the first start.
// An older schema is migrated. A file that is damaged, locked, newer or another program's is an error and stays as it is.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	db, err := openUnmarked(ctx, path, o)
	if err != nil {
		return nil, err
	}
	mark(path)
	sweep(filepath.Dir(path), false)
	if db.reserve.Exists() {
		_ = db.KeepRoom() // the gateway logs it
	}
	return db, nil
}

// openUnmarked is Open, and leaves nothing beside the file that says that there is a store.
func openUnmarked(ctx context.Context, path string, o Options) (*DB, error) {
	if o.LockTimeout == 0 {
		o.LockTimeout = 5 * time.Second
	}
	if o.Readers == 0 {
		o.Readers = 4
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && o.MustExist:
		return nil, fmt.Errorf("opening store %s: %w", path, fs.ErrNotExist)
	case errors.Is(err, fs.ErrNotExist):
		if err := create(ctx, path); err != nil {
			return nil, fmt.Errorf("making store %s: %w", path, unwritten(filepath.Dir(path), err))
		}
	case err != nil:
		return nil, fmt.Errorf("opening store: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("opening store %s: %w: it is not a regular file", path, store.ErrForeign)
	}
	db, err := opened(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("opening store %s: %w", path, unwritten(realDir(path), err))
	}
	return db, nil
}

// opened opens the file. It takes the room for that from the reserve when there is no other.
func opened(ctx context.Context, path string, o Options) (*DB, error) {
	reserve, err := reserveOf(path)
	if err != nil {
		return nil, err
	}
	for {
		db := &DB{path: path, reserve: reserve}
		if err = db.open(ctx, o); err == nil {
			return db, nil
		}
		_ = db.Close()
		if !errors.Is(noRoomToOpen(db.dir(), err), store.ErrNoRoom) || !reserve.Give() {
			return nil, err
		}
	}
}

// open opens the connections. Nothing is written before the file has proved to be a sound store of ours.
func (db *DB) open(ctx context.Context, o Options) (err error) {
	opened, err := os.Stat(db.path)
	if err != nil {
		return err
	}
	if db.write, err = connect(db.path, o.LockTimeout, 1, false); err != nil {
		return err
	}
	if err := verify(ctx, db.write, db.path); err != nil {
		return err
	}
	if err := enterWAL(ctx, db.write, o.LockTimeout); err != nil {
		return err
	}
	if err := migrate(ctx, db.write); err != nil {
		return err
	}
	if db.read, err = connect(db.path, o.LockTimeout, o.Readers+1, true); err != nil {
		return err
	}
	db.prepared = &prepared{runner: db.read, kept: map[string]*sql.Stmt{}}
	db.Tables = tables.New(db.database())
	db.SignIns, db.Trusts = signins.Of(db.Tables), trusts.Of(db.Tables)
	if db.anchor, err = db.read.Conn(ctx); err != nil {
		return err
	}
	if err := db.anchor.QueryRowContext(ctx, "SELECT count(*) FROM sealing_keys").Scan(new(int)); err != nil {
		return err
	}
	if db.standing, err = stand(db.path, opened); err != nil {
		return err
	}
	return db.standing.solid()
}

// connect prepares a pool. It does not touch the file yet.
func connect(path string, timeout time.Duration, size int, readOnly bool) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", path, err)
	}
	q := url.Values{}
	q.Set("mode", "rw") // never make a file: create does that
	q.Set("_txlock", "immediate")
	q.Add("_pragma", "busy_timeout("+strconv.FormatInt(timeout.Milliseconds(), 10)+")")
	q.Add("_pragma", "synchronous(FULL)") // an acknowledged change is on disk
	q.Add("_pragma", "foreign_keys(1)")
	q.Add("_pragma", "secure_delete(1)") // erased credentials leave no copy in free pages
	q.Add("_pragma", "trusted_schema(0)")
	if readOnly {
		q.Set("_txlock", "deferred")
		q.Add("_pragma", "query_only(1)")
	} else {
		q.Add("_pragma", "temp_store(MEMORY)") // a change of many rows needs no room for temporary files
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: q.Encode()}
	pool, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("opening the driver: %w", err)
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool, nil
}

// newBegin begins the names of stores that are being made.
const newBegin = ".patgate-new-"

// create makes the file whole under another name, then gives it its own: a crash leaves no half of a store.
func create(ctx context.Context, path string) error {
	if err := vacant(path, false); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making its directory: %w", err)
	}
	temp, drop, err := files.Temp(dir, newBegin)
	if err != nil {
		return err
	}
	defer drop()
	if err := begin(ctx, temp); err != nil {
		return err
	}
	err = os.Link(temp, path)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	return files.SyncDir(dir)
}

// begin makes a store of an empty file.
func begin(ctx context.Context, path string) error {
	pool, err := connect(path, time.Second, 1, false)
	if err != nil {
		return err
	}
	return errors.Join(migrate(ctx, pool), pool.Close())
}

// verify tells whether the file is a sound store of ours, without writing to it.
func verify(ctx context.Context, pool *sql.DB, path string) error {
	var application, version int64
	if err := pool.QueryRowContext(ctx, "PRAGMA application_id").Scan(&application); err != nil {
		return err
	}
	if err := pool.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if application != applicationID {
		return fmt.Errorf("%w: it is the database of another program (application id %#x); give another file", store.ErrForeign,
			application)
	}
	if version > int64(len(migrations())) {
		return fmt.Errorf("%w: it has schema %d, this patgate knows %d; install the newer patgate again", store.ErrNewer, version,
			len(migrations()))
	}
	var pages, pageSize int64
	if err := pool.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		return err
	}
	if err := pool.QueryRowContext(ctx, "PRAGMA page_size").Scan(&pageSize); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	// A file shorter than it says is either cut off, or its newest pages are still in the WAL: the check tells which.
	if size := pages * pageSize; size <= quickCheckBytes || info.Size() < size {
		return checkIntegrity(ctx, pool, "quick_check", "1")
	}
	return nil
}

// enterWAL switches the file to WAL. While another process does the same, SQLite answers "locked" without waiting.
func enterWAL(ctx context.Context, pool *sql.DB, timeout time.Duration) error {
	end := time.Now().Add(timeout)
	for {
		var mode string
		err := pool.QueryRowContext(ctx, "PRAGMA journal_mode=WAL").Scan(&mode)
		switch {
		case err == nil && mode == "wal":
			return nil
		case err == nil:
			return fmt.Errorf("the file cannot be used in WAL mode (it is in %s mode); is it on a network file system?", mode)
		case !errors.Is(explain(err), store.ErrLocked) || time.Now().After(end):
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Path gives the file's path.
func (db *DB) Path() string { return db.path }

// Close releases the file. The WAL goes into the file when no other process holds it. A file that was moved away is held until
// the process ends: SQLite would remove the files beside the one that has its name now.
func (db *DB) Close() error {
	var err error
	moved := db.standing.look()
	if db.closed.Swap(true) || moved != nil {
		return nil
	}
	if db.anchor != nil {
		err = db.anchor.Close()
	}
	if db.prepared != nil {
		err = errors.Join(err, db.prepared.close())
	}
	if db.read != nil {
		err = errors.Join(err, db.read.Close())
	}
	if db.write != nil {
		err = errors.Join(err, db.write.Close())
	}
	if err != nil {
		return fmt.Errorf("closing store %s: %w", db.path, err)
	}
	return nil
}
