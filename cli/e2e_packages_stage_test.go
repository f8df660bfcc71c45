package cli_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"patgate/forge/forgetest"
)

// packageStage is a running server with tokens for packages, which clients reach through a wire that keeps what they
// receive.
type packageStage struct {
	*running
	wire *wire
	home string
	// writer may read and create packages of shop/backend/api, reader only read them, stranger only its jobs.
	writer, reader, stranger string
}

func startPackages(t *testing.T) *packageStage {
	t.Helper()
	r := startRunning(t)
	s := &packageStage{running: r, wire: newWire(t, strings.TrimPrefix(r.gate, "http://")), home: t.TempDir()}
	of := func(name, permissions string) string {
		return r.mint(t, "--name", name, "--project", "shop/backend/api", "--allow", permissions)
	}
	s.writer, s.reader, s.stranger = of("publisher", "read_package,create_package"), of("installer", "read_package"), of("other job", "read_job")
	return s
}

// api gives the address below the project, for a client that is given a user and a password, or neither.
func (s *packageStage) api(path, user, password string) string {
	u := url.URL{Scheme: "http", Host: s.wire.address}
	if user != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String() + fmt.Sprintf("/api/v4/projects/%d/", s.world.api) + path
}

// client runs a program in a folder, with a home of its own and nothing of this machine's settings.
func (s *packageStage) client(dir string, env []string, program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.home, "NO_PROXY=*", "no_proxy=*", "LANG=C.UTF-8", "TMPDIR=" + s.home}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// works runs a client that must succeed, with its tracks looked at.
func (s *packageStage) works(t *testing.T, place, dir string, env []string, program string, args ...string) string {
	t.Helper()
	s.world.forge.ForgetRequests()
	out, err := s.client(dir, env, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s\nthe server's log:\n%s", program, strings.Join(args, " "), err, out, s.lastLines(6))
	}
	s.tracks(t, place)
	return out
}

// refused runs a client that must fail and show the texts; nothing that changes something may have reached the forge.
func (s *packageStage) refused(t *testing.T, texts []string, dir string, env []string, program string, args ...string) {
	t.Helper()
	s.world.forge.ForgetRequests()
	out, err := s.client(dir, env, program, args...)
	if err == nil {
		t.Fatalf("%s %s succeeded:\n%s", program, strings.Join(args, " "), out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("%s %s does not show %q:\n%s", program, strings.Join(args, " "), text, out)
		}
	}
	for _, r := range s.packageRequests() {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			t.Errorf("the forge was sent %s %s", r.Method, r.Target)
		}
	}
}

// packageRequests are those that the forge got for a client, not for patgate's own questions.
func (s *packageStage) packageRequests() []forgetest.Request {
	var out []forgetest.Request
	for _, r := range s.world.forge.Requests() {
		if strings.Contains(r.Target, "/packages/") || strings.HasSuffix(r.Target, "/packages/pypi") || strings.Contains(r.Target, "/terraform/state/") {
			out = append(out, r)
		}
	}
	return out
}

// tracks looks at what the forge got and at what clients received: the owner's credential in the place where the route
// wants it (by the forge's name; several with |) and nowhere else, no token of patgate, nothing past patgate, and on the
// way back neither the credential nor the forge's address.
func (s *packageStage) tracks(t *testing.T, place string) {
	t.Helper()
	requests := s.packageRequests()
	if len(requests) == 0 {
		t.Error("the forge got no request")
	}
	for _, r := range requests {
		if strings.Contains(r.Target+fmt.Sprint(r.Header)+string(r.Body), "patgate_") {
			t.Errorf("a token of patgate went on to the forge: %s %s", r.Method, r.Target)
		}
		if r.Header.Get("X-Forwarded-For") == "" {
			t.Errorf("a request went past patgate: %s %s", r.Method, r.Target)
		}
		if at := carried(r.Header); r.Credential != "token" && r.Credential != "" && (len(at) != 1 || !strings.Contains("|"+place+"|", "|"+r.Credential+"|") || r.User != "alice") {
			t.Errorf("%s %s: the credential is in %v, read as %s of %q, want %s", r.Method, r.Target, at, r.Credential, r.User, place)
		}
		if r.Credential == "" && place != "" && !strings.Contains(r.Target, "/nuget/index.json") && !strings.Contains(r.Target, "/nuget/v2") {
			t.Errorf("%s %s came without a credential: %d", r.Method, r.Target, r.Status)
		}
	}
	s.wire.free(t, map[string]string{"the owner's credential": s.world.alicePAT, "the forge's address": strings.TrimPrefix(s.world.url, "http://"),
		"the owner's credential in Basic": base64.StdEncoding.EncodeToString([]byte("alice:" + s.world.alicePAT))})
}

// carried lists the headers that hold a credential.
func carried(h http.Header) []string {
	var at []string
	for _, name := range []string{"Authorization", "Private-Token", "X-Nuget-Apikey", "Job-Token", "Deploy-Token"} {
		if h.Get(name) != "" {
			at = append(at, name)
		}
	}
	return at
}

// file writes a file below home and gives its path.
func (s *packageStage) file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(s.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// holds looks for a text in a file.
func holds(t *testing.T, path, text string) {
	t.Helper()
	if data, err := os.ReadFile(path); err != nil || !bytes.Contains(data, []byte(text)) {
		t.Errorf("%s: %v, %d bytes, without %q", path, err, len(data), text)
	}
}

// wire passes connections on to patgate and keeps what comes back.
type wire struct {
	address string
	mu      sync.Mutex
	back    bytes.Buffer
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w := &wire{address: l.Addr().String()}
	go w.serve(l, to)
	return w
}

func (w *wire) serve(l net.Listener, to string) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		go w.pass(client, to)
	}
}

func (w *wire) pass(client net.Conn, to string) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(io.MultiWriter(w, client), server)
}

// Write keeps what the server sent.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.back.Write(p)
}

// free makes sure that none of the texts came back, in letters or as a compressed body, and forgets what did.
func (w *wire) free(t *testing.T, texts map[string]string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.back.Len() == 0 {
		t.Error("nothing came back")
	}
	if bytes.Contains(bytes.ToLower(w.back.Bytes()), []byte("\r\ncontent-encoding: gzip")) {
		t.Error("an answer came back compressed, and cannot be searched")
	}
	for name, text := range texts {
		if i := bytes.Index(w.back.Bytes(), []byte(text)); i >= 0 {
			t.Errorf("%s came back: ...%s", name, w.back.Bytes()[max(0, i-200):min(w.back.Len(), i+80)])
		}
	}
	w.back.Reset()
}
