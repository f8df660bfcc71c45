package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"patgate/store"
)

// How often the server's clock is asked for, and for how long: after a slower answer nothing is known. How many answers in a row
// must say that the clocks are apart, and for how long the last of them counts.
const (
	clockAsked    = 2 * time.Second
	clockPatience = 250 * time.Millisecond
	clockAnswers  = 3
	clockKnown    = 10 * time.Second
)

// clock compares this node's clock with the server's. Its zero value has not compared them yet.
type clock struct {
	mu    sync.Mutex
	asked time.Time
	told  time.Time     // when the server last answered
	off   time.Duration // by which the server's clock was ahead then, at least; negative where it was behind
	times int           // in a row in which it was too much
}

// Changes implements store.Store, and now and then compares the clocks. When the server has no connection left for polls, it
// takes one that this node has.
func (db *DB) Changes(ctx context.Context, since int64) (c store.Changes, err error) {
	for _, polls := range db.polls {
		var told *pgconn.PgError
		if c, err = polls.Changes(ctx, since); !errors.As(err, &told) || told.Code != "53300" {
			break
		}
	}
	if err == nil && db.clock.due() {
		go db.clock.compare(db)
	}
	return c, err
}

// due tells whether it is time to ask, and that it is being done.
func (c *clock) due() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.asked) < clockAsked {
		return false
	}
	c.asked = now
	return true
}

// compare asks for the server's clock. What it was somewhere between the question and the answer is held against both.
func (c *clock) compare(db *DB) {
	ctx, cancel := context.WithTimeout(context.Background(), clockPatience)
	defer cancel()
	began := time.Now()
	var theirs time.Time
	if db.read.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&theirs) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told, c.off = time.Now(), 0
	switch ahead, behind := theirs.Sub(c.told), theirs.Sub(began); {
	case ahead > 0:
		c.off = ahead
	case behind < 0:
		c.off = behind
	}
	if c.times++; c.off.Abs() <= store.ClocksWithin {
		c.times = 0
	}
}

// fault tells that the clocks are apart.
func (c *clock) fault(name string) error {
	c.mu.Lock()
	off, known, word := c.off, c.times >= clockAnswers && time.Since(c.told) < clockKnown, "behind"
	c.mu.Unlock()
	if !known {
		return nil
	}
	if off < 0 {
		off, word = -off, "ahead of"
	}
	return fmt.Errorf("%w: this machine's is %s %s that of %s, more than %s (fix: have both synchronized, by NTP for "+
		"instance)", store.ErrClock, off.Round(100*time.Millisecond), word, name, store.ClocksWithin)
}
