package proxy

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"patgate/policy"
)

// statusLine sends a request over a connection of its own and gives the first line of the answer.
func (g *gateway) statusLine(t *testing.T, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\r\n")
}

// Many clients show of a refusal what its status line says, and nothing else.
func TestTheStatusLineSaysWhatIsMissing(t *testing.T) {
	g := newGateway(t, mustNotBeCalled(t), nil)
	none := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"run_job"}})
	const json = "Content-Type: application/json"
	for _, c := range []struct{ name, token, request, want string }{
		{"a read", none, get("/api/v4/projects/7/jobs"), "403 Forbidden: missing read_job"},
		{"HEAD", none, request("HEAD", "/api/v4/projects/7/jobs", ""), "403 Forbidden: missing read_job"},
		{"a request with a body", none, request("POST", "/api/v4/projects/7/issues", `{"title":"x"}`, json),
			"403 Forbidden: missing create_work_item"},
		{"a request that waits to be asked for its body", none,
			request("POST", "/api/v4/projects/7/issues", "", "Expect: 100-continue", json, "Content-Length: 13"),
			"403 Forbidden: missing create_work_item"},
		{"what the token does not reach", g.token, get("/api/v4/projects/8/jobs"), "403 Forbidden: missing read_job (out of bounds)"},
		{"git", none, get("/group/granted.git/info/refs?service=git-upload-pack"), "403 Forbidden: no route"},
		{"an image", none, get("/v2/group/granted/manifests/latest"), "401 Unauthorized"},
		{"a web page", none, get("/group/granted"), "403 Forbidden: no route"},
		{"GraphQL", none, request("POST", "/api/graphql", `{}`, json), "403 Forbidden: unsupported surface"},
		{"an odd path", none, get("/api/v4/projects/7/./jobs"), "400 Bad Request: ambiguous path"},
		{"an unknown token", "patgate_00000000000000000000000000000000000000", get("/api/v4/projects"),
			"401 Unauthorized: token malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := g.statusLine(t, strings.Replace(c.request, "\r\n", "\r\nPRIVATE-TOKEN: "+c.token+"\r\n", 1))
			if line != "HTTP/1.1 "+c.want {
				t.Errorf("got %q, want %q", line, c.want)
			}
		})
	}
	t.Run("nothing of the request stands in it, and it stays short", func(t *testing.T) {
		for _, target := range []string{"/api/v4/projects/7/jobs?ev%0d%0aX-Evil:1=1", "/api/v4/projects/7/jobs?sekret_id=1",
			"/sekret/%0d%0a",
			"/api/v4/sekret"} {
			line := g.statusLine(t, get(target, "PRIVATE-TOKEN: "+g.token))
			if strings.Contains(line, "sekret") || strings.Contains(line, "Evil") || len(line) > 300 {
				t.Errorf("%s: %q", target, line)
			}
		}
	})
	t.Run("no credential", func(t *testing.T) {
		if line := g.statusLine(t, get("/group/granted.git/info/refs?service=git-upload-pack")); !strings.HasPrefix(line,
			"HTTP/1.1 401 Unauthorized") {
			t.Error(line)
		}
	})
}

// Of the body of a refusal some clients show only message, some only error, and some compare error with GitLab's own codes.
func TestErrorAndMessageOfADenial(t *testing.T) {
	g := newGateway(t, mustNotBeCalled(t), nil)
	const denied = "/api/v4/projects/8/jobs"
	const brief = "Access denied: missing read_job (project permission). The token does not reach what the request names."
	for _, c := range []struct{ name, target, agent, want string }{
		{"a client that says nothing of itself", denied, "",
			`"error":"insufficient_granular_scope","error_description":"Access denied: This`},
		{"with the message beside it", denied, "Go-http-client/1.1", `"message":"` + brief},
		{"python-gitlab", denied, "python-gitlab/3.12.0", `"error":"insufficient_granular_scope: ` + brief},
		{"release-it", denied, "webpro/release-it", `"error":"insufficient_granular_scope: ` + brief},
		{"one whose name only ends so", denied, "my-python-gitlab/1", `"error":"insufficient_granular_scope",`},
		{"no route", "/api/v4/nowhere", "", `"error":"no_route","error_description":"`},
		{"no route, its message", "/api/v4/nowhere", "", `"message":"`},
		{"a bad request", "/api/v4/./projects", "", `"message":"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{"PRIVATE-TOKEN: " + g.token, "Accept: application/json"}
			if c.agent != "" {
				headers = append(headers, "User-Agent: "+c.agent)
			}
			a := g.raw(t, get(c.target, headers...))
			if !strings.Contains(a.body, c.want) {
				t.Errorf("there is no %s in\n%s", c.want, a.body)
			}
		})
	}
	t.Run("a token that is no good", func(t *testing.T) {
		a := g.raw(t, get(denied, "PRIVATE-TOKEN: patgate_00000000000000000000000000000000000000"))
		a.wants(t, 401, `"error":"invalid_token"`, `"message":"The token is`)
	})
}

// Where the forge does not read PRIVATE-TOKEN, no text advises it.
func TestAdviceNamesAPlaceThatTheForgeReads(t *testing.T) {
	g, _, secret := newGiteaGateway(t)
	for name, request := range map[string]string{
		"PRIVATE-TOKEN":     get("/api/v1/repos/acme/app", "PRIVATE-TOKEN: "+secret),
		"the query":         get("/api/v1/repos/acme/app?token=" + secret),
		"twice":             get("/api/v1/repos/acme/app", "Authorization: token "+secret, "X-Other: "+secret),
		"another one's too": get("/api/v1/repos/acme/app?access_token=abc", "Authorization: token "+secret),
	} {
		t.Run(name, func(t *testing.T) {
			a := g.raw(t, request)
			a.wants(t, 400, "Authorization: token")
			if strings.Contains(a.body, "PRIVATE-TOKEN") {
				t.Error(a.body)
			}
		})
	}
}
