package proxy

import (
	"encoding/base64"
	"strings"
	"testing"
)

// threatCase is one attack; where want is a status, the upstream must not be called.
type threatCase struct {
	name    string
	request string // %T is the token
	want    int
	reason  string // in the body, when not empty
}

// attack runs attacks against a gateway whose upstream must not be called, and a positive control against an echo.
func attack(t *testing.T, control string, cases []threatCase) {
	t.Helper()
	upstream := newEcho(t, nil)
	allowed := newGateway(t, upstream.URL, nil)
	t.Run("control", func(t *testing.T) {
		allowed.raw(t, strings.ReplaceAll(control, "%T", allowed.token)).wants(t, 200)
		if len(upstream.requests()) != 1 {
			t.Errorf("the upstream got %d requests", len(upstream.requests()))
		}
	})
	g := newGateway(t, mustNotBeCalled(t), nil)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := g.raw(t, strings.ReplaceAll(c.request, "%T", g.token))
			a.wants(t, c.want)
			if c.reason != "" && !strings.Contains(a.body, `"reason":"`+c.reason+`"`) {
				t.Errorf("reason: %s, want %s", a.body, c.reason)
			}
			if strings.Contains(a.body, g.token) {
				t.Error("the answer repeats the token")
			}
		})
	}
}

const jobs = "/api/v4/projects/7/jobs"

// The threats that testdata/threats holds are tested by threats_test.go; here are those that need Go to be written down.

// Threat: a header block that no server reads to its end is read to different ends.
// Attack: more header lines, and longer ones, than anybody needs.
func TestThreatHeaderSizes(t *testing.T) {
	attack(t, get(jobs, "PRIVATE-TOKEN: %T"), []threatCase{
		{"a hundred and thirty headers", get(jobs, "PRIVATE-TOKEN: %T", strings.Repeat("X: y\r\n", 130)+"Z: z"), 400, "malformed_header"},
		{"a huge header", get(jobs, "PRIVATE-TOKEN: %T", "X: "+strings.Repeat("y", 20<<10)), 431, ""},
	})
}

// Threat: the token lands where others read it, or is passed on as something else.
// Attack: the token in the target, encoded or not, and inside other credentials.
func TestThreatMisplacedToken(t *testing.T) {
	tail := strings.Repeat("x", 36)
	basic := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	attack(t, get(jobs, "PRIVATE-TOKEN: %T"), []threatCase{
		{"in the query, beside the header", get(jobs+"?x=%T", "PRIVATE-TOKEN: %T"), 400, "token_in_target"},
		{"in the query, encoded", get(jobs + "?private_token=%70atgate_" + tail), 400, "token_in_target"},
		{"in the query, encoded twice", get(jobs + "?private_token=%2570atgate_" + tail), 400, "token_in_target"},
		{"in the path", get("/api/v4/projects/%T/jobs"), 400, "token_in_target"},
		{"as the username of Basic", get(jobs, "Authorization: Basic "+basic("patgate_"+tail+":x")), 400, "misplaced_token"},
		{"in Deploy-Token", get(jobs, "Deploy-Token: %T"), 400, "misplaced_token"},
		{"behind a prefix, as KAS takes it", get(jobs, "Authorization: Bearer pat:1:%T"), 400, "misplaced_token"},
		{"in Basic that is not quite base64", get(jobs, "Authorization: Basic "+basic("u:patgate_abc")+"!"), 401, ""},
		{"two tokens", get(jobs, "PRIVATE-TOKEN: %T", "Authorization: Bearer %To"), 400, "several_credentials"},
		{"in a header that is no credential, beside the header", get(jobs, "User-Agent: %T", "PRIVATE-TOKEN: %T"), 400, "several_credentials"},
		{"the same, behind it", get(jobs, "PRIVATE-TOKEN: %T", "User-Agent: %T"), 400, "several_credentials"},
		{"the same, beside a malformed one", get(jobs, "PRIVATE-TOKEN: patgate_short", "User-Agent: %T"), 400, "several_credentials"},
	})
}

// Threat: what a client says of where it comes from is believed by the forge.
// Attack: forwarding headers from a client that is no trusted proxy; the forge must see the connection's own address.
// Control: the same headers from a trusted proxy count, up to the last address that is not trusted.
func TestThreatForwardingHeaders(t *testing.T) {
	upstream := newEcho(t, nil)
	send := []string{"X-Forwarded-For: 1.2.3.4, 203.0.113.9, 127.0.0.1", "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 1.2.3.4", "Forwarded: for=1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil"}
	t.Run("attack", func(t *testing.T) {
		g := newGateway(t, upstream.URL, nil)
		for _, credential := range []string{"PRIVATE-TOKEN: " + g.token, "PRIVATE-TOKEN: glpat-legacy"} {
			g.raw(t, get(jobs, append(send, credential)...)).wants(t, 200)
			h := upstream.last(t).header
			if got := h["X-Forwarded-For"]; len(got) != 1 || got[0] != "127.0.0.1" {
				t.Errorf("X-Forwarded-For: %q", got)
			}
			if h.Get("X-Real-Ip") != "" || h.Get("Forwarded") != "" || h.Get("X-Forwarded-Host") != "" || h.Get("X-Forwarded-Proto") != "http" {
				t.Errorf("forwarding headers got through: %v", h)
			}
		}
	})
	t.Run("control", func(t *testing.T) {
		g := newGateway(t, upstream.URL, func(o *Options) { o.TrustedProxies = prefixes("127.0.0.0/8") })
		g.raw(t, get(jobs, append(send, "PRIVATE-TOKEN: "+g.token)...)).wants(t, 200)
		h := upstream.last(t).header
		if h.Get("X-Forwarded-For") != "203.0.113.9" || h.Get("X-Forwarded-Proto") != "https" {
			t.Errorf("got %v", h)
		}
	})
}

// Threat: a header that the forge acts upon, and that nobody thought of.
// Attack: everything that is not on the list stays behind.
func TestThreatUnlistedHeaders(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	g.raw(t, get(jobs, "PRIVATE-TOKEN: "+g.token, "X-Evil: 1", "Referer: http://x", "Origin: http://x", "TE: trailers", "Cookie: lb=1",
		"Accept: application/json", "If-None-Match: \"a\"", "Range: bytes=0-1", "User-Agent: ua", "X-Request-Id: mine")).wants(t, 200)
	h := upstream.last(t).header
	for _, name := range []string{"X-Evil", "Referer", "Origin", "Te", "Cookie"} {
		if h.Get(name) != "" {
			t.Errorf("%s got through", name)
		}
	}
	for name, want := range map[string]string{"Accept": "application/json", "If-None-Match": `"a"`, "Range": "bytes=0-1", "User-Agent": "ua"} {
		if h.Get(name) != want {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
	if id := h.Get("X-Request-Id"); id == "mine" || len(id) != 32 {
		t.Errorf("X-Request-Id: %q", id)
	}
}
