package sqlite_test

import (
	"path/filepath"
	"testing"

	"patgate/store"
	"patgate/store/sqlite"
	"patgate/store/storetest"
	"patgate/store/storetest/limittest"
	"patgate/store/storetest/listing"
	"patgate/store/storetest/trusted"
)

func openStore(t testing.TB, dir string) store.Store {
	return openFile(t, filepath.Join(dir, "db", "patgate.db"))
}

func openFile(t testing.TB, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestConformance(t *testing.T) { storetest.Run(t, openStore) }

func TestConformanceOfTrusts(t *testing.T) { trusted.Run(t, openStore) }

// The part about limits has a folder of its own.
func TestLimits(t *testing.T) { limittest.Run(t, openStore) }
func TestListing(t *testing.T) {
	if testing.Short() {
		t.Skip("it reads long lists, one after the other")
	}
	listing.Run(t, openStore)
}

// Long lists are read in the order of indexes, from the end that is nearer.
func TestListingInTheOrderOfIndexes(t *testing.T) {
	if testing.Short() {
		t.Skip("it reads long lists, one after the other")
	}
	listing.Run(t, func(t testing.TB, dir string) store.Store {
		db := openStore(t, dir)
		db.(*sqlite.DB).WalkForTest()
		return db
	})
}
