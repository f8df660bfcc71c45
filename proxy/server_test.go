package proxy

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"patgate/dial"
	"patgate/proxy/reply"
	"patgate/proxy/wire"
)

// Threat: a client that sends or reads slowly, or not at all, keeps a worker and a connection for itself.
// Attack: stop at every stage of a request.
// Control: a slow but steady upload that takes longer than every limit passes.
func TestThreatSlowClients(t *testing.T) {
	huge := strings.Repeat("x", 32<<20)
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "as=huge" {
			io.WriteString(w, huge)
		}
	})
	g := newGateway(t, upstream.URL, func(o *Options) {
		o.Timeouts = wire.Timeouts{ReadHeader: 200 * time.Millisecond, Idle: 200 * time.Millisecond, ReadStall: 200 * time.Millisecond,
			WriteStall: 200 * time.Millisecond}
	})
	dial := func(t *testing.T) net.Conn {
		c, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		return c
	}
	// ends fails unless the server ends the connection within two seconds.
	ends := func(t *testing.T, c net.Conn) string {
		start := time.Now()
		all, _ := io.ReadAll(c)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("the connection was held for %v", took)
		}
		return string(all)
	}
	const put = "PUT /api/v4/projects/7/packages/generic/p/1/f HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: %s\r\nContent-Length: %d\r\n\r\n"
	t.Run("nothing at all", func(t *testing.T) { ends(t, dial(t)) })
	t.Run("half a header", func(t *testing.T) {
		c := dial(t)
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost")
		if got := ends(t, c); !strings.Contains(got, " 408 ") {
			t.Errorf("answered %q", got)
		}
	})
	t.Run("a header byte by byte", func(t *testing.T) {
		c := dial(t)
		go func() {
			for range 100 {
				if _, err := io.WriteString(c, "G"); err != nil {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
		}()
		ends(t, c)
	})
	t.Run("no next request", func(t *testing.T) {
		c := dial(t)
		_, _ = io.WriteString(c, get(jobs, "PRIVATE-TOKEN: "+g.token))
		if got := ends(t, c); strings.Count(got, "HTTP/1.1") != 1 {
			t.Errorf("answered %q", got)
		}
	})
	t.Run("half a body", func(t *testing.T) {
		before := g.sink.count()
		c := dial(t)
		fmt.Fprintf(c, put, g.token, 100<<10)
		_, _ = io.WriteString(c, strings.Repeat("x", 50<<10))
		if got := ends(t, c); !strings.Contains(got, " 408 ") {
			t.Errorf("answered %q", got)
		}
		if e := g.sink.after(t, before); e.Failure != reply.FailureBody {
			t.Errorf("recorded %q", e.Failure)
		}
	})
	t.Run("an answer that nobody reads", func(t *testing.T) {
		before := g.sink.count()
		c := dial(t)
		_, _ = io.WriteString(c, get(trace+"?as=huge", "PRIVATE-TOKEN: "+g.token))
		if e := g.sink.after(t, before); e.Failure != reply.FailureClientGone || e.Duration > 3*time.Second {
			t.Errorf("recorded %q after %v", e.Failure, e.Duration)
		}
		if _, err := io.Copy(io.Discard, c); runtime.GOOS == "linux" && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the system kept the answer, which ended with %v", err)
		}
	})
	t.Run("control: slow and steady", func(t *testing.T) {
		c := dial(t)
		fmt.Fprintf(c, put, g.token, 120<<10)
		for range 12 {
			_, _ = io.WriteString(c, strings.Repeat("y", 10<<10))
			time.Sleep(80 * time.Millisecond)
		}
		a, _ := readAnswer(t, bufio.NewReader(c), "PUT")
		a.wants(t, 200)
	})
}

func TestUpstreamTimeouts(t *testing.T) {
	hang := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "as=half" {
			w.Header().Set("Content-Length", "100000")
			io.WriteString(w, strings.Repeat("x", 50000))
			w.(http.Flusher).Flush()
		}
		<-hang
	}))
	defer upstream.Close()
	defer close(hang)
	g := newGateway(t, upstream.URL, func(o *Options) {
		o.Timeouts.UpstreamResponse, o.Timeouts.UpstreamStall = 200*time.Millisecond, 200*time.Millisecond
	})
	t.Run("no answer", func(t *testing.T) {
		g.raw(t, get(jobs, "PRIVATE-TOKEN: "+g.token)).wants(t, 504, "upstream_timeout")
	})
	t.Run("half an answer", func(t *testing.T) {
		before := g.sink.count()
		c, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, get(trace+"?as=half", "PRIVATE-TOKEN: "+g.token))
		if e := g.sink.after(t, before); e.Failure != reply.FailureTimeout {
			t.Errorf("recorded %q", e.Failure)
		}
	})
	t.Run("all connections in use", func(t *testing.T) {
		busy := newGateway(t, upstream.URL, func(o *Options) { o.Upstream.Connections, o.Timeouts.UpstreamDial = 1, 100*time.Millisecond })
		go func() {
			if c, err := net.Dial("tcp", busy.address); err == nil {
				defer c.Close()
				_, _ = io.WriteString(c, get(jobs, "PRIVATE-TOKEN: "+busy.token))
				time.Sleep(time.Second)
			}
		}()
		time.Sleep(100 * time.Millisecond)
		busy.raw(t, get(jobs, "PRIVATE-TOKEN: "+busy.token)).wants(t, 503, "upstream_busy")
		// Legacy callers have connections of their own: this one gets as far as waiting for the forge.
		c, err := net.Dial("tcp", busy.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		_, _ = io.WriteString(c, get(jobs, "PRIVATE-TOKEN: glpat-x"))
		if n, _ := c.Read(make([]byte, 1)); n != 0 {
			t.Error("a legacy caller was refused")
		}
	})
}

func TestConnectionsPerClient(t *testing.T) {
	g := newGateway(t, mustNotBeCalled(t), func(o *Options) { o.Limits.ConnectionsPerClient = 2 })
	first, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	second, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	time.Sleep(50 * time.Millisecond)
	g.raw(t, "").wants(t, 429)
	_ = first.Close()
	time.Sleep(100 * time.Millisecond)
	g.raw(t, get(jobs)).wants(t, 401)

	t.Run("a trusted proxy speaks for many clients", func(t *testing.T) {
		g := newGateway(t, mustNotBeCalled(t), func(o *Options) {
			o.Limits.ConnectionsPerClient, o.TrustedProxies = 1, prefixes("127.0.0.1/32")
		})
		for range 3 {
			c, err := net.Dial("tcp", g.address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		g.raw(t, get(jobs)).wants(t, 401)
	})
}

// writeCertificate writes a new self-signed pair and gives its certificate.
func writeCertificate(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	writeFile(t, filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk}))
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// newCertificate gives a certificate "one" and the folder of its files.
func newCertificate(t *testing.T) (certificate *dial.Certificate, dir string) {
	t.Helper()
	dir = t.TempDir()
	writeCertificate(t, dir, "one")
	certificate, err := dial.LoadCertificate(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return certificate, dir
}

// serveTLS serves the gateway's handler on an encrypted address, which it gives.
func (g *gateway) serveTLS(t *testing.T, certificate *dial.Certificate) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(g.handler, testLog{t})
	go func() { _ = server.Serve(ln, certificate.ServerConfig()) }()
	t.Cleanup(func() { _ = server.Shutdown(context.Background()) })
	return ln.Addr().String()
}

func TestTLSWithReload(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	certificate, dir := newCertificate(t)
	address := g.serveTLS(t, certificate)
	served := func(t *testing.T) string {
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, get(jobs, "PRIVATE-TOKEN: "+g.token))
		a, _ := readAnswer(t, bufio.NewReader(c), "GET")
		a.wants(t, 200)
		if got := upstream.last(t).header.Get("X-Forwarded-Proto"); got != "https" {
			t.Errorf("X-Forwarded-Proto: %s", got)
		}
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	stop, reports := make(chan struct{}), make(chan error, 10)
	go certificate.Watch(10*time.Millisecond, nil, stop, func(err error) { reports <- err })
	defer close(stop)
	if got := served(t); got != "one" {
		t.Errorf("served %q", got)
	}
	t.Run("a broken pair leaves the last good one", func(t *testing.T) {
		writeFile(t, filepath.Join(dir, "cert.pem"), []byte("rubbish"))
		if err := <-reports; err == nil {
			t.Error("no error was reported")
		}
		if got := served(t); got != "one" {
			t.Errorf("served %q", got)
		}
	})
	t.Run("a new pair is served without a restart", func(t *testing.T) {
		writeCertificate(t, dir, "two")
		for range 100 {
			if err := <-reports; err == nil {
				break
			}
		}
		if got := served(t); got != "two" {
			t.Errorf("served %q", got)
		}
	})
	t.Run("a client that never shakes hands is let go", func(t *testing.T) {
		slow := newGateway(t, upstream.URL, func(o *Options) { o.Timeouts.ReadHeader = 100 * time.Millisecond })
		c, err := net.Dial("tcp", slow.serveTLS(t, certificate))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(3 * time.Second))
		if _, err := io.ReadAll(c); err != nil && os.IsTimeout(err) {
			t.Error("the connection was held")
		}
	})
}

func TestUpstreamTLSIsVerified(t *testing.T) {
	upstream := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "secure") }))
	defer upstream.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: upstream.Certificate().Raw}))
	t.Run("an unknown authority is refused", func(t *testing.T) {
		g := newGateway(t, upstream.URL, nil)
		g.raw(t, get(jobs, "PRIVATE-TOKEN: "+g.token)).wants(t, 502)
	})
	t.Run("the configured one is accepted", func(t *testing.T) {
		dialer, err := dial.New(dial.Options{URL: upstream.URL, CAFile: file})
		if err != nil {
			t.Fatal(err)
		}
		g := newGateway(t, upstream.URL, func(o *Options) { o.Upstream.Dialer = dialer })
		for range 2 {
			g.raw(t, get(jobs, "PRIVATE-TOKEN: "+g.token)).wants(t, 200, "secure")
		}
	})
	t.Run("a file without a certificate is an error", func(t *testing.T) {
		writeFile(t, file, []byte("none"))
		if _, err := dial.New(dial.Options{URL: upstream.URL, CAFile: file}); err == nil {
			t.Error("no error")
		}
	})
}

func TestShutdownDrains(t *testing.T) {
	release := make(chan struct{})
	upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("x", 64<<10))
		w.(http.Flusher).Flush()
		<-release
		io.WriteString(w, "end")
	})
	start := func(t *testing.T) (*gateway, *Server, net.Listener, net.Conn) {
		g := newGateway(t, upstream.URL, nil)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := NewServer(g.handler, testLog{t})
		go func() { _ = s.Serve(ln, nil) }()
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, get(trace, "PRIVATE-TOKEN: "+g.token))
		if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		return g, s, ln, c
	}
	t.Run("past the limit what runs is cut off", func(t *testing.T) {
		_, s, _, c := start(t)
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		if err := s.Shutdown(ctx); err == nil {
			t.Error("no error")
		}
		if all, _ := io.ReadAll(c); strings.HasSuffix(string(all), "0\r\n\r\n") {
			t.Error("the answer passed for a whole one")
		}
	})
	t.Run("what runs is served to its end, and nothing new begins", func(t *testing.T) {
		_, s, ln, c := start(t)
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(context.Background()) }()
		time.Sleep(150 * time.Millisecond)
		if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
			t.Error("a new connection was accepted")
		}
		close(release)
		all, _ := io.ReadAll(c)
		if !strings.Contains(string(all), "end\r\n0\r\n\r\n") {
			t.Errorf("the answer ends in %q", string(all)[len(all)-20:])
		}
		if err := <-done; err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
}

// served serves a gateway by a server of its own, and gives what connects to it.
func served(t *testing.T, g *gateway) (*Server, func() (net.Conn, *bufio.Reader)) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(g.handler, testLog{t})
	go func() { _ = s.Serve(ln, nil) }()
	return s, func() (net.Conn, *bufio.Reader) {
		t.Helper()
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		return c, bufio.NewReader(c)
	}
}

// TestLeaving: once a server leaves, each answer says that its connection ends, and it does: of what is under way in a loop, of what comes
// over a connection that is kept, and of a new one.
func TestLeaving(t *testing.T) {
	begun, release := make(chan struct{}, 1), make(chan struct{})
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.RawQuery, "slow") {
			begun <- struct{}{}
			<-release
		}
		_, _ = io.WriteString(w, "{}")
	})
	g := newGateway(t, upstream.URL, nil)
	s, dial := served(t, g)
	const path = "/api/v4/projects/7/jobs"
	ask := func(c net.Conn, query string) { _, _ = io.WriteString(c, get(path+query, "PRIVATE-TOKEN: "+g.token)) }
	ends := func(name string, r *bufio.Reader, want bool) {
		t.Helper()
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(answer.Body)
		if answer.StatusCode != http.StatusOK || answer.Close != want || err != nil || string(body) != "{}" {
			t.Errorf("%s: %d, close %t, %q %v", name, answer.StatusCode, answer.Close, body, err)
		}
		if _, err := r.ReadByte(); want && err != io.EOF {
			t.Errorf("%s: the connection stays open: %v", name, err)
		}
	}
	waiting, waitingAnswer := dial()
	kept, keptAnswer := dial()
	ask(kept, "")
	_, _ = keptAnswer.Peek(1)
	answer, err := http.ReadResponse(keptAnswer, nil)
	if err != nil || answer.Close {
		t.Fatalf("before: %v, %+v", err, answer)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	ask(waiting, "?slow=1")
	<-begun
	s.Leave()
	close(release)
	ends("what is under way", waitingAnswer, true)
	ask(kept, "")
	ends("a connection that is kept", keptAnswer, true)
	fresh, freshAnswer := dial()
	ask(fresh, "")
	ends("a new connection", freshAnswer, true)
	for _, c := range []net.Conn{waiting, kept, fresh} {
		_ = c.Close()
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestAFreshConnectionIsServed: whoever has just connected when the server ends is answered, and who sends nothing holds it up for a
// moment alone.
func TestAFreshConnectionIsServed(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })
	g := newGateway(t, upstream.URL, nil)
	s, dial := served(t, g)
	var both [2]net.Conn
	for i := range both {
		both[i], _ = dial()
	}
	for s.door.Looped() < 2 {
		time.Sleep(time.Millisecond)
	}
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.Context()) }()
	time.Sleep(100 * time.Millisecond)
	_, _ = io.WriteString(both[0], get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+g.token))
	answer, err := http.ReadResponse(bufio.NewReader(both[0]), nil)
	if err != nil || answer.StatusCode != http.StatusOK || !answer.Close {
		t.Fatalf("%v %+v", err, answer)
	}
	_ = both[0].Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := both[1].Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("who sent nothing: %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("empty options were accepted")
	}
	g := newGateway(t, mustNotBeCalled(t), nil)
	for _, origin := range []string{"gitlab.example.com", "ftp://x", "https://", "https://a/b/", "https://a//b", "https://a/../b",
		"https://a/%62",
		"https://a/b?c", "https://u:p@h"} {
		t.Run(origin, func(t *testing.T) {
			o := g.handler.options
			o.Upstream.URL = origin
			if _, err := New(o); err == nil {
				t.Error("accepted")
			}
		})
	}
}
