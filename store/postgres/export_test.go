package postgres

import (
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// RefuseEveryOtherCommitForTest lets the first attempt of every transaction fail when it is to be committed.
func (db *DB) RefuseEveryOtherCommitForTest() {
	db.refuse = func(attempt int) error {
		if attempt == 0 {
			return &pgconn.PgError{Code: "40001", Message: "planted"}
		}
		return nil
	}
}

// HoldCommitsForTest keeps every transaction open when it is to be committed, until the channel is closed; reached is told.
func (db *DB) HoldCommitsForTest(reached chan<- struct{}, until <-chan struct{}) {
	db.refuse = func(int) error {
		reached <- struct{}{}
		<-until
		return nil
	}
}

// BeginForTest is what a change begins with.
func BeginForTest(patience time.Duration) string { return begin(patience) }

// CompareClocksForTest compares the clocks once.
func (db *DB) CompareClocksForTest() { db.clock.compare(db) }
