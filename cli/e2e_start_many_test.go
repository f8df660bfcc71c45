package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"patgate/store/sqlite"
	"patgate/store/tables"
)

// TestStartWithManyTokens starts the gateway on a store with 20,000 tokens, or as many as PATGATE_MANY_TOKENS says, that were never
// judged or counted: it is ready at once, serves what it had, and does the rest while it serves.
func TestStartWithManyTokens(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("PATGATE_MANY_TOKENS"))
	if err != nil {
		n = 20_000
	}
	r := startRunning(t)
	secret := r.mint(t, "--name", "kept", "--project", fmt.Sprint(r.world.api), "--allow", "read_project")
	project := fmt.Sprintf("/api/v4/projects/%d", r.world.api)
	if err := r.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	copies(t, filepath.Join(r.dir, "data", "db", "patgate.db"), n)
	start := func() time.Duration {
		t.Helper()
		began := time.Now()
		if err := r.start(r.env, nil, r.operators); err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		if a := r.call(t, secret, "GET", project, nil); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
		t.Logf("with %d tokens it is ready after %s", n, took.Round(time.Millisecond))
		if took > 5*time.Second {
			t.Errorf("it takes %s until it is ready", took)
		}
		return took
	}
	start()
	if err := r.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	start() // and while it is in the middle of that
}

// copies makes as many tokens like the one that there is.
func copies(t *testing.T, file string, n int) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), file, sqlite.Options{MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Database().Change(t.Context(), "copying", func(tx tables.Conn) error {
		made, err := tx.Exec(t.Context(), `WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < ?)
			INSERT INTO tokens (id, hash, last_four, name, description, owner_id, credential_id, scopes, table_version, created_at, expires_at,
				family_id, renew_until, touched_at)
			SELECT id + n, randomblob(32), 'abcd', 'token ' || n, description, owner_id, credential_id, scopes, table_version,
				created_at, expires_at + n * 1000, id + n, renew_until, touched_at FROM (SELECT * FROM tokens LIMIT 1), g`, n)
		if err == nil && made != int64(n) {
			err = fmt.Errorf("%d of %d were made", made, n)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
