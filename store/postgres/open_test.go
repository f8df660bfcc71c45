package postgres_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"patgate/store/postgres"
	"patgate/store/postgres/postgrestest"
)

// A database whose tables may not be read is none without tables.
func TestATableThatMayNotBeReadIsNotMissing(t *testing.T) {
	var d databases
	address := d.url(t, t.TempDir())
	openURL(t, address)
	on := connect(t, address)
	if _, err := on.Exec(t.Context(), "CREATE ROLE stranger LOGIN PASSWORD '"+postgrestest.Password+"'"); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("stranger", postgrestest.Password)
	_, err = postgres.Open(t.Context(), u.String(), postgres.Options{MustExist: true})
	if errors.Is(err, postgres.ErrNoSchema) || err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("error %v", err)
	}
}

// Where the server has no connection left, changes are read over one that this node has.
func TestChangesAreReadOverTheLastConnection(t *testing.T) {
	var d databases
	address := d.url(t, t.TempDir())
	openURL(t, address)
	on := connect(t, address)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	for _, statement := range []string{"CREATE ROLE few LOGIN PASSWORD '" + postgrestest.Password + "'",
		"GRANT ALL ON SCHEMA public TO few", "GRANT ALL ON ALL TABLES IN SCHEMA public TO few", "GRANT ALL ON DATABASE " + name + " TO few"} {
		if _, err := on.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	u.User = url.UserPassword("few", postgrestest.Password)
	db := openURL(t, u.String())
	if _, err := db.Owners(t.Context()); err != nil { // over a connection for reads, which is kept
		t.Fatal(err)
	}
	if _, err := on.Exec(t.Context(), "ALTER ROLE few CONNECTION LIMIT 0"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Changes(t.Context(), 0); err != nil {
		t.Errorf("error %v", err)
	}
}
