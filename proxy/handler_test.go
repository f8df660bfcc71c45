package proxy

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"patgate/audit"
	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/proxy/fast"
)

func TestAllowedRequestIsRebuilt(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	cases := []struct{ name, send, target string }{
		{"by id", "/api/v4/projects/7/jobs", "/api/v4/projects/7/jobs"},
		{"by path", "/api/v4/projects/group%2Fgranted/jobs", "/api/v4/projects/7/jobs"},
		{"by path, every dot and letter of the escape as client-go writes it", "/api/v4/projects/group%2fgranted/jobs", "/api/v4/projects/7/jobs"},
		{"a query is written anew", "/api/v4/projects/7/jobs?per_page=2&scope[]=failed", "/api/v4/projects/7/jobs?per_page=2&scope%5B%5D=failed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g.raw(t, get(c.send, "PRIVATE-TOKEN: "+g.token)).wants(t, 200, `{"ok":true}`)
			if got := upstream.last(t); got.target != c.target || got.method != "GET" {
				t.Errorf("the upstream got %s %s, want GET %s", got.method, got.target, c.target)
			}
		})
	}
}

func TestCredentialGoesWhereTheForgeLooks(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	const jobs, anywhere, basicOnly = "GET /api/v4/projects/7/jobs", "PUT /api/v4/projects/7/packages/any/x", "PUT /api/v4/projects/7/packages/basic/x"
	cases := []struct{ name, request, send, header, want string }{
		{"PRIVATE-TOKEN", jobs, "PRIVATE-TOKEN: " + g.token, "Private-Token", ownerCredential},
		{"any case", jobs, "private-token: " + g.token, "Private-Token", ownerCredential},
		{"bearer", jobs, "Authorization: Bearer " + g.token, "Authorization", "Bearer " + ownerCredential},
		{"scheme in any case", jobs, "Authorization: bearer " + g.token, "Authorization", "Bearer " + ownerCredential},
		{"Basic where the forge does not look", jobs, "Authorization: " + basic("anybody", g.token), "Private-Token", ownerCredential},
		{"X-NuGet-ApiKey where the forge does not look", jobs, "X-NuGet-ApiKey: " + g.token, "Private-Token", ownerCredential},
		{"token", anywhere, "Authorization: Token " + g.token, "Authorization", "Token " + ownerCredential},
		{"raw", anywhere, "Authorization: " + g.token, "Authorization", ownerCredential},
		{"NuGet", anywhere, "X-NuGet-ApiKey: " + g.token, "X-Nuget-Apikey", ownerCredential},
		{"basic has the owner's name", anywhere, "Authorization: " + basic("anybody", g.token), "Authorization", basic("owner", ownerCredential)},
		{"the first place of the row", anywhere, "PRIVATE-TOKEN: " + g.token, "Authorization", "Bearer " + ownerCredential},
		{"the row's only place, for PRIVATE-TOKEN", basicOnly, "PRIVATE-TOKEN: " + g.token, "Authorization", basic("owner", ownerCredential)},
		{"the row's only place, for a bearer", basicOnly, "Authorization: Bearer " + g.token, "Authorization", basic("owner", ownerCredential)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g.raw(t, c.request+" HTTP/1.1\r\nHost: patgate.test\r\nContent-Length: 0\r\n"+c.send+"\r\n\r\n").wants(t, 200)
			got := upstream.last(t)
			if v := got.header[c.header]; len(v) != 1 || v[0] != c.want {
				t.Errorf("%s is %q", c.header, v)
			}
			for name := range got.header {
				if name != c.header && (name == "Authorization" || name == "Private-Token" || name == "X-Nuget-Apikey") {
					t.Errorf("a second credential was sent: %s", name)
				}
			}
		})
	}
}

// TestTheDeniedActIsRecorded looks at what the log is told of the act that was denied.
func TestTheDeniedActIsRecorded(t *testing.T) {
	up := newEcho(t, nil)
	g := newGateway(t, up.URL, nil)
	for _, c := range []struct {
		name, request, reason string
		act                   policy.ActKind
	}{
		{"the row's own", get("/api/v4/projects/8/jobs"), "out_of_bounds", policy.ActOwn},
		{"none, where all are allowed", get("/api/v4/projects/7/jobs"), "granted", policy.ActNone},
		{"a target", request("POST", "/api/v4/projects/7/issues/1/move", `{"to_project_id":8}`, "Content-Type: application/json"),
			"target_denied", policy.ActTarget},
		{"none, where the row decides", request("POST", "/api/v4/projects/7/access_tokens", `{}`, "Content-Type: application/json"),
			"mints", policy.ActNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.raw(t, strings.Replace(c.request, "\r\n", "\r\nPRIVATE-TOKEN: "+g.token+"\r\n", 1))
			if e := g.sink.last(t); e.Reason != c.reason || e.Act != c.act {
				t.Errorf("recorded %q of %v", e.Reason, e.Act)
			}
		})
	}
}

func TestDenials(t *testing.T) {
	g := newGateway(t, mustNotBeCalled(t), nil)
	narrow := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"run_job"}})
	cases := []struct {
		name, token, request string
		status               int
		texts                []string
	}{
		{"permission missing names it", narrow, get("/api/v4/projects/7/jobs/1/trace"), 403,
			[]string{`"error":"insufficient_granular_scope"`, "Access denied: This operation requires a fine-grained personal access token with the following project permissions: [Job: Read].", "read_job", `"missing_permissions":["read_job"]`, `"boundary":"project"`}},
		{"out of bounds", g.token, get("/api/v4/projects/8/jobs"), 403, []string{`"reason":"out_of_bounds"`}},
		{"what does not exist answers the same", g.token, get("/api/v4/projects/404/jobs"), 403, []string{`"reason":"out_of_bounds"`}},
		{"unknown route", g.token, get("/api/v4/nowhere"), 403, []string{`"reason":"no_route"`}},
		{"another credential's route", g.token, get("/api/v4/job"), 403, []string{"CI job token"}},
		{"a route that mints", g.token, request("POST", "/api/v4/projects/7/access_tokens", `{}`, "Content-Type: application/json"), 403, []string{"project access token"}},
		{"a target that is not granted", g.token, request("POST", "/api/v4/projects/7/issues/1/move", `{"to_project_id":8}`, "Content-Type: application/json"), 403, []string{`"reason":"target_denied"`}},
		{"a required target is missing", g.token, request("POST", "/api/v4/projects/7/issues/1/move", `{"x":8}`, "Content-Type: application/json"), 400, []string{"missing_reference"}},
		{"a global id of another project", g.token, get("/api/v4/vulnerabilities/80"), 403, []string{`"reason":"out_of_bounds"`}},
		{"an ambiguous path", g.token, get("/api/v4/projects/7/./jobs"), 400, []string{`"reason":"ambiguous_path"`}},
		{"GraphQL", g.token, get("/api/graphql"), 403, []string{`"errors":[{"message":"Access denied: GraphQL takes POST alone with fine-grained tokens.`}},
		{"MCP", g.token, request("POST", "/api/v4/mcp", `{}`, "Content-Type: application/json"), 403, []string{"not supported with fine-grained tokens yet"}},
		{"git", g.token, get("/group/granted.git/info/refs?service=git-upload-pack"), 403, []string{"see docs/git.md"}},
		{"registry", g.token, get("/jwt/auth?service=container_registry"), 403, []string{`"errors":[{"code":"DENIED"`}},
		{"web page", g.token, get("/group/granted"), 403, []string{"Web pages are not supported"}},
		{"action cable", g.token, get("/-/cable"), 403, []string{"Websockets are not supported"}},
		{"OPTIONS", g.token, request("OPTIONS", "/api/v4/projects/7/jobs", ""), 405, nil},
		{"TRACE", g.token, request("TRACE", "/api/v4/projects/7/jobs", ""), 405, nil},
		{"unknown method", g.token, request("PURGE", "/api/v4/projects/7/jobs", ""), 405, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := g.raw(t, strings.Replace(c.request, "\r\n", "\r\nPRIVATE-TOKEN: "+c.token+"\r\n", 1))
			a.wants(t, c.status, c.texts...)
			if a.header.Get("X-Request-Id") == "" {
				t.Error("no X-Request-Id")
			}
			if e := g.sink.last(t); e.Verdict != policy.Deny || e.Status != c.status {
				t.Errorf("recorded %v with status %d", e.Verdict, e.Status)
			}
		})
	}
	t.Run("headers of a denial", func(t *testing.T) {
		a := g.raw(t, get("/api/v4/projects/7/jobs/1/trace", "PRIVATE-TOKEN: "+narrow))
		if got := a.header.Get("WWW-Authenticate"); got != `Bearer realm="GitLab", error="insufficient_scope", scope="read_job"` {
			t.Errorf("WWW-Authenticate: %s", got)
		}
		if got := a.header.Get("X-Accepted-Permissions"); got != "read_job" {
			t.Errorf("X-Accepted-Permissions: %s", got)
		}
	})
}

func TestTokensThatCannotBeUsed(t *testing.T) {
	g := newGateway(t, mustNotBeCalled(t), func(o *Options) { o.Attempts = attempts(1000) })
	unknown := g.mint(t, nil)
	for hash, s := range g.sessions {
		if s.session.TokenID == 1001 {
			delete(g.sessions, hash)
		}
	}
	cases := []struct {
		name, token, reason string
		status              int
	}{
		{"unknown", unknown, "token_unknown", 401},
		{"malformed", "patgate_x", "token_malformed", 401},
		{"expired", g.mint(t, errExpired), "token_expired", 401},
		{"revoked", g.mint(t, errRevoked), "token_revoked", 401},
		{"paused", g.mint(t, errPaused), "token_paused", 401},
		{"the store fails", g.mint(t, errors.New("disk")), "store", 503},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			// The path is not one that patgate knows: only a valid token is told so.
			a := g.raw(t, get("/api/v4//nowhere", "PRIVATE-TOKEN: "+c.token))
			a.wants(t, c.status, `"reason":"`+c.reason+`"`)
			if strings.Contains(a.body, "disk") || strings.Contains(a.body, c.token) {
				t.Errorf("the answer tells too much: %s", a.body)
			}
			if c.status == 401 && !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
				t.Errorf("WWW-Authenticate: %s", a.header.Get("WWW-Authenticate"))
			}
		})
	}
}

func TestPublicAndOpenRowsGoWithoutCredential(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	for _, target := range []string{"/api/v4/projects/9/jobs", "/api/v4/broadcast_messages"} {
		t.Run(target, func(t *testing.T) {
			g.raw(t, get(target, "PRIVATE-TOKEN: "+g.token)).wants(t, 200)
			if got := upstream.last(t); got.header.Get("Private-Token") != "" || got.header.Get("Authorization") != "" {
				t.Errorf("a credential was sent: %v", got.header)
			}
		})
	}
	t.Run("a global id is sent as the forge wrote it", func(t *testing.T) {
		g.raw(t, get("/api/v4/vulnerabilities/70", "PRIVATE-TOKEN: "+g.token)).wants(t, 200)
		if got := upstream.last(t); got.target != "/api/v4/vulnerabilities/70" || got.header.Get("Private-Token") != ownerCredential {
			t.Errorf("got %s", got.target)
		}
	})
}

func TestForgeFailuresAreNeverForwarded(t *testing.T) {
	g := newGateway(t, mustNotBeCalled(t), nil)
	cases := []struct {
		name   string
		err    error
		status int
	}{
		{"unavailable", forge.ErrUnavailable, 502},
		{"timeout", forge.ErrTimeout, 504},
		{"budget", forge.ErrBudget, 429},
		{"owner's credential", forge.ErrCredential, 401},
		{"anything else", errors.New("secret detail"), 500},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g.resolver.err = c.err
			a := g.raw(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+g.token))
			a.wants(t, c.status)
			if strings.Contains(a.body, "secret detail") {
				t.Errorf("internal text reached the client: %s", a.body)
			}
		})
	}
	t.Run("a sink that takes nothing refuses", func(t *testing.T) {
		g.resolver.err, g.sink.err = nil, audit.ErrFull
		g.raw(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+g.token)).wants(t, 503, `"reason":"audit"`)
		g.sink.err = nil
	})
}

func TestUpstreamThatIsAway(t *testing.T) {
	g := newGateway(t, "http://127.0.0.1:1", nil)
	g.raw(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+g.token)).wants(t, 502, `"reason":"upstream_unavailable"`)
	if e := g.sink.last(t); e.Verdict != policy.Allow || e.Status != 502 || e.Failure == "" {
		t.Errorf("recorded %+v", e)
	}
}

func TestPanicIs500(t *testing.T) {
	panicked := false
	g := newGateway(t, mustNotBeCalled(t), func(o *Options) {
		o.Panicked = func(any, []byte) { panicked = true }
		o.Resolver = panickingResolver{}
	})
	g.raw(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+g.token)).wants(t, 500, `"reason":"internal"`)
	if e := g.sink.last(t); !panicked || e.Status != 500 || e.Failure != "panic" {
		t.Errorf("recorded %+v, panicked %v", e, panicked)
	}
}

// panickingResolver panics: it has no resolver to ask.
type panickingResolver struct{ asking.Resolver }

func TestForget(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	cases := []struct {
		name, request string
		forgets       bool
	}{
		{"members", request("POST", "/api/v4/projects/7/members", `{"user_id":3}`, "Content-Type: application/json"), true},
		{"a project's settings", request("PUT", "/api/v4/projects/7", `{"visibility":"public"}`, "Content-Type: application/json"), true},
		{"a job", request("POST", "/api/v4/projects/7/jobs/1/play", ""), false},
		{"a read", get("/api/v4/projects/7"), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g.resolver.forgotten = nil
			g.raw(t, strings.Replace(c.request, "\r\n", "\r\nPRIVATE-TOKEN: "+g.token+"\r\n", 1)).wants(t, 200)
			if got := len(g.resolver.forgotten) > 0; got != c.forgets {
				t.Errorf("forgot %v", g.resolver.forgotten)
			}
		})
	}
}

// What was sent counts, also when nobody knows how it ended.
func TestForgetWhenTheAnswerIsLost(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v4/projects/7/members" {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusBadGateway)
	})
	g := newGateway(t, upstream.URL, nil)
	for name, request := range map[string]string{
		"the connection breaks":   request("POST", "/api/v4/projects/7/members", `{"user_id":3}`, "Content-Type: application/json"),
		"the forge reports a 502": request("PUT", "/api/v4/projects/7", `{"visibility":"public"}`, "Content-Type: application/json"),
	} {
		t.Run(name, func(t *testing.T) {
			g.resolver.forgotten = nil
			g.raw(t, strings.Replace(request, "\r\n", "\r\nPRIVATE-TOKEN: "+g.token+"\r\n", 1)).wants(t, 502)
			if len(g.resolver.forgotten) == 0 {
				t.Error("nothing was forgotten")
			}
		})
	}
}

func TestChangesTree(t *testing.T) {
	for path, want := range map[string]bool{
		"/projects/user/{user}":                         true,
		"/groups/{group}/shared_projects/{project_id}":  true,
		"/groups/{group}/billable_members/{user_id}":    true,
		"/groups/{group}/projects/{project_id}":         true,
		"/projects/{project}/share/{group_id}":          true,
		"/projects/{project}/share_locations/x/members": true,
		"/projects/{project}/repository/archive_of":     false,
		"/projects/{project}/issues/{issue_iid}":        false,
		"/repos/{project}":                              true,
		"/repos/{project}/transfer/accept":              true,
		"/repos/{project}/collaborators/{user}":         true,
		"/repos/migrate":                                true,
		"/teams/{id}/members/{user}":                    true,
		"/orgs/{group}/rename":                          true,
		"/orgs/{group}/repos":                           true,
		"/user/repos":                                   true,
		"/admin/users/{user}/repos":                     true,
		"/repos/{project}/issues/{index}":               false,
		"/repos/{project}/contents/{*filepath}":         false,
		"/orgs/{group}/labels/{id}":                     false,
	} {
		t.Run(path, func(t *testing.T) {
			if got := fast.ChangesTree(path); got != want {
				t.Errorf("got %v", got)
			}
		})
	}
}
