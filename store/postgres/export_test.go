package postgres

import (
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
)

// RefuseEveryOtherCommitForTest lets the first attempt of every transaction fail when it is to be committed.
func (db *DB) RefuseEveryOtherCommitForTest() {
	var n atomic.Int64
	db.refuse = func() error {
		if n.Add(1)%2 == 1 {
			return &pgconn.PgError{Code: "40001", Message: "planted"}
		}
		return nil
	}
}
