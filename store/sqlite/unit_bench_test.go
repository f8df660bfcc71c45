package sqlite_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/store/storetest"
)

const (
	// unitsEach is how many units each token of a benchmark has.
	unitsEach = 20
	// manyTokens is for how many tokens the size of a store is told, whatever is measured.
	manyTokens = 100_000
)

// benchTokens is how many tokens a benchmark fills a store with: a few, or as PATGATE_BENCH_TOKENS says. With 100,000 it takes long.
func benchTokens(b *testing.B) int {
	n := 200
	if text := os.Getenv("PATGATE_BENCH_TOKENS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

// benchUnit is one of the things that tokens do: rows and permissions that many have in common, on containers that few have.
func benchUnit(d *rand.Rand, i int) learn.Unit {
	project := int64(1000 + d.IntN(50_000))
	u := learn.Unit{Method: "GET", Route: fmt.Sprintf("/projects/{project}/of/some/length/%d", (i*7+d.IntN(5))%150),
		Needs: []string{fmt.Sprintf("read_something_%d", i%40)}, Acts: []learn.Act{{
			Kind: policy.ActOwn, Boundary: routes.BoundaryProject, Found: routes.BoundaryProject, Access: policy.OwnerMember,
			Visibility: policy.VisibilityPrivate, Container: project, Ancestors: []int64{project / 10, project / 100},
		}}}
	if i%10 == 9 {
		u.Acts = append(u.Acts, learn.Act{Kind: policy.ActRef, Ref: fmt.Sprintf("refs/heads/feature/ticket-%d", d.IntN(10_000)),
			Create: true})
	}
	return u
}

// tokensOf fills a store with tokens, all but the first copies of that one, and gives their ids.
func tokensOf(b *testing.B, f *storetest.Fixture, path string, n int) (ids []int64) {
	b.Helper()
	first := f.NewToken(b, "bench")
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	var columns []string
	rows, err := raw.Query("SELECT name FROM pragma_table_info('tokens') WHERE name NOT IN ('id', 'hash')")
	if err != nil {
		b.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			b.Fatal(err)
		}
		columns = append(columns, name)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	all := strings.Join(columns, ", ")
	if _, err := raw.Exec(fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO tokens (hash, %s) SELECT randomblob(32), %s FROM n, tokens WHERE tokens.id = ?`, all, all), n, first.ID); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		ids = append(ids, first.ID+int64(i))
	}
	return ids
}

// size gives how many bytes the store takes.
func size(b *testing.B, path string) (bytes int64) {
	b.Helper()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		b.Fatal(err)
	}
	if err := raw.QueryRow("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").Scan(&bytes); err != nil {
		b.Fatal(err)
	}
	return bytes
}

// BenchmarkSizeOfUnits stores what tokens were seen to do, day by day, and tells how large a store with 100,000 of them is after one
// day, after a month and after all the days that are kept.
func BenchmarkSizeOfUnits(b *testing.B) {
	n := benchTokens(b)
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "patgate.db")
		db := openFile(b, path)
		ids := tokensOf(b, storetest.NewFixture(b, db, nil), path, n)
		empty := size(b, path)
		d := rand.New(rand.NewPCG(1, 2))
		seen := make([]learn.Seen, 0, n*unitsEach)
		for _, id := range ids {
			for i := range unitsEach {
				seen = append(seen, learn.Seen{Subject: id, Unit: benchUnit(d, i), Count: 1})
			}
		}
		stored, began := 0, time.Now()
		for day := range learn.DaysKept {
			d.Shuffle(len(seen), func(i, j int) { seen[i], seen[j] = seen[j], seen[i] })
			for i := range seen {
				seen[i].Count = 1 + int64(d.ExpFloat64()*40)
				seen[i].Last = storetest.Start().AddDate(0, 0, day)
			}
			if lost, _, err := db.AddSeen(b.Context(), seen); err != nil || lost != 0 {
				b.Fatal(lost, err)
			}
			stored += len(seen)
			switch day + 1 {
			case 1, 30, learn.DaysKept:
				each := float64(size(b, path)-empty) / float64(len(seen))
				b.ReportMetric(each, fmt.Sprintf("B/unit_%dd", day+1))
				b.ReportMetric(each*unitsEach*manyTokens/(1<<20), fmt.Sprintf("MiB/100k_%dd", day+1))
			}
		}
		b.ReportMetric(float64(stored)/time.Since(began).Seconds(), "units/s")
	}
}

// BenchmarkObservations reads what a token with as many units as it may have did in thirty days.
func BenchmarkObservations(b *testing.B) {
	db := openFile(b, filepath.Join(b.TempDir(), "patgate.db"))
	r := storetest.NewFixture(b, db, nil).NewToken(b, "busy")
	d := rand.New(rand.NewPCG(3, 4))
	var st store.Store = db
	var seen []learn.Seen
	for i := range learn.MostUnits {
		seen = append(seen, learn.Seen{Subject: r.ID, Unit: benchUnit(d, i), Count: 7})
	}
	for day := range 30 {
		for i := range seen {
			seen[i].Last = storetest.Start().AddDate(0, 0, day)
		}
		if _, _, err := st.AddSeen(b.Context(), seen); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		list, _, err := st.Observations(b.Context(), r.ID, storetest.Start())
		if err != nil || len(list) < learn.MostUnits/2 {
			b.Fatal(len(list), err)
		}
	}
}
