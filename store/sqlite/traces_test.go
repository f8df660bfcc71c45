package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"patgate/store"
	"patgate/store/sqlite"
	"patgate/store/storetest"
)

// crashed makes a store with a backup, and after that a change that is only in its -wal when its database is gone.
func crashed(t *testing.T) (path, backup string) {
	t.Helper()
	f, from, backup := backedUp(t)
	f.NewToken(t, "third")
	path = filepath.Join(t.TempDir(), "patgate.db")
	for _, beside := range []string{"-wal", "-shm"} {
		write(t, path+beside, read(t, from+beside))
	}
	return path, backup
}

func TestNoDatabaseIsPutBesideWhatIsLeftOfAnother(t *testing.T) {
	path, backup := crashed(t)
	for name, put := range map[string]func() error{
		"a new store": func() error { return quick(t.Context(), path) },
		"a backup": func() error {
			_, err := sqlite.Restore(t.Context(), backup, path, sqlite.RestoreOptions{Now: storetest.Start()})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := put(); !errors.Is(err, store.ErrLost) || !strings.Contains(err.Error(), path+"-wal") {
				t.Errorf("error %v", err)
			}
			if _, err := os.Lstat(path); err == nil {
				t.Error("it was put there")
			}
		})
	}
	r, err := sqlite.Restore(t.Context(), backup, path, sqlite.RestoreOptions{Now: storetest.Start(), Replace: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, path); got != "first, second" {
		t.Errorf("tokens %s", got)
	}
	for _, beside := range []string{"-wal", "-shm"} {
		if _, err := os.Lstat(r.Left + beside); err != nil {
			t.Error(err)
		}
	}
}

func TestNoDatabaseIsPutInThePlaceOfALinkToOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "patgate.db")
	if err := os.Symlink(filepath.Join(dir, "away", "real.db"), path); err != nil {
		t.Skip(err)
	}
	_, _, backup := backedUp(t)
	_, err := sqlite.Restore(t.Context(), backup, path, sqlite.RestoreOptions{Now: storetest.Start(), Replace: true})
	for name, err := range map[string]error{"a new store": quick(t.Context(), path), "a backup": err} {
		if !errors.Is(err, store.ErrLost) || !strings.Contains(err.Error(), "real.db") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestTracesOfAStore(t *testing.T) {
	_, from, backup := backedUp(t)
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want string // what the one trace names; empty: there is none
	}{
		"none": {func(*testing.T, string) {}, ""},
		"another program's database": {func(t *testing.T, path string) {
			statement(t, filepath.Join(filepath.Dir(path), "other.db"), "CREATE TABLE a (b)")
		}, ""},
		"its marker":    {func(t *testing.T, path string) { write(t, path+".made", read(t, from+".made")) }, "patgate.db.made"},
		"its -wal":      {func(t *testing.T, path string) { write(t, path+"-wal", nil) }, "patgate.db-wal"},
		"a backup":      {func(t *testing.T, path string) { write(t, filepath.Dir(path)+"/today", read(t, backup)) }, "today"},
		"one half made": {func(t *testing.T, path string) { write(t, filepath.Dir(path)+"/.patgate-new-1.db", read(t, backup)) }, ""},
		"a short file":  {func(t *testing.T, path string) { write(t, path+".txt", []byte("SQLite format 3\x00")) }, ""},
		"a restore's":   {func(t *testing.T, path string) { write(t, filepath.Dir(path)+"/.patgate-copy-1.db", read(t, backup)) }, "copy-1"},
		"one of a restore that was ended before it was whole": {func(t *testing.T, path string) {
			for _, name := range []string{"/.patgate-copy-17.db", "/.patgate-copy-17.db.held"} {
				write(t, filepath.Dir(path)+name, nil)
			}
		}, "of a restore or backup"},
		"another's name": {func(t *testing.T, path string) { write(t, filepath.Dir(path)+"/other.db.made", nil) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "patgate.db")
			c.make(t, path)
			traces := sqlite.Traces(path)
			if c.want == "" && len(traces) == 0 || c.want != "" && len(traces) == 1 && strings.Contains(traces[0], c.want) {
				return
			}
			t.Errorf("traces %q, want one of %q", traces, c.want)
		})
	}
}
