package postgres_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"patgate/store"
	"patgate/store/postgres"
	"patgate/store/postgres/postgrestest"
	"patgate/store/storetest"
	"patgate/store/storetest/limittest"
	"patgate/store/storetest/listing"
	"patgate/store/storetest/trusted"
)

// cluster is the PostgreSQL of these tests; nil where there is none.
var cluster *postgrestest.Cluster

func TestMain(m *testing.M) {
	var err error
	cluster, err = postgrestest.Start(false)
	switch {
	case errors.Is(err, postgrestest.ErrMissing) && os.Getenv("PATGATE_E2E_REQUIRED") != "1":
		fmt.Println("SKIP:", err)
	case err != nil:
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	if cluster != nil {
		if err := cluster.Stop(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

// databases gives, for each directory of a test, the URL of a database of its own.
type databases struct{ known sync.Map }

func (d *databases) url(t testing.TB, dir string) string {
	t.Helper()
	if cluster == nil {
		t.Skip(postgrestest.ErrMissing)
	}
	if url, known := d.known.Load(dir); known {
		return url.(string)
	}
	url, err := cluster.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.known.Store(dir, url)
	return url
}

func openURL(t testing.TB, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestConformance(t *testing.T) {
	var d databases
	storetest.Run(t, func(t testing.TB, dir string) store.Store { return openURL(t, d.url(t, dir)) })
}

func TestConformanceOfTrusts(t *testing.T) {
	var d databases
	trusted.Run(t, func(t testing.TB, dir string) store.Store { return openURL(t, d.url(t, dir)) })
	trusted.Run(t, func(t testing.TB, dir string) store.Store {
		db := openURL(t, d.url(t, dir))
		db.RefuseEveryOtherCommitForTest()
		return db
	})
}

func TestLimits(t *testing.T) {
	var d databases
	limittest.Run(t, func(t testing.TB, dir string) store.Store { return openURL(t, d.url(t, dir)) })
}

func TestLimitsOfRetries(t *testing.T) {
	var d databases
	limittest.Run(t, func(t testing.TB, dir string) store.Store {
		db := openURL(t, d.url(t, dir))
		db.RefuseEveryOtherCommitForTest()
		return db
	})
}

// Every transaction fails once, as one that another ran beside, and is run again: nothing is counted twice.
func TestConformanceOfRetries(t *testing.T) {
	var d databases
	storetest.Run(t, func(t testing.TB, dir string) store.Store {
		db := openURL(t, d.url(t, dir))
		db.RefuseEveryOtherCommitForTest()
		return db
	})
}

func TestListing(t *testing.T) {
	var d databases
	listing.Run(t, func(t testing.TB, dir string) store.Store { return openURL(t, d.url(t, dir)) })
}
