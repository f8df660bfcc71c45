package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"patgate/cache"
)

func get(t *testing.T, handler http.Handler, method, path string) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
	body, err := io.ReadAll(recorder.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return recorder.Code, string(body)
}

func TestHealth(t *testing.T) {
	var storeError error
	handler := NewHandler(Options{Gatherer: prometheus.NewRegistry(), Checks: []Check{
		{Name: "store", Ready: func(context.Context) error { return storeError }},
		{Name: "routes", Ready: func(context.Context) error { return nil }},
	}})
	for _, c := range []struct {
		name, method, path string
		broken             error
		status             int
		body               string
	}{
		{"alive", "GET", "/livez", nil, 200, "ok\n"},
		{"alive although the store is down", "GET", "/livez", errors.New("disk gone"), 200, "ok\n"},
		{"alive by GitLab's name", "GET", "/-/liveness", nil, 200, "ok\n"},
		{"ready", "GET", "/readyz", nil, 200, "store: ok\nroutes: ok\n"},
		{"ready by HEAD", "HEAD", "/readyz", nil, 200, "store: ok\nroutes: ok\n"},
		{"not ready, and why", "GET", "/readyz", errors.New("disk gone"), 503, "store: disk gone\nroutes: ok\n"},
		{"not ready by GitLab's name", "GET", "/-/readiness", errors.New("disk gone"), 503, "store: disk gone\nroutes: ok\n"},
		{"nothing else", "GET", "/api/v4/user", nil, 404, "404 page not found\n"},
		{"no writing", "POST", "/readyz", nil, 405, "Method Not Allowed\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			storeError = c.broken
			if status, body := get(t, handler, c.method, c.path); status != c.status || body != c.body {
				t.Errorf("got %d %q, want %d %q", status, body, c.status, c.body)
			}
		})
	}
}

func TestWhatIsLimitedIsSaidAndReady(t *testing.T) {
	var broken, limited error
	handler := NewHandler(Options{Gatherer: prometheus.NewRegistry(), Checks: []Check{
		{Name: "store", Ready: func(context.Context) error { return broken }, Limited: func() error { return limited }},
	}})
	for _, c := range []struct {
		name            string
		broken, limited error
		status          int
		body            string
	}{
		{"nothing is wrong", nil, nil, 200, "store: ok\n"},
		{"something does not work", nil, errors.New("no room"), 200, "store: ok, but no room\n"},
		{"nothing works", errors.New("disk gone"), errors.New("no room"), 503, "store: disk gone\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			broken, limited = c.broken, c.limited
			if status, body := get(t, handler, "GET", "/readyz"); status != c.status || body != c.body {
				t.Errorf("got %d %q, want %d %q", status, body, c.status, c.body)
			}
		})
	}
}

func TestMetricsAreBroughtUpToDateFirst(t *testing.T) {
	registry := prometheus.NewRegistry()
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "flushed"})
	registry.MustRegister(gauge,
		CacheCollector{func() []cache.Stats { return []cache.Stats{{Name: "tokens", Hits: 3, Loads: 2}} }},
		TokenCollector(func(context.Context) (map[string]int, error) { return map[string]int{"active": 5}, nil }))
	_, body := get(t, NewHandler(Options{Gatherer: registry, Flush: func() { gauge.Set(1) }}), "GET", "/metrics")
	for _, want := range []string{"flushed 1\n", `patgate_cache_hits_total{cache="tokens"} 3`, `patgate_cache_loads_total{cache="tokens"} 2`, `patgate_tokens{state="active"} 5`} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in\n%s", want, body)
		}
	}
}

func TestMetricsDoNotFailWithTheStore(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(TokenCollector(func(context.Context) (map[string]int, error) { return nil, errors.New("locked") }))
	status, body := get(t, NewHandler(Options{Gatherer: registry}), "GET", "/metrics")
	if status != 200 || strings.Contains(body, "patgate_tokens{") {
		t.Errorf("got %d\n%s", status, body)
	}
}

func TestBrief(t *testing.T) {
	asked, broken := 0, error(nil)
	handler := Brief([]Check{{Name: "store", Ready: func(context.Context) error { asked++; return broken }}})
	for range 3 {
		if status, body := get(t, handler, "GET", "/"); status != 200 || body != "ready\n" {
			t.Errorf("%d %q", status, body)
		}
	}
	if asked != 1 {
		t.Errorf("the store was asked %d times at once", asked)
	}
	broken = errors.New("dial tcp 10.1.2.3:5432: refused")
	time.Sleep(briefly)
	if status, body := get(t, handler, "GET", "/"); status != 503 || body != "not ready\n" || asked != 2 {
		t.Errorf("%d %q after %d", status, body, asked)
	}
	if status, body := get(t, handler, "POST", "/"); status != 405 || body != "" {
		t.Errorf("%d %q", status, body)
	}
	for _, graced := range []bool{true, false} { // a balancer that takes every node out would end what grace is for
		want := map[bool]int{true: 200, false: 503}[graced]
		handler := Brief([]Check{{Name: "store", Ready: func(context.Context) error { return broken },
			Graced: func() bool { return graced }}})
		if status, _ := get(t, handler, "GET", "/"); status != want {
			t.Errorf("graced %t: %d", graced, status)
		}
	}
}
