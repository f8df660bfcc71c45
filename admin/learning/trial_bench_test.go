package learning_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"patgate/admin/learning"
	"patgate/admin/tokens"
	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store/sqlite"
	"patgate/store/storetest"
)

// copies puts so many tokens beside the first one, which did what it did.
func copies(b *testing.B, path string, id int64, n int) {
	b.Helper()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	var columns string
	err = raw.QueryRow("SELECT group_concat(name, ', ') FROM pragma_table_info('tokens') WHERE name NOT IN ('id', 'hash')").Scan(&columns)
	if err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{
		fmt.Sprintf("WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO tokens (hash, %s) "+
			"SELECT randomblob(32), %[2]s FROM n, tokens WHERE tokens.id = %d", n, columns, id),
		fmt.Sprintf("INSERT INTO units SELECT t.id, u.denied, u.kind_id, u.places, u.above, u.first_at, u.last_at, u.uses, u.days, "+
			"u.suspect FROM tokens t JOIN units u ON u.subject_id = %d WHERE t.id != %[1]d", id),
	} {
		if _, err := raw.Exec(statement); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTry tries a table on what 1,000 tokens with 20 units each did, or as many as PATGATE_BENCH_TOKENS says, and tells how much
// memory that took.
func BenchmarkTry(b *testing.B) {
	n, units := 1000, 20
	if text := os.Getenv("PATGATE_BENCH_TOKENS"); text != "" {
		n, _ = strconv.Atoi(text)
	}
	path := filepath.Join(b.TempDir(), "patgate.db")
	db, err := sqlite.Open(b.Context(), path, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	table, err := load.GitLab()
	if err != nil {
		b.Fatal(err)
	}
	r := storetest.NewFixture(b, db, nil).NewToken(b, "bench")
	var seen []learn.Seen
	for _, row := range table.Routes() {
		if len(seen) < units && strings.HasPrefix(row.Path, "/projects/{project}/") && len(row.Needs) == 1 {
			seen = append(seen, learn.Seen{Subject: r.ID, Count: 3, Last: storetest.Start(), Unit: learn.Unit{Method: row.Method,
				Route: row.Path, Needs: table.Catalogue().Names(row.Needs), Acts: []learn.Act{{Kind: policy.ActOwn,
					Boundary: routes.BoundaryProject, Found: routes.BoundaryProject, Access: policy.OwnerMember, Container: 501}}}})
		}
	}
	if _, _, err := db.AddSeen(b.Context(), seen); err != nil {
		b.Fatal(err)
	}
	copies(b, path, r.ID, n)
	service, err := tokens.New(tokens.Options{Store: db, Table: func() *routes.Table { return table }, Now: storetest.Start})
	if err != nil {
		b.Fatal(err)
	}
	rules := learning.Rules{Table: table}
	for b.Loop() {
		most := uint64(0)
		told, began := 0, time.Now()
		sum, err := learning.New(service).Try(b.Context(), "bench", learning.Attempt{Tried: rules}, func(*learning.Tried) error {
			if told++; told%1000 == 0 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
			return nil
		})
		if err != nil || sum.Tokens != n || sum.Observed != int64(3*units*n) {
			b.Fatal(sum, err)
		}
		b.ReportMetric(time.Since(began).Seconds()/float64(n)*1e6, "µs/token")
		b.ReportMetric(float64(most)/(1<<20), "MiB")
	}
}
