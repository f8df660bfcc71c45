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
	"sync/atomic"
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
	head := answer[:len(answer)-1000]
	upstream := func(_ int, c net.Conn) {
		defer c.Close()
		b := make([]byte, 4096)
		for {
			n, err := c.Read(b)
			switch {
			case err != nil:
				return
			case bytes.HasPrefix(b[:n], []byte("HEAD")):
				_, _ = c.Write(head)
			case bytes.HasSuffix(b[:n], []byte("}\n")) || !bytes.HasPrefix(b[:n], []byte("POST")): // the body may come behind its head
				_, _ = c.Write(answer)
			}
		}
	}
	quiet := func(o *Options) { o.Audit, o.Resolver = noSink{}, keptResolver{} }
	measure := func(t *testing.T, g *gateway, method, target, body string, most float64) {
		c := g.connect(t)
		fields := []string{"PRIVATE-TOKEN: " + g.token, "User-Agent: x", "Accept: */*"}
		if body != "" {
			fields = append(fields, "Content-Type: application/json")
		}
		out, end := []byte(request(method, target, body, fields...)), []byte("xx")
		if method == "HEAD" {
			end = []byte("\r\n\r\n")
		}
		in := make([]byte, 16<<10)
		exchange := func() {
			_, _ = c.Conn.Write(out)
			for n := 0; !bytes.HasSuffix(in[:n], end); {
				m, err := c.Conn.Read(in[n:])
				if err != nil {
					t.Fatalf("%v after %q", err, in[:n])
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
	text := `{"title":"` + strings.Repeat("t", 900) + `","labels":["a","b"],"weight":3}`
	for name, c := range map[string]struct{ method, target, body string }{
		"GET":  {"GET", jobs + "?per_page=20", ""},
		"HEAD": {"HEAD", jobs + "?per_page=20", ""},
		"POST": {"POST", issues, text},
	} {
		t.Run(name+" in plain text", func(t *testing.T) {
			measure(t, newGateway(t, bareUpstream(t, upstream), quiet), c.method, c.target, c.body, 0)
		})
		t.Run(name+" over TLS", func(t *testing.T) { measure(t, secured(t, upstream, quiet), c.method, c.target, c.body, 4) })
	}
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

// An answer that ends with its connection is passed on as a whole one only when the forge says goodbye: anybody on the way can end
// a connection.
func TestThreatCutAnswersOverTLS(t *testing.T) {
	long := strings.Repeat("x", 60000)
	for name, c := range map[string]struct {
		answer string
		ends   bool // it is whole, when it ends with a goodbye
	}{
		"until the end":        {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + long, true},
		"until the end, short": {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", true},
		"chunks":               {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" + long[:0x1000] + "\r\n", false},
		"a length":             {"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + long, false},
		"a short length":       {"HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\n{}", false},
		"half a head":          {"HTTP/1.1 200 OK\r\nContent-Le", false},
	} {
		for _, goodbye := range []bool{false, true} {
			for _, loops := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, goodbye %v, loops %v", name, goodbye, loops), func(t *testing.T) {
					server, trust, dialer := certified(t)
					upstream := "https://" + accepting(t, nil, func(_ int, below net.Conn) {
						defer below.Close()
						forge := tls.Server(below, server)
						if _, err := http.ReadRequest(bufio.NewReader(forge)); err != nil {
							return
						}
						_, _ = io.WriteString(forge, c.answer)
						time.Sleep(10 * time.Millisecond)
						if goodbye {
							_ = forge.CloseWrite()
						}
					})
					g := newGatewayOver(t, server, upstream, func(o *Options) {
						o.Upstream.Dialer, o.withoutLoops = dialer(upstream), !loops
					})
					g.trust = trust
					for _, secret := range []string{g.token, "glpat-x"} {
						client := g.connect(t)
						_, _ = io.WriteString(client, get(jobs, "PRIVATE-TOKEN: "+secret))
						whole := false
						if a, err := http.ReadResponse(client.r, nil); err == nil {
							_, err = io.ReadAll(a.Body)
							whole = err == nil && a.StatusCode == 200
						}
						if whole != (c.ends && goodbye) {
							t.Errorf("a whole answer: %v", whole)
						}
					}
				})
			}
		}
	}
}

// A client of HTTP/1.0, which reads to the end of the connection, is told by TLS whether that is the end of the answer.
func TestThreatCutAnswersToOldClientsOverTLS(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
	for _, loops := range []bool{false, true} {
		for end, whole := range map[string]bool{"": false, "0\r\n\r\n": true} {
			t.Run(fmt.Sprintf("loops %v, whole %v", loops, whole), func(t *testing.T) {
				g := secured(t, func(_ int, c net.Conn) {
					defer c.Close()
					if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
						_, _ = io.WriteString(c, head+end)
					}
				}, func(o *Options) { o.withoutLoops = !loops })
				raw, err := net.Dial("tcp", g.address)
				if err != nil {
					t.Fatal(err)
				}
				defer raw.Close()
				_ = raw.SetDeadline(time.Now().Add(20 * time.Second))
				c := tls.Client(strict{raw}, &tls.Config{RootCAs: g.trust.RootCAs, ServerName: "127.0.0.1"})
				_, _ = io.WriteString(c, strings.Replace(get(jobs, "PRIVATE-TOKEN: "+g.token), "HTTP/1.1", "HTTP/1.0", 1))
				got, err := io.ReadAll(c)
				if !strings.HasSuffix(string(got), "\r\n\r\nhello") || (err == nil) != whole {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
	}
}

// strict is a connection whose end is an error below TLS.
type strict struct{ net.Conn }

func (c strict) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrClosedPipe
	}
	return n, err
}

// Uploads take a connection again: the tickets that come while the first one is sent are no answer to it.
func TestUploadsTakeTheConnectionAgainOverTLS(t *testing.T) {
	var connections atomic.Int32
	g := secured(t, func(_ int, c net.Conn) {
		defer c.Close()
		connections.Add(1)
		for r := bufio.NewReader(c); ; {
			q, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, q.Body)
			_, _ = io.WriteString(c, ordinary(`{}`))
		}
	}, nil)
	c := g.connect(t)
	for range 10 {
		c.ask(request("POST", "/api/v4/projects/7/labels", strings.Repeat("x", 40000), "PRIVATE-TOKEN: glpat-x",
			"Content-Type: application/octet-stream")).wants(t, 200, `{}`)
	}
	if n := connections.Load(); n > 2 {
		t.Errorf("10 uploads took %d connections", n)
	}
}

// An answer to an upload that comes before its end is the answer, all of it, and ends the connection.
func TestEarlyAnswersOverTLS(t *testing.T) {
	var connections atomic.Int32
	g := secured(t, func(n int, c net.Conn) {
		defer c.Close()
		connections.Add(1)
		for r := bufio.NewReader(c); ; {
			q, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.ReadFull(q.Body, make([]byte, 10))
			_, _ = io.WriteString(c, ordinary(fmt.Sprintf(`{"on":%d}`, n)))
			_, _ = io.Copy(io.Discard, q.Body)
		}
	}, nil)
	for i := range 4 {
		c := g.connect(t)
		whole := request("POST", "/api/v4/projects/7/labels", strings.Repeat("x", 40000), "PRIVATE-TOKEN: glpat-x",
			"Content-Type: application/octet-stream")
		_, _ = io.WriteString(c, whole[:len(whole)-10])
		time.Sleep(50 * time.Millisecond) // the answer is there when the last bytes are sent
		c.ask(whole[len(whole)-10:]).wants(t, 200, fmt.Sprintf(`{"on":%d}`, i))
	}
	if n := connections.Load(); n != 4 {
		t.Errorf("4 early answers came on %d connections", n)
	}
}

// Requests are told apart wherever a record ends, also when it holds the end of one and the beginning of another, and whether the
// records come together or one after the other.
func TestThreatRequestsInRecords(t *testing.T) {
	g := secured(t, pages, nil)
	raw, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(time.Minute))
	below := &tap{Conn: raw}
	c := tls.Client(below, &tls.Config{RootCAs: g.trust.RootCAs, ServerName: "127.0.0.1"})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	all := ""
	var cuts []int
	for page := range 3 {
		all += get(jobs+fmt.Sprintf("?page=%d", page), "PRIVATE-TOKEN: "+g.token)
		cuts = append(cuts, len(all), len(all)-1)
	}
	for cut := 1; cut < len(all); cut += 7 {
		cuts = append(cuts, cut)
	}
	for range 10 { // when a loop has the connection
		cuts = append(cuts, len(all)/3)
	}
	for i, cut := range cuts {
		for _, together := range []bool{true, false} {
			if i >= len(cuts)-10 {
				time.Sleep(5 * time.Millisecond)
			}
			below.gathers = together
			_, _ = io.WriteString(c, all[:cut])
			if !together {
				time.Sleep(time.Millisecond)
			}
			_, _ = io.WriteString(c, all[cut:])
			if together {
				below.send()
			}
			for page := range 3 {
				a, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatalf("cut at %d: %v", cut, err)
				}
				body, _ := io.ReadAll(a.Body)
				if want := fmt.Sprintf(`{"page":"%d"}`, page); strings.TrimSpace(string(body)) != want {
					t.Fatalf("cut at %d: %.80q, want %s", cut, body, want)
				}
			}
		}
	}
}
