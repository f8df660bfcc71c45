package rest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patgate/forge"
	"patgate/token"
)

// TestAReadThatFailsOnceIsMadeOnceMore: after what may be over at once, and after nothing else.
func TestAReadThatFailsOnceIsMadeOnceMore(t *testing.T) {
	broken := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	status := func(code int) func(http.ResponseWriter) { return func(w http.ResponseWriter) { w.WriteHeader(code) } }
	for _, c := range []struct {
		name   string
		method string
		fails  func(http.ResponseWriter)
		times  int // that it fails
		asked  int
		want   error
	}{
		{"a connection that breaks", "GET", broken, 1, 2, nil},
		{"a 502", "GET", status(502), 1, 2, nil},
		{"two of them", "GET", status(502), 2, 2, forge.ErrUnavailable},
		{"two connections that break", "GET", broken, 2, 2, forge.ErrUnavailable},
		{"a 500", "GET", status(500), 1, 1, forge.ErrUnavailable},
		{"a 504", "GET", status(504), 1, 1, forge.ErrTimeout},
		{"a 429", "GET", status(429), 1, 1, forge.ErrRateLimited},
		{"a 401", "GET", status(401), 1, 1, forge.ErrCredential},
		{"what is no read", "POST", status(502), 1, 1, forge.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if asked.Add(1) <= int64(c.times) {
					c.fails(w)
				}
			}))
			defer server.Close()
			client, err := client(Options{URL: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdleConnections()
			if c.method == "GET" {
				_, err = client.Get(context.Background(), token.NewSecret(testSecret), "/user")
			} else {
				_, err = client.Do(context.Background(), token.NewSecret(testSecret), c.method, "/user")
			}
			if !errors.Is(err, c.want) || asked.Load() != int64(c.asked) {
				t.Errorf("asked %d times: %v", asked.Load(), err)
			}
		})
	}
}

func TestTheTimeOfA429(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 10 * time.Second, "7": 7 * time.Second, "3600": time.Hour, "-1": 10 * time.Second,
		"x": 10 * time.Second, time.Now().Add(20 * time.Second).UTC().Format(http.TimeFormat): 20 * time.Second} {
		got := retryAfter(http.Header{"Retry-After": {text}})
		if d := want - got; d < 0 || d > 2*time.Second {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestAForgeThatRedirectsWhateverItIsAsked is told with where it leads.
func TestAForgeThatRedirectsWhateverItIsAsked(t *testing.T) {
	for _, c := range []struct{ name, to, told string }{
		{"to https", "https://git.example.com/api/v4/user", "set upstream.url: https://git.example.com;"},
		{"to a path", "https://git.example.com/gitlab/api/v4/user", "set upstream.url: https://git.example.com/gitlab;"},
		{"to a login", "https://sso.example.com/login?next=secret", "the forge redirects to https://sso.example.com/login, where"},
		{"to a page of its own", "/users/sign_in", "the forge redirects to /users/sign_in, where"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", c.to)
				w.WriteHeader(http.StatusFound)
			}))
			defer server.Close()
			client, err := client(Options{URL: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdleConnections()
			_, err = client.Get(context.Background(), token.NewSecret(testSecret), "/user")
			if !errors.Is(err, forge.ErrRedirected) || !strings.Contains(err.Error(), c.told) || strings.Contains(err.Error(), "secret") {
				t.Errorf("err = %v", err)
			}
		})
	}
}
