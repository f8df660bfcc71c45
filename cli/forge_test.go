package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

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
		{"another way to say that", 401, `{"message":"token is required","url":"https://git.example.com/api/swagger"}`, config.ForgeGitea,
			true},
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
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_,
			_ = w.Write([]byte(`{"version":"1.26.0"}`))
	}))
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

// TestANameThatIsSaidLate: a Gitea that does not answer at the start is asked again, and when it calls itself by another name then,
// serving ends with that.
func TestANameThatIsSaidLate(t *testing.T) {
	var there atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !there.Load():
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == versionPath:
			_, _ = w.Write([]byte(`{"version":"1.26.0"}`))
		default:
			_, _ = w.Write([]byte(`{"jwks_uri":"https://git.example.com/login/oauth/keys"}`))
		}
	}))
	t.Cleanup(server.Close)
	cfg := config.Default()
	cfg.Forge = config.ForgeGitea
	if err := cfg.Upstream.URL.UnmarshalText([]byte(server.URL)); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.InfoLevel)
	g := &gateway{config: &cfg, logger: zap.New(core), failed: make(chan error, 1)}
	g.settleName(t.Context())
	if !g.nameUnknown || len(cfg.Upstream.ExternalURLs) > 0 || logs.FilterMessageSnippet("asked again").Len() != 1 {
		t.Fatalf("unknown %v, %v", g.nameUnknown, logs.All())
	}
	there.Store(true)
	go g.awaitName(t.Context())
	select {
	case err := <-g.failed:
		if !strings.Contains(err.Error(), "set upstream.external_urls: [https://git.example.com]") {
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
		{"GET", "/v2/token?service=container_registry&scope=repository:acme/app:pull", "/v2/token?scope=repository:{namespace}:pull",
			"read_container_repository"},
		{"PUT", "/api/packages/acme/generic/a/1/f", "/api/packages/{namespace}/generic/{package}/{version}/{filename}", "create_package"},
	} {
		t.Run(c.method+" "+c.target, func(t *testing.T) {
			out, err := runRoutes(t, "", "explain", "--forge", "gitea", "--json", c.method, c.target)
			var e struct {
				Route       string
				Permissions []string
			}
			if err != nil || json.Unmarshal([]byte(out), &e) != nil || e.Route != c.route || len(e.Permissions) == 0 ||
				e.Permissions[0] != c.permission {
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

// TestSettleName finds out what a Gitea calls itself, and calls it so where it answers.
func TestSettleName(t *testing.T) {
	t.Parallel()
	const version = `{"version":"1.26.0"}`
	answering := func(known, other string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("Authorization") != "":
				t.Error("a credential was sent")
			case r.URL.Path == "/.well-known/openid-configuration" && known == "":
				http.NotFound(w, r)
			case r.URL.Path == "/.well-known/openid-configuration":
				_, _ = w.Write([]byte(`{"issuer":"x","jwks_uri":"` + known + `/login/oauth/keys"}`))
			case r.URL.Path != "/api/v1/version":
				t.Errorf("asked for %s", r.URL)
			case r.Host == "git.example.com" && r.Header.Get("X-Forwarded-Proto") != "https":
				t.Errorf("called with %v", r.Header)
			case r.Host == "git.example.com":
				_, _ = w.Write([]byte(other))
			default:
				_, _ = w.Write([]byte(version))
			}
		}
	}
	for _, c := range []struct {
		name, known, other, external, want, logged string
		forge                                      config.Forge
	}{
		{"a name that it answers under", "https://git.example.com", version, "", "https://git.example.com", "is called by the name",
			config.ForgeGitea},
		{"a name with a slash behind it", "https://git.example.com/", version, "", "https://git.example.com", "is called by the name",
			config.ForgeGitea},
		{"a name below a path", "https://git.example.com/gitea", version, "", "https://git.example.com/gitea", "is called by the name",
			config.ForgeGitea},
		{"a path that is none", "https://git.example.com/a/../b", version, "", "", "it is not known", config.ForgeGitea},
		{"a name that leads to something else", "https://git.example.com", `{"version":"1.25.0"}`, "", "", "does not answer",
			config.ForgeGitea},
		{"a name that is another page's", "https://git.example.com", `<html>`, "", "", "does not answer", config.ForgeGitea},
		{"a name that is none", "javascript:x", version, "", "", "it is not known", config.ForgeGitea},
		{"one with a password", "https://a:b@git.example.com", version, "", "https://git.example.com", "is called by the name",
			config.ForgeGitea},
		{"one that does not say", "", version, "", "", "it is not known", config.ForgeGitea},
		{"one that is configured", "https://git.example.com", version, "https://other.example.com", "https://other.example.com", "",
			config.ForgeGitea},
		{"one that is configured, and leads to it", "", version, "https://git.example.com", "https://git.example.com", "",
			config.ForgeGitea},
		{"one that is configured, and leads to something else", "", `{"version":"1.25.0"}`, "https://git.example.com",
			"https://git.example.com", "does not answer",
			config.ForgeGitea},
		{"one that is configured, of GitLab", "", `<html>`, "https://git.example.com", "https://git.example.com", "", config.ForgeGitLab},
		{"Forgejo", "https://git.example.com", version, "", "https://git.example.com", "is called by the name", config.ForgeForgejo},
		{"GitLab", "https://git.example.com", version, "", "", "", config.ForgeGitLab},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(answering(c.known, c.other))
			t.Cleanup(server.Close)
			cfg := config.Default()
			cfg.Forge = c.forge
			if err := cfg.Upstream.URL.UnmarshalText([]byte(server.URL)); err != nil {
				t.Fatal(err)
			}
			if c.external != "" {
				cfg.Upstream.ExternalURLs = make([]config.Base, 1)
				_ = cfg.Upstream.ExternalURLs[0].UnmarshalText([]byte(c.external))
			}
			core, logs := observer.New(zap.InfoLevel)
			(&gateway{config: &cfg, logger: zap.New(core)}).settleName(context.Background())
			got := ""
			if len(cfg.Upstream.ExternalURLs) == 1 {
				got = cfg.Upstream.ExternalURLs[0].String()
			}
			logged := ""
			for _, e := range logs.All() {
				logged += e.Message
			}
			if got != c.want || !strings.Contains(logged, c.logged) || c.logged == "" && logged != "" {
				t.Errorf("it is called %q, logged %q", got, logged)
			}
		})
	}
}
