package proxy

import (
	"regexp"
	"strings"
	"testing"

	"patgate/policy"
)

// Threat: a token asks what exists beyond its reach.
// Attack: the same request for a container that the grant does not cover, and for one that does not exist.
// Control: what the grant covers is answered.
func TestThreatExistenceOracle(t *testing.T) {
	g := newGateway(t, newEcho(t, nil).URL, nil)
	selected := g.token
	account := g.mint(t, nil, policy.ScopeSpec{Access: "user", Permissions: []string{"read_event", "read_snippet"}})
	requestID := regexp.MustCompile(`[0-9a-f]{8}-?[0-9a-f-]{23,}|[0-9A-Za-z]{20,}`)
	for _, c := range []struct{ name, token, exists, missing string }{
		{"a project by id", selected, get("/api/v4/projects/8/jobs/1/trace"), get("/api/v4/projects/404/jobs/1/trace")},
		{"a project by path", selected, get("/api/v4/projects/group%2Fwithheld/jobs/1/trace"), get("/api/v4/projects/group%2Fwithhold/jobs/1/trace")},
		{"a project that may be public", selected, get("/api/v4/projects/8/jobs"), get("/api/v4/projects/404/jobs")},
		{"a project, to write", selected, request("PUT", "/api/v4/projects/8", `{"name":"x"}`, "Content-Type: application/json"),
			request("PUT", "/api/v4/projects/404", `{"name":"x"}`, "Content-Type: application/json")},
		{"a second project", selected, request("POST", "/api/v4/projects/7/issues/1/move", `{"to_project_id":8}`, "Content-Type: application/json"),
			request("POST", "/api/v4/projects/7/issues/1/move", `{"to_project_id":404}`, "Content-Type: application/json")},
		{"an object by a global id", selected, get("/api/v4/vulnerabilities/80"), get("/api/v4/vulnerabilities/81")},
		{"a permission that is nowhere", account, get("/api/v4/projects/8/jobs"), get("/api/v4/projects/404/jobs")},
	} {
		t.Run(c.name, func(t *testing.T) {
			exists, missing := g.ask(t, c.token, c.exists), g.ask(t, c.token, c.missing)
			if exists.status != 403 || missing.status != 403 {
				t.Fatalf("status %d and %d", exists.status, missing.status)
			}
			if a, b := requestID.ReplaceAllString(exists.body, "ID"), requestID.ReplaceAllString(missing.body, "ID"); a != b {
				t.Errorf("%s\n%s", a, b)
			}
			for _, name := range []string{"Www-Authenticate", "X-Accepted-Permissions", "Content-Type", "Cache-Control", "Retry-After"} {
				if a, b := exists.header.Get(name), missing.header.Get(name); a != b {
					t.Errorf("%s: %q and %q", name, a, b)
				}
			}
			if len(exists.header) != len(missing.header) {
				t.Errorf("headers %v and %v", exists.header, missing.header)
			}
		})
	}
	t.Run("control", func(t *testing.T) { g.ask(t, selected, get("/api/v4/projects/7/jobs/1/trace")).wants(t, 200) })
}

// ask sends a request with a token.
func (g *gateway) ask(t testing.TB, token, request string) received {
	t.Helper()
	line, rest, _ := strings.Cut(request, "\r\n")
	return g.raw(t, line+"\r\nPRIVATE-TOKEN: "+token+"\r\n"+rest)
}
