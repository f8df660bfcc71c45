package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/sqlite"
	"patgate/store/storetest"
)

// inspected has a store look at all of itself once.
func inspected(t *testing.T, db *sqlite.DB) {
	t.Helper()
	for range 100 {
		if db.Inspect(t.Context()) {
			return
		}
	}
	t.Fatal("it does not come to an end")
}

// damaged overwrites the pages of a table's tree in a closed database.
func damaged(t *testing.T, path, table string) {
	t.Helper()
	pool, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := pool.QueryContext(t.Context(), "SELECT pageno, pgsize FROM dbstat WHERE name = ?", table)
	if err != nil {
		t.Fatal(err)
	}
	var at []int64
	var size int64
	for rows.Next() {
		var page int64
		if err := rows.Scan(&page, &size); err != nil {
			t.Fatal(err)
		}
		at = append(at, (page-1)*size)
	}
	if err := errors.Join(rows.Err(), rows.Close(), pool.Close()); err != nil || len(at) == 0 {
		t.Fatal(at, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, offset := range at {
		_, err = f.WriteAt([]byte(strings.Repeat("\x55", 64)), offset) // the head of a page, and where its cells are
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// grown makes a store that is larger than what is read whole when it is opened, and closes it.
func grown(t *testing.T) (path string, id int64) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "patgate.db")
	db := openFile(t, path)
	f := storetest.NewFixture(t, db, nil)
	r := f.NewToken(t, "first")
	use := store.Use{TokenID: r.ID, Count: 1, Last: storetest.Start()}
	if err := db.AddUses(t.Context(), []store.Use{use}); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		record := f.Record(fmt.Sprint("t", i))
		record.Description = strings.Repeat("x", 50_000)
		if _, err := db.CreateToken(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() < 9<<20 {
		t.Fatal(info, err)
	}
	return path, r.ID
}

func TestASoundStoreIsFoundSound(t *testing.T) {
	path, id := grown(t)
	db := openFile(t, path)
	for range 2 {
		if inspected(t, db); len(db.Faults()) > 0 {
			t.Errorf("faults %v", db.Faults())
		}
	}
	if _, err := db.RevokeToken(t.Context(), id, cause()); err != nil {
		t.Error(err)
	}
	if db.Doubtful() {
		t.Error("it is in doubt")
	}
}

func TestDamageWhereTokensAreDecided(t *testing.T) {
	if testing.Short() {
		t.Skip("it damages one table after the other")
	}
	tables := []string{"tokens", "credentials", "owners", "changes", "sqlite_autoindex_tokens_1"}
	started := len(tables)
	for _, table := range tables {
		t.Run(table, func(t *testing.T) {
			path, id := grown(t)
			damaged(t, path, table)
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
			if err != nil {
				if !errors.Is(err, store.ErrDamaged) {
					t.Error(err)
				}
				started--
				return // what every start reads
			}
			t.Cleanup(func() { _ = db.Close() })
			inspected(t, db)
			faults := db.Faults()
			if len(faults) != 1 || !errors.Is(faults[0], store.ErrDamaged) || errors.Is(faults[0], store.ErrPartly) ||
				!strings.Contains(faults[0].Error(), "patgate store restore") {
				t.Fatalf("faults %v", faults)
			}
			// Nothing is read from it nor written to it any more, also where it is sound.
			if _, err := db.Changes(t.Context(), 0); !errors.Is(err, store.ErrDamaged) {
				t.Errorf("a poll: %v", err)
			}
			if _, err := db.RevokeToken(t.Context(), id, cause()); !errors.Is(err, store.ErrDamaged) {
				t.Errorf("a change: %v", err)
			}
			if _, err := db.Owners(t.Context()); !errors.Is(err, store.ErrDamaged) {
				t.Errorf("a read: %v", err)
			}
			if inspected(t, db); len(db.Faults()) != 1 {
				t.Errorf("the second time: %v", db.Faults())
			}
		})
	}
	if started < 3 {
		t.Errorf("%d were opened: the test proves little", started)
	}
}

func TestDamageWhereNothingIsDecided(t *testing.T) {
	path, id := grown(t)
	damaged(t, path, "token_uses")
	db := openFile(t, path)
	use := store.Use{TokenID: id, Count: 1, Last: storetest.Start().Add(time.Hour)}
	if err := db.AddUses(t.Context(), []store.Use{use}); !errors.Is(err, store.ErrDamaged) {
		t.Fatalf("who meets it: %v", err)
	}
	// It is a fault at once, and what it means is known when all has been looked at.
	if faults := db.Faults(); len(faults) != 1 || !errors.Is(faults[0], store.ErrDamaged) || !db.Doubtful() {
		t.Errorf("faults %v", faults)
	}
	inspected(t, db)
	if faults := db.Faults(); len(faults) != 1 || !errors.Is(faults[0], store.ErrPartly) ||
		!strings.Contains(faults[0].Error(), "token_uses") {
		t.Errorf("faults %v", faults)
	}
	if _, err := db.Changes(t.Context(), 0); err != nil {
		t.Errorf("a poll: %v", err)
	}
}

// What a disk gives once and not again is no damage, and what was damage is looked for until it is gone.
func TestDamageThatPasses(t *testing.T) {
	path, _ := grown(t)
	sound := read(t, path)
	damaged(t, path, "tokens")
	broken := read(t, path)
	put := func(data []byte) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = f.WriteAt(data, 0); err != nil {
			t.Fatal(err)
		}
		// The locks that SQLite has on it in this process go when it is closed; nothing else uses it here.
		t.Cleanup(func() { _ = f.Close() })
	}
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	over := make(chan struct{})
	go func() {
		defer close(over)
		for range 100 {
			if db.Inspect(t.Context()) {
				return
			}
		}
	}()
	for end := time.Now().Add(10 * time.Second); len(db.Faults()) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is not found")
		}
	}
	if err := db.Faults()[0]; errors.Is(err, store.ErrPartly) {
		t.Error(err)
	}
	if _, err := db.Owners(t.Context()); err != nil {
		t.Errorf("a read when it was found once: %v", err)
	}
	put(sound)
	<-over
	if faults := db.Faults(); len(faults) > 0 || db.Doubtful() {
		t.Errorf("faults %v", faults)
	}
	put(broken)
	db.Close()
	if db, err = sqlite.Open(t.Context(), path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	inspected(t, db)
	if _, err := db.Owners(t.Context()); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a read when it was found twice: %v", err)
	}
	put(sound)
	inspected(t, db)
	if faults := db.Faults(); len(faults) > 0 {
		t.Errorf("faults %v", faults)
	}
	if _, err := db.Owners(t.Context()); err != nil {
		t.Errorf("a read: %v", err)
	}
}
