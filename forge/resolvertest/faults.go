package resolvertest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Faults stands between a resolver and a forge that cannot be made to fail itself: it counts, fails, hangs, garbles and
// slows down as a Fixture wants it.
type Faults struct {
	URL string

	mu    sync.Mutex
	asked int
	fault fault
}

// fault is what happens to every request; the zero value is nothing.
type fault struct {
	status int
	hang   bool
	garble bool
	delay  time.Duration
}

// NewFaults starts one in front of a forge; it ends with the test.
func NewFaults(t testing.TB, forge string) *Faults {
	t.Helper()
	target, err := url.Parse(forge)
	if err != nil {
		t.Fatal(err)
	}
	f := &Faults{}
	transport := &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 16}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, proxy) }))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		transport.CloseIdleConnections()
	})
	f.URL = server.URL
	return f
}

func (f *Faults) serve(w http.ResponseWriter, r *http.Request, forge http.Handler) {
	f.mu.Lock()
	f.asked++
	now := f.fault
	f.mu.Unlock()
	switch {
	case now.hang:
		<-r.Context().Done()
	case now.garble:
		_, _ = io.WriteString(w, "<html>maintenance</html>")
	case now.status != 0:
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(now.status)
	case now.delay > 0:
		// The forge has answered before the delay begins: what it says may be old by the time it is heard.
		answer := httptest.NewRecorder()
		forge.ServeHTTP(answer, r)
		time.Sleep(now.delay)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
		w.WriteHeader(answer.Code)
		_, _ = io.Copy(w, bytes.NewReader(answer.Body.Bytes()))
	default:
		forge.ServeHTTP(w, r)
	}
}

func (f *Faults) plant(planted fault) (undo func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = planted
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.fault = fault{}
	}
}

// Into gives a fixture its faults.
func (f *Faults) Into(fx *Fixture) {
	fx.Asked = func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.asked
	}
	fx.Fail = func(status int) func() { return f.plant(fault{status: status}) }
	fx.Hang = func() func() { return f.plant(fault{hang: true}) }
	fx.Garble = func() func() { return f.plant(fault{garble: true}) }
	fx.SlowDown = func(d time.Duration) func() { return f.plant(fault{delay: d}) }
}
