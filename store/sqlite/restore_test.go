package sqlite_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/sqlite"
	"patgate/store/storetest"
)

// backedUp makes a store with two tokens and a backup of it.
func backedUp(t *testing.T) (f *storetest.Fixture, path, backup string) {
	t.Helper()
	dir := t.TempDir()
	path, backup = filepath.Join(dir, "patgate.db"), filepath.Join(dir, "backups", "one.db")
	if err := os.Mkdir(filepath.Dir(backup), 0o755); err != nil {
		t.Fatal(err)
	}
	f = storetest.NewFixture(t, openFile(t, path), nil)
	f.NewToken(t, "first")
	f.NewToken(t, "second")
	if err := f.Store.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	return f, path, backup
}

func names(t *testing.T, path string) string {
	t.Helper()
	db := openFile(t, path)
	defer db.Close()
	list, _, err := db.Tokens(t.Context(), store.Filter{Sort: store.SortNameAsc})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range list {
		name := l.Name
		if !l.RevokedAt.IsZero() {
			name += " (revoked: " + l.RevokeReason + ")"
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

func TestABackupIsOnePrivateFile(t *testing.T) {
	_, _, backup := backedUp(t)
	info, err := os.Stat(backup)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(backup))
	if err != nil || len(entries) != 1 {
		t.Errorf("entries %v, %v", entries, err)
	}
}

func TestABackupComesBackOnAFreshMachine(t *testing.T) {
	_, _, backup := backedUp(t)
	before := read(t, backup)
	to := filepath.Join(t.TempDir(), "data", "db", "patgate.db")
	r, err := sqlite.Restore(t.Context(), backup, to, sqlite.RestoreOptions{Now: storetest.Start()})
	if err != nil || r.Kept != "" || r.Tokens != 2 {
		t.Fatalf("restored %+v, %v", r, err)
	}
	if got := names(t, to); got != "first, second" {
		t.Errorf("tokens %s", got)
	}
	if !bytes.Equal(before, read(t, backup)) {
		t.Error("the backup was changed")
	}
}

func TestRestoringOverAStore(t *testing.T) {
	f, path, backup := backedUp(t)
	if _, err := f.Store.RevokeToken(t.Context(), store.FirstTokenID, store.Cause{Reason: "leaked", By: "cli:test", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	f.NewToken(t, "third")
	sequence, err := f.Store.Changes(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	replace := sqlite.RestoreOptions{Replace: true, Now: storetest.Start()}
	t.Run("is refused without being told", func(t *testing.T) {
		if _, err := sqlite.Restore(t.Context(), backup, path, sqlite.RestoreOptions{}); !errors.Is(err, store.ErrExists) {
			t.Errorf("error %v, want ErrExists", err)
		}
	})
	t.Run("is refused while somebody holds it", func(t *testing.T) {
		if _, err := sqlite.Restore(t.Context(), backup, path, replace); !errors.Is(err, store.ErrLocked) {
			t.Errorf("error %v, want ErrLocked", err)
		}
		if _, err := f.Store.Token(t.Context(), store.FirstTokenID+2); err != nil {
			t.Errorf("the held store suffered: %v", err)
		}
		f.NewToken(t, "fourth")
	})
	if err := f.Store.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("keeps what was revoked since revoked, and the old file", func(t *testing.T) {
		r, err := sqlite.Restore(t.Context(), backup, path, replace)
		if err != nil || r.Revocations != 1 || r.Kept != path+".replaced-20260301T120000Z" {
			t.Fatalf("restored %+v, %v", r, err)
		}
		if got := names(t, path); got != "first (revoked: leaked), second" {
			t.Errorf("tokens %s", got)
		}
		if got := names(t, r.Kept); got != "first (revoked: leaked), fourth, second, third" {
			t.Errorf("kept tokens %s", got)
		}
	})
	t.Run("does not give ids or sequences twice", func(t *testing.T) {
		f.Store = openFile(t, path)
		if made := f.NewToken(t, "after"); made.ID != store.FirstTokenID+4 {
			t.Errorf("id %d", made.ID)
		}
		c, err := f.Store.Changes(t.Context(), sequence.Sequence)
		if err != nil || c.Sequence <= sequence.Sequence || !c.All {
			t.Errorf("changes %+v, %v", c, err)
		}
	})
}

func TestRestoringOverADamagedStoreKeepsIt(t *testing.T) {
	f, path, backup := backedUp(t)
	if err := f.Store.Close(); err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Repeat([]byte("damage"), 5000)
	write(t, path, damaged)
	r, err := sqlite.Restore(t.Context(), backup, path, sqlite.RestoreOptions{Replace: true, Now: storetest.Start()})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, path); got != "first, second" {
		t.Errorf("tokens %s", got)
	}
	if !bytes.Equal(read(t, r.Kept), damaged) {
		t.Error("the damaged file was changed")
	}
}

func TestWhatIsNotRestored(t *testing.T) {
	_, _, backup := backedUp(t)
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, from string)
		want  error
	}{
		"a missing backup":           {func(t *testing.T, from string) { _ = os.Remove(from) }, os.ErrNotExist},
		"text":                       {func(t *testing.T, from string) { write(t, from, []byte(strings.Repeat("text", 2000))) }, store.ErrDamaged},
		"a cut backup":               {func(t *testing.T, from string) { write(t, from, read(t, from)[:20000]) }, store.ErrDamaged},
		"another program's database": {func(t *testing.T, from string) { statement(t, from, "PRAGMA application_id=5") }, store.ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			from := filepath.Join(t.TempDir(), "copy.db")
			write(t, from, read(t, backup))
			tc.spoil(t, from)
			to := filepath.Join(t.TempDir(), "patgate.db")
			if _, err := sqlite.Restore(t.Context(), from, to, sqlite.RestoreOptions{}); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			entries, _ := os.ReadDir(filepath.Dir(to))
			if len(entries) > 0 {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
	t.Run("over another program's database", func(t *testing.T) {
		foreign := filepath.Join(t.TempDir(), "songs.db")
		statement(t, foreign, "CREATE TABLE songs (title TEXT)")
		before := read(t, foreign)
		_, err := sqlite.Restore(t.Context(), backup, foreign, sqlite.RestoreOptions{Replace: true, Now: time.Now()})
		if !errors.Is(err, store.ErrForeign) || !bytes.Equal(before, read(t, foreign)) {
			t.Errorf("error %v", err)
		}
	})

}

// Threat: who has signed out of the console is signed in again by a backup of before.
func TestABackupSignsNobodyIn(t *testing.T) {
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "patgate.db"), filepath.Join(dir, "one.db")
	f := storetest.NewFixture(t, openFile(t, path), nil)
	s := f.SignIn(t, 42, time.Now())
	if err := errors.Join(f.Store.Backup(t.Context(), backup), f.Store.EndSignIn(t.Context(), s.ID), f.Store.Close()); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"over the store": path, "on a fresh machine": filepath.Join(dir, "fresh.db")} {
		if _, err := sqlite.Restore(t.Context(), backup, to, sqlite.RestoreOptions{Replace: true, Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if _, err := openFile(t, to).SignIn(t.Context(), s.ID); !errors.Is(err, store.ErrUnknownSignIn) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
