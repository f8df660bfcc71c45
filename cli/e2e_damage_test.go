package cli_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "patgate/store/sqlite" // registers the driver
)

// ruin overwrites what begins the pages of a tree in a closed database, which is made larger than what each start reads whole.
func ruin(t *testing.T, path, tree string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE IF NOT EXISTS padding AS SELECT randomblob(9 << 20) AS b"); err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(t.Context(), "SELECT pageno, pgsize FROM dbstat WHERE name = ?", tree)
	if err != nil {
		t.Fatal(err)
	}
	var at []int64
	for rows.Next() {
		var page, size int64
		if err := rows.Scan(&page, &size); err != nil {
			t.Fatal(err)
		}
		at = append(at, (page-1)*size)
	}
	if err := errors.Join(rows.Err(), rows.Close(), db.Close()); err != nil || len(at) == 0 {
		t.Fatal(at, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, offset := range at {
		_, err = f.WriteAt([]byte(strings.Repeat("\x55", 64)), offset)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// Damage is found after the start. Where tokens are decided, none is accepted any more; elsewhere they work, and it is told.
func TestAGatewayWhoseStoreIsDamaged(t *testing.T) {
	r := startRunning(t)
	secret := r.make(t, creation("mine", on(r.world.api, "read_project"))).Token
	project := fmt.Sprintf("/api/v4/projects/%d", r.world.api)
	file := filepath.Join(r.dir, "data", "db", "patgate.db")
	again := func() { // the damage may be found before anybody has seen that it was ready
		t.Helper()
		runs := func(status int) bool { return status == http.StatusOK || status == http.StatusServiceUnavailable }
		if err := r.startUntil(r.env, nil, r.operators, runs); err != nil {
			t.Fatal(err)
		}
	}
	stop := func() {
		t.Helper()
		_ = r.stop(syscall.SIGTERM) // it may say that it could not store the last of what it counted
	}
	stop()
	sound, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ruin(t, file, "subject_networks")
	again()
	r.awaits(t, "/readyz", "limited", func(a answer) bool {
		return a.status == 200 && strings.Contains(a.body, "subject_networks") && strings.Contains(a.body, "patgate store restore")
	})
	r.logs(t, `"fault":"damaged"`)
	if !r.faulty(t, "damaged") {
		t.Error("no metric tells of it")
	}
	r.want(t, 200, secret, "GET", project, nil)
	stop()
	ruin(t, file, "sqlite_autoindex_credentials_1")
	again()
	r.awaits(t, "/readyz", "unready", func(a answer) bool {
		return a.status == http.StatusServiceUnavailable && strings.Contains(a.body, "credentials")
	})
	for end := time.Now().Add(patience); r.call(t, secret, "GET", project, nil).status != 503; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("a token passes: %s", r.lastLines(5))
		}
	}
	if a := r.call(t, r.world.alicePAT, "POST", userTokens, creation("lost", on(r.world.api, "read_project"))); a.status < 500 {
		t.Errorf("a creation: %d %s", a.status, a.body)
	}
	stop()
	if err := os.WriteFile(file, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	again()
	r.readyAgain(t)
	r.want(t, 200, secret, "GET", project, nil)
	if r.faulty(t, "damaged") {
		t.Error("the metric still tells of it")
	}
}
