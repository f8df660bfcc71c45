package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/token"
)

// scoped gives all tokens' owners a credential with these scopes.
func (g *gateway) scoped(scopes ...string) {
	for hash, s := range g.sessions {
		with := *s.session
		with.Scopes = scopes
		g.sessions[hash] = fakeSession{&with, s.err}
	}
}

// TestACredentialThatLacksAScope: what the token allows and the forge refuses for want of a scope is told as that, with both; any
// other 403 of the forge's passes as it came. The same with the goroutine's and with the loop's answer.
func TestACredentialThatLacksAScope(t *testing.T) {
	for _, c := range []struct {
		name, forge, method, target, answer string
		has                                 []string
		says                                []string // nil: it passes
	}{
		{"GitLab, a read", "", "GET", "/api/v4/projects/7/jobs", `{"error":"insufficient_scope","error_description":` +
			`"The request requires higher privileges than provided by the access token.","scope":"api read_api"}`, []string{"read_user"},
			[]string{`"error":"insufficient_credential_scope"`, "lacks the scope api or read_api; it has read_user. The owner makes",
				`"message":"The token allows this`, `"reason":"insufficient_credential_scope"`}},
		{"GitLab, a write", "", "POST", "/api/v4/projects/7/jobs/1/play",
			`{"error":"insufficient_scope","error_description":"x","scope":"api read_api"}`, []string{"read_api"},
			[]string{"lacks the scope api; it has read_api. The owner makes"}},
		{"GitLab, without a list", "", "GET", "/api/v4/projects/7/jobs", `{"error":"insufficient_scope"}`, nil,
			[]string{"lacks the scope. The owner makes"}},
		{"GitLab, with text for scopes", "", "GET", "/api/v4/projects/7/jobs",
			`{"error":"insufficient_scope","scope":"api <b> glpat-AAAA1234"}`, nil, []string{"lacks the scope api. The owner"}},
		{"GitLab, another reason", "", "GET", "/api/v4/projects/7/jobs", `{"message":"403 Forbidden"}`, []string{"api"}, nil},
		{"GitLab, a reason twice", "", "GET", "/api/v4/projects/7/jobs", `{"error":"x","error":"insufficient_scope"}`, []string{"api"},
			nil},
		{"Gitea", routes.ForgeGitea, "POST", "/api/v1/repos/acme/app/issues", `{"message":"token does not have at least one of required ` +
			`scope(s), required=[write:issue], token scope=read:issue,read:repository","url":"http://x"}`,
			[]string{"read:issue", "read:repository"},
			[]string{`"message":"The token allows this`, "lacks the scope write:issue; it has read:issue, read:repository. The owner"}},
		{"Gitea, what is not public", routes.ForgeGitea, "GET", "/api/v1/repos/acme/app/issues",
			`{"message":"token scope is limited to public issues"}`, []string{"read:issue", "public-only"},
			[]string{"lacks the scope what is not public; it has read:issue, public-only"}},
		{"Gitea, another reason", routes.ForgeGitea, "GET", "/api/v1/repos/acme/app/issues", `{"message":"user should be an owner"}`,
			[]string{"all"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w, c.answer)
			})
			g := newGateway(t, upstream.URL, func(o *Options) {
				if c.forge != "" {
					table, err := load.Gitea()
					if err != nil {
						t.Fatal(err)
					}
					o.Forge, o.Resolver, o.Table = c.forge, giteaResolver{}, func() *routes.Table { return table }
				}
			})
			permissions := []string{"read_job", "run_job"}
			if c.forge != "" {
				g.table, _ = load.Gitea()
				permissions = []string{"read_work_item", "create_work_item"}
			}
			secret := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{3}, ProjectIDs: []int64{7},
				Permissions: permissions})
			g.scoped(c.has...)
			header := map[string]string{"Authorization": "Bearer " + secret}
			body := ""
			if c.method == "POST" {
				header["Content-Type"], body = "application/json", "{}"
			}
			for range 2 {
				status, _, answer := g.send(t, c.method, c.target, body, header)
				if len(upstream.requests()) == 0 {
					t.Fatalf("the forge was not asked: %d %s", status, answer)
				}
				if status != http.StatusForbidden || c.says == nil && answer != c.answer {
					t.Errorf("%d %s", status, answer)
				}
				for _, text := range c.says {
					if !strings.Contains(answer, text) {
						t.Errorf("%q is not in %s", text, answer)
					}
				}
				if token.Find([]byte(answer)) || strings.Contains(answer, "glpat-") || strings.Contains(answer, "<b>") {
					t.Errorf("it repeats what it should not: %s", answer)
				}
			}
			want := ""
			if c.says != nil {
				want = "credential_scope"
			}
			if e := g.sink.last(t); e.Status != http.StatusForbidden || e.Verdict != policy.Allow || e.Failure != want {
				t.Errorf("recorded %d %v %q", e.Status, e.Verdict, e.Failure)
			}
		})
	}
}
