package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// secured is a gateway with TLS on both sides.
func secured(t testing.TB, serve func(int, net.Conn), configure func(*Options)) *gateway {
	t.Helper()
	server, trust, dialer := certified(t)
	url := secureUpstream(t, server, serve)
	g := newGatewayOver(t, server, url, func(o *Options) {
		o.Upstream.Dialer = dialer(url)
		if configure != nil {
			configure(o)
		}
	})
	g.trust = trust
	return g
}

// pages is an upstream that answers with the request's page, some answers in records of a byte or together with the end.
func pages(_ int, c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for n := 1; ; n++ {
		q, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		answer := ordinary(`{"page":"` + q.URL.Query().Get("page") + `"}` + strings.Repeat(" ", n%5*1500))
		for n%11 == 0 && len(answer) > 0 {
			_, _ = io.WriteString(c, answer[:1])
			answer = answer[1:]
		}
		_, _ = io.WriteString(c, answer)
		if n%29 == 0 {
			return
		}
	}
}

// Every client gets its own answer, and a loop serves the ordinary request of one that came over TLS, to a forge behind https.
func TestLoopsCarryTLS(t *testing.T) {
	sessions := &pathSessions{}
	g := secured(t, pages, func(o *Options) {
		sessions.Sessions, o.Sessions = o.Sessions, sessions
		o.Upstream.Connections = 8
	})
	var all sync.WaitGroup
	const clients, requests = 16, 100
	for k := range clients {
		all.Go(func() {
			c := g.connect(t)
			for i := range requests {
				page := fmt.Sprint(1000*k + i)
				request := get(jobs+"?page="+page, "PRIVATE-TOKEN: "+g.token)
				for cut := len(request) * (i % 7) / 7; cut > 0; cut = 0 { // mostly in two records
					_, _ = io.WriteString(c, request[:cut])
					request = request[cut:]
				}
				_, _ = io.WriteString(c, request)
				a, err := http.ReadResponse(c.r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(a.Body)
				if want := `{"page":"` + page + `"}`; err != nil || a.StatusCode != 200 || strings.TrimSpace(string(body)) != want {
					t.Errorf("%v, status %d: %.80q, want %s", err, a.StatusCode, body, want)
					return
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d look-ups in loops, %d by goroutines", sessions.loop.Load(), sessions.goroutine.Load())
	if sessions.loop.Load() < clients*requests/20 {
		t.Errorf("only %d requests were looked up in loops", sessions.loop.Load())
	}
}

// A connection that nobody says anything on costs a loop nothing, and ends like one in plain text.
func TestThreatSlowTLS(t *testing.T) {
	g := secured(t, pages, func(o *Options) {
		o.Timeouts.ReadHeader, o.Timeouts.Idle, o.Timeouts.WriteStall = 300*time.Millisecond, 700*time.Millisecond, 300*time.Millisecond
	})
	ask := get(jobs+"?page=1", "PRIVATE-TOKEN: "+g.token)
	ends := func(t *testing.T, c net.Conn, within time.Duration) {
		t.Helper()
		start := time.Now()
		_, _ = io.Copy(io.Discard, c)
		if took := time.Since(start); took > within {
			t.Errorf("it ended after %v", took)
		}
	}
	hello := func(t *testing.T) []byte {
		near, far := net.Pipe()
		go func() { _ = tls.Client(near, &tls.Config{InsecureSkipVerify: true}).Handshake() }()
		b := make([]byte, 4096)
		n, _ := far.Read(b)
		_, _ = near.Close(), far.Close()
		return b[:n]
	}
	for name, said := range map[string]func(*testing.T, net.Conn){
		"nothing":        func(*testing.T, net.Conn) {},
		"plain text":     func(_ *testing.T, c net.Conn) { _, _ = io.WriteString(c, ask) },
		"garbage":        func(_ *testing.T, c net.Conn) { _, _ = c.Write([]byte(strings.Repeat("\xff\x00\x80", 3000))) },
		"half a hello":   func(t *testing.T, c net.Conn) { h := hello(t); _, _ = c.Write(h[:len(h)/2]) },
		"a hello":        func(t *testing.T, c net.Conn) { _, _ = c.Write(hello(t)) },
		"a hello slowly": func(t *testing.T, c net.Conn) { slowly(c, hello(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", g.address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			said(t, c)
			ends(t, c, 3*time.Second)
		})
	}
	// below the TLS of a connection that has served a request in a loop
	served := func(t *testing.T, config *tls.Config) (*tls.Conn, *tap) {
		t.Helper()
		raw, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = raw.Close() })
		below := &tap{Conn: raw}
		config.RootCAs, config.ServerName = g.trust.RootCAs, "127.0.0.1"
		c := tls.Client(below, config)
		r := bufio.NewReader(c)
		for range 3 {
			time.Sleep(5 * time.Millisecond)
			_, _ = io.WriteString(c, ask)
			a, _ := readAnswer(t, r, "GET")
			a.wants(t, 200, `{"page":"1"}`)
		}
		return c, below
	}
	for version, config := range map[string]*tls.Config{"1.3": {}, "1.2": {MaxVersion: tls.VersionTLS12}} {
		for name, change := range map[string]func(record []byte) []byte{
			"half a record":      func(b []byte) []byte { return b[:len(b)/2] },
			"half a header":      func(b []byte) []byte { return b[:3] },
			"a changed record":   func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
			"a record too long":  func(b []byte) []byte { b[3], b[4] = 0xff, 0xff; return b },
			"a plain alert":      func([]byte) []byte { return []byte{21, 3, 3, 0, 2, 1, 0} },
			"a plain handshake":  func([]byte) []byte { return []byte{22, 3, 3, 0, 4, 1, 0, 0, 0} },
			"empty records":      func([]byte) []byte { return []byte(strings.Repeat("\x17\x03\x03\x00\x00", 1000)) },
			"a record of before": func(b []byte) []byte { return append(b, b...) },
		} {
			t.Run(name+" in TLS "+version, func(t *testing.T) {
				t.Parallel()
				c, below := served(t, config.Clone())
				below.change = change
				_, _ = io.WriteString(c, ask)
				ends(t, below.Conn, 3*time.Second)
			})
		}
	}
	t.Run("others are served meanwhile", func(t *testing.T) {
		c := g.connect(t)
		for range 50 {
			c.ask(ask).wants(t, 200, `{"page":"1"}`)
			time.Sleep(5 * time.Millisecond)
		}
	})
	t.Run("a record in pieces is read on", func(t *testing.T) {
		c, below := served(t, &tls.Config{})
		below.slow = true
		_, _ = io.WriteString(c, ask)
		a, _ := readAnswer(t, bufio.NewReader(c), "GET")
		a.wants(t, 200, `{"page":"1"}`)
	})
	t.Run("a client that says goodbye is answered", func(t *testing.T) {
		c, _ := served(t, &tls.Config{})
		_, _ = io.WriteString(c, ask)
		_ = c.CloseWrite()
		r := bufio.NewReader(c)
		a, _ := readAnswer(t, r, "GET")
		a.wants(t, 200, `{"page":"1"}`)
		if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("behind the answer: %v", err)
		}
	})
}

// tap changes what is written to a connection.
type tap struct {
	net.Conn
	change func([]byte) []byte
	slow   bool

	gathers bool // until send
	held    []byte
}

func (c *tap) send() {
	c.gathers = false
	_, _ = c.Conn.Write(c.held)
	c.held = nil
}

func (c *tap) Write(p []byte) (int, error) {
	if c.change != nil {
		_, _ = c.Conn.Write(c.change(append([]byte(nil), p...)))
		return len(p), nil
	}
	if c.gathers {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	if c.slow {
		slowly(c.Conn, p)
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// slowly writes byte by byte, for as long as the other side takes it.
func slowly(c net.Conn, p []byte) {
	for i := range p {
		if _, err := c.Write(p[i : i+1]); err != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// An answer to nothing is in no later answer, in whatever record it comes.
func TestThreatAnswersToNothingOverTLS(t *testing.T) {
	stray := ordinary(`"stray"`)
	for name, behind := range map[string]struct{ with, after string }{
		"in the record of the answer": {with: stray},
		"in the next record":          {after: stray},
		"a part of it":                {after: stray[:20]},
	} {
		for _, length := range []int{10, 5000, 40 << 10} {
			t.Run(fmt.Sprintf("%s, %d bytes", name, length), func(t *testing.T) {
				server, trust, dialer := certified(t)
				upstream := "https://" + accepting(t, nil, func(_ int, raw net.Conn) {
					below := &tap{Conn: raw}
					c := tls.Server(below, server)
					defer c.Close()
					r := bufio.NewReader(c)
					for {
						q, err := http.ReadRequest(r)
						if err != nil {
							return
						}
						with, after := behind.with, behind.after
						if !q.URL.Query().Has("page") {
							with, after = "", ""
						}
						below.gathers = true // all comes together
						_, _ = io.WriteString(c, ordinary(strings.Repeat("x", length))+with)
						_, _ = io.WriteString(c, after)
						below.send()
					}
				})
				g := newGatewayOver(t, server, upstream, func(o *Options) { o.Upstream.Dialer = dialer(upstream) })
				g.trust = trust
				c := g.connect(t)
				auth := "PRIVATE-TOKEN: " + g.token
				for i := range 40 {
					target := jobs
					if i%2 == 1 {
						target += "?page=1"
					}
					a := c.ask(get(target, auth))
					if strings.Contains(a.body, "stray") || a.status != 200 || len(a.body) != length {
						t.Fatalf("request %d: status %d, %d bytes", i, a.status, len(a.body))
					}
				}
			})
		}
	}
}

// A request that a loop serves allocates nothing in plain text. Over TLS crypto/tls allocates a reader of some bytes for each
// record that it reads: the loop reads two, and the client and the upstream of this test as many.
func TestLoopsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector pools forget at random")
	}
	answer := []byte(ordinary(strings.Repeat("x", 1000)))
	upstream := func(_ int, c net.Conn) {
		defer c.Close()
		b := make([]byte, 4096)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			_, _ = c.Write(answer)
		}
	}
	quiet := func(o *Options) { o.Audit, o.Resolver = noSink{}, keptResolver{} }
	measure := func(t *testing.T, g *gateway, most float64) {
		c := g.connect(t)
		request := []byte(get(jobs+"?per_page=20", "PRIVATE-TOKEN: "+g.token, "User-Agent: x", "Accept: */*"))
		in := make([]byte, 16<<10)
		exchange := func() {
			_, _ = c.Conn.Write(request)
			for n := 0; !bytes.HasSuffix(in[:n], []byte("xx")); {
				m, err := c.Conn.Read(in[n:])
				if err != nil {
					t.Fatal(err)
				}
				n += m
			}
		}
		for range 200 {
			exchange()
		}
		got := testing.AllocsPerRun(500, exchange)
		if t.Logf("%v allocations", got); got > most {
			t.Errorf("%v allocations, more than %v", got, most)
		}
	}
	t.Run("plain", func(t *testing.T) { measure(t, newGateway(t, bareUpstream(t, upstream), quiet), 0) })
	t.Run("TLS", func(t *testing.T) { measure(t, secured(t, upstream, quiet), 4) })
}

// keptResolver has a container at hand.
type keptResolver struct{ plainResolver }

func (keptResolver) Known(*token.Session, routes.Reference, time.Duration, time.Time) *policy.Container {
	return &granted
}

// Keys that a client has changed, also in the middle, are taken by loops. crypto/tls cannot ask for that, openssl can.
func TestLoopsTakeKeyUpdates(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not here (apt-get install openssl)")
	}
	sessions := &pathSessions{}
	g := secured(t, pages, func(o *Options) { sessions.Sessions, o.Sessions = o.Sessions, sessions })
	cmd := exec.CommandContext(t.Context(), openssl, "s_client", "-connect", g.address, "-tls1_3", "-crlf")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = cmd.Wait() }()
	r := bufio.NewReader(out)
	until := func(end string) {
		for line := ""; !strings.HasSuffix(line, end); {
			if line, err = r.ReadString('\n'); err != nil {
				t.Fatalf("waiting for %q: %v", end, err)
			}
		}
	}
	ask := strings.ReplaceAll(get(jobs+"?page=1", "PRIVATE-TOKEN: "+g.token), "\r\n", "\n")
	for i := range 20 {
		if i%2 == 1 {
			_, _ = io.WriteString(in, "K\n") // new keys of both sides
			until("KEYUPDATE\n")
		}
		_, _ = io.WriteString(in, ask)
		until("HTTP/1.1 200 OK\r\n")
	}
	if sessions.loop.Load() == 0 {
		t.Error("no request was looked up in a loop")
	}
}
