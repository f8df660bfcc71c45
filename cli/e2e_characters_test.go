package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Threat: a control character in a header value goes to the forge, because a request that comes in one piece is read by an event
// loop and not by the HTTP library.
// Attack: each of the thirty control characters that no value may hold, in headers that are sent on, from a client whose token and
// project are in the caches; in one piece, and in two.
// Control: the same request with a tab and bytes beyond ASCII in its place is served, before and after each attack.
func TestThreatControlCharacters(t *testing.T) {
	r := startRunningWith(t, func(*world) []string { return []string{"PATGATE_LIMITS_FAILED_CREDENTIALS=1000000"} })
	v := r.make(t, creation("reads", on(r.world.api, "read_project", "read_job")))
	path := fmt.Sprintf("/api/v4/projects/%d/jobs", r.world.api)
	send := func(t *testing.T, want int, pieces ...string) {
		t.Helper()
		c, err := net.Dial("tcp", strings.TrimPrefix(r.gate, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		before := len(r.world.forge.Requests())
		for i, p := range pieces {
			if i > 0 {
				time.Sleep(5 * time.Millisecond)
			}
			_, _ = io.WriteString(c, p)
		}
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(a.Body)
		if a.StatusCode != want || want == 400 && !strings.Contains(string(body), "malformed_request") {
			t.Errorf("status %d: %s", a.StatusCode, body)
		}
		if seen := len(r.world.forge.Requests()) - before; seen != 0 && want != 200 || seen == 0 && want == 200 {
			t.Errorf("the forge got %d requests", seen)
		}
	}
	for _, name := range []string{"Accept", "User-Agent", "If-None-Match"} {
		t.Run(name, func(t *testing.T) {
			head := func(value string) (begin, end string) {
				return "GET " + path + " HTTP/1.1\r\nHost: forge.test\r\nPRIVATE-TOKEN: " + v.Token + "\r\n" + name + ": a", value + "b\r\n\r\n"
			}
			send(t, 200, "GET "+path+" HTTP/1.1\r\nHost: forge.test\r\nPRIVATE-TOKEN: "+v.Token+"\r\n\r\n")
			for c := range byte(0x80) {
				if c == '\t' || c == '\n' || c == '\r' || c >= ' ' && c != 0x7f {
					continue
				}
				begin, end := head("\t\xe9")
				send(t, 200, begin+end)
				begin, end = head(string([]byte{c}))
				send(t, 400, begin+end)
				send(t, 400, begin, end)
			}
			begin, end := head("\t\xe9")
			send(t, 200, begin, end)
		})
	}
}
