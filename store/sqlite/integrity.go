package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	"patgate/store"
)

// errUnread: a page could not be read. What is on it is not known to be damaged: the next read may find it sound.
var errUnread = errors.New("the disk does not give a page")

// checkIntegrity runs quick_check or integrity_check, until so many problems are found or of one table.
func checkIntegrity(ctx context.Context, pool *sql.DB, pragma, of string) error {
	rows, err := pool.QueryContext(ctx, "PRAGMA "+pragma+"("+of+")")
	if err != nil {
		return err
	}
	defer rows.Close()
	var found error
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		switch {
		case line == "ok":
		case notRead(line):
			return fmt.Errorf("%w: %s", errUnread, line) // what else is found may come from that
		case found == nil:
			found = fmt.Errorf("%w: %s", store.ErrDamaged, line)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return found
}

// failedCode finds the result code in a line of SQLite's checks.
var failedCode = regexp.MustCompile(`error code ?=? ?(\d+)`)

// notRead tells whether a line of SQLite's checks says that reading failed.
func notRead(line string) bool {
	if code := failedCode.FindStringSubmatch(line); code != nil {
		n, err := strconv.Atoi(code[1])
		return err == nil && n&0xff != sqlite3.SQLITE_CORRUPT && n&0xff != sqlite3.SQLITE_NOTADB
	}
	return strings.Contains(line, "unable to get the page") || strings.Contains(line, "failed to get page")
}
