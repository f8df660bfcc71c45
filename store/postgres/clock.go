package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"patgate/store"
)

// Every so often the server's clock is asked for, and for no longer than that; when the answer takes longer nothing is known.
const (
	clockAsked    = 2 * time.Second
	clockPatience = 250 * time.Millisecond
)

// clock compares this node's clock with the server's. Its zero value has not compared them yet.
type clock struct {
	asked atomic.Int64 // when, in nanoseconds since 1970
	off   atomic.Int64 // nanoseconds by which the server's clock is ahead at least; negative where it is behind
}

// Changes implements store.Store, and now and then compares the clocks.
func (db *DB) Changes(ctx context.Context, since int64) (store.Changes, error) {
	c, err := db.Tables.Changes(ctx, since)
	if err == nil {
		db.clock.compare(ctx, db)
	}
	return c, err
}

// compare asks for the server's clock. What it was somewhere between the question and the answer is held against both.
func (c *clock) compare(ctx context.Context, db *DB) {
	began := time.Now()
	if since := began.UnixNano() - c.asked.Load(); since >= 0 && since < int64(clockAsked) {
		return
	}
	c.asked.Store(began.UnixNano())
	ctx, cancel := context.WithTimeout(ctx, clockPatience)
	defer cancel()
	var theirs time.Time
	if db.read.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&theirs) != nil {
		return
	}
	switch ahead, behind := theirs.Sub(time.Now()), theirs.Sub(began); {
	case ahead > 0:
		c.off.Store(int64(ahead))
	case behind < 0:
		c.off.Store(int64(behind))
	default:
		c.off.Store(0)
	}
}

// Faults implements store.Faulty.
func (db *DB) Faults() []error {
	off, word := time.Duration(db.clock.off.Load()), "behind"
	if off < 0 {
		off, word = -off, "ahead of"
	}
	if off <= store.ClocksWithin {
		return nil
	}
	return []error{fmt.Errorf("%w: this machine's is %s %s that of %s, more than %s (fix: have both synchronized, by NTP for "+
		"instance)", store.ErrClock, off.Round(100*time.Millisecond), word, db.name, store.ClocksWithin)}
}
