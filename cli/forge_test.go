package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"patgate/config"
)

// TestSettleForge finds out what the forge is from its answer, and takes what does not say so for a GitLab.
func TestSettleForge(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   config.Forge
		known  bool
	}{
		{"Gitea", 200, `{"version":"1.26.0+dev-12-gabcdef0123"}`, config.ForgeGitea, true},
		{"Forgejo", 200, `{"version":"13.0.1+gitea-1.22.0"}`, config.ForgeForgejo, true},
		{"a Gitea that lets only users in", 403, `{"message":"Only signed in user is allowed to call APIs."}`, config.ForgeGitea, true},
		{"another way to say that", 401, `{"message":"token is required","url":"https://git.example.com/api/swagger"}`, config.ForgeGitea, true},
		{"GitLab", 404, `{"error":"404 Not Found"}`, config.ForgeGitLab, true},
		{"a GitLab that asks to sign in", 302, ``, config.ForgeGitLab, true},
		{"a page", 200, `<html>`, config.ForgeGitLab, true},
		{"one that fails", 502, `{"version":"1.26.0"}`, config.ForgeGitLab, false},
		{"one that is too busy", 429, `{"version":"1.26.0"}`, config.ForgeGitLab, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/api/v1/version" || r.Header.Get("Authorization") != "" {
					t.Errorf("%s with %v", r.URL, r.Header)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			t.Cleanup(server.Close)
			cfg := config.Default()
			if err := cfg.Upstream.URL.UnmarshalText([]byte(server.URL)); err != nil {
				t.Fatal(err)
			}
			if known := settleForge(context.Background(), &cfg); known != c.known || cfg.Forge != c.want {
				t.Errorf("%s, known %v", cfg.Forge, known)
			}
			server.Close()
			if known := settleForge(context.Background(), &cfg); !known || cfg.Forge != c.want {
				t.Errorf("asked again: %s, known %v", cfg.Forge, known)
			}
		})
	}
	gone := config.Default()
	if err := gone.Upstream.URL.UnmarshalText([]byte("http://127.0.0.1:1")); err != nil {
		t.Fatal(err)
	}
	if known := settleForge(context.Background(), &gone); known || gone.Forge != config.ForgeGitLab {
		t.Errorf("one that does not answer: %s, known %v", gone.Forge, known)
	}
}

// TestAwaitForge: a forge that comes up late and is no GitLab ends the server, which was made for one.
func TestAwaitForge(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"version":"1.26.0"}`)) }))
	t.Cleanup(server.Close)
	cfg := config.Default()
	if err := cfg.Upstream.URL.UnmarshalText([]byte(server.URL)); err != nil {
		t.Fatal(err)
	}
	g := &gateway{config: &cfg, logger: zap.NewNop(), failed: make(chan error, 1)}
	go func() {
		if g.awaitForge(t.Context()) {
			t.Error("it was taken for a GitLab")
		}
	}()
	select {
	case err := <-g.failed:
		if !strings.Contains(err.Error(), "set forge: gitea") {
			t.Error(err)
		}
	case <-time.After(4 * detectInterval):
		t.Error("nothing ended")
	}
}

// TestRoutesOfGitea asks the commands for the table of another forge.
func TestRoutesOfGitea(t *testing.T) {
	for _, c := range []struct{ method, target, route, permission string }{
		{"GET", "/repos/acme/app/issues", "/repos/{project}/issues", "read_work_item"},
		{"GET", "/acme/app.git/info/refs?service=git-receive-pack", "/{project}.git/info/refs?service=git-receive-pack", "push_code"},
		{"GET", "/acme/app.git/info/lfs/locks", "/{project}.git/info/lfs/locks", "download_code"},
		{"PUT", "/v2/acme/app/manifests/v1", "/v2/{namespace}/manifests/{reference}", "create_container_repository"},
		{"GET", "/v2/token?service=container_registry&scope=repository:acme/app:pull", "/v2/token?scope=repository:{namespace}:pull", "read_container_repository"},
		{"PUT", "/api/packages/acme/generic/a/1/f", "/api/packages/{namespace}/generic/{package}/{version}/{filename}", "create_package"},
	} {
		t.Run(c.method+" "+c.target, func(t *testing.T) {
			out, err := runRoutes(t, "", "explain", "--forge", "gitea", "--json", c.method, c.target)
			var e struct {
				Route       string
				Permissions []string
			}
			if err != nil || json.Unmarshal([]byte(out), &e) != nil || e.Route != c.route || len(e.Permissions) == 0 || e.Permissions[0] != c.permission {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	dir := t.TempDir()
	if out, err := runRoutes(t, "", "export", "--forge", "forgejo", dir+"/rows"); err != nil || !strings.HasPrefix(out, "wrote ") {
		t.Errorf("%v: %s", err, out)
	}
	if data, err := os.ReadFile(dir + "/rows/table.yaml"); err != nil || !strings.Contains(string(data), "forge: gitea") {
		t.Errorf("%v: %s", err, data)
	}
	if _, err := runRoutes(t, "", "list", "--forge", "gogs"); err == nil || !strings.Contains(err.Error(), "gitlab, gitea or forgejo") {
		t.Errorf("a forge that nobody knows: %v", err)
	}
}
