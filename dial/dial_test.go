package dial

import (
	"bufio"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// get asks a server over a dialer, by a name of its own.
func get(t *testing.T, o Options) (string, error) {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	transport := d.Transport()
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	res, err := client.Get(o.URL + "/x")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// names tells by which name it is asked, over what.
var names = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	sni := "plain"
	if r.TLS != nil {
		sni = r.TLS.ServerName
	}
	_, _ = io.WriteString(w, r.Host+" "+sni)
})

// example is the name that the certificates of httptest are for.
const example = "example.com"

// authoritiesOf writes the certificate of a server into a file.
func authoritiesOf(t *testing.T, s *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAServerIsReachedWhereItListensByTheNameThatItHas(t *testing.T) {
	plain, secure := httptest.NewServer(names), httptest.NewTLSServer(names)
	defer plain.Close()
	defer secure.Close()
	socket := filepath.Join(t.TempDir(), "forge.socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	overSocket := &http.Server{Handler: names}
	go func() { _ = overSocket.Serve(listener) }()
	defer overSocket.Close()
	at := func(s *httptest.Server) string { return s.Listener.Addr().String() }
	for _, c := range []struct {
		name string
		Options
		want string
	}{
		{"the host of its URL", Options{URL: plain.URL}, at(plain) + " plain"},
		{"another address", Options{URL: "http://gitlab.invalid", Connect: at(plain)}, "gitlab.invalid plain"},
		{"another address, with TLS", Options{URL: "https://" + example, Connect: at(secure), CAFile: authoritiesOf(t, secure)},
			example + " " + example},
		{"a Unix socket", Options{URL: "http://gitlab.invalid", Connect: "unix:" + socket}, "gitlab.invalid plain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := get(t, c.Options); err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
	t.Run("the name is that of the certificate", func(t *testing.T) {
		if got, err := get(t, Options{URL: "https://gitlab.invalid", Connect: at(secure), CAFile: authoritiesOf(t, secure)}); err == nil {
			t.Errorf("got %q from a server of another name", got)
		}
	})
}

// newProxy opens connections as an HTTP proxy does, or answers as it is told. It notes the heads that it got.
func newProxy(t *testing.T, answer string) (address string, heads chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	heads = make(chan string, 8)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				reader := bufio.NewReader(conn)
				request, err := http.ReadRequest(reader)
				if err != nil {
					return
				}
				heads <- request.Method + " " + request.RequestURI + " " + request.Header.Get("Proxy-Authorization")
				_, _ = io.WriteString(conn, answer)
				to, err := net.Dial("tcp", request.RequestURI)
				if err != nil {
					return
				}
				defer to.Close()
				go func() { _, _ = io.Copy(to, reader) }()
				_, _ = io.Copy(conn, to)
			}()
		}
	}()
	return listener.Addr().String(), heads
}

func TestAServerIsReachedThroughAProxy(t *testing.T) {
	secure := httptest.NewTLSServer(names)
	defer secure.Close()
	options := Options{URL: "https://" + example, Connect: secure.Listener.Addr().String(), CAFile: authoritiesOf(t, secure)}
	t.Run("one that opens the way", func(t *testing.T) {
		address, heads := newProxy(t, "HTTP/1.1 200 Connection established\r\nX-Any: thing\r\n\r\n")
		options.Proxy = Proxy{Host: address, Credential: func() string { return "me:secret" }}
		if got, err := get(t, options); err != nil || got != example+" "+example {
			t.Fatalf("got %q, %v", got, err)
		}
		if head, want := <-heads, "CONNECT "+options.Connect+" Basic bWU6c2VjcmV0"; head != want {
			t.Errorf("the proxy was asked %q, want %q", head, want)
		}
	})
	for name, answer := range map[string]string{
		"one that wants a password": "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
		"one that is no proxy":      "SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"one that goes on for ever": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxProxyAnswer),
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := newProxy(t, answer)
			options.Proxy = Proxy{Host: address, Credential: func() string { return "me:secret" }}
			_, err := get(t, options)
			if !errors.Is(err, ErrProxy) || strings.Contains(err.Error(), "secret") {
				t.Errorf("err = %v", err)
			}
		})
	}
	t.Run("one that says nothing", func(t *testing.T) {
		address, _ := newProxy(t, "")
		options.Proxy = Proxy{Host: address}
		d, err := New(options)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if _, err := d.Connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
	})
}
