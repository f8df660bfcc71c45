package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"patgate/admin/console"
	"patgate/admin/learning"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/forge/forgetest"
	"patgate/forge/gitlab"
	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
	"patgate/store/postgres"
	"patgate/store/postgres/postgrestest"
	"patgate/store/seal"
	"patgate/store/sqlite"
	"patgate/store/tables"
)

// kept is a store of either kind.
type kept interface {
	store.Store
	Database() *tables.Database
}

const (
	scaleOwners   = 500
	scaleProjects = 2000
)

// scaleTokens is how many tokens the benchmark has: 100,000, or as PATGATE_BENCH_TOKENS says.
func scaleTokens(b *testing.B) int {
	n := 100_000
	if text := os.Getenv("PATGATE_BENCH_TOKENS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

// scaleDir is where the store is: a new folder, or the one that PATGATE_BENCH_STORE names, whose SQLite file is used again. So is the
// database that PATGATE_BENCH_POSTGRES names, by its URL, with the key that is in that folder.
func scaleDir(b *testing.B) string {
	if dir := os.Getenv("PATGATE_BENCH_STORE"); dir != "" {
		return dir
	}
	return b.TempDir()
}

// unsealed leaves credentials as they are: there is nothing in them.
func unsealed(c store.Credential, _, _ seal.Binding) (string, []byte, error) {
	return c.KeyID, []byte{0}, nil
}

// scopeOf makes the scopes of one of many tokens: most are narrow, some broad, some make credentials.
func scopeOf(r *rand.Rand) []policy.ScopeSpec {
	sets := [][]string{{"read_job", "read_pipeline"}, {"read_code", "push_code", "read_job"}, {"read_container_repository",
		"create_container_repository"}, {"read_work_item", "create_work_item", "update_work_item"}, {"read_merge_request",
		"create_merge_request", "merge_merge_request"}}
	s := policy.ScopeSpec{Access: "selected_memberships", Permissions: sets[r.IntN(len(sets))]}
	for range 1 + r.IntN(3) {
		if id := int64(1 + r.IntN(scaleProjects)); !slices.Contains(s.ProjectIDs, id) {
			s.ProjectIDs = append(s.ProjectIDs, id)
		}
	}
	switch r.IntN(20) {
	case 0:
		return []policy.ScopeSpec{{Access: "all_memberships", Permissions: s.Permissions}}
	case 1:
		s.Permissions = append([]string{"create_deploy_key"}, s.Permissions...)
	}
	return []policy.ScopeSpec{s}
}

// fillScale puts owners and tokens into a store, a tenth of them over, revoked or paused, two thirds used, a quarter of one owner. The
// youngest have a word that no others have. All projects that tokens name have paths, below one group.
func fillScale(b testing.TB, st kept, origin string, n int, now time.Time) {
	b.Helper()
	ctx, day := b.Context(), 24*time.Hour
	r := rand.New(rand.NewPCG(1, 2))
	words := []string{"deploy", "read", "jobs", "nightly", "renovate", "release", "mirror", "backup", "scan", "publish",
		"website", "registry",
		"docker", "terraform", "metrics"}
	must := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	must(st.SetObserving(ctx, 90*day, now.Add(-89*day)))
	must(st.Database().Change(ctx, "filling", func(tx tables.Conn) error {
		for i := range scaleOwners {
			id := i + 1
			if _, err := tx.Exec(ctx, "INSERT INTO owners (id, origin, user_id, username, created_at) VALUES (?, ?, ?, ?, 1)", id,
				origin, 1000+id,
				fmt.Sprintf("user%d", id)); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO credentials (id, owner_id, key_id, sealed, kind, scopes, created_at, updated_at, status)
				SELECT ?, ?, id, ?, 'personal_access_token', '["api"]', 1, 1, 'valid' FROM sealing_keys`, id, id, []byte{0}); err != nil {
				return err
			}
		}
		for i := range n {
			scopes, err := json.Marshal(scopeOf(r))
			if err != nil {
				return err
			}
			id, owner := store.FirstTokenID+int64(i), 1+r.IntN(scaleOwners)
			if i%4 == 0 {
				owner = scaleOwners // as one that makes tokens for the jobs of all
			}
			life := time.Duration(30+r.IntN(335)) * day
			created := now.Add(-time.Duration(r.Int64N(int64(life + life/20))))
			revoked, paused := int64(0), int64(0)
			switch r.IntN(40) {
			case 0:
				revoked = now.UnixMilli() - 1
			case 1:
				paused = now.UnixMilli() - 1
			}
			var hash [32]byte
			copy(hash[:], strconv.Itoa(i))
			if _, err := tx.Exec(ctx,
				`INSERT INTO tokens (id, hash, last_four, name, description, owner_id, credential_id, scopes, table_version,
				created_at, expires_at, revoked_at, paused_at, family_id, renew_until, touched_at) VALUES (?, ?, 'abcd', ?, ?, ?, ?, ?, 1000, ?, ?, ?, ?, ?, ?, ?)`,
				id, hash[:], fmt.Sprintf("%s %s %d", words[r.IntN(15)], words[r.IntN(15)],
					i), "made for "+words[r.IntN(15)], owner, owner, string(scopes),
				created.UnixMilli(), created.Add(life).UnixMilli(), revoked, paused, id, created.Add(life).UnixMilli(),
				created.UnixMilli()); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "UPDATE tokens SET description = 'made for the rollout' WHERE id IN (SELECT id FROM tokens "+
			"WHERE revoked_at = 0 AND paused_at = 0 ORDER BY created_at DESC LIMIT ?)", n*7/100); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO paths (owner_id, kind, place_id, path, seen_at, gone_at)
			SELECT DISTINCT owner_id, kind, place_id, 'acme/team-' || (place_id % 97) || '/project-' || place_id, CAST(? AS BIGINT), 0
			FROM token_places`, now.UnixMilli()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO token_limits (family_id, limits) SELECT id, '{\"networks\":[\"10.' || (id % 200) || '.0.0/16\"]}' "+
			"FROM tokens WHERE id % 10 = 0")
		return err
	}))
	unit := learn.Unit{Method: "GET", Route: "/projects/{project}/jobs", Needs: []string{"read_job"}}
	var uses []store.Use
	var seen []learn.Seen
	for i := range n {
		if r.IntN(3) == 0 {
			continue
		}
		last := now.Add(-time.Duration(r.Int64N(int64(70 * day))))
		uses = append(uses, store.Use{TokenID: store.FirstTokenID + int64(i), Count: 3, Last: last})
		seen = append(seen, learn.Seen{Subject: store.FirstTokenID + int64(i), Unit: unit, Count: 3, Last: last})
	}
	must(st.AddUses(ctx, uses))
	_, _, err := st.AddSeen(ctx, seen)
	must(err)
}

// cpu is what this process has used of processors.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPages says what pages of the administrators' table take with 100,000 tokens, 2,000 projects and 500 owners: CPU of this
// process, and the 99th percentile of the time to the whole page.
func BenchmarkPages(b *testing.B) {
	for _, on := range []struct {
		name string
		open func() (kept, func(), error)
	}{
		{"sqlite", func() (kept, func(), error) {
			db, err := sqlite.Open(b.Context(), filepath.Join(scaleDir(b), "patgate.db"), sqlite.Options{})
			return db, func() {}, err
		}},
		{"postgres", func() (kept, func(), error) {
			if at := os.Getenv("PATGATE_BENCH_POSTGRES"); at != "" {
				db, err := postgres.Open(b.Context(), at, postgres.Options{Patience: 10 * time.Minute})
				return db, func() {}, err
			}
			c, err := postgrestest.Start(false)
			if err != nil {
				return nil, nil, err
			}
			at, err := c.Database(b.Context())
			if err != nil {
				return nil, nil, err
			}
			db, err := postgres.Open(b.Context(), at, postgres.Options{Patience: 10 * time.Minute})
			return db, func() { _ = c.Stop() }, err
		}},
	} {
		b.Run(on.name, func(b *testing.B) {
			if on.name == "postgres" && os.Getenv("PATGATE_BENCH_POSTGRES") == "" && postgrestest.Missing() != nil {
				b.Skip(postgrestest.Missing())
			}
			st, stop, err := on.open()
			if err != nil {
				b.Fatal(err)
			}
			defer stop()
			defer st.Close()
			benchPages(b, st)
		})
	}
}

func benchPages(b *testing.B, st kept) {
	f := forgetest.New(forgetest.Options{})
	upstream := httptest.NewServer(f)
	defer upstream.Close()
	root := f.AddUser("root")
	pat := f.AddToken(root, forgetest.Token{Name: "laptop"})
	now := time.Now()
	ring, err := store.OpenKeyring(b.Context(), st, seal.Source{File: filepath.Join(scaleDir(b), "keys", "patgate.key")}, now)
	if err != nil {
		b.Fatal(err)
	}
	table, err := load.GitLab()
	if err != nil {
		b.Fatal(err)
	}
	resolver, err := gitlab.New(gitlab.Options{URL: upstream.URL, Budget: forge.BudgetOptions{TokenBurst: 1e6, TokenRate: 1e6,
		OwnerBurst: 1e6,
		OwnerRate:  1e6}})
	if err != nil {
		b.Fatal(err)
	}
	defer resolver.Close()
	service, err := tokens.New(tokens.Options{Store: st, Keyring: ring, Table: func() *routes.Table { return table }, Forge: resolver,
		Origin: upstream.URL, Administrators: []int64{root}})
	if err != nil {
		b.Fatal(err)
	}
	var handler http.Handler
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	defer server.Close()
	if handler, err = console.New(console.Options{Tokens: service, Forge: "GitLab", Scopes: "api", Origins: []string{server.URL},
		Gateway: "https://gitlab.test", Now: time.Now, SignIns: st, Keyring: ring, Upstream: upstream.URL, Learning: learning.New(service),
		Record: func(console.Event) {}, Report: func(err error) { b.Error(err) }}); err != nil {
		b.Fatal(err)
	}
	if left, err := st.Owners(b.Context()); err != nil {
		b.Fatal(err)
	} else if len(left) == 0 {
		fillScale(b, st, upstream.URL, scaleTokens(b), now)
	} else if _, err := st.MoveOrigin(b.Context(), left[0].Origin, upstream.URL, unsealed); err != nil {
		b.Fatal(err)
	}
	prepareScale(b, service, st)
	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	signInBench(b, client, server.URL, pat)
	for _, page := range []struct{ name, query string }{
		{"owners", "/owners"},
		{"owners-by-reach", "/owners?sort=reach&size=100"},
		{"owners-search", "/owners?search=user49&sort=unused"},
		{"list", ""},
		{"last-page", "page=4500"},
		{"by-name", "sort=name_asc&page=2000"},
		{"by-last-use", "sort=last_used_asc&page=100"},
		{"by-reach", "sort=reach_desc"},
		{"by-lowest-reach", "sort=reach_asc"},
		{"by-latest-use", "sort=last_used_desc"},
		{"revoked", "state=revoked&sort=created_desc"},
		{"search-common", "search=renovate"},
		{"search-common-deep", "search=renovate&page=50"},
		{"search-far", "search=rollout&sort=created_asc"},
		{"search-far-by-name", "search=rollout&sort=name_asc"},
		{"search-rare", "search=metrics+54321"},
		{"search-path", "search=team-7"},
		{"search-part-of-path", "search=project-77"},
		{"search-nothing", "search=qqqzzz"},
		{"search-all-paths", "search=acme"},
		{"search-all-paths-deep", "search=acme&page=50"},
		{"search-all-paths-can", "search=acme&can=push_code"},
		{"search-all-paths-broad", "search=acme&badge=broad"},
		{"search-all-paths-revoked", "search=acme&state=revoked"},
		{"search-all-paths-soon", "search=acme&badge=expiring_soon&sort=reach_desc"},
		{"badge-broad", "badge=broad"},
		{"badge-dangerous", "badge=dangerous"},
		{"badge-soon", "badge=expiring_soon"},
		{"badge-unused", "badge=unused_permissions"},
		{"owner", "owner=1017"},
		{"created", "created=30d"},
		{"can-common", "can=push_code"},
		{"can-common-deep", "can=push_code&page=50"},
		{"can-rare", "can=create_deploy_key"},
		{"can-revoked", "can=push_code&state=revoked"},
		{"can-on-project", "can=push_code&on=acme%2Fteam-7%2Fproject-7"},
		{"can-on-named", "can=push_code&on=acme%2Fteam-7%2Fproject-7&reach=named"},
		{"on-id", "on=project+77"},
		{"network-any", "network=any"},
		{"network-none", "network=none"},
		{"network-address", "network=10.1.2.3"},
		{"never-used", "unused=never"},
		{"unused-30d", "unused=30d"},
		{"not-used-for", "last_used=30d"},
		{"credential", "credential=17"},
		{"owner-can", "owner=1017&can=push_code"},
		{"owner-search", "owner=1017&search=renovate"},
		{"owner-of-many", "owner=1500"},
		{"owner-of-many-by-name", "owner=1500&sort=name_asc&page=550"},
		{"owner-of-many-by-last-use", "owner=1500&sort=last_used_desc&page=20"},
		{"owner-of-many-search", "owner=1500&search=renovate"},
		{"owner-of-many-can", "owner=1500&can=push_code"},
		{"search-can", "search=renovate&can=push_code"},
		{"search-broad", "search=renovate&badge=broad"},
		{"search-revoked", "search=renovate&state=revoked"},
		{"search-soon", "search=renovate&badge=expiring_soon"},
		{"search-soon-by-reach", "search=renovate&badge=expiring_soon&sort=reach_desc"},
		{"broad-by-last-use", "badge=broad&sort=last_used_asc"},
		{"broad-by-lowest-reach", "badge=broad&sort=reach_asc"},
		{"can-by-lowest-reach", "can=push_code&sort=reach_asc"},
		{"on-id-by-lowest-reach", "on=project+77&sort=reach_asc"},
	} {
		b.Run(page.name, func(b *testing.B) {
			at := server.URL + page.query
			if page.query == "" || page.query[0] != '/' {
				at = server.URL + "/everyone?" + page.query
			}
			var took []time.Duration
			used := cpu(b)
			for b.Loop() {
				began := time.Now()
				getBench(b, client, at)
				took = append(took, time.Since(began))
			}
			b.ReportMetric(float64((cpu(b)-used).Microseconds())/1e3/float64(b.N), "cpu-ms/op")
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1e3, "p99-ms")
		})
	}
}

func getBench(b *testing.B, client *http.Client, at string) string {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, at, nil)
	if err != nil {
		b.Fatal(err)
	}
	return sendBench(b, client, request)
}

func sendBench(b *testing.B, client *http.Client, request *http.Request) string {
	b.Helper()
	response, err := client.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	var body strings.Builder
	if err := response.Write(&body); err != nil {
		b.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		b.Fatal(body.String())
	}
	return body.String()
}

func signInBench(b *testing.B, client *http.Client, origin, pat string) {
	b.Helper()
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(getBench(b, client, origin+"/sign-in"), -1) {
		form.Set(m[1], m[2])
	}
	form.Set("credential", pat)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, origin+"/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {"null"},
		"Sec-Fetch-Site": {"same-origin"}}
	sendBench(b, client, request)
}
