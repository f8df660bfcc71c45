package routes_test

import (
	"errors"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// A path whose slash was not encoded, or was decoded by a proxy, says so.
func TestAnUnencodedSlashIsRecognised(t *testing.T) {
	gitlab, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	gitea, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		table        *routes.Table
		method, path string
		slash        bool
	}{
		{gitlab, "GET", "/api/v4/projects/acme/website/jobs", true},
		{gitlab, "GET", "/api/v4/projects/acme/web/site/jobs", true},
		{gitlab, "GET", "/api/v4/projects/7/releases/release/2024.1", true},
		{gitlab, "DELETE", "/api/v4/projects/7/repository/branches/feature/one", true},
		{gitlab, "PUT", "/api/v4/groups/acme/sub/variables/KEY", true},
		{gitea, "GET", "/api/v1/repos/acme/app/releases/tags/release/2024.1", true},
		{gitlab, "GET", "/api/v4/projects/acme%2Fwebsite/releases/release/2024.1", true},
		{gitlab, "GET", "/api/v4/projects/acme%2Fwebsite/nothing", false},
		{gitlab, "GET", "/api/v4/projects/acme%2fwebsite/nothing", false},
		{gitlab, "GET", "/api/v4/nowhere", false},
		{gitlab, "GET", "/api/v4/no/where/at/all", false},
		{gitlab, "GET", "/api/v4" + strings.Repeat("/a", 40), false},
	} {
		t.Run(c.method+" "+c.path[:min(len(c.path), 60)], func(t *testing.T) {
			var op routes.Operation
			err := c.table.Classify(&op, c.method, []byte(c.path))
			var refusal *routes.Refusal
			if !errors.As(err, &refusal) || refusal.Code != routes.CodeNoRoute || strings.Contains(refusal.Message, "%2F") != c.slash {
				t.Errorf("%v", err)
			}
			if c.slash && !strings.Contains(refusal.Message, "proxy_pass") {
				t.Errorf("no proxy's setting: %v", err)
			}
		})
	}
	t.Run("a long query is no long path", func(t *testing.T) {
		var op routes.Operation
		err := gitlab.Classify(&op, "GET", []byte("/api/v4/projects/7/jobs?scope="+strings.Repeat("x", 9000)))
		if err == nil || !strings.Contains(err.Error(), "query is too long") {
			t.Errorf("%v", err)
		}
	})
}
