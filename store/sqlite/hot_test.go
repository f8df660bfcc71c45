package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"patgate/learn"
	"patgate/routes"
	"patgate/store"
	"patgate/store/storetest"
	"patgate/token"
)

// BenchmarkHotTokens stores, in each round, what a flush stores when 10,000 of 20,000 tokens were used since the last one: one
// unit, one last use and one address of each.
func BenchmarkHotTokens(b *testing.B) {
	const all, hot = 20_000, 10_000
	db := openFile(b, filepath.Join(b.TempDir(), "patgate.db"))
	f := storetest.NewFixture(b, db, nil)
	var ids []int64
	for i := range all {
		ids = append(ids, f.NewToken(b, fmt.Sprint("t", i), func(*token.Record) {}).ID)
	}
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	ids = ids[:hot]
	slices.Sort(ids)
	round := func(at time.Time) {
		seen := make([]learn.Seen, 0, hot)
		uses := make([]store.Use, 0, hot)
		details := make([]store.Detail, 0, hot)
		for i, id := range ids {
			unit := learn.Unit{Method: "GET", Route: "/projects/{project}/jobs", Needs: []string{"read_job"},
				Acts: []learn.Act{{Boundary: routes.BoundaryProject, Found: routes.BoundaryProject, Container: int64(i % 500),
					Ancestors: []int64{1, 2}}}}
			seen = append(seen, learn.Seen{Subject: id, Unit: unit, Count: 7, Last: at})
			uses = append(uses, store.Use{TokenID: id, Count: 7, Last: at})
			details = append(details, store.Detail{TokenID: id, Address: "192.0.2.7", Last: at})
		}
		if lost, _, err := db.AddSeen(b.Context(), seen); lost > 0 || err != nil {
			b.Fatal(lost, err)
		}
		if err := db.AddUses(b.Context(), uses); err != nil {
			b.Fatal(err)
		}
		if err := db.AddDetails(b.Context(), details); err != nil {
			b.Fatal(err)
		}
	}
	at := storetest.Start()
	round(at)
	for b.Loop() {
		at = at.Add(5 * time.Second)
		round(at)
	}
}
