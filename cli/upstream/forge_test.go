package upstream

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

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
			if known := Settle(context.Background(), &cfg); known != c.known || cfg.Forge != c.want {
				t.Errorf("%s, known %v", cfg.Forge, known)
			}
			server.Close()
			if known := Settle(context.Background(), &cfg); !known || cfg.Forge != c.want {
				t.Errorf("asked again: %s, known %v", cfg.Forge, known)
			}
		})
	}
	gone := config.Default()
	if err := gone.Upstream.URL.UnmarshalText([]byte("http://127.0.0.1:1")); err != nil {
		t.Fatal(err)
	}
	if known := Settle(context.Background(), &gone); known || gone.Forge != config.ForgeGitLab {
		t.Errorf("one that does not answer: %s, known %v", gone.Forge, known)
	}
}
