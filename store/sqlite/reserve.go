package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"patgate/store"
	"patgate/store/sqlite/files"
	"patgate/store/tables"
)

// reserveEnd ends the name of the reserve, a file beside the database that keeps room for what takes rights away.
const reserveEnd = ".reserve"

// mostReserve is how much room the reserve keeps, where the file system is large enough for it.
const mostReserve = 16 << 20

// leastFree is how much more must be free for a change that does not take rights away: it must not use up the room that is taken
// ahead for the -wal.
const leastFree = 1 << 20

// reserve is the room that is kept for a database: a file beside it, and what the -wal has taken ahead.
type reserve struct {
	*files.Reserve
	wal string
}

// reserveOf gives the reserve of a database, which is on the same file system.
func reserveOf(path string) (reserve, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return reserve{}, err
	}
	return reserve{files.NewReserve(real+reserveEnd, mostReserve), real + "-wal"}, nil
}

// dir is the directory in which the file is, also where the store was opened by a link from another file system.
func (db *DB) dir() string { return filepath.Dir(db.reserve.wal) }

// Reserve implements store.Saving.
func (db *DB) Reserve() (kept, wanted int64) { return db.reserve.Size(), db.reserve.Wanted() }

// KeepRoom has room kept for changes that take rights away. Once there is a reserve, every process that opens the store keeps
// it. The error says why no room can be kept, or not all of it.
func (db *DB) KeepRoom() error {
	db.reserve.Begin()
	return db.fillReserve()
}

// withdraw is change for what only takes rights away: when there is no room, the reserve is given up for it, piece by piece. Then
// the rest of the room is kept again at once, so that other writers on the file system get as little as possible.
func (db *DB) withdraw(ctx context.Context, doing string, f func(tables.Conn) error) error {
	return db.written(doing, func() error {
		err := db.try(ctx, f)
		if !db.short(err) {
			return err
		}
		db.giving.Lock()
		defer db.giving.Unlock()
		err = db.try(ctx, f) // another holder of the lock may have made room
		for db.short(err) && db.reserve.Give() {
			db.ahead(db.reserve.Piece() / 2)
			err = db.try(ctx, f)
		}
		// Where the file can grow now, the -wal is moved into it and begins anew, in the room that it has.
		_, _ = db.write.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
		_ = db.keep() // what is missing is told as a fault
		return err
	})
}

// keep has the -wal and the reserve take what room there is for them.
func (db *DB) keep() error {
	db.ahead(0)
	return db.reserve.Fill()
}

// ahead takes room for the -wal, into which each change goes first: half as much as the reserve has, and at least more bytes
// behind its end. SQLite writes there without asking for room, so other writers cannot take it first. It is best effort.
func (db *DB) ahead(more int64) {
	wanted := db.reserve.Wanted() / 2
	if info, err := os.Stat(db.reserve.wal); err == nil && more > 0 {
		wanted = max(wanted, info.Size()+more)
	}
	if wanted > 0 && (more > 0 || !db.reserve.Whole() || db.reserve.Roomy(wanted)) {
		_ = files.Ahead(db.reserve.wal, wanted)
	}
}

// short tells whether a change failed because there is no room. When it may be in the -wal all the same, it is made once more:
// taking rights away twice does no harm.
func (db *DB) short(err error) bool {
	return errors.Is(noRoomToOpen(db.dir(), err), store.ErrNoRoom)
}

// noRoomLeft gives store.ErrNoRoom when there is no room for changes that do not take rights away: a change has found none since
// Retry found some, or the reserve is not whole.
func (db *DB) noRoomLeft() error {
	if full := db.full.Load(); full != nil {
		return *full
	}
	dir, wanted := db.dir(), db.reserve.Wanted()
	if wanted == 0 {
		return nil
	}
	if !db.reserve.Whole() || db.reserve.Size() < wanted && db.reserve.Roomy(wanted) {
		_ = db.fillReserve() // somebody has removed it, or given of it where there is room again
	}
	free, _, known := files.Free(dir)
	if kept := db.reserve.Size(); !db.reserve.Whole() {
		return fmt.Errorf("%w: %s has too little: %d KiB of %d KiB are kept there for revocations (fix: free some space "+
			"there, or enlarge it, and try again)", store.ErrNoRoom, dir, kept>>10, wanted>>10)
	}
	if known && free < min(leastFree, wanted/8) {
		return fmt.Errorf("%w: %s has %d KiB left, which are for revocations (fix: free some space there, or enlarge it, "+
			"and try again)", store.ErrNoRoom, dir, free>>10)
	}
	return nil
}

// fillReserve keeps as much room as there is, up to the whole reserve, unless it is being given up.
func (db *DB) fillReserve() error {
	if !db.giving.TryLock() {
		return nil
	}
	defer db.giving.Unlock()
	return db.keep()
}
