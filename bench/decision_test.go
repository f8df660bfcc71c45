//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
	"patgate/store/seal"
	"patgate/store/sqlite"
	"patgate/token"
)

// judge is classify, session, plan and decide, as the gateway does them for one request. The containers' facts are given:
// what their cache costs is measured where it is (forge/facts).
type judge struct {
	table    *routes.Table
	sessions *store.Sessions
	op       routes.Operation
	question policy.Question
	facts    policy.Container
}

// newJudge makes one on a store with n tokens; few bounds the cache of sessions.
func newJudge(tb testing.TB, n int, few int64) (*judge, []token.Hash) {
	tb.Helper()
	dir := tb.TempDir()
	known, err := seed(tb.Context(), filepath.Join(dir, "data"), filepath.Join(dir, "keys"), "https://gitlab.example.com", n)
	if err != nil {
		tb.Fatal(err)
	}
	db, err := sqlite.Open(tb.Context(), filepath.Join(known.data, "db", "patgate.db"), sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	ring, err := store.OpenKeyring(tb.Context(), db, seal.Source{File: known.keys}, time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	j := &judge{facts: policy.Container{Boundary: routes.BoundaryProject, Access: policy.OwnerMember, Ancestors: []int64{7}}}
	if j.table, err = load.GitLab(); err != nil {
		tb.Fatal(err)
	}
	j.sessions, err = store.NewSessions(tb.Context(), store.SessionOptions{
		Store: db, Keyring: ring, Catalogue: j.table.Catalogue, MaxEntries: few, TTL: time.Hour,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = j.sessions.Close() })
	hashes := make([]token.Hash, n)
	for i, secret := range known.tokens {
		if hashes[i], err = token.Parse([]byte(secret)); err != nil {
			tb.Fatal(err)
		}
	}
	return j, hashes
}

// ask gives the verdict; ok tells that there is a row for the target.
func (j *judge) ask(method string, target []byte, hash token.Hash, project int64) (d policy.Decision, ok bool, err error) {
	session, err := j.sessions.Get(context.Background(), hash)
	if err != nil {
		return d, false, err
	}
	if err := j.table.Classify(&j.op, method, target); err != nil {
		return d, false, nil
	}
	if d = policy.Plan(session.Grant, j.op.Route); d.Verdict != policy.Allow {
		return d, true, nil
	}
	j.facts.ID = project
	j.question.Route = j.op.Route
	j.question.Acts = append(j.question.Acts[:0], policy.Act{Kind: policy.ActOwn,
		Boundary: routes.BoundaryProject, Container: &j.facts, Reference: routes.Reference{Kind: routes.RefProject, ID: project}})
	return policy.Decide(session.Grant, &j.question), true, nil
}

// targets are the requests of the mixes, for project 1.
var targets = []struct {
	name, method, target string
	row                  bool
	verdict              policy.Verdict
}{
	{"numeric id", "GET", "/api/v4/projects/1/jobs?per_page=20", true, policy.Allow},
	{"path id", "GET", "/api/v4/projects/group%2Fproject-1/jobs?per_page=20", true, policy.Allow},
	{"denied", "DELETE", "/api/v4/projects/1/jobs/5/artifacts", true, policy.Deny},
	{"unknown route", "GET", "/api/v4/projects/1/nothing/of/that/kind", false, policy.Deny},
}

// BenchmarkDecision asks for a hot token, and for 100,000 tokens of which few come often (Zipf) and all fit the cache.
func BenchmarkDecision(b *testing.B) {
	j, hashes := newJudge(b, 100_000, 200_000)
	for _, h := range hashes {
		if _, err := j.sessions.Get(b.Context(), h); err != nil {
			b.Fatal(err)
		}
	}
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, uint64(len(hashes)-1))
	drawn := make([]int, 1<<16)
	for i := range drawn {
		drawn[i] = int(zipf.Uint64())
	}
	for _, c := range targets {
		b.Run("hot token/"+c.name, func(b *testing.B) {
			target := []byte(c.target)
			b.ReportAllocs()
			for b.Loop() {
				d, ok, err := j.ask(c.method, target, hashes[0], 1)
				if err != nil || ok != c.row || d.Verdict != c.verdict {
					b.Fatal(d, ok, err)
				}
			}
		})
		b.Run("zipf/"+c.name, func(b *testing.B) {
			target := []byte(c.target)
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				i := drawn[at%len(drawn)]
				at++
				if _, ok, err := j.ask(c.method, target, hashes[i], int64(project(i))); err != nil || ok != c.row {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

// BenchmarkColdToken asks for tokens that the cache of sessions has no room for: each is read from SQLite, its grant
// compiled and its credential opened.
func BenchmarkColdToken(b *testing.B) {
	j, hashes := newJudge(b, 10_000, 16)
	target := []byte(targets[0].target)
	b.ReportAllocs()
	at := 0
	for b.Loop() {
		i := at % len(hashes)
		at++
		if _, _, err := j.ask("GET", target, hashes[i], int64(project(i))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCachedGrant tells what a session in the cache takes of memory, and what finding it costs.
func BenchmarkCachedGrant(b *testing.B) {
	const n = 10_000
	j, hashes := newJudge(b, n, 2*n)
	held := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	for _, h := range hashes {
		if _, err := j.sessions.Get(b.Context(), h); err != nil {
			b.Fatal(err)
		}
	}
	perGrant := float64(held()-before) / n
	at := 0
	for b.Loop() {
		if _, err := j.sessions.Get(b.Context(), hashes[at%n]); err != nil {
			b.Fatal(err)
		}
		at++
	}
	b.ReportMetric(perGrant, "B/grant")
}

// BenchmarkTableSize classifies against tables of more and more rows.
func BenchmarkTableSize(b *testing.B) {
	for _, rows := range []int{100, 1_000, 2_000, 10_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			table := tableOf(b, rows)
			var op routes.Operation
			target := fmt.Appendf(nil, "/api/v4/projects/4711/kind_%d/815/trace", rows/2)
			b.ReportAllocs()
			for b.Loop() {
				if err := table.Classify(&op, "GET", target); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// tableOf loads a table with n rows.
func tableOf(tb testing.TB, n int) *routes.Table {
	tb.Helper()
	rows := "category: CI/CD\ncaptures: {id: int}\nresources:\n  job:\n    read:\n"
	for i := range n {
		rows += fmt.Sprintf("      - GET /projects/{project}/kind_%d/{id}/trace\n", i)
	}
	table, problems := load.Table(load.Options{Table: []routes.File{
		{Name: "table.yaml", Data: []byte("forge: gitlab\nversion: 1\nbase: /api/v4\n")},
		{Name: "permissions.yaml", Data: []byte("categories:\n  CI/CD:\n    job:\n      abilities: use jobs\n      actions:\n        read: {boundaries: [project]}\n")},
		{Name: "rows.yaml", Data: []byte(rows)},
	}})
	if len(problems) > 0 {
		tb.Fatal(problems[0])
	}
	if len(table.Routes()) != n {
		tb.Fatalf("%d rows", len(table.Routes()))
	}
	return table
}

// BenchmarkGrantSize decides with grants of more and more projects.
func BenchmarkGrantSize(b *testing.B) {
	table, err := load.GitLab()
	if err != nil {
		b.Fatal(err)
	}
	var op routes.Operation
	if err := table.Classify(&op, "GET", []byte("/api/v4/projects/1/jobs")); err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			ids := make([]int64, n)
			for i := range ids {
				ids[i] = int64(3*i + 1)
			}
			grant, err := policy.Compile(42, 1, []policy.ScopeSpec{{Access: "selected_memberships", Permissions: permissions, ProjectIDs: ids}}, table.Catalogue())
			if err != nil {
				b.Fatal(err)
			}
			facts := policy.Container{Boundary: routes.BoundaryProject, Access: policy.OwnerMember, ID: ids[n/2]}
			question := policy.Question{Route: op.Route, Acts: []policy.Act{{Kind: policy.ActOwn, Boundary: routes.BoundaryProject, Container: &facts,
				Reference: routes.Reference{Kind: routes.RefProject, ID: facts.ID}}}}
			b.ReportAllocs()
			for b.Loop() {
				if d := policy.Decide(grant, &question); d.Verdict != policy.Allow {
					b.Fatal(d.Reason)
				}
			}
		})
	}
}

// Classify, session from the cache, plan and decide allocate nothing, whatever comes out.
func TestADecisionAllocatesNothing(t *testing.T) {
	j, hashes := newJudge(t, 10, 100)
	for _, c := range targets {
		t.Run(c.name, func(t *testing.T) {
			target := []byte(c.target)
			ask := func() {
				d, ok, err := j.ask(c.method, target, hashes[0], 1)
				if err != nil || ok != c.row || d.Verdict != c.verdict {
					t.Fatal(d, ok, err)
				}
			}
			ask()
			if n := testing.AllocsPerRun(200, ask); n > 0 && c.row {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
