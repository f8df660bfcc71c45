package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/sqlite"
	"patgate/store/storetest"
	"patgate/token"
	"patgate/token/limits"
)

// quick opens with little patience.
func quick(ctx context.Context, path string) error {
	db, err := sqlite.Open(ctx, path, sqlite.Options{LockTimeout: 100 * time.Millisecond})
	if err == nil {
		_ = db.Close()
	}
	return err
}

func TestFirstStartMakesAPrivateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "db", "patgate.db")
	db := openFile(t, path)
	for name, want := range map[string]fs.FileMode{
		filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %#o", name, info.Mode().Perm(), err, want)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2 || entries[0].Name() != "patgate.db" || entries[1].Name() != "patgate.db.made" {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestAPathWithOddCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c%41#d", "patgate.db")
	openFile(t, path)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestAMissingFileThatMustExist(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patgate.db")
	if _, err := sqlite.Open(t.Context(), path, sqlite.Options{MustExist: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the file was made")
	}
}

func TestSeveralProcessesOnTheFirstStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patgate.db")
	errs := make(chan error)
	for range 8 {
		go func() {
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
			if err == nil {
				_, err = db.PutOwner(t.Context(), store.Owner{Origin: "https://x", UserID: 1, Username: "a", CreatedAt: time.Now()})
				err = errors.Join(err, db.Close())
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// filled makes a store with some tokens, closes it, and gives its path.
func filled(t *testing.T, tokens int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "patgate.db")
	db := openFile(t, path)
	f := storetest.NewFixture(t, db, nil)
	for range tokens {
		f.NewToken(t, "t")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFileThatIsNoSoundStoreIsRefusedAndLeftAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  error
	}{
		"text": {func(t *testing.T, path string) {
			write(t, path, []byte(strings.Repeat("This is the diary of somebody else.\n", 400)))
		}, store.ErrDamaged},
		"cut off in the middle": {func(t *testing.T, path string) {
			write(t, path, read(t, path)[:9*4096/2])
		}, store.ErrDamaged},
		"cut off after its header": {func(t *testing.T, path string) {
			write(t, path, read(t, path)[:100])
		}, store.ErrDamaged},
		"garbage in its middle": {func(t *testing.T, path string) {
			data := read(t, path)
			for i := 2 * 4096; i < 5*4096; i++ {
				data[i] = byte(i * 7)
			}
			write(t, path, data)
		}, store.ErrDamaged},
		"garbage in its header": {func(t *testing.T, path string) {
			data := read(t, path)
			copy(data[16:], bytes.Repeat([]byte{0xff}, 40))
			write(t, path, data)
		}, store.ErrDamaged},
		"another program's database": {func(t *testing.T, path string) {
			statement(t, path, "PRAGMA application_id=77")
		}, store.ErrForeign},
		"a database without a mark": {func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			statement(t, path, "CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('La Paloma')")
		}, store.ErrForeign},
		"a newer patgate's": {func(t *testing.T, path string) {
			statement(t, path, "PRAGMA user_version=999")
		}, store.ErrNewer},
		"an empty file": {func(t *testing.T, path string) { write(t, path, nil) }, store.ErrForeign},
		"a directory": {func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, store.ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t, 60)
			tc.spoil(t, path)
			before, _ := os.ReadFile(path)
			err := quick(t.Context(), path)
			if !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			if err != nil && !strings.Contains(err.Error(), path) {
				t.Errorf("error %q does not name the file", err)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestALockedStore(t *testing.T) {
	path := filled(t, 1)
	holder, err := sql.Open("sqlite", "file:"+path+"?_txlock=exclusive&_pragma=locking_mode(EXCLUSIVE)")
	if err != nil {
		t.Fatal(err)
	}
	holder.SetMaxOpenConns(1)
	defer holder.Close()
	tx, err := holder.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("is a clear error after the patience", func(t *testing.T) {
		if err := quick(t.Context(), path); !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "another process") {
			t.Errorf("error %v, want ErrLocked", err)
		}
	})
	t.Run("opens when the other lets go", func(t *testing.T) {
		if err := errors.Join(tx.Rollback(), holder.Close()); err != nil {
			t.Fatal(err)
		}
		if err := quick(t.Context(), path); err != nil {
			t.Error(err)
		}
	})
}

func TestAWriterThatHoldsOnLocksOthersOut(t *testing.T) {
	path := filled(t, 0)
	first := openFile(t, path)
	f := storetest.NewFixture(t, first, nil)
	r := f.NewToken(t, "x")
	spent := f.NewToken(t, "used up", func(r *token.Record) { r.Limits.MaxUses = 1 })
	once := []limits.MostUses{{Family: spent.FamilyID, Most: 1}}
	if err := first.TakeUse(t.Context(), once); err != nil {
		t.Fatal(err)
	}
	holder, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	tx, err := holder.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	impatient, err := sqlite.Open(t.Context(), path, sqlite.Options{LockTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer impatient.Close()
	t.Run("what is used up is only read", func(t *testing.T) {
		if err := impatient.TakeUse(t.Context(), once); !errors.Is(err, store.ErrUsedUp) {
			t.Error(err)
		}
		twice := []limits.MostUses{{Family: spent.FamilyID, Most: 2}}
		if err := impatient.TakeUse(t.Context(), twice); err == nil || errors.Is(err, store.ErrUsedUp) {
			t.Errorf("one more use, which is a write: %v", err)
		}
	})
	t.Run("writes fail", func(t *testing.T) {
		if _, err := impatient.RevokeToken(t.Context(), r.ID, store.Cause{At: time.Now()}); !errors.Is(err, store.ErrLocked) {
			t.Errorf("error %v, want ErrLocked", err)
		}
	})
	t.Run("reads go on", func(t *testing.T) {
		if _, err := impatient.TokenByHash(t.Context(), r.Hash); err != nil {
			t.Error(err)
		}
	})
}

func TestAReadOnlyFileIsAClearError(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everything")
	}
	path := filled(t, 1)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if err := quick(t.Context(), path); err == nil || !strings.Contains(err.Error(), "not permitted") {
		t.Errorf("error %v", err)
	}
}

func TestACheckFindsDamageThatOpeningDidNot(t *testing.T) {
	path := filled(t, 0)
	db := openFile(t, path)
	f := storetest.NewFixture(t, db, nil)
	r := f.NewToken(t, "x")
	for name, text := range map[string]string{
		"scopes that are no JSON":  "UPDATE tokens SET scopes = '{' WHERE id = ?",
		"a token without an owner": "UPDATE tokens SET owner_id = 12345, scopes = '[]' WHERE id = ?",
	} {
		t.Run(name, func(t *testing.T) {
			statement(t, path, text, r.ID)
			if _, err := db.Check(t.Context()); !errors.Is(err, store.ErrDamaged) {
				t.Errorf("error %v, want ErrDamaged", err)
			}
		})
	}
}

// statement runs SQL on the file behind the store's back.
func statement(t *testing.T, path, text string, args ...any) {
	t.Helper()
	pool, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.ExecContext(t.Context(), text, args...); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
