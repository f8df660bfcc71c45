package exchange_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/admin/tokens"
	"patgate/forge/forgetest"
	"patgate/forge/gitlab"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
	"patgate/store/seal"
	"patgate/store/sqlite"
	"patgate/token"
	"patgate/trust"
	"patgate/trust/exchange"
	"patgate/trust/keys"
	"patgate/trust/trusttest"
)

const audience = "https://patgate.example.com"

// table is read once.
var table = sync.OnceValues(load.GitLab)

// world trades ID tokens of an issuer of its own, in front of a stand-in forge, with a policy that cases change.
type world struct {
	*exchange.Service
	tokens  *tokens.Service
	store   *sqlite.DB
	forge   *forgetest.Forge
	issuer  *trusttest.Issuer
	project int64
	pat     string
	policy  string
	set     *trust.Set
	events  []exchange.Event
	kind    string
	keys    *keys.Keys

	meanwhile func() // what happens while the forge is asked
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{forge: forgetest.New(forgetest.Options{}), issuer: trusttest.New(t), kind: "gitlab"}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.meanwhile != nil {
			w.meanwhile()
		}
		w.forge.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	alice := w.forge.AddUser("alice")
	w.pat = w.forge.AddToken(alice, forgetest.Token{Name: "for patgate"})
	w.project = w.forge.AddProject("alice/app", forgetest.Private)
	dir := t.TempDir()
	var err error
	if w.store, err = sqlite.Open(t.Context(), filepath.Join(dir, "db", "patgate.db"), sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	ring, err := store.OpenKeyring(t.Context(), w.store, seal.Source{File: filepath.Join(dir, "keys", "patgate.key")}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	known, err := table()
	if err != nil {
		t.Fatal(err)
	}
	resolver, err := gitlab.New(gitlab.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(resolver.Close)
	if w.tokens, err = tokens.New(tokens.Options{Store: w.store, Keyring: ring, Table: func() *routes.Table { return known },
		Forge: resolver, Origin: server.URL}); err != nil {
		t.Fatal(err)
	}
	k, err := keys.New(keys.Options{Issuers: []keys.Issuer{{Name: "ci", URL: w.issuer.URL}}})
	if err != nil {
		t.Fatal(err)
	}
	w.keys = k
	if w.Service, err = exchange.New(exchange.Options{Keys: k, Policies: func() *trust.Set { return w.set }, Audience: audience,
		Tokens: w.tokens, Store: w.store, MaxAge: 10 * time.Minute, MaxLifetime: time.Hour,
		Report: func(e exchange.Event) { w.events = append(w.events, e) }}); err != nil {
		t.Fatal(err)
	}
	w.policy = `version: 1
trusts:
  - name: notes
    issuer: ci
    match:
      project_id: "20"
      ref_protected: "true"
      pipeline_source: [push, web]
    owner: alice
    grant:
      - access: selected_memberships
        project_ids: [` + strconv.FormatInt(w.project, 10) + `]
        permissions: [read_job, read_pipeline]
    ttl: 15m
    tests:
      - claims: {project_id: "20", ref_protected: "true", pipeline_source: push}
        want: allow
      - claims: {project_id: "21", ref_protected: "true", pipeline_source: push}
        want: deny
`
	return w
}

// load puts the policy into force, with parts of it replaced.
func (w *world) load(t testing.TB, oldnew ...string) []routes.Problem {
	t.Helper()
	known, err := table()
	if err != nil {
		t.Fatal(err)
	}
	kind, err := trust.ParseKind(w.kind)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(oldnew...).Replace(w.policy)
	if len(oldnew) > 0 && text == w.policy {
		t.Fatalf("%q is not in the policy", oldnew)
	}
	set, problems := trust.Load(trust.Options{Files: []routes.File{{Name: "a.yaml", Data: []byte(text)}}, Table: known,
		Issuers: []trust.Issuer{{Name: "ci", URL: w.issuer.URL, Kind: kind}}})
	if len(problems) == 0 {
		w.set = set
	}
	return problems
}

// allow has alice allow the trust as it is in force.
func (w *world) allow(t testing.TB) {
	t.Helper()
	owner, err := w.tokens.Owner(t.Context(), token.NewSecret(w.pat))
	if err == nil {
		_, _, err = exchange.Allow(t.Context(), w.tokens, w.store, w.set.Find("notes"), audience, owner)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// claims are those of a job that matches, with others over them.
func (w *world) claims(more map[string]any) map[string]any {
	c := w.issuer.Claims(audience+"/trust/notes", map[string]any{"project_id": "20", "ref_protected": "true", "pipeline_source": "push"})
	for name, value := range more {
		c[name] = value
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

// trade trades a token with such claims, and gives the reason of a refusal.
func (w *world) trade(t testing.TB, more map[string]any) (*exchange.Given, string) {
	t.Helper()
	return w.tradeRaw(t, w.issuer.Token(t, "RS256-1", w.claims(more)))
}

func (w *world) tradeRaw(t testing.TB, raw string) (*exchange.Given, string) {
	t.Helper()
	given, err := w.Exchange(t.Context(), token.NewSecret(raw), "")
	var r *exchange.Refusal
	if err != nil && !errors.As(err, &r) {
		t.Fatal(err)
	}
	if r != nil {
		return nil, r.Reason
	}
	return given, ""
}
