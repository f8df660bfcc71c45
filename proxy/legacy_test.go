package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patgate/audit"
	"patgate/proxy/legacy"
)

func TestLegacyIsTransparent(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	const legacy = "PRIVATE-TOKEN: glpat-legacy"
	targets := []string{
		"/api/v4//projects/a%2fb/jobs?x=%41&&y;z&private_token=p", "/api/v4/projects/1/repository/files/a%2Eb/raw?ref=%20",
		"/g/p.git/info/refs?service=git-upload-pack",
		"/v2/", "/x/..%2fy?#", "/a//b/./c", "//api/v4/user", "/api/graphql?query={x}",
	}
	for _, target := range targets {
		t.Run("target "+target, func(t *testing.T) {
			g.raw(t, get(target, legacy)).wants(t, 200)
			if got := upstream.last(t).target; got != target {
				t.Errorf("the upstream got %s", got)
			}
		})
	}
	t.Run("body, headers and framing", func(t *testing.T) {
		body := "{ \"a\" : 1, \"a\" : 2 }"
		g.raw(t, "PUT /api/v4/x HTTP/1.1\r\nHost: h\r\n"+legacy+"\r\nX-Custom: 1\r\nX-Custom: 2\r\nSudo: root\r\nContent-Type: application/weird\r\nContent-Encoding: gzip\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"+
			fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)).wants(t, 200)
		got := upstream.last(t)
		if string(got.body) != body || !got.chunked {
			t.Errorf("body %q, chunked %v", got.body, got.chunked)
		}
		for name, want := range map[string]string{"X-Custom": "[1 2]", "Sudo": "[root]", "Content-Type": "[application/weird]",
			"Content-Encoding": "[gzip]",
			"Private-Token":    "[glpat-legacy]", "X-Hop": "[]", "Te": "[]", "Connection": "[]"} {
			if v := fmt.Sprint(got.header[name]); v != want {
				t.Errorf("%s: %s, want %s", name, v, want)
			}
		}
		if e := g.sink.last(t); e.Credential != audit.CredentialLegacy || e.TokenID != 0 {
			t.Errorf("recorded %+v", e)
		}
	})
}

func TestModesOfOtherCallers(t *testing.T) {
	upstream := newEcho(t, nil)
	const credential, form = "PRIVATE-TOKEN: glpat-x", "Content-Type: application/x-www-form-urlencoded"
	const session, parts = "Cookie: _gitlab_session=x", "Content-Type: multipart/form-data; boundary=b"
	long := strings.Repeat("0123456789abcdef", 1<<17) // of 2 MiB
	part := func(name, text string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"x\"\r\n\r\n" + text + "\r\n--b--\r\n"
	}
	cases := []struct {
		name                   string
		legacy, anonymous, web legacy.Mode
		request                string
		status                 int
		challenge              string
	}{
		{"legacy allowed", legacy.Allow, legacy.Deny, legacy.Deny, get("/api/v4/user", credential), 200, ""},
		{"legacy by a query parameter", legacy.Deny, legacy.Allow, legacy.Deny, get("/api/v4/user?private_token=glpat-x"), 403, ""},
		{"legacy denied", legacy.Deny, legacy.Allow, legacy.Allow, get("/api/v4/user", credential), 403, ""},
		{"read only: a read", legacy.ReadOnly, legacy.Deny, legacy.Deny, get("/api/v4/user", credential), 200, ""},
		{"read only: a write", legacy.ReadOnly, legacy.Deny, legacy.Deny, request("POST", "/api/v4/x", "", credential), 403, ""},
		{"read only: a fetch", legacy.ReadOnly, legacy.Deny, legacy.Deny, request("POST", "/g/p.git/git-upload-pack", "", credential),
			200, ""},
		{"read only: a page that ends as a fetch does", legacy.Deny, legacy.Deny, legacy.ReadOnly,
			request("POST", "/g/p/-/create/main/x.git/git-upload-pack", "", "Cookie: _gitlab_session=x"), 403, ""},
		{"read only: the same below an organization", legacy.Deny, legacy.Deny, legacy.ReadOnly,
			request("POST", "/o/one/g/p/-/create/main/x.git/git-upload-pack", "", "Cookie: _gitlab_session=x"), 403, ""},
		{"read only: a fetch below an organization", legacy.ReadOnly, legacy.Deny, legacy.Deny,
			request("POST", "/o/one/g/p.git/git-upload-pack", "", credential), 200, ""},
		{"read only: a fetch of a design repository", legacy.ReadOnly, legacy.Deny, legacy.Deny,
			request("POST", "/g/p.design.git/git-upload-pack", "", credential), 200, ""},
		{"read only: a push", legacy.ReadOnly, legacy.Deny, legacy.Deny, request("POST", "/g/p.git/git-receive-pack", "", credential),
			403, ""},
		{"read only: the first step of a push", legacy.ReadOnly, legacy.Deny, legacy.Deny,
			get("/g/p.git/info/refs?service=git-receive-pack", credential), 403, ""},
		{"read only: the same, encoded", legacy.ReadOnly, legacy.Deny, legacy.Deny, get("/g/p.git/info/refs?service=git%2Dreceive-pack",
			credential), 403, ""},
		{"read only: a token to push with", legacy.ReadOnly, legacy.Deny, legacy.Deny,
			get("/jwt/auth?service=container_registry&scope=repository:a/b:pull,push", credential), 403, ""},
		{"read only: a token for Conan", legacy.ReadOnly, legacy.Deny, legacy.Deny,
			get("/api/v4/projects/7/packages/conan/v1/users/authenticate", credential), 403, ""},
		{"read only: that token, encoded", legacy.ReadOnly, legacy.Deny, legacy.Deny,
			get("/api/v4/projects/7/packages/conan/v1/users/%61uthenticate", credential), 403, ""},
		{"read only: that token, on a page", legacy.Deny, legacy.Deny, legacy.ReadOnly,
			get("/%61pi/v4/packages/conan/v1/users/authenticate", "Cookie: _gitlab_session=x"), 403, ""},
		{"read only: a GraphQL mutation", legacy.ReadOnly, legacy.Deny, legacy.Deny, request("POST", "/api/graphql", "{}", credential),
			403, ""},
		{"read only: a file called like a fetch", legacy.ReadOnly, legacy.Deny, legacy.Deny, request("POST",
			"//api/v4/projects/1/repository/files/git-upload-pack", "{}", credential), 403, ""},
		{"read only: a fetch below an organization", legacy.ReadOnly, legacy.Deny, legacy.Deny,
			request("POST", "/o/org/g/p.git/git-upload-pack", "", credential), 200, ""},
		{"read only: a token to push with, doubled slash", legacy.ReadOnly, legacy.Deny, legacy.Deny,
			get("//jwt//auth?service=container_registry&scope=repository:a/b:pull,push", credential), 403, ""},
		{"read only: a token to push with, below an organization", legacy.ReadOnly, legacy.Deny, legacy.Deny,
			get("/o/org/jwt/auth?service=container_registry&scope=repository:a/b:pull,push", credential), 403, ""},
		{"anonymous denied, API with doubled slashes where web passes", legacy.Allow, legacy.Deny, legacy.Allow,
			get("//api//v4/projects"), 401, `Bearer realm="GitLab"`},
		{"anonymous denied, API", legacy.Allow, legacy.Deny, legacy.Deny, get("/api/v4/projects"), 401, `Bearer realm="GitLab"`},
		{"anonymous denied, packages", legacy.Allow, legacy.Deny, legacy.Deny, get("/api/v4/projects/1/packages/pypi/simple"), 401,
			`Basic realm="GitLab"`},
		{"anonymous denied, git", legacy.Allow, legacy.Deny, legacy.Deny, get("/g/p.git/info/refs?service=git-upload-pack"), 401,
			`Basic realm="GitLab"`},
		{"anonymous denied, token service", legacy.Allow, legacy.Deny, legacy.Deny, get("/jwt/auth?service=container_registry"), 401,
			`Basic realm="GitLab"`},
		{"anonymous denied, registry", legacy.Allow, legacy.Deny, legacy.Deny, get("/v2/"), 401,
			`Bearer realm="http://patgate.test/jwt/auth",service="dependency_proxy"`},
		{"anonymous allowed", legacy.Allow, legacy.Allow, legacy.Deny, get("/api/v4/projects"), 200, ""},
		{"web refused", legacy.Allow, legacy.Allow, legacy.Deny, get("/users/sign_in"), 403, ""},
		{"a session refused", legacy.Allow, legacy.Allow, legacy.Deny, get("/api/v4/user", "Cookie: _gitlab_session=x"), 403, ""},
		{"web passed", legacy.Deny, legacy.Deny, legacy.Allow, get("/users/sign_in"), 200, ""},
		{"a page with a form", legacy.Deny, legacy.Allow, legacy.Allow, request("POST", "/users/sign_in", "user[login]=x", form), 200, ""},
		{"a credential in the form of a page", legacy.Deny, legacy.Allow, legacy.Allow, request("GET", "/g.atom", "private_token=x",
			form), 403, ""},
		{"the same, with another method", legacy.Deny, legacy.Allow, legacy.Allow, request("POST", "/g/p.atom",
			"_method=GET&feed_token=x", form),
			403, ""},
		{"the same, in JSON", legacy.Deny, legacy.Allow, legacy.Allow,
			request("POST", "/g/p.atom", `{"private_token":"x"}`, "Content-Type: application/json"), 403, ""},
		{"a credential in the body of an encoded API", legacy.Deny, legacy.Allow, legacy.Allow,
			request("POST", "/%61pi/v4/runners", "token=x", form), 403, ""},
		{"a credential behind a dot", legacy.Deny, legacy.Allow, legacy.Allow, request("POST", "/./api/v4/runners", "token=x", form), 403,
			""},
		{"a credential behind two dots", legacy.Deny, legacy.Allow, legacy.Allow, request("POST", "/x/../api/v4/runners", "token=x",
			form), 403, ""},
		{"anonymous denied, an encoded API where web passes", legacy.Allow, legacy.Deny, legacy.Allow, get("/%61pi/v4/projects"), 401,
			`Bearer realm="GitLab"`},
		{"anonymous denied, an API behind a dot", legacy.Allow, legacy.Deny, legacy.Allow, get("/./api/v4/projects"), 401,
			`Bearer realm="GitLab"`},
		{"a session with a form", legacy.Deny, legacy.Deny, legacy.Allow,
			request("POST", "/users/sign_in", "user[login]=x", form, session), 200, ""},
		{"a session with a credential in the form", legacy.Deny, legacy.Deny, legacy.Allow,
			request("POST", "/api/v4/user", "private_token=glpat-x", form, session), 403, ""},
		{"the same on a page", legacy.Deny, legacy.Deny, legacy.Allow, request("GET", "/g.atom", "feed_token=x", form, session), 403, ""},
		{"the same in JSON", legacy.Deny, legacy.Deny, legacy.Allow,
			request("POST", "/api/graphql", `{"query":"{}","private_token":"x"}`, "Content-Type: application/json", session), 403, ""},
		{"JSON of a session", legacy.Deny, legacy.Deny, legacy.Allow,
			request("POST", "/api/graphql", `{"query":"{}"}`, "Content-Type: application/json", session), 200, ""},
		{"the same in parts", legacy.Deny, legacy.Deny, legacy.Allow, request("POST", "/api/v4/user", part("access_token", ""), parts,
			session), 403, ""},
		{"parts of a session", legacy.Deny, legacy.Deny, legacy.Allow, request("POST", "/uploads", part("file", ""), parts, session), 200,
			""},
		{"a long upload", legacy.Deny, legacy.Deny, legacy.Allow, request("POST", "/uploads", part("file", long), parts, session), 200, ""},
		{"a credential behind a long upload", legacy.Deny, legacy.Deny, legacy.Allow,
			request("POST", "/uploads", strings.TrimSuffix(part("file", long), "--b--\r\n")+part("private_token", ""), parts, session),
			403, ""},
		{"a boundary in a long upload", legacy.Deny, legacy.Deny, legacy.Allow,
			request("POST", "/uploads", part("file", long+"x--b"), parts, session), 403, ""},
		{"octets of a session", legacy.Deny, legacy.Deny, legacy.Allow,
			request("POST", "/uploads", long, "Content-Type: application/octet-stream", session), 200, ""},
		{"a session with what may be read in another way", legacy.Deny, legacy.Deny, legacy.Allow,
			request("POST", "/api/v4/user", `{"private_token":"x"}`, "Content-Type: text/plain", session), 403, ""},
		{"a session where a credential may read", legacy.ReadOnly, legacy.Deny, legacy.Allow,
			request("POST", "/api/v4/user", "private_token=glpat-x", form, session), 403, ""},
		{"a session where all passes", legacy.Allow, legacy.Deny, legacy.Allow,
			request("POST", "/api/v4/user", "private_token=glpat-x", form, session), 200, ""},
		{"a session with a credential in the query", legacy.Deny, legacy.Deny, legacy.Allow,
			get("/api/v4/user?private_token=glpat-x", session), 403, ""},
		{"a websocket with a credential in the query", legacy.Deny, legacy.Deny, legacy.Allow,
			get("/-/cable?private_token=glpat-x", session, "Connection: Upgrade", "Upgrade: websocket"), 403, ""},
		{"a websocket with a body", legacy.Allow, legacy.Allow, legacy.Allow,
			request("GET", "/-/cable", "private_token=glpat-x", form, session, "Connection: Upgrade", "Upgrade: websocket"), 400, ""},
		{"a session passed", legacy.Deny, legacy.Deny, legacy.Allow, get("/api/v4/user", "Cookie: _gitlab_session=x"), 200, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newGateway(t, upstream.URL, func(o *Options) { o.Legacy, o.Anonymous, o.Web = c.legacy, c.anonymous, c.web })
			a := g.raw(t, c.request)
			a.wants(t, c.status)
			if got := a.header.Get("WWW-Authenticate"); got != c.challenge {
				t.Errorf("WWW-Authenticate: %s", got)
			}
		})
	}
}

// Threat: a request of a legacy or anonymous caller reaches what the forge keeps for its own parts, and trusts by address.
// Attack: the paths in every spelling that leads there.
// Control: paths that only look alike pass.
func TestThreatInternalPaths(t *testing.T) {
	g := newGateway(t, mustNotBeCalled(t), func(o *Options) { o.Anonymous, o.Web = legacy.Allow, legacy.Allow })
	for _, target := range []string{
		"/api/v4/internal/allowed", "/api/v4/internal", "/api/v4/%69nternal/x", "/api/v4/%2569nternal/x", "//api//v4///internal/x",
		"/api/v4/./internal/x",
		"/api/v4/x/../internal/x", "/api/v4/x/%2e%2e/internal/x", "/api/v4%2finternal%2fx", "/api/v4\\internal", "/API/V4/INTERNAL/x",
		"/-/metrics", "/-/metrics.json",
		"/-//metrics/", "/%2d/metrics", "/-/health", "/-/readiness?all=1", "/health_check", "/o/org/-/metrics", "/api/v4/internal;x/y",
		"/-/metrics%20",
		"/api/v4/%25252569nternal/x", "/api/v4/internal/mail_room/../../projects/1", "/api/v4/internal/%2e%2e/x", "/-/metrics/..%2f..",
		"//-/patgate/console/", "/%2d/patgate/console/", "/-/./patgate/console/", "/-/Patgate/console", "/o/org/-/patgate/console/",
	} {
		t.Run(target, func(t *testing.T) {
			for _, credential := range []string{"X: y", "PRIVATE-TOKEN: glpat-x", "Cookie: _gitlab_session=x"} {
				g.raw(t, get(target, credential)).wants(t, 404, "not reachable through patgate")
			}
		})
	}
	upstream := newEcho(t, nil)
	allowed := newGateway(t, upstream.URL, nil)
	for _, target := range []string{"/api/v4/internals", "/api/v4/projects/internal%2Fx", "/group/-/metrics",
		"/api/v4/projects/1/internal"} {
		t.Run("control "+target, func(t *testing.T) { allowed.raw(t, get(target, "PRIVATE-TOKEN: glpat-x")).wants(t, 200) })
	}
}

// TestWebsocketsWhileTheServerEnds: one that is open goes on while the server leaves, a new one is refused, and what is open holds up no
// shutdown.
func TestWebsocketsWhileTheServerEnds(t *testing.T) {
	var asked atomic.Int32
	upstream := bareUpstream(t, func(_ int, c net.Conn) {
		defer c.Close()
		r := bufio.NewReader(c)
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		asked.Add(1)
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(c, r)
	})
	g := newGateway(t, upstream, nil)
	s, dial := served(t, g)
	open := func() (net.Conn, *bufio.Reader, *http.Response) {
		c, r := dial()
		_, _ = io.WriteString(c, get("/-/cable", "Authorization: Bearer oauth-x", "Connection: Upgrade", "Upgrade: websocket"))
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c, r, response
	}
	echoes := func(c net.Conn, r *bufio.Reader) bool {
		_, _ = io.WriteString(c, "ping")
		text := make([]byte, 4)
		_, err := io.ReadFull(r, text)
		return err == nil && string(text) == "ping"
	}
	c, r, response := open()
	if response.StatusCode != http.StatusSwitchingProtocols || !echoes(c, r) {
		t.Fatal(response.Status)
	}
	s.Leave()
	if !echoes(c, r) {
		t.Error("what is open ends while the server leaves")
	}
	another, _, late := open()
	if late.StatusCode != http.StatusServiceUnavailable || !late.Close || asked.Load() != 1 {
		t.Errorf("a new one: %s, close %t, the forge was asked %d times", late.Status, late.Close, asked.Load())
	}
	_ = another.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if _, err := r.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the tunnel: %v", err)
	}
}

func TestWebsocketOfALegacyCallerIsTunnelled(t *testing.T) {
	upstream := bareUpstream(t, func(_ int, c net.Conn) {
		defer c.Close()
		r := bufio.NewReader(c)
		request, err := http.ReadRequest(r)
		if err != nil || request.Header.Get("Upgrade") != "websocket" || request.RequestURI != "/-/cable?x=%41" {
			_, _ = io.WriteString(c, "HTTP/1.1 400 no\r\nContent-Length: 0\r\n\r\n")
			return
		}
		_, _ = io.WriteString(c,
			"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "+request.Header.Get("Sec-WebSocket-Key")+"\r\n\r\nhello")
		_, _ = io.Copy(c, r)
	})
	g := newGateway(t, upstream, func(o *Options) { o.Timeouts.ReadStall = 100 * time.Millisecond })
	c, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(c, get("/-/cable?x=%41", "Authorization: Bearer oauth-x", "Connection: keep-alive, Upgrade",
		"Upgrade: websocket", "Sec-WebSocket-Key: abc"))
	r := bufio.NewReader(c)
	response, err := http.ReadResponse(r, nil)
	if err != nil || response.StatusCode != 101 || response.Header.Get("Sec-Websocket-Accept") != "abc" ||
		response.Header.Get("Upgrade") != "websocket" {
		t.Fatalf("%v, %v", response, err)
	}
	greeting := make([]byte, 5)
	if _, err := io.ReadFull(r, greeting); err != nil || string(greeting) != "hello" {
		t.Fatalf("%q, %v", greeting, err)
	}
	time.Sleep(300 * time.Millisecond) // longer than any stall limit
	_, _ = io.WriteString(c, "ping")
	if _, err := io.ReadFull(r, greeting[:4]); err != nil || string(greeting[:4]) != "ping" {
		t.Fatalf("%q, %v", greeting[:4], err)
	}
	_ = c.Close()
	if e := g.sink.last(t); e.Status != 101 {
		t.Errorf("recorded %+v", e)
	}
}
