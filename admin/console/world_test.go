package console_test

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/admin/console"
	"patgate/admin/learning"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/forge/forgetest"
	"patgate/forge/gitlab"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
	"patgate/store/seal"
	"patgate/store/sqlite"
	"patgate/store/tables"
	"patgate/token"
)

// world is a console on a real service and a real store, in front of a stand-in forge, reached over https.
type world struct {
	*tokens.Service
	forge    *forgetest.Forge
	upstream *httptest.Server
	store    *sqlite.DB
	storing  *storing // of the service
	origin   string
	client   *http.Client // trusts the console's certificate

	alice, bob, root int64
	alicePAT, bobPAT string

	api, web int64
	networks []netip.Prefix // from which what is seen came

	options console.Options // of its consoles
	nodes   []http.Handler  // that answer; a visitor's field X-Node says which, the first one else

	mu      sync.Mutex
	table   *routes.Table
	ahead   time.Duration
	events  []console.Event
	changes []tokens.Change
	faults  []string
}

// change runs a statement on the store.
func (w *world) change(t *testing.T, statement string) {
	t.Helper()
	if err := w.store.Database().Change(t.Context(), "changing", func(tx tables.Conn) error {
		_, err := tx.Exec(t.Context(), statement)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// pass moves the clock.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
}

// routes is the table that is in force.
func (w *world) routes() *routes.Table {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.table
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.ahead)
}

// newWorld makes a world in which alice has two projects, root is patgate's administrator, and nothing is sealed.
func newWorld(t *testing.T, edit func(*console.Options)) *world {
	t.Helper()
	w := &world{forge: forgetest.New(forgetest.Options{})}
	w.upstream = httptest.NewServer(w.forge)
	t.Cleanup(w.upstream.Close)
	w.alice, w.bob, w.root = w.forge.AddUser("alice"), w.forge.AddUser("bob"), w.forge.AddUser("root")
	w.alicePAT, w.bobPAT = w.forge.AddToken(w.alice, forgetest.Token{Name: "laptop"}), w.forge.AddToken(w.bob,
		forgetest.Token{Name: "bob's"})
	shop := w.forge.AddGroup("shop", forgetest.Private)
	w.api, w.web = w.forge.AddProject("shop/api", forgetest.Private), w.forge.AddProject("shop/web", forgetest.Private)
	w.forge.AddGroupMember(shop, w.alice, forgetest.Maintainer)
	dir := t.TempDir()
	var err error
	if w.store, err = sqlite.Open(t.Context(), filepath.Join(dir, "db", "patgate.db"), sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	w.storing = &storing{DB: w.store}
	ring, err := store.OpenKeyring(t.Context(), w.store, seal.Source{File: filepath.Join(dir, "keys", "patgate.key")}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if w.table, err = load.GitLab(); err != nil {
		t.Fatal(err)
	}
	resolver, err := gitlab.New(gitlab.Options{URL: w.upstream.URL, Budget: forge.BudgetOptions{TokenBurst: 1e6, TokenRate: 1e6,
		OwnerBurst: 1e6, OwnerRate: 1e6}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(resolver.Close)
	if w.Service, err = tokens.New(tokens.Options{Store: w.storing, Keyring: ring, Table: w.routes, Forge: resolver, Origin: w.upstream.URL,
		Now: w.now, Administrators: []int64{w.root},
		Record: func(c tokens.Change) { w.mu.Lock(); w.changes = append(w.changes, c); w.mu.Unlock() }}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		at, _ := strconv.Atoi(r.Header.Get("X-Node"))
		w.nodes[at].ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.origin, w.client = server.URL, server.Client()
	o := console.Options{Tokens: w.Service, Forge: "GitLab", Scopes: "api or read_api", Origins: []string{server.URL},
		Gateway: "https://gitlab.test", Now: w.now,
		SignIns: w.store, Keyring: ring, Upstream: w.upstream.URL,
		Learning: learning.New(w.Service),
		Record:   func(e console.Event) { w.mu.Lock(); w.events = append(w.events, e); w.mu.Unlock() },
		Report:   func(err error) { w.mu.Lock(); w.faults = append(w.faults, err.Error()); w.mu.Unlock() }}
	if edit != nil {
		edit(&o)
	}
	w.options = o
	w.node(t, nil)
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, f := range w.faults {
			t.Errorf("patgate failed: %s", f)
		}
	})
	return w
}

// node makes one more console on the same store, as another node or a restart has, and gives its number.
func (w *world) node(t *testing.T, edit func(*console.Options)) int {
	t.Helper()
	o := w.options
	if edit != nil {
		edit(&o)
	}
	c, err := console.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.nodes = append(w.nodes, c)
	return len(w.nodes) - 1
}

// attempts bounds wrong credentials by so many in a minute, on a clock that the test alone moves.
func attempts(limit int) func(*console.Options) {
	return func(o *console.Options) {
		start := time.Now()
		o.Attempts = forge.NewAttempts(forge.AttemptOptions{Limit: limit, Now: func() time.Time {
			return start.Add(time.Until(o.Now()).Round(time.Second))
		}})
	}
}

// visitor is a browser with cookies of its own.
type visitor struct {
	*http.Client
	w      *world
	header http.Header // of every request
}

// page is an answer, read whole.
type page struct {
	status int
	header http.Header
	body   string
	at     string // path and query of where it came to lie
}

func (w *world) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *w.client
	client.Jar = jar
	return &visitor{Client: &client, w: w, header: http.Header{}}
}

// signedIn is a visitor who is signed in.
func (w *world) signedIn(t *testing.T, pat string) *visitor {
	t.Helper()
	v := w.visitor(t)
	if p := v.signIn(t, pat); p.status != http.StatusOK || p.at != "/tokens" {
		t.Fatalf("signing in: %d at %s\n%s", p.status, p.at, p.text())
	}
	return v
}

func (v *visitor) signIn(t *testing.T, pat string) *page {
	t.Helper()
	form := v.get(t, "/sign-in")
	return v.post(t, "/sign-in", form.fill(url.Values{"credential": {pat}}))
}

func (v *visitor) get(t *testing.T, path string) *page {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.w.origin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v.send(t, request)
}

// post sends a form as a browser does.
func (v *visitor) post(t *testing.T, path string, form url.Values) *page {
	t.Helper()
	return v.postAs(t, path, form, http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"same-origin"}})
}

func (v *visitor) postAs(t *testing.T, path string, form url.Values, header http.Header) *page {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.w.origin+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	maps.Copy(request.Header, header)
	return v.send(t, request)
}

func (v *visitor) send(t *testing.T, request *http.Request) *page {
	t.Helper()
	maps.Copy(request.Header, v.header)
	response, err := v.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &page{response.StatusCode, response.Header, string(body), response.Request.URL.RequestURI()}
}

// hidden matches the hidden fields of a page.
var hidden = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)

// fill gives the hidden fields of the page's last form, and those that are given.
func (p *page) fill(fields url.Values) url.Values {
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(p.body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	maps.Copy(form, fields)
	return form
}

// text is what of a page a person reads, roughly.
func (p *page) text() string {
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(p.body, " ")), " ")
}

// wants holds a page to a status and to texts in it.
func (p *page) wants(t *testing.T, status int, texts ...string) {
	t.Helper()
	if p.status != status {
		t.Fatalf("status %d, want %d at %s: %.700s", p.status, status, p.at, p.text())
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) && !strings.Contains(p.text(), text) {
			t.Errorf("no %q at %s: %.700s", text, p.at, p.text())
		}
	}
}

// lacks holds a page to having none of the texts.
func (p *page) lacks(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if text != "" && strings.Contains(p.body, text) {
			t.Errorf("%s has %q", p.at, text)
		}
	}
}

// secret gives the secret that a page shows; empty when it shows none.
func (p *page) secret() string {
	if m := regexp.MustCompile(`patgate_[0-9A-Za-z]{36}`).FindString(p.body); m != "" {
		return m
	}
	return ""
}

// jobToken describes a token of alice's that reads jobs of shop/api.
func jobToken(pat string, more url.Values) url.Values {
	form := url.Values{"do": {"generate"}, "name": {"read jobs"}, "expires_at": {"30d"}, "seal": {"yes"}, "credential": {pat},
		"scope-0-access": {"selected_memberships"}, "scope-0-projects": {"shop/api"}, "scope-0-permission": {"read_job", "read_pipeline"}}
	maps.Copy(form, more)
	return form
}

// make makes a token by the form, and gives its id and secret.
func (v *visitor) make(t *testing.T, pat string, more url.Values) (int64, string) {
	t.Helper()
	made := v.post(t, "/tokens", v.get(t, "/tokens/new").fill(jobToken(pat, more)))
	if made.status != http.StatusOK || made.secret() == "" {
		t.Fatalf("making a token: %d %s", made.status, made.text())
	}
	hash, err := token.Parse([]byte(made.secret()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := v.w.store.TokenByHash(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	return b.Record.ID, made.secret()
}

// read reads a token from the store.
func (w *world) read(t *testing.T, id int64) store.Listed {
	t.Helper()
	l, err := w.store.Token(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// count counts the tokens in the store.
func (w *world) count(t *testing.T) int {
	t.Helper()
	_, n, err := w.store.Tokens(t.Context(), store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// happened gives what was recorded.
func (w *world) happened() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		all = append(all, e.What)
	}
	return slices.Clone(all)
}
