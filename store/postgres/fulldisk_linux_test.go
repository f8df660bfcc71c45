package postgres_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"patgate/store"
	"patgate/store/storetest"
)

// The server's disk is full: that is said as what it is, and over when the server takes more again.
func TestAServerWhoseDiskIsFull(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	on := connect(t, url)
	var data, name string
	if err := on.QueryRow(t.Context(), "SELECT current_setting('data_directory'), current_database()").Scan(&data, &name); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // the server is another user
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	options := fmt.Sprintf("size=2m,mode=0700,uid=%d,gid=%d", owner.Uid, owner.Gid)
	if err := syscall.Mount("patgate", dir, "tmpfs", 0, options); err != nil {
		t.Skip("mounting is not permitted (run the test as root): ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 2) }) // MNT_DETACH
	exec := func(statement string) {
		t.Helper()
		if _, err := on.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLESPACE small LOCATION '" + dir + "'")
	exec("ALTER DATABASE " + name + " SET temp_tablespaces = small")
	db := openURL(t, url)
	exec("ALTER TABLE tokens SET TABLESPACE small")
	f := storetest.NewFixture(t, db, nil)
	kept := f.NewToken(t, "kept")
	made := 1
	for {
		record := f.Record(fmt.Sprint("t", made))
		record.Description = strings.Repeat("x", 1500)
		if _, err = db.CreateToken(t.Context(), record); err != nil {
			break
		}
		made++
	}
	if !errors.Is(err, store.ErrNoRoom) || errors.Is(err, store.ErrUnreachable) || !strings.Contains(err.Error(), "was not done") ||
		!strings.Contains(err.Error(), "fix: ") {
		t.Errorf("error %v", err)
	}
	full := func() bool {
		faults := db.Faults()
		return len(faults) == 1 && errors.Is(faults[0], store.ErrNoRoom)
	}
	if !full() {
		t.Errorf("faults %v", db.Faults())
	}
	if db.Retry(t.Context()); !full() {
		t.Error("the fault ended on a full disk")
	}
	if _, total, err := db.Tokens(t.Context(), store.Filter{}); err != nil || total != made {
		t.Errorf("%d tokens of %d: %v", total, made, err)
	}
	if l, err := db.Token(t.Context(), kept.ID); err != nil || l.Name != "kept" {
		t.Errorf("a read: %v", err)
	}
	if err := syscall.Mount("patgate", dir, "tmpfs", syscall.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	if db.Retry(t.Context()); len(db.Faults()) > 0 {
		t.Errorf("faults when there is room: %v", db.Faults())
	}
	f.NewToken(t, "again")
	exec("ALTER TABLE tokens SET TABLESPACE pg_default") // its place goes away
}
