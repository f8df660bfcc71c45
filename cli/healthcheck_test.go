package cli

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadiness(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		want       string // the error; empty: ready
	}{
		{"ready", "store: ok\n", 200, ""},
		{"not ready", "store: disk gone\naudit log: ok\n", 503, "not ready: store: disk gone; audit log: ok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/readyz" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			report, err := readiness(context.Background(), strings.TrimPrefix(server.URL, "http://"))
			switch {
			case c.want == "" && (err != nil || report != c.body):
				t.Errorf("got %q, %v", report, err)
			case c.want != "" && (err == nil || err.Error() != c.want):
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestReadinessOfAServerThatListensEverywhereIsAskedHere(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Skip(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if _, err := readiness(context.Background(), ":"+port); err != nil {
		t.Error(err)
	}
}
