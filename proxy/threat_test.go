package proxy

import (
	"encoding/base64"
	"fmt"
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

// Threat: two parsers find the end of a request in different places, and the second one takes part of a body for a
// request of its own.
// Attack: every way to give a length twice, or in a form that one of them does not know.
// Control: one Content-Length passes.
func TestThreatRequestSmuggling(t *testing.T) {
	head := "POST /api/v4/projects/7/issues HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: %T\r\nContent-Type: application/json\r\n"
	attack(t, head+"Content-Length: 2\r\n\r\n{}", []threatCase{
		{"both lengths", head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"both lengths, the other way round", head + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", 400, ""},
		{"two equal lengths", head + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, ""},
		{"two different lengths", head + "Content-Length: 2\r\nContent-Length: 30\r\n\r\n{}", 400, ""},
		{"a list of lengths", head + "Content-Length: 2, 2\r\n\r\n{}", 400, ""},
		{"a signed length", head + "Content-Length: +2\r\n\r\n{}", 400, ""},
		{"a negative length", head + "Content-Length: -2\r\n\r\n{}", 400, ""},
		{"a hexadecimal length", head + "Content-Length: 0x2\r\n\r\n{}", 400, ""},
		{"an endless length", head + "Content-Length: 99999999999999999999999\r\n\r\n{}", 400, ""},
		{"two codings", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"a list of codings", head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"identity", head + "Transfer-Encoding: identity\r\n\r\n", 400, ""},
		{"an unknown coding", head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"a space before the colon", head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"a tab before the value's end", head + "Transfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n", 400, ""},
		{"a folded coding", head + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"a coding in HTTP/1.0", strings.Replace(head, "HTTP/1.1", "HTTP/1.0", 1) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"underscored length", head + "Content_Length: 2\r\n\r\n", 400, "header_alias"},
		{"underscored coding", head + "Transfer_Encoding: chunked\r\n\r\n", 400, "header_alias"},
		{"a bare line feed", head + "X: y\nContent-Length: 2\r\n\r\n{}", 400, ""},
		{"a bare carriage return", head + "X: y\rContent-Length: 2\r\n\r\n", 400, ""},
		{"a chunk size that is no number", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400, ""},
		{"a signed chunk size", head + "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n", 400, ""},
		{"a chunk longer than it says", head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n", 400, ""},
		{"a chunk size with a bare line feed", head + "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", 400, ""},
		{"an unknown version", strings.Replace(head, "HTTP/1.1", "HTTP/1.2", 1) + "\r\n", 505, ""},
		{"HTTP/2.0 in a request line", strings.Replace(head, "HTTP/1.1", "HTTP/2.0", 1) + "\r\n", 505, ""},
	})
}

// Threat: the forge takes another header than the one that patgate read, because names are compared in other ways.
// Attack: underscores, repetition, folding, spaces in names.
func TestThreatHeaderAliases(t *testing.T) {
	attack(t, get(jobs, "PRIVATE-TOKEN: %T"), []threatCase{
		{"Private_Token beside the token", get(jobs, "PRIVATE-TOKEN: %T", "Private_Token: glpat-x"), 400, "several_credentials"},
		{"the token itself under an alias", get(jobs, "Private_Token: %T"), 400, "misplaced_token"},
		{"Job_Token", get(jobs, "PRIVATE-TOKEN: %T", "Job_Token: x"), 400, "several_credentials"},
		{"X_HTTP_Method_Override", get(jobs, "PRIVATE-TOKEN: %T", "X_HTTP_Method_Override: DELETE"), 400, "header_alias"},
		{"X_Forwarded_For", get(jobs, "PRIVATE-TOKEN: %T", "X_Forwarded_For: 127.0.0.1"), 400, "header_alias"},
		{"Gitlab_Shared_Secret", get(jobs, "PRIVATE-TOKEN: %T", "Gitlab_Shared_Secret: x"), 400, ""},
		{"the same token header twice", get(jobs, "PRIVATE-TOKEN: %T", "PRIVATE-TOKEN: %T"), 400, "several_credentials"},
		{"obs-fold", get(jobs, "PRIVATE-TOKEN: %T", "Accept: a", " b"), 400, "malformed_header"},
		{"obs-fold at the start", "GET " + jobs + " HTTP/1.1\r\n Host: h\r\nHost: h\r\nPRIVATE-TOKEN: %T\r\n\r\n", 400, ""},
		{"a name with a space", get(jobs, "PRIVATE-TOKEN: %T", "Private Token: x"), 400, "malformed_header"},
		{"a name with a colon only", get(jobs, "PRIVATE-TOKEN: %T", ": x"), 400, ""},
		{"two user agents", get(jobs, "PRIVATE-TOKEN: %T", "User-Agent: a", "User-Agent: b"), 400, "repeated_header"},
		{"two content types", request("POST", "/api/v4/projects/7/issues", "{}", "PRIVATE-TOKEN: %T", "Content-Type: application/json", "content-type: text/plain"), 400, "repeated_header"},
		{"two hosts", get(jobs, "PRIVATE-TOKEN: %T", "Host: other"), 400, ""},
		{"no host", "GET " + jobs + " HTTP/1.1\r\nPRIVATE-TOKEN: %T\r\n\r\n", 400, ""},
		{"no host in HTTP/1.0", "GET " + jobs + " HTTP/1.0\r\nPRIVATE-TOKEN: %T\r\n\r\n", 400, "host"},
		{"a host with a path", "GET " + jobs + " HTTP/1.1\r\nHost: h/x\r\nPRIVATE-TOKEN: %T\r\n\r\n", 400, ""},
		{"a host with a user", "GET " + jobs + " HTTP/1.1\r\nHost: u@h\r\nPRIVATE-TOKEN: %T\r\n\r\n", 400, "host"},
		{"a hundred and thirty headers", get(jobs, "PRIVATE-TOKEN: %T", strings.Repeat("X: y\r\n", 130)+"Z: z"), 400, "malformed_header"},
		{"a huge header", get(jobs, "PRIVATE-TOKEN: %T", "X: "+strings.Repeat("y", 20<<10)), 431, ""},
	})
}

// Threat: the client has the forge act as another user or with another method than patgate decided on.
// Attack: the headers that Rack, Rails, Grape and Workhorse read for that.
func TestThreatOverrides(t *testing.T) {
	var cases []threatCase
	for _, h := range []string{"Sudo: root", "sudo: 1", "X-HTTP-Method-Override: DELETE", "x-http-method-override: delete", "X-HTTP-Method: PUT",
		"X-Method-Override: PUT", "Gitlab-Workhorse-Api-Request: x", "Gitlab-Anything: x", "X-Original-URL: /x", "X-Sendfile-Type: X-Sendfile",
		"X-GitLab-Organization-ID: 1"} {
		name, _, _ := strings.Cut(h, ":")
		cases = append(cases, threatCase{name, get(jobs, "PRIVATE-TOKEN: %T", h), 400, ""})
	}
	cases = append(cases,
		threatCase{"websocket", get(jobs, "PRIVATE-TOKEN: %T", "Connection: Upgrade", "Upgrade: websocket"), 403, "unsupported_upgrade"},
		threatCase{"another expectation", get(jobs, "PRIVATE-TOKEN: %T", "Expect: 200-ok"), 417, ""},
		threatCase{"the sudo parameter", get(jobs+"?sudo=root", "PRIVATE-TOKEN: %T"), 400, "reserved_parameter"},
		threatCase{"the _method parameter", request("POST", "/api/v4/projects/7/issues", "_method=DELETE", "PRIVATE-TOKEN: %T", "Content-Type: application/x-www-form-urlencoded"), 400, "reserved_parameter"},
	)
	attack(t, get(jobs, "PRIVATE-TOKEN: %T"), cases)
}

// Threat: the client adds a credential, and the forge takes that one, or both, or the token lands in a log.
// Attack: every place in which GitLab looks for a credential, beside the token, and the token in readable places.
func TestThreatSecondCredential(t *testing.T) {
	tail := strings.Repeat("x", 36)
	basic := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	var cases []threatCase
	for _, h := range []string{"Authorization: Bearer glpat-x", "Authorization: Basic " + basic("u:p"), "JOB-TOKEN: x", "Deploy-Token: x",
		"X-NuGet-ApiKey: x", "Runner-Token: x", "Cookie: _gitlab_session=x", "Cookie: remember_user_token=x", "Unleash-InstanceId: x",
		"X-Gitlab-Static-Object-Token: x", "Token: x"} {
		cases = append(cases, threatCase{h, get(jobs, "PRIVATE-TOKEN: %T", h), 400, "several_credentials"})
	}
	for _, p := range []string{"private_token", "access_token", "bearer_token", "job_token", "token", "feed_token", "%70rivate_token", "[private_token]", "+private_token"} {
		cases = append(cases, threatCase{"query " + p, get(jobs+"?"+p+"=glpat-x", "PRIVATE-TOKEN: %T"), 400, "several_credentials"})
	}
	cases = append(cases,
		threatCase{"the same token twice", get(jobs, "PRIVATE-TOKEN: %T", "Authorization: Bearer %T"), 400, "several_credentials"},
		threatCase{"two tokens in Authorization lines", get(jobs, "Authorization: Bearer %T", "Authorization: Bearer glpat-x"), 400, "several_credentials"},
		threatCase{"in the query", get(jobs + "?private_token=%T"), 400, "token_in_target"},
		threatCase{"in the query, beside the header", get(jobs+"?x=%T", "PRIVATE-TOKEN: %T"), 400, "token_in_target"},
		threatCase{"in the query, encoded", get(jobs + "?private_token=%70atgate_" + tail), 400, "token_in_target"},
		threatCase{"in the query, encoded twice", get(jobs + "?private_token=%2570atgate_" + tail), 400, "token_in_target"},
		threatCase{"in the path", get("/api/v4/projects/%T/jobs"), 400, "token_in_target"},
		threatCase{"as the username of Basic", get(jobs, "Authorization: Basic "+basic("patgate_"+tail+":x")), 400, "misplaced_token"},
		threatCase{"in JOB-TOKEN", get(jobs, "JOB-TOKEN: %T"), 400, "misplaced_token"},
		threatCase{"in Deploy-Token", get(jobs, "Deploy-Token: %T"), 400, "misplaced_token"},
		threatCase{"in a cookie", get(jobs, "Cookie: _gitlab_session=%T"), 400, "misplaced_token"},
		threatCase{"in any other cookie", get(jobs, "Cookie: x=%T"), 400, "misplaced_token"},
		threatCase{"in a header that is none of ours", get(jobs, "X-Anything: %T"), 400, "misplaced_token"},
		threatCase{"behind a prefix, as KAS takes it", get(jobs, "Authorization: Bearer pat:1:%T"), 400, "misplaced_token"},
		threatCase{"in Basic that is not quite base64", get(jobs, "Authorization: Basic "+basic("u:patgate_abc")+"!"), 401, ""},
		threatCase{"in the body's parameters", request("POST", "/api/v4/projects/7/issues", `{"private_token":"glpat-x"}`, "PRIVATE-TOKEN: %T", "Content-Type: application/json"), 400, "reserved_parameter"},
	)
	attack(t, get(jobs, "PRIVATE-TOKEN: %T"), cases)
}

// Threat: a header that the client names in Connection is removed on the way, ours included.
// Attack: name the credential, the framing or what a decision rests on.
func TestThreatHopByHop(t *testing.T) {
	attack(t, get(jobs, "PRIVATE-TOKEN: %T", "Connection: keep-alive, X-Mine", "X-Mine: 1"), []threatCase{
		{"the credential", get(jobs, "PRIVATE-TOKEN: %T", "Connection: close, private-token"), 400, "connection_header"},
		{"Authorization", get(jobs, "Authorization: Bearer %T", "Connection: Authorization"), 400, "connection_header"},
		{"the host", get(jobs, "PRIVATE-TOKEN: %T", "Connection: host"), 400, "connection_header"},
		{"the length", request("POST", "/api/v4/projects/7/issues", "{}", "PRIVATE-TOKEN: %T", "Connection: content-length", "Content-Type: application/json"), 400, "connection_header"},
	})
}

// Threat: a target that names another host, or none.
// Attack: every form of request target but the plain path (RFC 9112, 3.2).
func TestThreatTargetForms(t *testing.T) {
	line := func(method, target string) string {
		return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: %%T\r\n\r\n", method, target)
	}
	attack(t, line("GET", jobs), []threatCase{
		{"absolute form", line("GET", "http://h"+jobs), 400, ""},
		{"absolute form of another host", line("GET", "https://evil.example"+jobs), 400, ""},
		{"authority form", line("CONNECT", "h:443"), 405, ""},
		{"asterisk", line("OPTIONS", "*"), 405, ""},
		{"no slash", line("GET", "api/v4/projects/7/jobs"), 400, ""},
		{"two slashes", line("GET", "/"+jobs), 403, ""},
		{"a fragment", line("GET", jobs+"#x"), 400, ""},
		{"dot segments", line("GET", "/api/v4/projects/8/../7/jobs"), 400, ""},
		{"encoded dot segments", line("GET", "/api/v4/projects/8%2F..%2F7/jobs"), 400, ""},
		{"an encoded literal", line("GET", "/api/v4/projects/7/%6aobs"), 403, "no_route"},
		{"a newline in an id", line("GET", "/api/v4/projects/7%0A8/jobs"), 400, ""},
		{"a format suffix", line("GET", jobs+".json"), 400, "ambiguous_path"},
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
		"Accept: application/json", "If-None-Match: \"a\"", "Range: bytes=0-1", "User-Agent: ua", "X-Request-Id: mine", "Via: 1.1 x")).wants(t, 200)
	h := upstream.last(t).header
	for _, name := range []string{"X-Evil", "Referer", "Origin", "Te", "Cookie", "Via"} {
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
