package proxy

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/token"
)

// anyContainer finds whatever is asked for: each repository and each organization is private, and the owner's.
type anyContainer struct{ asking.Resolver }

func (r anyContainer) Known(s *token.Session, ref routes.Reference, maxAge time.Duration, _ time.Time) *policy.Container {
	return knownBy(r, s, ref, maxAge)
}

func (anyContainer) Resolve(_ context.Context, _ *token.Session, ref routes.Reference, _ time.Duration) (policy.Container, error) {
	c := policy.Container{Boundary: routes.BoundaryGroup, ID: 3, Path: "alpha", Visibility: policy.VisibilityPrivate, Access: policy.OwnerMember}
	if ref.Kind == routes.RefProject {
		c.Boundary, c.ID, c.Path, c.Ancestors = routes.BoundaryProject, 7, "alpha/beta", []int64{3}
	}
	if ref.ID == 0 {
		c.Path = string(ref.Path)
	} else {
		c.ID = ref.ID
	}
	return c, nil
}

func (anyContainer) Lookup(_ context.Context, _ *token.Session, r *routes.Route, _ *routes.Operation) (forge.LookupResult, error) {
	result := forge.LookupResult{Found: true, Send: "17"}
	if r.Find.Lookup.Project != "" {
		result.Projects = []int64{7}
	} else {
		result.Groups = []int64{3}
	}
	return result, nil
}

func (anyContainer) Forget(policy.Container) {}

// giteaCall is a request for one operation of Gitea's API.
type giteaCall struct{ method, path, operation, contentType, body string }

// giteaCalls makes a request for each of the operations that Gitea documents, and those of Forgejo that Gitea lacks.
func giteaCalls(t *testing.T, table *routes.Table) []giteaCall {
	t.Helper()
	var lines []string
	for _, file := range []string{"gitea-rest.tsv", "forgejo-rest.tsv"} {
		data, err := os.ReadFile("../routes/testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Split(strings.TrimSpace(string(data)), "\n")[1:]...)
	}
	capture := regexp.MustCompile(`\{[^}]*\}`)
	values := map[string]string{"owner": "alpha", "org": "alpha", "repo": "beta", "template_owner": "alpha", "template_repo": "beta",
		"diffType": "patch", "basehead": "main...topic", "workflow_id": "ci.yaml"}
	numbers := regexp.MustCompile(`^(index|position|run|comment|.*-id|.*_id|id)$`)
	var out []giteaCall
	for _, line := range lines {
		columns := strings.Split(line, "\t")
		c := giteaCall{method: columns[1], operation: columns[3]}
		c.path = "/api/v1" + capture.ReplaceAllStringFunc(columns[2], func(s string) string {
			name := s[1 : len(s)-1]
			switch {
			case values[name] != "":
				return values[name]
			case numbers.MatchString(name):
				return "17"
			}
			return "gamma"
		})
		if c.method == http.MethodPost || c.method == http.MethodPut || c.method == http.MethodPatch {
			c.contentType, c.body = "application/json", "{}"
		}
		var op routes.Operation
		if err := table.Classify(&op, c.method, []byte(c.path)); err != nil {
			t.Fatalf("%s: %v", c.operation, err)
		}
		if slices.Contains(op.Route.Body.Stream, "*/*") {
			c.contentType, c.body = "application/octet-stream", "text"
		}
		if c.operation == "repoTransfer" {
			c.body = `{"new_owner":"delta"}`
		}
		out = append(out, c)
	}
	return out
}

// giteaScopes grants every permission of the table, wherever it can be granted, but for the one that is left out.
func giteaScopes(table *routes.Table, without string) []policy.ScopeSpec {
	var out []policy.ScopeSpec
	for access, reaches := range map[string][]routes.Boundary{
		"all_memberships": {routes.BoundaryProject, routes.BoundaryGroup}, "user": {routes.BoundaryUser}, "instance": {routes.BoundaryInstance},
	} {
		scope := policy.ScopeSpec{Access: access}
		for _, info := range table.Catalogue().All() {
			if info.Name != without && slices.ContainsFunc(info.Boundaries, func(b routes.Boundary) bool { return slices.Contains(reaches, b) }) {
				scope.Permissions = append(scope.Permissions, info.Name)
			}
		}
		out = append(out, scope)
	}
	return out
}

// TestGiteaSweep asks for every operation of Gitea's and Forgejo's API. With a token that holds everything but one permission that the
// operation needs it is refused, and nothing reaches the forge; with a token that holds everything it reaches it, unless
// nobody may.
func TestGiteaSweep(t *testing.T) {
	var reached atomic.Int64
	var target atomic.Value
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		target.Store(r.Method + " " + r.URL.EscapedPath())
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(upstream.Close)
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, upstream.URL, func(o *Options) {
		o.Forge, o.Resolver, o.Table = routes.ForgeGitea, anyContainer{}, func() *routes.Table { return table }
	})
	g.table = table
	ask := func(token string, c giteaCall) int {
		t.Helper()
		request, err := http.NewRequest(c.method, "http://"+g.address+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "token "+token)
		if c.body != "" {
			request.Header.Set("Content-Type", c.contentType)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return response.StatusCode
	}
	all := g.mint(t, nil, giteaScopes(table, "")...)
	without := map[string]string{}
	refused, passed := 0, 0
	for _, c := range giteaCalls(t, table) {
		var op routes.Operation
		_ = table.Classify(&op, c.method, []byte(c.path))
		r := op.Route
		needs := slices.Clone(r.Needs)
		for _, target := range r.Targets {
			if target.Capture != "" || target.Required {
				needs = append(needs, target.Needs...)
			}
		}
		for _, name := range table.Catalogue().Names(needs) {
			if without[name] == "" {
				without[name] = g.mint(t, nil, giteaScopes(table, name)...)
			}
			before := reached.Load()
			if status := ask(without[name], c); status < 400 || reached.Load() != before {
				t.Errorf("%s without %s: status %d, %d requests reached the forge", c.operation, name, status, reached.Load()-before)
			}
			refused++
		}
		before := reached.Load()
		status := ask(all, c)
		switch n := reached.Load() - before; {
		case r.Refused != "" || r.Withheld() || r.Kind == routes.KindOtherCredential:
			if status < 400 || n != 0 {
				t.Errorf("%s is never passed on, but: status %d, %d requests reached the forge", c.operation, status, n)
			}
		case status != http.StatusOK || n != 1 || target.Load() != c.method+" "+c.path:
			t.Errorf("%s with everything: status %d, %d requests reached the forge, as %v, want %s %s", c.operation, status, n, target.Load(), c.method, c.path)
		default:
			passed++
		}
	}
	if refused < 480 || passed < 460 {
		t.Errorf("%d refusals and %d passes: the sweep proves nothing", refused, passed)
	}
}

// Denied implements asking.Resolver.
func (anyContainer) Denied(*token.Session, int) {}

func (anyContainer) Listed(*token.Session) error { return nil }

// Below implements asking.Resolver.
func (anyContainer) Below(context.Context, *token.Session, *policy.Container, time.Duration) ([]int64, bool, error) {
	return nil, false, nil
}
