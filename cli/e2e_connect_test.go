package cli_test

import (
	"bufio"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// writePair writes a certificate for a name, signed by itself, and its key: NAME.crt and NAME.key.
func writePair(t *testing.T, dir, name, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{".crt": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY",
		Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name+file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// below puts the forge under a path, as a relative URL root does: beside it there is another application.
func below(t *testing.T, root string, forge http.Handler, seen func(*http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen(r)
		rest, is := strings.CutPrefix(r.RequestURI, root+"/")
		if !is {
			t.Errorf("the neighbour of the forge was asked %s", r.RequestURI)
			http.NotFound(w, r)
			return
		}
		r.RequestURI = "/" + rest
		r.URL.Path = strings.TrimPrefix(r.URL.Path, root)
		r.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, root)
		forge.ServeHTTP(w, r)
	})
}

// connectProxy is an HTTP proxy that wants a password, if authorization says so. It counts what it opened. names are addresses that
// lead elsewhere.
func connectProxy(t *testing.T, authorization string, opened *atomic.Int64, names map[string]string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	serve := func(conn net.Conn) {
		defer conn.Close()
		reader := bufio.NewReader(conn)
		request, err := http.ReadRequest(reader)
		if err != nil || request.Method != http.MethodConnect || request.Header.Get("Proxy-Authorization") != authorization {
			_, _ = io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
			return
		}
		to, err := net.Dial("tcp", cmp.Or(names[request.RequestURI], request.RequestURI))
		if err != nil {
			return
		}
		defer to.Close()
		opened.Add(1)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(to, reader) }()
		_, _ = io.Copy(conn, to)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return listener.Addr().String()
}

// TestTakingOverTheForgesName: patgate has the forge's name, and the forge lies under a path, listens elsewhere, wants a certificate,
// and is behind a proxy that wants a password. The gateway's two kinds of connections, its questions and its commands find it.
func TestTakingOverTheForgesName(t *testing.T) {
	const host, root = "git.example.test", "/gitlab"
	var opened, direct atomic.Int64
	var shown atomic.Value
	var dir string
	r := startRunningWith(t, func(w *world) []string {
		dir = t.TempDir()
		pair := writePair(t, dir, "forge", host)
		writePair(t, dir, "patgate", "patgate.test")
		writePair(t, dir, "next", "patgate.test")
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert},
			Handler: below(t, root, w.forge, func(r *http.Request) {
				shown.Store(r.TLS.PeerCertificates[0].Subject.CommonName)
				if r.Host != host || r.TLS.ServerName != host {
					t.Errorf("the forge is called %s, by TLS %s", r.Host, r.TLS.ServerName)
				}
			}),
			ConnState: func(_ net.Conn, s http.ConnState) {
				if s == http.StateNew {
					direct.Add(1)
				}
			},
		}
		go func() { _ = server.ServeTLS(listener, "", "") }()
		t.Cleanup(func() { _ = server.Close() })
		address := connectProxy(t, "Basic bWU6aHVudGVyMi1wcm94eQ==", &opened, nil)
		return []string{"PATGATE_UPSTREAM_URL=https://" + host + root, "PATGATE_UPSTREAM_CONNECT=" + listener.Addr().String(),
			"PATGATE_UPSTREAM_CA_FILE=" + filepath.Join(dir, "forge.crt"),
			"PATGATE_UPSTREAM_CLIENT_CERTIFICATE=" + filepath.Join(dir, "patgate.crt"),
			"PATGATE_UPSTREAM_CLIENT_KEY=" + filepath.Join(dir, "patgate.key"),
			"PATGATE_UPSTREAM_PROXY=http://me:hunter2-proxy@" + address, "PATGATE_PUBLIC_URL=https://" + host + root,
			"HTTPS_PROXY=http://127.0.0.1:1", "ALL_PROXY=http://127.0.0.1:1"}
	})
	r.secret("the proxy's password", "hunter2-proxy")
	token := r.mint(t, "--name", "t", "--project", "shop/my.web-site", "--allow", "read_work_item,download_code,push_code")
	path := fmt.Sprintf("/api/v4/projects/%d/issues", r.world.api)
	mine := "/api/v4/projects/shop%2Fmy.web-site/issues"
	for _, prefix := range []string{"", root} {
		if a := send("GET", r.gate+prefix+mine, map[string][]string{"Private-Token": {token}}, nil); a.status != 200 {
			t.Errorf("with %q in front, a patgate token got %d %s", prefix, a.status, a.body)
		}
		if a := send("GET", r.gate+prefix+path, map[string][]string{"Private-Token": {token}}, nil); a.status != 403 {
			t.Errorf("with %q in front, another project was answered %d", prefix, a.status)
		}
		a := send("GET", r.gate+prefix+path+"?per_page=20", map[string][]string{"Private-Token": {r.world.alicePAT}}, nil)
		if a.status != 200 {
			t.Errorf("with %q in front, a legacy token got %d %s", prefix, a.status, a.body)
		}
		a = send("GET", r.gate+prefix+"/-/patgate/api/tokens", map[string][]string{"Private-Token": {r.world.alicePAT}}, nil)
		if a.status != 200 {
			t.Errorf("with %q in front, patgate's own API answered %d %s", prefix, a.status, a.body)
		}
	}
	remote := exec.Command("patgate", "token", "list", "--server", r.gate+root)
	remote.Env, remote.Dir = append(r.env, "PATGATE_OWNER_CREDENTIAL="+r.world.alicePAT), r.dir
	if out, err := remote.CombinedOutput(); err != nil || !strings.Contains(string(out), "shop/my.web-site") &&
		!strings.Contains(string(out), "\tt\t") {
		t.Errorf("token list --server: %v\n%s", err, out)
	}
	if opened.Load() == 0 || direct.Load() > opened.Load() {
		t.Errorf("%d connections came to the forge, %d through the proxy", direct.Load(), opened.Load())
	}
	if got := shown.Load(); got != "patgate" {
		t.Errorf("the forge was shown the certificate of %v", got)
	}
	show := exec.Command("patgate", "config", "show")
	show.Env, show.Dir = r.env, r.dir
	if out, err := show.CombinedOutput(); err != nil || strings.Contains(string(out), "hunter2") ||
		!strings.Contains(string(out), "proxy: http://[masked]@127.0.0.1:") {
		t.Errorf("config show: %v\n%s", err, out)
	}

	// The certificate that is shown is read again on SIGHUP, and a wrong pair leaves the one before.
	rename := func(from, to string) {
		for _, end := range []string{".crt", ".key"} {
			if err := os.Rename(filepath.Join(dir, from+end), filepath.Join(dir, to+end)); err != nil {
				t.Fatal(err)
			}
		}
	}
	rename("next", "patgate")
	if err := r.server.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); shown.Load() != "next"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the forge is still shown the certificate of %v", shown.Load())
		}
		other := r.world.readOnlyPAT() // a connection of its own
		send("GET", r.gate+path, map[string][]string{"Private-Token": {other}}, nil)
	}
}

// TestAForgeThatRedirectsIsReported at the start and by token create, with what to write; a Unix socket that stands for a name is
// asked by that; a wrong pair, a broken proxy and nonsense are told in plain words.
func TestAForgeThatRedirectsIsReported(t *testing.T) {
	redirects, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://git.example.test"+r.RequestURI)
		w.WriteHeader(http.StatusMovedPermanently)
	})}
	go func() { _ = server.Serve(redirects) }()
	defer server.Close()
	const told = "set upstream.url: https://git.example.test;"
	r := startRunningWith(t, func(*world) []string {
		return []string{"PATGATE_UPSTREAM_URL=http://" + redirects.Addr().String(), "PATGATE_PUBLIC_URL=https://git.example.test"}
	})
	r.logs(t, told)
	if a := send("GET", r.gate+"/api/v4/projects", map[string][]string{"Private-Token": {r.world.alicePAT}}, nil); a.status != 502 ||
		!strings.Contains(a.body, "upstream.url") {
		t.Errorf("a client was answered %d %v %s", a.status, a.header, a.body)
	}
	run := func(settings []string, args ...string) string {
		cmd := exec.Command("patgate", args...)
		cmd.Env = append(append(r.env, "PATGATE_DATA_DIR="+filepath.Join(t.TempDir(), "data"), "PATGATE_LISTEN=127.0.0.1:0",
			"PATGATE_ADMIN_LISTEN=off", "PATGATE_OWNER_CREDENTIAL="+r.world.alicePAT), settings...)
		cmd.Dir = r.dir
		out, err := cmd.CombinedOutput()
		if err == nil {
			return "succeeded: " + string(out)
		}
		return string(out)
	}
	create := []string{"token", "create", "--name", "t", "--project", "shop/my.web-site", "--allow", "read_work_item"}
	if out := run(nil, create...); !strings.Contains(out, told) {
		t.Errorf("token create says\n%s", out)
	}
	for name, c := range map[string]struct{ location, says string }{ // HOST and TARGET are what the forge was asked
		"to https, under its own name": {"https://HOSTTARGET", "set upstream.url: https://HOST;"},
		"to another name":              {"http://other.example.testTARGET", "set upstream.url: http://other.example.test;"},
		"to a path":                    {"http://HOST/gitlabTARGET", "set upstream.url: http://HOST/gitlab;"},
		"to a login": {"https://login.example.test/sign-in?state=hunter2",
			"redirects to https://login.example.test/sign-in, where its API does not"},
	} {
		forge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", strings.NewReplacer("HOST", r.Host, "TARGET", r.RequestURI).Replace(c.location))
			w.WriteHeader(http.StatusFound)
		}))
		says := strings.ReplaceAll(c.says, "HOST", strings.TrimPrefix(forge.URL, "http://"))
		out := run([]string{"PATGATE_UPSTREAM_URL=" + forge.URL}, create...)
		if !strings.Contains(out, says) || strings.Contains(out, "hunter2") {
			t.Errorf("%s: token create does not say %q:\n%s", name, says, out)
		}
		forge.Close()
	}
	socket := filepath.Join(t.TempDir(), "forge.socket")
	at, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = r.world.server.Serve(at) }()
	local := []string{"PATGATE_UPSTREAM_URL=http://git.example.test", "PATGATE_UPSTREAM_CONNECT=unix:" + socket}
	if out := run(local, create...); !strings.HasPrefix(out, "succeeded: ") {
		t.Errorf("over a Unix socket, token create says\n%s", out)
	}
	dir := t.TempDir()
	writePair(t, dir, "one", "one.test")
	writePair(t, dir, "two", "two.test")
	secure := "PATGATE_UPSTREAM_URL=https://git.example.test"
	for _, c := range []struct {
		name     string
		settings []string
		args     []string
		want     string
	}{
		{"a certificate and a key that are no pair", []string{secure, "PATGATE_UPSTREAM_CLIENT_CERTIFICATE=" + dir + "/one.crt",
			"PATGATE_UPSTREAM_CLIENT_KEY=" + dir + "/two.key"}, []string{"serve"}, "private key does not match"},
		{"a certificate that is not there", []string{secure, "PATGATE_UPSTREAM_CLIENT_CERTIFICATE=" + dir + "/none.crt",
			"PATGATE_UPSTREAM_CLIENT_KEY=" + dir + "/two.key"}, create, "none.crt"},
		{"a proxy that is none", []string{secure, "PATGATE_UPSTREAM_PROXY=http://me:hunter2@" + redirects.Addr().String()}, create,
			"the proxy did not connect to git.example.test:443"},
		{"a proxy without a port", []string{secure, "PATGATE_UPSTREAM_PROXY=http://me:hunter2@proxy"}, []string{"config", "check"},
			`upstream.proxy: "[masked]": not an HTTP proxy`},
		{"a Unix socket through a proxy", append(local, "PATGATE_UPSTREAM_PROXY=http://me:hunter2@proxy:3128"),
			[]string{"config", "check"}, "has no use with a Unix socket"},
		{"where it listens, as an address", []string{secure, "PATGATE_UPSTREAM_CONNECT=https://10.0.0.1"}, []string{"config", "check"},
			"write host:port, such as 10.0.0.5:443, or unix:/path"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out := run(c.settings, c.args...); !strings.Contains(out, c.want) || strings.Contains(out, "hunter2") {
				t.Errorf("it says\n%s", out)
			}
		})
	}
}
