package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"patgate/store"
	"patgate/store/sqlite"
	"patgate/store/storetest"
	"patgate/store/transfer"
)

// long makes a token whose record takes most of a page.
func long(t *testing.T, db *sqlite.DB, f *storetest.Fixture, name string) (int64, error) {
	t.Helper()
	record := f.Record(name)
	record.Description = strings.Repeat("x", 1500)
	made, err := db.CreateToken(t.Context(), record)
	return made.ID, err
}

func cause() store.Cause {
	return store.Cause{Reason: strings.Repeat("it was found in a log. ", 100), By: "user:42", At: storetest.Start()}
}

func TestAFullDisk(t *testing.T) {
	dir := storetest.SmallDisk(t, 8<<20)
	path := filepath.Join(dir, "patgate.db")
	db := openFile(t, path)
	f := storetest.NewFixture(t, db, nil)
	var made []int64
	for i := range 30 {
		id, err := long(t, db, f, fmt.Sprint("t", i))
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, id)
	}
	neighbour := storetest.FillDisk(t, dir)
	var err error
	for i := 0; err == nil && i < 5000; i++ {
		var id int64
		if id, err = long(t, db, f, fmt.Sprint("more", i)); err == nil {
			made = append(made, id)
		}
	}
	if !errors.Is(err, store.ErrNoRoom) || !strings.Contains(err.Error(), dir+" takes no more (fix: ") ||
		!strings.Contains(err.Error(), "was not done") {
		t.Fatalf("a creation on the full disk: %v", err)
	}
	faulty := func() bool {
		faults := db.Faults()
		return len(faults) == 1 && errors.Is(faults[0], store.ErrNoRoom)
	}
	if !faulty() {
		t.Errorf("faults %v", db.Faults())
	}
	if db.Retry(t.Context()); !faulty() {
		t.Error("the fault ended on a full disk")
	}
	// A revocation that cannot be stored revokes nothing, and says so; one that is acknowledged is stored.
	revoked := map[int64]bool{}
	refused := 0
	for _, id := range made {
		switch _, err := db.RevokeToken(t.Context(), id, cause()); {
		case err == nil:
			revoked[id] = true
		case errors.Is(err, store.ErrNoRoom) && strings.Contains(err.Error(), "was not done"):
			refused++
		default:
			t.Fatal(err)
		}
	}
	if refused == 0 {
		t.Fatal("each revocation found room: the test proves nothing")
	}
	holds := func(db *sqlite.DB) {
		t.Helper()
		for _, id := range made {
			if l, err := db.Token(t.Context(), id); err != nil || l.RevokedAt.IsZero() == revoked[id] {
				t.Fatalf("token %d, revoked: %v: %v, %v", id, revoked[id], l.RevokedAt, err)
			}
		}
		if h, err := db.Check(t.Context()); err != nil || h.Tokens != len(made) {
			t.Errorf("%d tokens of %d: %v", h.Tokens, len(made), err)
		}
	}
	holds(db)
	if err := os.Remove(neighbour); err != nil {
		t.Fatal(err)
	}
	if db.Retry(t.Context()); len(db.Faults()) > 0 {
		t.Errorf("faults when there is room: %v", db.Faults())
	}
	if id, err := long(t, db, f, "again"); err != nil {
		t.Error(err)
	} else {
		made = append(made, id)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	holds(openFile(t, path))
	left, _ := filepath.Glob(filepath.Join(dir, ".patgate-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAStartOnAFullDisk(t *testing.T) {
	dir := storetest.SmallDisk(t, 1<<20)
	path := filepath.Join(dir, "patgate.db")
	neighbour := storetest.FillDisk(t, dir)
	refused := func(what string) {
		t.Helper()
		err := quick(t.Context(), path)
		if !errors.Is(err, store.ErrNoRoom) || !strings.Contains(err.Error(), dir+" takes no more (fix: ") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("the first start")
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if err := os.Remove(neighbour); err != nil {
		t.Fatal(err)
	}
	if err := openFile(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	neighbour = storetest.FillDisk(t, dir)
	refused("a later one")
	if err := os.Remove(neighbour); err != nil {
		t.Fatal(err)
	}
	if err := quick(t.Context(), path); err != nil {
		t.Error(err)
	}
}

func TestAStartOnAReadOnlyFileSystem(t *testing.T) {
	dir := storetest.SmallDisk(t, 1<<20)
	path, none := filepath.Join(dir, "patgate.db"), filepath.Join(dir, "none", "patgate.db")
	if err := openFile(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("patgate", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, none} {
		err := quick(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), "the file system of "+filepath.Dir(path)+" is read-only (fix: ") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// After a crash a -wal and a -shm are there, and SQLite opens the file. It can be backed up then, and is told apart.
func TestACrashedStoreOnAReadOnlyFileSystem(t *testing.T) {
	dir := storetest.SmallDisk(t, 1<<20)
	path := filepath.Join(dir, "patgate.db")
	db := openFile(t, path)
	if err := db.Writable(); err != nil {
		t.Error(err)
	}
	crashed := map[string][]byte{}
	for _, end := range []string{"", "-wal", "-shm"} {
		crashed[path+end] = read(t, path+end)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range crashed {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mount("patgate", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	db = openFile(t, path)
	if err := db.Writable(); err == nil || !strings.Contains(err.Error(), "the file system of "+dir+" is read-only (fix: ") {
		t.Errorf("error %v", err)
	}
	if err := db.Backup(t.Context(), filepath.Join(t.TempDir(), "backup.db")); err != nil {
		t.Error(err)
	}
}

// A copy, a backup and a restore of a store of a few MB, on disks of each size from too little to enough.
func TestCopiesOnDisksThatAreNearlyFull(t *testing.T) {
	if testing.Short() {
		t.Skip("it fills one disk after the other")
	}
	path := filepath.Join(t.TempDir(), "source.db")
	db := openFile(t, path)
	f := storetest.NewFixture(t, db, nil)
	const tokens = 600
	for i := range tokens {
		if _, err := long(t, db, f, fmt.Sprint("t", i)); err != nil {
			t.Fatal(err)
		}
	}
	for name, write := range map[string]func(to string) error{
		"copy": func(to string) error {
			target, err := sqlite.OpenTarget(t.Context(), to)
			if err != nil {
				return err
			}
			if _, err := transfer.Copy(t.Context(), db.Tables, target.Tables); err != nil {
				return target.Abandon(err)
			}
			return target.Finish(t.Context())
		},
		"backup": func(to string) error { return db.Backup(t.Context(), to) },
		"restore": func(to string) error {
			_, err := sqlite.Restore(t.Context(), path, to, sqlite.RestoreOptions{Now: storetest.Start()})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			const enough = 10
			whole, failed := 0, 0
			for size := int64(16 << 10); size < 12<<20; size += 320 << 10 {
				dir := storetest.SmallDisk(t, size)
				to := filepath.Join(dir, "to.db")
				err := write(to)
				entries, _ := os.ReadDir(dir)
				switch {
				case err == nil:
					whole++
					wholeAlone(t, to, tokens)
				case !errors.Is(err, store.ErrNoRoom) || !strings.Contains(err.Error(), dir+" takes no more (fix: "):
					t.Errorf("%d bytes: %v", size, err)
				case len(entries) > 0:
					t.Errorf("%d bytes: left behind: %v", size, entries)
				default:
					failed++
				}
			}
			if whole == 0 || failed < enough {
				t.Errorf("%d whole, %d failed: the test proves nothing", whole, failed)
			}
		})
	}
}

// A copy into an empty store that was there before is whole with its -wal when there is no room to move it into the file, and that is
// said.
func TestACopyIntoAStoreThatIsThere(t *testing.T) {
	if testing.Short() {
		t.Skip("it fills one disk after the other")
	}
	db := openFile(t, filepath.Join(t.TempDir(), "source.db"))
	f := storetest.NewFixture(t, db, nil)
	const tokens = 300
	for i := range tokens {
		if _, err := long(t, db, f, fmt.Sprint("t", i)); err != nil {
			t.Fatal(err)
		}
	}
	split, whole := 0, 0
	for size := int64(512 << 10); size < 5<<20; size += 112 << 10 {
		to := filepath.Join(storetest.SmallDisk(t, size), "to.db")
		if err := quick(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		target, err := sqlite.OpenTarget(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := transfer.Copy(t.Context(), db.Tables, target.Tables); err != nil {
			if err = target.Abandon(err); !errors.Is(err, store.ErrNoRoom) {
				t.Fatal(err)
			}
			continue
		}
		switch err := target.Finish(t.Context()); {
		case err == nil:
			whole++
			wholeAlone(t, to, tokens)
		case errors.Is(err, store.ErrNoRoom) && strings.Contains(err.Error(), "keep both together"):
			split++
			again := openFile(t, to)
			if h, err := again.Check(t.Context()); err != nil || h.Tokens != tokens {
				t.Errorf("%d bytes: %d tokens of %d: %v", size, h.Tokens, tokens, err)
			}
		default:
			t.Error(err)
		}
	}
	if split == 0 || whole == 0 {
		t.Errorf("%d whole, %d in two files: the test proves nothing", whole, split)
	}
}

// A restore that finds no room leaves the store that it would replace as it is.
func TestARestoreOverAStoreOnAFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("it fills one disk after the other")
	}
	source := openFile(t, filepath.Join(t.TempDir(), "source.db"))
	other := storetest.NewFixture(t, source, nil)
	for i := range 300 {
		if _, err := long(t, source, other, fmt.Sprint("t", i)); err != nil {
			t.Fatal(err)
		}
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := source.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	failed, restored := 0, 0
	for size := int64(720 << 10); size < 3<<20; size += 60 << 10 {
		dir := storetest.SmallDisk(t, size)
		path := filepath.Join(dir, "patgate.db")
		db := openFile(t, path)
		made, err := long(t, db, storetest.NewFixture(t, db, nil), "mine")
		if err == nil {
			_, err = db.RevokeToken(t.Context(), made, cause())
		}
		if err = errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		_, err = sqlite.Restore(t.Context(), backup, path, sqlite.RestoreOptions{Replace: true, Now: storetest.Start()})
		if err == nil {
			restored++
			wholeAlone(t, path, 300)
			continue
		}
		failed++
		entries, _ := os.ReadDir(dir)
		if !errors.Is(err, store.ErrNoRoom) {
			t.Errorf("%d bytes: %v", size, err)
		}
		for _, e := range entries { // SQLite may have left its own of the old one
			if !slices.Contains([]string{"patgate.db", "patgate.db-shm", "patgate.db-wal", "patgate.db.made"}, e.Name()) {
				t.Errorf("%d bytes: left behind: %s", size, e.Name())
			}
		}
		again := openFile(t, path)
		if l, err := again.Token(t.Context(), made); err != nil || l.RevokedAt.IsZero() {
			t.Errorf("%d bytes: the token of before: %v, %v", size, l.RevokedAt, err)
		}
	}
	if failed == 0 || restored == 0 {
		t.Errorf("%d restored, %d failed: the test proves nothing", restored, failed)
	}
}

// wholeAlone tells whether a database holds all without what may be beside it.
func wholeAlone(t *testing.T, path string, tokens int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(t.TempDir(), "alone.db")
	if err := os.WriteFile(alone, data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), alone, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if h, err := db.Check(t.Context()); err != nil || h.Tokens != tokens {
		t.Errorf("%d tokens of %d: %v", h.Tokens, tokens, err)
	}
}
