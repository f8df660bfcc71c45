package postgres_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"patgate/store"
	"patgate/store/postgres"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(t.Context()) })
	return c
}

// Nodes that start together on an empty database make its tables once, and wait for each other.
func TestNodesThatStartTogether(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	var nodes sync.WaitGroup
	for range 6 {
		nodes.Go(func() {
			db, err := postgres.Open(t.Context(), url, postgres.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			_ = db.Close()
		})
	}
	nodes.Wait()
	rows := 0
	if err := connect(t, url).QueryRow(t.Context(), "SELECT count(*) FROM patgate_schema").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d versions, %v", rows, err)
	}
	if has, want, err := postgres.SchemaOf(t.Context(), url); err != nil || has != want || has == 0 {
		t.Errorf("schema %d of %d, %v", has, want, err)
	}
}

// A program works on a schema of the version after it, and refuses one that says that it cannot.
func TestANewerSchema(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	openURL(t, url)
	c := connect(t, url)
	set := func(statement string) {
		t.Helper()
		if _, err := c.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	set("UPDATE patgate_schema SET version = version + 1")
	openURL(t, url)
	set("UPDATE patgate_schema SET works_with = version")
	if db, err := postgres.Open(t.Context(), url, postgres.Options{}); !errors.Is(err, store.ErrNewer) {
		t.Errorf("%v, %v", db, err)
	}
	if _, _, err := postgres.SchemaOf(t.Context(), url); !errors.Is(err, store.ErrNewer) {
		t.Errorf("%v", err)
	}
}
