package cli_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"patgate/token/limits"
)

// limitCase is a limit by its flag, and how many requests pass before it holds.
type limitCase struct {
	name  limits.Name
	flag  string
	value func(requests int) string // of so many
}

// limitCases are limits that real clients meet. 10.0.0.0/8 is a network where no client of a test is.
func limitCases() []limitCase {
	return []limitCase{
		{limits.Networks, "--network", func(int) string { return "10.0.0.0/8" }},
		{limits.RequestsPerMinute, "--requests-per-minute", strconv.Itoa},
		{limits.MaxUses, "--max-uses", strconv.Itoa},
	}
}

// TestLimitsInGit has git meet the limits of tokens: whoever uses it reads which one it was. What was used is shown of the token.
func TestLimitsInGit(t *testing.T) {
	g := startGit(t)
	for _, c := range limitCases() {
		t.Run(string(c.name), func(t *testing.T) {
			made := g.mint(t, "--name", "limited "+string(c.name), "--project", "shop/backend/api", "--allow", "download_code,read_job",
				c.flag, c.value(1))
			// One request asks for all refs in the oldest version of the protocol.
			list := []string{"-c", "protocol.version=0", "ls-remote", g.url(made, "shop/backend/api.git")}
			if c.name != limits.Networks {
				if out := g.git(t, g.home, list...); !strings.Contains(out, "refs/heads/main") {
					t.Fatalf("the first request: %s", out)
				}
			}
			g.refused(t, g.home, []string{string(c.name)}, list...)
			g.refused(t, t.TempDir(), []string{string(c.name)}, "clone", "-q", g.url(made, "shop/backend/api.git"), "clone")
			status := map[bool]int{true: http.StatusTooManyRequests, false: http.StatusForbidden}[c.name == limits.RequestsPerMinute]
			text := g.raw(t, made, "GET", fmt.Sprintf("/api/v4/projects/%d/jobs", g.world.api), "", "", status)
			if !strings.Contains(text, string(c.name)) {
				t.Errorf("the API says %s", text)
			}
		})
	}
}

// TestLimitsInTheRegistry has a client of the container registry meet them.
func TestLimitsInTheRegistry(t *testing.T) {
	needs(t, "crane", getCrane)
	s := startRegistry(t, true, "PATGATE_PUBLIC_URL=http://localhost:{port}")
	image := s.registry + "/shop/backend/api:limited"
	login := func(t *testing.T, what ...string) {
		t.Helper()
		token := s.mint(t, append([]string{"--name", "images", "--project", "shop/backend/api"}, what...)...)
		s.ok(t, "crane", "auth", "login", s.registry, "-u", "ci", "-p", token)
	}
	login(t, "--template", "container-push")
	small := s.layout(t, "small", 4096, "amd64")
	s.ok(t, "crane", "push", strings.TrimPrefix(strings.TrimSuffix(small, ":v1"), "oci:"), image)
	for _, c := range limitCases() {
		t.Run(string(c.name), func(t *testing.T) {
			login(t, "--template", "container-pull", c.flag, c.value(2)) // the token service, and the manifest
			if c.name != limits.Networks {
				if out := s.ok(t, "crane", "manifest", image); !strings.Contains(out, "schemaVersion") {
					t.Fatalf("the first manifest: %s", out)
				}
			}
			s.refused(t, []string{string(c.name)}, "crane", "manifest", image)
		})
	}
}
