package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// front stands before the forge and misbehaves on job traces, by the number of the job.
type front struct {
	forge http.Handler
	do    map[string]func(net.Conn) // by the path's part between jobs/ and /trace
	sent  atomic.Int64              // bytes of endless answers
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, job, _ := strings.Cut(r.URL.Path, "/jobs/")
	do := f.do[strings.TrimSuffix(job, "/trace")]
	if do == nil {
		f.forge.ServeHTTP(w, r)
		return
	}
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer c.Close()
	do(c)
}

// endless writes the same text until the other side has enough.
func (f *front) endless(c net.Conn, text string) {
	piece := []byte(strings.Repeat(text, 1+(64<<10)/len(text)))
	for {
		n, err := c.Write(piece)
		f.sent.Add(int64(n))
		if err != nil {
			return
		}
	}
}

func silence(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// Threat: a forge, or what stands in its place, that answers without end, without sense or not at all takes patgate
// with it. Attack: each kind of such an answer to a hundred requests at once. Control: other requests to the same forge.
func TestAttackUpstream(t *testing.T) {
	f := &front{}
	f.do = map[string]func(net.Conn){
		"1": silence,
		"2": func(c net.Conn) { _, _ = io.WriteString(c, "\x16\x03\x01\x00\xff no HTTP at all\r\n\r\n") },
		"3": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			f.endless(c, "X-Endless: header\r\n")
		},
		"4": func(c net.Conn) { f.endless(c, "HTTP/1.1 103 Early Hints\r\n\r\n") },
		"5": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Slow: ")
			drip(c, 50*time.Millisecond)
		},
		"6": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
			silence(c)
		},
		"7": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n")
			f.endless(c, "x")
		},
	}
	g, traces := behindFront(t, f, "PATGATE_TIMEOUTS_UPSTREAM_RESPONSE=1s", "PATGATE_TIMEOUTS_UPSTREAM_STALL=1s")
	before := g.held(t)
	for _, c := range []struct {
		job, name string
		statuses  []int
	}{
		{"1", "no answer", []int{504}},
		{"2", "garbage", []int{502}},
		{"3", "an endless header", []int{502}},
		{"4", "endless answers in advance", []int{502}},
		{"5", "a header that drips", []int{504}},
		{"6", "a body that stops", []int{200, 0}},
		{"7", "a chunk that is too long for a number", []int{200, 502, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got statuses
			g.under(t, 2*cheap, func() { // a hundred headers of the forge's at once, and as much garbage again
				g.many(100, func(_ int, conn net.Conn) {
					_, _ = io.WriteString(conn, "GET "+traces+c.job+"/trace HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: "+g.token+"\r\n\r\n")
					got.read(bufio.NewReader(conn))
				})
			})
			got.only(t, c.statuses...)
		})
	}
	g.recovers(t, before)
}

// Threat: an answer that is larger than memory. Attack: ten gigabytes, of which ten clients take a part and then go, or
// stop reading. Nothing more than what they took, and what fits the sockets, is read from the forge.
func TestAttackEndlessAnswer(t *testing.T) {
	f := &front{}
	f.do = map[string]func(net.Conn){"1": func(c net.Conn) {
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 10<<30)
		f.endless(c, "0123456789abcdef")
	}}
	g, traces := behindFront(t, f, "PATGATE_TIMEOUTS_WRITE_STALL=1s")
	for _, c := range []struct {
		name  string
		taken int64
		stays bool
	}{{"clients that go", 64 << 20, false}, {"clients that stop reading", 8 << 20, true}} {
		t.Run(c.name, func(t *testing.T) {
			f.sent.Store(0)
			const clients = 10
			g.during(t, cheap, func() {
				g.many(clients, func(_ int, conn net.Conn) {
					_, _ = io.WriteString(conn, "GET "+traces+"1/trace HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: "+g.token+"\r\n\r\n")
					if n, err := io.CopyN(io.Discard, conn, c.taken); err != nil {
						t.Errorf("%d bytes arrived: %v", n, err)
					}
					if c.stays {
						time.Sleep(2 * time.Second)
					}
				})
			})
			sent := f.sent.Load()
			t.Logf("the forge sent %d MiB for %d MiB that were taken", sent>>20, clients*c.taken>>20)
			if most := clients * (c.taken + 32<<20); sent > most {
				t.Errorf("the forge sent %d MiB", sent>>20)
			}
		})
	}
}

// behindFront starts a gateway whose forge is behind f, with a token that may read jobs, and gives the path of traces.
func behindFront(t *testing.T, f *front, settings ...string) (g *target, traces string) {
	g = underAttackAt(t, func(w *world) []string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f.forge = w.forge
		server := &http.Server{Handler: f}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
		return append(settings, "PATGATE_UPSTREAM_URL=http://"+listener.Addr().String())
	})
	return g, fmt.Sprintf("/api/v4/projects/%d/jobs/", g.world.api)
}
