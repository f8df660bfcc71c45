package opening

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"patgate/cli/terminal"
	"patgate/config"
	"patgate/store"
	"patgate/store/postgres"
	"patgate/store/seal"
	"patgate/store/sqlite"
)

// at opens the store that the configuration names. mustExist makes one that is not there an error (missing).
func at(ctx context.Context, c *config.Config, mustExist bool) (Named, error) {
	if url := c.Store.URL.Reveal(); url != "" {
		db, err := postgres.Open(ctx, url, postgres.Options{MustExist: mustExist})
		if err != nil {
			return nil, err
		}
		return db, nil
	}
	db, err := sqlite.Open(ctx, c.DatabaseFile(), sqlite.Options{MustExist: mustExist})
	if err != nil {
		return nil, err
	}
	return db, nil
}

// missing tells whether a store that must exist could not be opened because there is none.
func missing(c *config.Config, err error) bool {
	if c.Store.URL.Empty() {
		return errors.Is(err, fs.ErrNotExist)
	}
	return errors.Is(err, postgres.ErrNoSchema)
}

// orFirst opens the store. It makes one when there is none and nothing says that there was one; with needsKey, only when the
// sealing key can be read.
func orFirst(ctx context.Context, c *config.Config, source seal.Source, needsKey bool) (Named, error) {
	db, err := at(ctx, c, true)
	if !missing(c, err) {
		return db, err
	}
	gone := lost(c, source)
	if gone == nil || !needsKey && !errors.Is(gone, store.ErrLost) {
		return at(ctx, c, false)
	}
	// What says so may be of a store that another process has made since.
	if db, err = at(ctx, c, true); missing(c, err) {
		return nil, gone
	}
	return db, err
}

// lost gives a store.ErrLost that names what says that there was a store where none is now. A key that cannot be read is not
// such an error: that is found out when the store is made.
func lost(c *config.Config, source seal.Source) error {
	unread := ReadKey(source)
	file := c.DatabaseFile()
	traces := sqlite.Traces(file)
	if source.Made() {
		traces = append(traces, "patgate wrote "+source.File+", as it does when it has one")
	}
	if unread != nil || len(traces) == 0 {
		return unread
	}
	const most = 4
	if more := len(traces) - most; more > 0 {
		traces = append(traces[:most], terminal.Count(more, "more file", "more files"))
	}
	what, fix := file+" is not there", "give --data-dir, --database or --store-url when it is elsewhere; put it back, or a "+
		"backup with patgate store restore, or fill it with patgate store copy"
	if !c.Store.URL.Empty() {
		what = StoreName(c) + " has no tables of patgate's"
		fix = "give the URL of the right database, put its dump back with pg_restore, or fill it with patgate store copy"
	}
	return fmt.Errorf("%w: %s, but there are traces of one: %s (fix: %s; when you want a new one, in which no token of the "+
		"old one is good: patgate store migrate --new)", store.ErrLost, what, strings.Join(traces, "; "), fix)
}

// Lost tells, by store.ErrLost, that a SQLite store is not there, though there was one. Nothing is changed.
func Lost(c *config.Config) error {
	if _, err := os.Stat(c.DatabaseFile()); c.Store.URL.Empty() && errors.Is(err, fs.ErrNotExist) {
		return lost(c, KeySource(c))
	}
	return nil
}

// ReadKey tells what is wrong with the sealing key; a key file that is not there is made.
func ReadKey(source seal.Source) error {
	_, err := seal.Open(source)
	if source.IsFile() && errors.Is(err, seal.ErrKeyMissing) {
		return nil
	}
	return err
}
