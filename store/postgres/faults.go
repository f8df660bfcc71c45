package postgres

import (
	"context"
	"errors"
	"time"

	"patgate/store"
)

// diskFull is the error code of a server that has no room for a file.
const diskFull = "53100"

// Faults implements store.Faulty.
func (db *DB) Faults() (faults []error) {
	if err := db.clock.fault(db.name); err != nil {
		faults = append(faults, err)
	}
	if full := db.full.Load(); full != nil {
		faults = append(faults, *full)
	}
	if d := db.damaged.Load(); d != nil && time.Since(d.at) < damageTold {
		faults = append(faults, d.err)
	}
	return faults
}

// damage is what the server said about its files, and when. It looks for none by itself, and says nothing when all is well again.
type damage struct {
	err error
	at  time.Time
}

// damageTold is for how long damage is a fault after the server has met it.
const damageTold = 10 * time.Minute

// tried fills a table of 256 KiB that nobody else sees. Its rows are too short to be compressed.
const tried = `CREATE TEMPORARY TABLE patgate_room AS SELECT repeat('x', 1900) AS filler FROM generate_series(1, 128)`

// Retry implements store.Faulty. A server that does not let this role make the table tells nothing: the next change does.
func (db *DB) Retry(ctx context.Context) {
	full := db.full.Load()
	if full == nil {
		return
	}
	tx, err := db.write.Begin(ctx)
	if err == nil {
		_, err = tx.Exec(ctx, tried)
		rollback(ctx, tx)
	}
	if err = db.mean(err); errors.Is(err, store.ErrNoRoom) || errors.Is(err, store.ErrUnreachable) {
		return
	}
	db.full.CompareAndSwap(full, nil)
}
