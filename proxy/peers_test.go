package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// seen is a request as an upstream got it.
type seen struct {
	method, target, host string
	header               http.Header
	body                 []byte
	length               int64
	chunked              bool
}

// echo is an upstream that notes what it got and answers 200 with a small JSON object.
type echo struct {
	*httptest.Server
	mu   sync.Mutex
	got  []seen
	then http.HandlerFunc
}

func newEcho(t testing.TB, then http.HandlerFunc) *echo {
	e := &echo{then: then}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		e.mu.Lock()
		if err == nil {
			e.got = append(e.got, seen{r.Method, r.RequestURI, r.Host, r.Header.Clone(), body, r.ContentLength, len(r.TransferEncoding) > 0})
		}
		e.mu.Unlock()
		if e.then != nil {
			e.then(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"ok":true}`)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *echo) requests() []seen {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]seen(nil), e.got...)
}

func (e *echo) last(t testing.TB) seen {
	t.Helper()
	got := e.requests()
	if len(got) == 0 {
		t.Fatal("the upstream was not called")
	}
	return got[len(got)-1]
}

// mustNotBeCalled is an upstream that fails the test when it is called.
func mustNotBeCalled(t testing.TB) string {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the upstream was called: %s %s", r.Method, r.RequestURI)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// received is what a client got.
type received struct {
	status int
	header http.Header
	body   string
}

// raw sends bytes over a connection of its own and reads one answer.
func (g *gateway) raw(t testing.TB, request string) received {
	t.Helper()
	c, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(strings.TrimLeft(request, "\r\n"), " ")
	a, _ := readAnswer(t, bufio.NewReader(c), method)
	return a
}

func readAnswer(t testing.TB, r *bufio.Reader, method string) (received, bool) {
	t.Helper()
	response, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("answer body: %v", err)
	}
	if bytes.Contains(body, []byte(ownerCredential)) || strings.Contains(fmt.Sprint(response.Header), ownerCredential) {
		t.Errorf("the answer holds the owner's credential")
	}
	return received{response.StatusCode, response.Header, string(body)}, response.Close
}

// get is a request line and a Host, with further header lines.
func get(target string, headers ...string) string { return request("GET", target, "", headers...) }

func request(method, target, body string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: patgate.test\r\n", method, target)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return b.String()
}

// wants fails the test unless the answer has the status and its body all of the texts.
func (a received) wants(t testing.TB, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d; body %s", a.status, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("the body has no %q: %s", text, a.body)
		}
	}
}

// bareUpstream is an upstream in which a function has every connection, the n-th from 0, in a goroutine of its own. It
// closes it. The URL is given.
func bareUpstream(t testing.TB, serve func(n int, c net.Conn)) string {
	t.Helper()
	return "http://" + accepting(t, nil, serve)
}

// secureUpstream is bareUpstream over TLS.
func secureUpstream(t testing.TB, config *tls.Config, serve func(n int, c net.Conn)) string {
	t.Helper()
	return "https://" + accepting(t, config, serve)
}

// accepting serves connections until the test ends, and gives its address. With a TLS configuration they are encrypted.
func accepting(t testing.TB, config *tls.Config, serve func(n int, c net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if config != nil {
				c = tls.Server(c, config)
			}
			go serve(n, c)
		}
	}()
	return ln.Addr().String()
}
