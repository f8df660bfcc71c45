package behind

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"patgate/cli/upstream"
	"patgate/config"
)

// TestANameThatIsSaidLate: a Gitea that does not answer at the start is asked again, and when it calls itself by another name
// then, serving ends with that.
func TestANameThatIsSaidLate(t *testing.T) {
	var there atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !there.Load():
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == upstream.VersionPath:
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
	core, logged := observer.New(zap.InfoLevel)
	s := &Servers{config: &cfg, logger: zap.New(core)}
	known := s.settleName(t.Context())
	if known || len(cfg.Upstream.ExternalURLs) > 0 || logged.FilterMessageSnippet("asked again").Len() != 1 {
		t.Fatalf("known %v, %v", known, logged.All())
	}
	there.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 4*upstream.DetectInterval)
	defer cancel()
	err := s.AwaitName(ctx)
	if err == nil || !strings.Contains(err.Error(), "set upstream.external_urls: [https://git.example.com]") {
		t.Errorf("it ended with %v", err)
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
		{"one that is configured, of GitLab", "", `<html>`, "https://git.example.com", "https://git.example.com", "",
			config.ForgeGitLab},
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
			core, logged := observer.New(zap.InfoLevel)
			(&Servers{config: &cfg, logger: zap.New(core)}).settleName(context.Background())
			got := ""
			if len(cfg.Upstream.ExternalURLs) == 1 {
				got = cfg.Upstream.ExternalURLs[0].String()
			}
			said := ""
			for _, e := range logged.All() {
				said += e.Message
			}
			if got != c.want || !strings.Contains(said, c.logged) || c.logged == "" && said != "" {
				t.Errorf("it is called %q, logged %q", got, said)
			}
		})
	}
}
