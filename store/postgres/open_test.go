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
