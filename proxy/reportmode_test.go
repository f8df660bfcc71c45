package proxy

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// reporting makes a token in report mode until then, with the permissions of set on all that its owner sees.
func (g *gateway) reporting(t testing.TB, until time.Time, set []string, scopes ...policy.ScopeSpec) string {
	t.Helper()
	secret, err := token.Mint(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := token.Parse([]byte(secret.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	grant, err := policy.Compile(42, g.table.Version(), scopes, g.table.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	var passes routes.PermissionSet
	for _, name := range set {
		p, known := g.table.Catalogue().Find(name)
		if !known {
			t.Fatalf("there is no permission %s", name)
		}
		passes.Add(p)
	}
	now := time.Now()
	record := &token.Record{OwnersWord: true, ReportFrom: now.Add(-time.Hour), ReportUntil: until}
	g.sessions[hash] = fakeSession{session: &token.Session{TokenID: 1000 + int64(len(g.sessions)), OwnerUserID: 42, Username: "owner",
		Grant: grant, Credential: newSecret(ownerCredential),
		ReportMode: token.NewReportMode(record, grant.ReportMode(passes), time.Time{}, now.Add(-time.Minute))}}
	return secret.Reveal()
}

// unnamed are the permissions of the tests' table but those to give rights and to mint.
var unnamed = []string{"read_job", "run_job", "read_project", "update_project", "delete_project", "read_package", "create_package",
	"read_work_item", "create_work_item", "update_work_item", "read_vulnerability", "read_event", "read_snippet",
	"update_notification_setting"}

const would = "X-Patgate-Would-Deny"

// TestReportModePasses sends what the grant denies for each of its reasons, and what is not the grant's to deny.
func TestReportModePasses(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-PATGATE-would-deny"] = []string{"the forge says so"}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":true}`))
	})
	g := newGateway(t, upstream.URL, nil)
	key := g.reporting(t, time.Now().Add(time.Hour), unnamed, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7},
		Permissions: []string{"read_project", "update_work_item", "create_work_item"}})
	const json = "Content-Type: application/json"
	for _, c := range []struct {
		name, request string
		status        int
		says, target  string // of the header, and what the forge gets; empty: it is not called
		verdict       policy.Verdict
		reason        string
	}{
		{"what the grant holds", get("/api/v4/projects/7"), 200, "", "/api/v4/projects/7", policy.Allow, "granted"},
		{"a permission that is missing", get("/api/v4/projects/group%2Fgranted/jobs/1/trace"), 200, `permission_missing;missing="read_job"`,
			"/api/v4/projects/7/jobs/1/trace", policy.WouldDeny, "permission_missing"},
		{"a place out of bounds", get("/api/v4/projects/group%2Fwithheld"), 200, `out_of_bounds;missing="read_project"`,
			"/api/v4/projects/8", policy.WouldDeny, "out_of_bounds"},
		{"a write", request("POST", "/api/v4/projects/8/jobs/1/play", `{}`, json), 200, `permission_missing;missing="run_job"`,
			"/api/v4/projects/8/jobs/1/play", policy.WouldDeny, "permission_missing"},
		{"a target", request("POST", "/api/v4/projects/7/issues/1/move", `{"to_project_id":8}`, json), 200,
			`target_denied;missing="create_work_item"`, "/api/v4/projects/7/issues/1/move", policy.WouldDeny, "target_denied"},
		{"a global id", get("/api/v4/vulnerabilities/80"), 200, `permission_missing;missing="read_vulnerability"`,
			"/api/v4/vulnerabilities/80", policy.WouldDeny, "permission_missing"},
		{"the account", get("/api/v4/events"), 200, `permission_missing;missing="read_event"`, "/api/v4/events", policy.WouldDeny,
			"permission_missing"},
		{"a HEAD", request("HEAD", "/api/v4/projects/8", ""), 200, `out_of_bounds;missing="read_project"`, "/api/v4/projects/8",
			policy.WouldDeny, "out_of_bounds"},
		{"a public read is answered as ever", get("/api/v4/projects/9/jobs"), 200, "", "/api/v4/projects/9/jobs", policy.Allow, "public"},

		{"what the owner does not see", get("/api/v4/projects/404"), 404, "", "", policy.Deny, "hidden"},
		{"a permission that only its name grants", request("POST", "/api/v4/projects/8/members", `{"user_id":1}`, json), 403, "", "",
			policy.Deny, "permission_missing"},
		{"a row that mints", request("POST", "/api/v4/projects/7/access_tokens", `{}`, json), 403, "", "", policy.Deny, "mints"},
		{"another credential's row", get("/api/v4/job"), 403, "", "", policy.Deny, "other_credential"},
		{"no row", get("/api/v4/nowhere"), 403, "", "", policy.Deny, "no_route"},
		{"an ambiguous path", get("/api/v4/projects/8/./jobs"), 400, "", "", policy.Deny, "ambiguous_path"},
		{"a parameter twice", request("POST", "/api/v4/projects/8/jobs/1/play", `{"a":1,"a":2}`, json), 400, "", "", policy.Deny, "*"},
		{"an undeclared identifier", request("POST", "/api/v4/projects/8/jobs/1/play", `{"project_id":9}`, json), 400, "", "",
			policy.Deny, "*"},
		{"a required target is missing", request("POST", "/api/v4/projects/8/issues/1/move", `{"x":8}`, json), 400, "", "", policy.Deny,
			"*"},
		{"another credential besides", get("/api/v4/projects/8", "JOB-TOKEN: other"), 400, "", "", policy.Deny, "several_credentials"},
		{"a token in the query", get("/api/v4/projects/8?private_token=" + key), 400, "", "", policy.Deny, "token_in_target"},
		{"an override", get("/api/v4/projects/8", "Sudo: root"), 400, "", "", policy.Deny, "header_override"},
		{"GraphQL", request("POST", "/api/graphql", `{}`, json), 403, "", "", policy.Deny, "*"},
		{"a web page", get("/group/withheld"), 403, "", "", policy.Deny, "*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, calls := g.sink.count(), len(upstream.requests())
			got := g.raw(t, strings.Replace(c.request, "\r\n", "\r\n"+would+": the client says so\r\nPRIVATE-TOKEN: "+key+"\r\n", 1))
			if got.status != c.status || got.header.Get(would) != c.says || len(got.header.Values(would)) > 1 {
				t.Errorf("%d %q, want %d %q: %s", got.status, got.header.Values(would), c.status, c.says, got.body)
			}
			if sent := upstream.requests()[calls:]; c.target == "" && len(sent) > 0 ||
				c.target != "" && (len(sent) != 1 || sent[0].target != c.target || sent[0].header.Get(would) != "") {
				t.Errorf("the forge got %+v", sent)
			}
			if e := g.sink.after(t, before); e.Verdict != c.verdict || c.reason != "*" && e.Reason != c.reason {
				t.Errorf("recorded %v %s", e.Verdict, e.Reason)
			}
		})
	}
}

// TestReportModeEnds: over its end, before its beginning and with a token that is none, the grant is enforced, cached or not.
func TestReportModeEnds(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	scope := policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"read_job"}}
	soon := time.Now().Add(300 * time.Millisecond)
	key := g.reporting(t, soon, unnamed, scope)
	for denied := false; !denied; { // the session is one and the same
		got := g.raw(t, get("/api/v4/projects/8", "PRIVATE-TOKEN: "+key))
		denied = got.status == 403
		switch {
		case denied && time.Now().Before(soon):
			t.Fatal("report mode ended before its end")
		case denied && got.header.Get(would) != "":
			t.Error("a denial says that it would be one")
		}
	}
	if over := g.reporting(t, time.Now().Add(-time.Second), unnamed, scope); g.raw(t, get("/api/v4/projects/8",
		"PRIVATE-TOKEN: "+over)).status != 403 {
		t.Error("report mode is over, and something passes")
	}
	g.raw(t, get("/api/v4/projects/8/jobs", "PRIVATE-TOKEN: "+g.mint(t, nil, scope))).wants(t, 403, "out_of_bounds")
	for name, err := range map[string]error{"expired": errExpired, "revoked": errRevoked, "paused": errPaused} {
		ended := g.reporting(t, time.Now().Add(time.Hour), unnamed, scope)
		hash, _ := token.Parse([]byte(ended))
		s := g.sessions[hash]
		s.err = err
		g.sessions[hash] = s
		if got := g.raw(t, get("/api/v4/projects/8", "PRIVATE-TOKEN: "+ended)); got.status != 401 {
			t.Errorf("a token that is %s: %d", name, got.status)
		}
	}
}

// TestReportModeBeginsInNoLoop sends requests on one connection, which a loop serves: what the grant allows is served there, and
// what report mode lets pass is told on each answer.
func TestReportModeBeginsInNoLoop(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	key := g.reporting(t, time.Now().Add(time.Hour), unnamed, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7},
		Permissions: []string{"read_job"}})
	c := g.connect(t)
	for range 3 {
		if got := c.ask(get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+key)); got.status != 200 || got.header.Get(would) != "" {
			t.Fatalf("%d %v", got.status, got.header)
		}
		if got := c.ask(get("/api/v4/projects/8/jobs", "PRIVATE-TOKEN: "+key)); got.status != 200 ||
			got.header.Get(would) != `out_of_bounds;missing="read_job"` {
			t.Fatalf("%d %v", got.status, got.header)
		}
	}
}

// TestNobodyElseSpeaksOfReportMode sends the header through with a credential of the forge's own, and an enforcing token.
func TestNobodyElseSpeaksOfReportMode(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(would, "the forge says so")
		_, _ = w.Write([]byte(`{"ok":true}`))
	})
	g := newGateway(t, upstream.URL, nil)
	for _, credential := range []string{"PRIVATE-TOKEN: glpat-some-legacy-token", "PRIVATE-TOKEN: " + g.token} {
		got := g.raw(t, get("/api/v4/projects/7/jobs", credential, would+": the client says so"))
		if got.status != 200 || len(got.header.Values(would)) > 0 || upstream.last(t).header.Get(would) != "" {
			t.Errorf("%d %v, and the forge got %v", got.status, got.header, upstream.last(t).header)
		}
	}
}

// TestReportModeOfPushes: a push outside of the patterns passes, and says which kind of act would be denied.
func TestReportModeOfPushes(t *testing.T) {
	g, upstream, _ := newGitGateway(t)
	scope := policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"download_code", "push_code"},
		Constraints: policy.ConstraintSpec{RefPatterns: []string{"refs/heads/bot/*"}}}
	key := g.reporting(t, time.Now().Add(time.Hour), []string{"push_code"}, scope)
	for _, c := range []struct {
		name, path, body, says string
		refused                bool
	}{
		{"a ref of the pattern", "group/granted", pushOf("refs/heads/bot/a", " report-status"), "", false},
		{"a ref outside of it", "group/granted", pushOf("refs/heads/main", " report-status"), "ref", false},
		{"another project", "group/withheld", pushOf("refs/heads/main", " report-status"), `out_of_bounds;missing="push_code"`, false},
		{"what the owner does not see", "group/absent", pushOf("refs/heads/main", " report-status"), "", true},
		{"what cannot be read in one way", "group/granted", "0000" + pushOf("refs/heads/bot/a", " report-status"), "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := upstream.count()
			_, header, _ := g.send(t, "POST", "/"+c.path+".git/git-receive-pack", c.body, map[string]string{
				"Authorization": basic("anyone", key), "Content-Type": "application/x-git-receive-pack-request"})
			if forwarded := upstream.count() > before; forwarded == c.refused || header.Get(would) != c.says {
				t.Errorf("forwarded %v, with %q", forwarded, header.Get(would))
			}
			if forwarded := upstream.count() > before; forwarded && upstream.bodies[before] != c.body {
				t.Errorf("the forge got %q", upstream.bodies[before])
			}
		})
	}
}
