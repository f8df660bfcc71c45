package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/store"
	"patgate/store/storetest"
	"patgate/store/tables/filter"
)

// No index is made while a list is read: all that tokens name would be gone through for it.
func TestNoIndexIsMadeForAList(t *testing.T) {
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "patgate.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	explain := func(query string, args ...any) {
		t.Helper()
		rows, err := db.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil || strings.Contains(step, "AUTOMATIC") {
				t.Errorf("%s, %v, by\n%s", step, err, query)
			}
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
	}
	for i := range 4 {
		owner, many := int64(i%2), 5+i/2*10_000
		for _, n := range []store.Naming{{}, {ID: 6}, {Path: "acme"}, {Path: "acme/web", Kind: routes.RefGroup}} {
			for _, search := range []string{"", "acme", "6"} {
				for _, state := range []store.State{store.StateAny, store.StateActive, store.StateRevoked} {
					d := db.database().Filter
					d.Owned, d.Tokens, d.Sought, d.Named = 500_000, 1_000_000, many, many
					q := filter.Of(store.Filter{OwnerID: owner, Search: search, SearchPlaces: true, Naming: n, State: state,
						Now: storetest.Start(), Limit: 20, CountTo: 2000}, d)
					query, args := q.Count()
					explain(query, args...)
					query, args, _ = q.Few()
					explain(query, args...)
					query, args, _ = q.Page(100)
					explain(query, args...)
				}
			}
		}
	}
}
