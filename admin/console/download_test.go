package console_test

import (
	"bufio"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"patgate/forge/forgetest"
)

// stored is how many tokens are downloaded: much more than connections hold that nobody reads from.
const stored = 20_000

// start begins a download of everybody's tokens and reads its first lines.
func (v *visitor) start(t *testing.T, path string) *bufio.Reader {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.w.origin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := v.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	body := bufio.NewReader(response.Body)
	for range 3 {
		if _, err := body.ReadString('\n'); err != nil {
			t.Fatalf("%s: %d, %v", path, response.StatusCode, err)
		}
	}
	return body
}

// heap is what is in use in memory, after what is not has been given up.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A download takes a piece of memory and not the list: 20,000 tokens take more than 20 MiB. It comes whole, and ends with the session.
func TestDownloads(t *testing.T) {
	if testing.Short() {
		t.Skip("it fills a store with 20,000 tokens, and measures memory")
	}
	const mostGrown = 6 << 20
	w := newWorld(t, nil)
	fillScale(t, w.store, w.upstream.URL, stored, time.Now())
	pat := w.forge.AddToken(w.root, forgetest.Token{})
	for _, format := range []string{"csv", "json"} {
		root := w.signedIn(t, pat)
		before := heap()
		body := root.start(t, "/everyone."+format+"?state=any")
		lines := 3
		for ; lines < stored/2; lines++ {
			if _, err := body.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		grown := heap() - before
		for range 20 { // what the server gave up while it was measured is gone when it waits for its reader
			if grown > mostGrown {
				time.Sleep(100 * time.Millisecond)
				grown = heap() - before
			}
		}
		t.Logf("%s: %d KiB in the middle", format, grown>>10)
		if grown > mostGrown {
			t.Errorf("%s takes %d KiB in the middle", format, grown>>10)
		}
		rest, err := io.ReadAll(body)
		if lines += strings.Count(string(rest), "\n"); err != nil || lines < stored || lines > stored+2 {
			t.Errorf("%s has %d lines, %v", format, lines, err)
		}
		t.Run("signed out, "+format, func(t *testing.T) {
			body := root.start(t, "/everyone."+format+"?state=any")
			root.post(t, "/sign-out", root.get(t, "/tokens").fill(nil)).wants(t, http.StatusOK, "Sign in")
			rest, err := io.ReadAll(body)
			if lines := strings.Count(string(rest), "\n"); err == nil || lines > stored*9/10 {
				t.Errorf("it went on for %d lines, %v", lines, err)
			}
		})
	}
}
