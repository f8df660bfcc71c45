package postgres_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"patgate/store/postgres"
	"patgate/store/postgres/postgrestest"
)

// stranger makes a role in a new database with tables of ours, and gives the URL for it, and what the owner of all does there.
func stranger(t *testing.T, role string) (address string, do func(statement string)) {
	t.Helper()
	var d databases
	owned := d.url(t, t.TempDir())
	openURL(t, owned)
	on := connect(t, owned)
	do = func(statement string) {
		t.Helper()
		if _, err := on.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	do("CREATE ROLE " + role + " LOGIN PASSWORD '" + postgrestest.Password + "'")
	u, err := url.Parse(owned)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, postgrestest.Password)
	return u.String(), do
}

// A database whose tables may not be read is none without tables.
func TestATableThatMayNotBeReadIsNotMissing(t *testing.T) {
	address, _ := stranger(t, "stranger")
	_, err := postgres.Open(t.Context(), address, postgres.Options{MustExist: true})
	if errors.Is(err, postgres.ErrNoSchema) || err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("error %v", err)
	}
}

// Where the server has no connection left, changes are read over one that this node has.
func TestChangesAreReadOverTheLastConnection(t *testing.T) {
	address, do := stranger(t, "few")
	do("GRANT ALL ON SCHEMA public TO few")
	do("GRANT ALL ON ALL TABLES IN SCHEMA public TO few")
	db := openURL(t, address)
	if _, err := db.Owners(t.Context()); err != nil { // over a connection for reads, which is kept
		t.Fatal(err)
	}
	do("ALTER ROLE few CONNECTION LIMIT 0")
	if _, err := db.Changes(t.Context(), 0); err != nil {
		t.Errorf("error %v", err)
	}
}
