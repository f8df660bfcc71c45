package proxy

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/audit"
	"patgate/dial"
	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/proxy/legacy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store/seal"
	"patgate/token"
)

// ownerCredential is what the gateway must put into requests, and must never show.
const ownerCredential = "glpat-owner-credential-0123456789"

// testTable is a small route table with one row for each thing that the gateway does with a row.
var testTable = []routes.File{
	{Name: "table.yaml", Data: []byte("forge: gitlab\nversion: 1\nbase: /api/v4\n")},
	{Name: "permissions.yaml", Data: []byte(`
categories:
  CI/CD:
    job: {actions: {read: {boundaries: [project]}, run: {boundaries: [project]}}}
  Projects:
    project: {actions: {read: {boundaries: [project]}, update: {boundaries: [project]}, delete: {boundaries: [project]}}}
    package: {actions: {read: {boundaries: [project]}, create: {boundaries: [project]}}}
    work_item: {actions: {read: {boundaries: [project]}, create: {boundaries: [project]}, update: {boundaries: [project]}}}
    member: {actions: {create: {boundaries: [project]}}}
    vulnerability: {actions: {read: {boundaries: [project]}}}
    secret_token: {actions: {create: {boundaries: [project]}}}
  Account:
    event: {actions: {read: {boundaries: [user]}}}
    notification_setting: {actions: {update: {boundaries: [user]}}}
    snippet: {actions: {read: {boundaries: [user]}}}
`)},
	{Name: "rows.yaml", Data: []byte(`
category: Projects
captures: {job_id: int, issue_iid: int, vulnerability_id: int, snippet_id: int, file_name: text, package_name: text, package_version: text}
resources:
  job:
    read:
      - GET /projects/{project}/jobs public
      - GET /projects/{project}/jobs/{job_id}/trace
      - GET /projects/{project}/boards
      - GET /projects/{project}/issues
    run:
      - POST /projects/{project}/jobs/{job_id}/play
  project:
    read:
      - route: GET /projects/{project}
        response: {remove: [runners_token]}
    update:
      - PUT /projects/{project}
    delete:
      - DELETE /projects/{project}
  package:
    read:
      - GET /projects/{project}/packages/generic/{package_name}/{package_version}/{file_name} redirects
      - GET /projects/{project}/packages/simple links
    create:
      - route: PUT /projects/{project}/packages/generic/{package_name}/{package_version}/{file_name}
        body: {stream: ["*/*"]}
      - POST /projects/{project}/packages/pypi
      - route: PUT /projects/{project}/packages/any/{package_name} auth=bearer,basic,token,raw,nuget_key
        body: {stream: ["*/*"]}
      - route: PUT /projects/{project}/packages/basic/{package_name} auth=basic
        body: {stream: ["*/*"]}
  work_item:
    update:
      - route: POST /projects/{project}/issues/{issue_iid}/move
        targets: [{param: to_project_id, ref: project, needs: [create_work_item], required: true, send: id}]
      - route: PUT /projects/{project}/issues/{issue_iid}
        body: {limit: 4MiB}
    create:
      - POST /projects/{project}/issues
  member:
    create:
      - route: POST /projects/{project}/members
        parameters: {user_id: pass}
  vulnerability:
    boundary: [project]
    read:
      - route: GET /vulnerabilities/{vulnerability_id}
        lookup: {get: "/vulnerabilities/{vulnerability_id}", project: project.id, send: id}
  secret_token:
    create:
      - route: POST /projects/{project}/access_tokens
        mints: project access token
  event:
    boundary: [user]
    read:
      - GET /events
  notification_setting:
    update:
      - PUT /projects/{project}/notification_settings boundary=user
  snippet:
    boundary: [user]
    read:
      - route: GET /snippets/{snippet_id}
        lookup: {get: "/snippets/{snippet_id}", project: project_id, user: project_id=null, send: id}
rendered:
  always: GET /projects/{project}/boards
  with:
    details: GET /projects/{project}/issues
`)},
	{Name: "open.yaml", Data: []byte("kind: open\nroutes:\n  - GET /broadcast_messages\n")},
	{Name: "other.yaml", Data: []byte("kind: other-credential\ncredentials:\n  CI job token:\n    - GET /job\n")},
}

func loadTestTable(t testing.TB) *routes.Table {
	t.Helper()
	table, problems := load.Table(load.Options{Table: testTable})
	for _, p := range problems {
		t.Fatalf("test table: %v", p)
	}
	return table
}

// The containers of the tests: project 7 is granted, project 8 is not, project 9 is public, 404 is invisible.
var (
	granted  = policy.Container{Boundary: routes.BoundaryProject, ID: 7, Path: "group/granted", Ancestors: []int64{3}, Visibility: policy.VisibilityPrivate, Access: policy.OwnerMember}
	withheld = policy.Container{Boundary: routes.BoundaryProject, ID: 8, Path: "group/withheld", Ancestors: []int64{3}, Visibility: policy.VisibilityPrivate, Access: policy.OwnerMember}
	open     = policy.Container{Boundary: routes.BoundaryProject, ID: 9, Path: "group/open", Ancestors: []int64{3}, Visibility: policy.VisibilityPublic, Access: policy.OwnerPublicRead}
)

type fakeResolver struct {
	mu        sync.Mutex
	err       error
	asked     int
	forgotten []policy.Container
}

func (r *fakeResolver) Known(s *token.Session, ref routes.Reference, maxAge time.Duration, _ time.Time) *policy.Container {
	return knownBy(r, s, ref, maxAge)
}

func (r *fakeResolver) Resolve(_ context.Context, _ *token.Session, ref routes.Reference, _ time.Duration) (policy.Container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.err != nil {
		return policy.Container{}, r.err
	}
	for _, c := range []policy.Container{granted, withheld, open} {
		if ref.ID == c.ID || ref.ID == 0 && strings.EqualFold(string(ref.Path), c.Path) {
			return c, nil
		}
	}
	return policy.Container{}, nil
}

func (r *fakeResolver) Lookup(_ context.Context, _ *token.Session, _ *routes.Route, op *routes.Operation) (forge.LookupResult, error) {
	switch string(op.Capture("vulnerability_id")) {
	case "70":
		return forge.LookupResult{Found: true, Projects: []int64{7}, Send: "70"}, nil
	case "80":
		return forge.LookupResult{Found: true, Projects: []int64{8}, Send: "80"}, nil
	}
	if string(op.Capture("snippet_id")) == "5" {
		return forge.LookupResult{Found: true, User: true, Send: "5"}, nil
	}
	return forge.LookupResult{}, nil
}

func (r *fakeResolver) Forget(c policy.Container) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgotten = append(r.forgotten, c)
}

var (
	errUnknown = errors.New("unknown")
	errExpired = errors.New("expired")
	errRevoked = errors.New("revoked")
	errPaused  = errors.New("paused")
)

func tokenState(err error) TokenState {
	switch {
	case errors.Is(err, errUnknown):
		return TokenUnknown
	case errors.Is(err, errExpired):
		return TokenExpired
	case errors.Is(err, errRevoked):
		return TokenRevoked
	case errors.Is(err, errPaused):
		return TokenPaused
	}
	return TokenUnreadable
}

type fakeSessions map[token.Hash]fakeSession

type fakeSession struct {
	session *token.Session
	err     error
}

func (s fakeSessions) GetAt(_ context.Context, hash token.Hash, _ time.Time) (*token.Session, error) {
	found, ok := s[hash]
	if !ok {
		return nil, errUnknown
	}
	return found.session, found.err
}

type fakeSink struct {
	mu        sync.Mutex
	err       error
	decisions []audit.Event
	completed []audit.Event
}

func (s *fakeSink) Decision(e *audit.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.decisions = append(s.decisions, *e)
	return nil
}

func (s *fakeSink) Completion(e *audit.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.completed = append(s.completed, *e)
}

// last waits for the completion of the newest request.
func (s *fakeSink) last(t testing.TB) audit.Event { return s.after(t, 0) }

// count gives the number of requests that were decided on.
func (s *fakeSink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.decisions)
}

// after waits until more than before requests are complete, and gives the newest.
func (s *fakeSink) after(t testing.TB, before int) audit.Event {
	t.Helper()
	for range 400 {
		s.mu.Lock()
		n, done := len(s.decisions), len(s.completed) == len(s.decisions) && len(s.decisions) > before
		var e audit.Event
		if done && n > 0 {
			e = s.completed[n-1]
		}
		s.mu.Unlock()
		if done && n > 0 {
			return e
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("no completion was recorded")
	return audit.Event{}
}

// gateway is a running gateway with a valid token.
type gateway struct {
	address  string
	token    string
	table    *routes.Table
	sessions fakeSessions
	resolver *fakeResolver
	sink     *fakeSink
	handler  *Handler
	server   *Server
	trust    *tls.Config // of its clients; nil is plain text
}

// dial connects to a gateway.
func (g *gateway) dial() (net.Conn, error) { return connectTo(g.address, g.trust) }

// connectTo connects over TLS, unless there is no configuration of it.
func connectTo(address string, trust *tls.Config) (net.Conn, error) {
	if trust == nil {
		return net.Dial("tcp", address)
	}
	return tls.Dial("tcp", address, trust)
}

// certified gives a certificate for 127.0.0.1, what trusts it, and a function that gives a dialer which does.
func certified(t testing.TB) (server, client *tls.Config, dialer func(url string) *dial.Dialer) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	server = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: s.TLS.Certificates}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	dialer = func(url string) *dial.Dialer {
		d, err := dial.New(dial.Options{URL: url, CAFile: file})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	return server, &tls.Config{RootCAs: pool, ClientSessionCache: tls.NewLRUClientSessionCache(0)}, dialer
}

// newGateway starts a gateway in front of an upstream's origin. configure may change the options.
func newGateway(t testing.TB, upstream string, configure func(*Options)) *gateway {
	t.Helper()
	return newGatewayOver(t, nil, upstream, configure)
}

// newGatewayOver is newGateway for clients that come over TLS, with a configuration of it.
func newGatewayOver(t testing.TB, tlsConfig *tls.Config, upstream string, configure func(*Options)) *gateway {
	t.Helper()
	g := &gateway{table: loadTestTable(t), sessions: fakeSessions{}, resolver: &fakeResolver{}, sink: &fakeSink{}}
	g.token = g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{
		"read_job", "run_job", "read_project", "update_project", "read_package", "create_package", "update_work_item", "create_work_item",
		"create_member", "read_vulnerability"}})
	o := Options{
		Table: func() *routes.Table { return g.table }, Sessions: g.sessions, TokenState: tokenState, Resolver: g.resolver,
		Audit: g.sink, Sealer: newTexts(t), Upstream: Upstream{URL: upstream}, Modes: legacy.Modes{Legacy: legacy.Allow},
		Panicked: func(v any, stack []byte) { t.Errorf("panic: %v\n%s", v, stack) },
	}
	if configure != nil {
		configure(&o)
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.handler, g.server, g.address = h, NewServer(h, testLog{t}), ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- g.server.Serve(ln, tlsConfig) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = g.server.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		h.Close()
	})
	return g
}

// newTexts gives a sealer with a key of its own.
func newTexts(t testing.TB) *seal.Texts {
	t.Helper()
	ring, err := seal.Create(seal.Source{File: filepath.Join(t.TempDir(), "key")})
	if err != nil {
		t.Fatal(err)
	}
	return ring.Texts("tests")
}

type testLog struct{ t testing.TB }

func (l testLog) Printf(string, ...any) {}

// mint makes a token; with err it is one that cannot be used.
func (g *gateway) mint(t testing.TB, err error, scopes ...policy.ScopeSpec) string {
	t.Helper()
	secret, mintErr := token.Mint(rand.Reader)
	if mintErr != nil {
		t.Fatal(mintErr)
	}
	hash, parseErr := token.Parse([]byte(secret.Reveal()))
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	if len(scopes) == 0 {
		scopes = []policy.ScopeSpec{{Access: "all_memberships", Permissions: []string{"read_job"}}}
	}
	grant, compileErr := policy.Compile(42, g.table.Version(), scopes, g.table.Catalogue())
	if compileErr != nil {
		t.Fatal(compileErr)
	}
	g.sessions[hash] = fakeSession{&token.Session{TokenID: 1000 + int64(len(g.sessions)), OwnerUserID: 42, Username: "owner", Grant: grant,
		Credential: newSecret(ownerCredential)}, err}
	return secret.Reveal()
}

func prefixes(all ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range all {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func filesIn(dir string) (int, error) {
	entries, err := os.ReadDir(dir)
	return len(entries), err
}

// address gives the i-th of many addresses.
func address(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

// plainResolver knows the same containers as fakeResolver, without a lock and without allocating.
type plainResolver struct{ asking.Resolver }

// absent is what there is not.
var absent policy.Container

func (plainResolver) Known(_ *token.Session, ref routes.Reference, _ time.Duration, _ time.Time) *policy.Container {
	switch {
	case ref.ID == granted.ID || ref.ID == 0 && string(ref.Path) == granted.Path:
		return &granted
	case ref.ID == withheld.ID:
		return &withheld
	}
	return &absent
}

func (r plainResolver) Resolve(_ context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (policy.Container, error) {
	return *r.Known(s, ref, maxAge, time.Time{}), nil
}

// knownBy gives what a resolver resolves, when that goes well.
func knownBy(r asking.Resolver, s *token.Session, ref routes.Reference, maxAge time.Duration) *policy.Container {
	c, err := r.Resolve(context.Background(), s, ref, maxAge)
	if err != nil {
		return nil
	}
	return &c
}

func newReader(c net.Conn) *bufio.Reader { return bufio.NewReader(c) }

// attempts bounds wrong credentials by so many in a minute.
func attempts(limit int) *forge.Attempts {
	return forge.NewAttempts(forge.AttemptOptions{Limit: limit})
}

// Denied implements asking.Resolver.
func (*fakeResolver) Denied(*token.Session, int) {}

func (*fakeResolver) Listed(*token.Session) error { return nil }

// Below implements asking.Resolver.
func (*fakeResolver) Below(context.Context, *token.Session, *policy.Container, time.Duration) ([]int64, bool, error) {
	return nil, false, nil
}
