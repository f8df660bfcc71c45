package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// checkTimeout bounds all readiness checks together.
const checkTimeout = 2 * time.Second

// Check is one thing that must hold before requests can be served. It must not ask the forge: else a forge that is down would
// take down patgate too, and patgate can say so better.
type Check struct {
	Name string
	// Ready gives nil, or what is wrong.
	Ready func(context.Context) error
	// Graced, when not nil, tells that requests are served for a while although the check does not hold. With ?grace=allow that
	// is enough.
	Graced func() bool
	// Limited, when not nil, tells what does not work although requests can be served. It is said, and the answer stays 200.
	Limited func() error
}

// Options configure the handler.
type Options struct {
	// Gatherer holds the metrics.
	Gatherer prometheus.Gatherer
	// Flush, when not nil, brings the metrics up to date before they are read.
	Flush func()
	// Checks are asked for readiness, in this order.
	Checks []Check
}

// NewHandler serves /metrics, /livez and /readyz, the latter two also by GitLab's names /-/liveness and /-/readiness.
// It has no authentication.
func NewHandler(options Options) http.Handler {
	metrics := promhttp.HandlerFor(options.Gatherer, promhttp.HandlerOpts{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if options.Flush != nil {
			options.Flush()
		}
		metrics.ServeHTTP(w, r)
	})
	for _, path := range []string{"/livez", "/-/liveness"} {
		mux.HandleFunc("GET "+path, live)
	}
	for _, path := range []string{"/readyz", "/-/readiness"} {
		mux.HandleFunc("GET "+path, options.ready)
	}
	mux.HandleFunc("GET /{$}", index)
	return mux
}

func index(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, "patgate\n\n/metrics  Prometheus metrics\n/livez    the process runs\n"+
		"/readyz   requests can be served; with ?grace=allow also while they are served without the store\n")
}

// live answers that the process runs and its scheduler with it.
func live(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") }

// ready answers 200 when every check holds, else 503 with the failed checks.
func (o Options) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	status := http.StatusOK
	var b strings.Builder
	allow := r.URL.Query().Get("grace") == "allow"
	for _, check := range o.Checks {
		if allow && check.Graced != nil && check.Graced() {
			fmt.Fprintf(&b, "%s: lost, in grace\n", check.Name)
			continue
		}
		if err := check.Ready(ctx); err != nil {
			status = http.StatusServiceUnavailable
			fmt.Fprintf(&b, "%s: %v\n", check.Name, err)
			continue
		}
		if check.Limited != nil {
			if err := check.Limited(); err != nil {
				fmt.Fprintf(&b, "%s: ok, but %v\n", check.Name, err)
				continue
			}
		}
		fmt.Fprintf(&b, "%s: ok\n", check.Name)
	}
	answer(w, status, b.String())
}

// briefly is for how long what the checks said is told again.
const briefly = 250 * time.Millisecond

// Brief answers 200 when every check holds, or is graced, else 503, and says nothing more, because anybody may ask it. The
// checks are made four times a second at most.
func Brief(checks []Check) http.Handler {
	var mu sync.Mutex
	var asked time.Time
	ready := false
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			answer(w, http.StatusMethodNotAllowed, "")
			return
		}
		mu.Lock()
		if asked.IsZero() || time.Since(asked) >= briefly {
			ready = allReady(r.Context(), checks)
			asked = time.Now()
		}
		said := ready
		mu.Unlock()
		if !said {
			answer(w, http.StatusServiceUnavailable, "not ready\n")
			return
		}
		answer(w, http.StatusOK, "ready\n")
	})
}

func allReady(ctx context.Context, checks []Check) bool {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	for _, check := range checks {
		if check.Ready(ctx) != nil && (check.Graced == nil || !check.Graced()) {
			return false
		}
	}
	return true
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}
