package console_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"patgate/admin/console"
)

// path of a token's page.
func at(id int64, below string) string { return fmt.Sprintf("/tokens/%d%s", id, below) }

// everyPage are the pages that alice has, with a token.
func everyPage(id int64) []string {
	all := []string{"/tokens", "/tokens?state=any&sort=name_asc", "/tokens?badge=broad", "/tokens/new",
		fmt.Sprintf("/tokens/new?like=%d", id), "/forge-tokens", "/nothing", at(id, "")}
	for _, below := range []string{"/edit", "/unused", "/undo", "/revoke", "/pause", "/resume", "/confirm", "/rotate", "/smaller",
		"/grant?access=selected_memberships&permissions=run_job&project=shop%2Fapi"} {
		all = append(all, at(id, below))
	}
	return all
}

func TestNothingIsShownToWhoIsNotSignedIn(t *testing.T) {
	w := newWorld(t, nil)
	id, _ := w.signedIn(t, w.alicePAT).make(t, w.alicePAT, nil)
	v := w.visitor(t)
	for _, path := range append(everyPage(id), "/", "/everyone") {
		if path == "/nothing" {
			continue
		}
		t.Run("GET "+path, func(t *testing.T) {
			p := v.get(t, path)
			if u, _ := url.Parse(p.at); p.status != 200 || u.Path != "/sign-in" || u.Query().Get("next") != path {
				t.Errorf("%d at %s", p.status, p.at)
			}
			p.lacks(t, "read jobs", "shop/api", "alice")
		})
	}
	for _, below := range []string{"/edit", "/revoke", "/pause", "/resume", "/confirm", "/rotate", "/grant"} {
		t.Run("POST "+below, func(t *testing.T) {
			p := v.post(t, at(id, below), url.Values{"credential": {w.alicePAT}, "name": {"stolen"}})
			if kept := below == "/edit" && p.status == 401; !kept && !strings.HasPrefix(p.at, "/sign-in") {
				t.Errorf("it came to lie at %s", p.at)
			}
			p.lacks(t, "read jobs", "shop/api", "alice", w.alicePAT)
		})
	}
	v.header.Set("Accept", "application/json")
	v.get(t, "/search?q=shop").wants(t, 401)
	if l := w.read(t, id); l.Name != "read jobs" || !l.RevokedAt.IsZero() || !l.PausedAt.IsZero() || l.RotatedTo != 0 {
		t.Errorf("the token changed: %+v", l)
	}
}

func TestEveryPageIsArmoured(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, nil)
	script := regexp.MustCompile(`(?i)<script[^>]*>`)
	pages := append(everyPage(id), "/sign-in", "/search?q=shop")
	var assets []string
	for _, path := range pages {
		t.Run(path, func(t *testing.T) {
			p := v.get(t, path)
			if p.status >= 500 {
				t.Fatalf("status %d: %s", p.status, p.text())
			}
			policy := p.header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'",
				"frame-ancestors 'none'", "base-uri 'none'",
				"require-trusted-types-for 'script'"} {
				if !strings.Contains(policy, part) {
					t.Errorf("the policy lacks %s: %s", part, policy)
				}
			}
			if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
				t.Errorf("the policy is %s", policy)
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
				"Cache-Control": "no-store", "X-Frame-Options": "DENY",
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
				if got := p.header.Get(name); got != want {
					t.Errorf("%s is %q", name, got)
				}
			}
			for name := range p.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("there is %s", name)
				}
			}
			for _, tag := range script.FindAllString(p.body, -1) {
				if !regexp.MustCompile(`^<script src="/assets/console-[0-9a-f]{12}\.js" defer>$`).MatchString(tag) {
					t.Errorf("a script: %s", tag)
				}
			}
			if m := regexp.MustCompile(`(?i)<style|\sstyle\s*=|<[a-z][^>]*\son[a-z]+\s*=|javascript:`).FindString(p.body); m != "" {
				t.Errorf("something inline: %s", m)
			}
			for _, m := range regexp.MustCompile(`(?:src|href|action)="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
				if !strings.HasPrefix(m[1], "/") && !strings.HasPrefix(m[1], "#") || strings.HasPrefix(m[1], "//") {
					t.Errorf("it points elsewhere: %s", m[1])
				}
				if strings.HasPrefix(m[1], "/assets/") {
					assets = append(assets, m[1])
				}
			}
		})
	}
	if len(assets) < 3 {
		t.Fatalf("assets: %v", assets)
	}
	for _, path := range assets[:3] {
		p := w.visitor(t).get(t, path)
		if p.wants(t, 200); p.header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(p.header.Get("Cache-Control"),
			"immutable") {
			t.Errorf("%s: %v", path, p.header)
		}
	}
	v.get(t, "/assets/console.css").wants(t, 404)
}

func TestCookies(t *testing.T) {
	held := func(t *testing.T, cookies []*http.Cookie, prefix string, secure bool) {
		t.Helper()
		if len(cookies) == 0 {
			t.Fatal("no cookie was set")
		}
		for _, c := range cookies {
			if !strings.HasPrefix(c.Name, prefix+console.CookiePrefix) || c.Secure != secure || !c.HttpOnly ||
				c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("the cookie is %s", c)
			}
		}
	}
	t.Run("over https", func(t *testing.T) {
		w := newWorld(t, nil)
		v := w.visitor(t)
		v.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		form := v.get(t, "/sign-in")
		held(t, (&http.Response{Header: form.header}).Cookies(), "__Host-", true)
		in := v.post(t, "/sign-in", form.fill(url.Values{"credential": {w.alicePAT}}))
		cookies := (&http.Response{Header: in.header}).Cookies()
		held(t, cookies, "__Host-", true)
		if len(cookies) != 2 || len(cookies[0].Value) != 43 || cookies[1].MaxAge >= 0 {
			t.Errorf("signing in set %v", cookies)
		}
		for _, c := range cookies {
			if strings.Contains(c.Value, w.alicePAT) {
				t.Error("the cookie holds the credential")
			}
		}
	})
	t.Run("over plain http on this machine they have another name", func(t *testing.T) {
		w := newWorld(t, func(o *console.Options) { o.Origins = []string{"http://localhost:9091"} })
		request := httptest.NewRequest(http.MethodGet, "/sign-in", nil)
		request.Host = "localhost:9091"
		c, err := console.New(w.options)
		if err != nil {
			t.Fatal(err)
		}
		answer := httptest.NewRecorder()
		c.ServeHTTP(answer, request)
		held(t, answer.Result().Cookies(), "", false)
	})
}

// Threat: another site has the browser of somebody who is signed in send a form.
func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, nil)
	fields := v.get(t, at(id, "/pause")).fill(nil) // an attacker who has even the form's token
	cases := []struct {
		name   string
		header http.Header
		status int
	}{
		{"another site", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, 403},
		{"another site that claims our origin", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {w.origin}}, 403},
		{"another port of our host", http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://127.0.0.1:1"}}, 403},
		{"another origin without Sec-Fetch-Site", http.Header{"Origin": {"https://evil.example"}}, 403},
		{"our origin as plain http", http.Header{"Origin": {strings.Replace(w.origin, "https:", "http:", 1)}}, 403},
		{"null without Sec-Fetch-Site", http.Header{"Origin": {"null"}}, 403},
		{"neither of the two", http.Header{}, 403},
		{"an address bar", http.Header{"Sec-Fetch-Site": {"none"}}, 403},
		{"two Sec-Fetch-Site", http.Header{"Sec-Fetch-Site": {"same-origin", "cross-site"}}, 403},
		{"two origins", http.Header{"Origin": {w.origin, "https://evil.example"}}, 403},
		{"JSON", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"application/json"}}, 403},
		{"a file", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"multipart/form-data; boundary=x"}}, 403},
		{"text", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"text/plain"}}, 403},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v.postAs(t, at(id, "/pause"), fields, c.header).wants(t, c.status)
			if !w.read(t, id).PausedAt.IsZero() {
				t.Fatal("the token is paused")
			}
			in := w.visitor(t)
			in.postAs(t, "/sign-in", in.get(t, "/sign-in").fill(url.Values{"credential": {w.alicePAT}}), c.header).wants(t, c.status)
		})
	}
	for name, header := range map[string]http.Header{"our origin": {"Origin": {w.origin}}, "with its charset": {"Origin": {w.origin},
		"Content-Type": {"application/x-www-form-urlencoded; charset=UTF-8"}},
		"as no-referrer has it": {"Origin": {"null"}, "Sec-Fetch-Site": {"same-origin"}}} {
		t.Run("positive control: "+name, func(t *testing.T) {
			id, _ := v.make(t, w.alicePAT, nil)
			v.postAs(t, at(id, "/pause"), v.get(t, at(id, "/pause")).fill(nil), header).wants(t, 200)
			if w.read(t, id).PausedAt.IsZero() {
				t.Error("the token is not paused")
			}
		})
	}
}

// Every form that changes something carries a token of its session.
func TestFormsNeedTheirSessionsToken(t *testing.T) {
	w := newWorld(t, nil)
	v, other := w.signedIn(t, w.alicePAT), w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, nil)
	theirs := other.get(t, "/tokens/new").fill(nil).Get("csrf")
	before := w.count(t)
	for name, csrf := range map[string][]string{"none": nil, "empty": {""}, "another": {"x"},
		"that of another session of the same user": {theirs}} {
		t.Run(name, func(t *testing.T) {
			for _, below := range []string{"/edit", "/revoke", "/pause", "/resume", "/confirm", "/rotate"} {
				v.post(t, at(id, below), url.Values{"csrf": csrf, "form": {"f"}, "credential": {w.alicePAT}, "name": {"stolen"}}).wants(t,
					403)
			}
			v.post(t, "/tokens", jobToken(w.alicePAT, url.Values{"csrf": csrf, "form": {"f"}})).wants(t, 403)
			v.post(t, "/tokens/preview", url.Values{"csrf": csrf}).wants(t, 403)
			v.post(t, "/sign-out", url.Values{"csrf": csrf}).wants(t, 403)
		})
	}
	if l := w.read(t, id); l.Name != "read jobs" || !l.RevokedAt.IsZero() || !l.PausedAt.IsZero() || l.RotatedTo != 0 ||
		w.count(t) != before {
		t.Errorf("something was done: %+v", l)
	}
	v.get(t, "/tokens").wants(t, 200, "Sign out")
	t.Run("sign-in", func(t *testing.T) {
		in := w.visitor(t)
		form := in.get(t, "/sign-in").fill(url.Values{"credential": {w.alicePAT}})
		form.Set("csrf", "x")
		in.post(t, "/sign-in", form).wants(t, 403, "too old")
		stranger := w.visitor(t) // without the cookie
		stranger.post(t, "/sign-in", in.get(t, "/sign-in").fill(url.Values{"credential": {w.alicePAT}})).wants(t, 403)
	})
}

func TestOtherNamesAndMethodsAreRefused(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	for _, host := range []string{"evil.example", "127.0.0.1", "localhost:1"} {
		request, err := http.NewRequest(http.MethodGet, w.origin+"/tokens", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		v.send(t, request).wants(t, http.StatusMisdirectedRequest)
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
		request, err := http.NewRequest(method, w.origin+"/tokens", nil)
		if err != nil {
			t.Fatal(err)
		}
		if p := v.send(t, request); p.status < 400 || p.status >= 500 || p.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d", method, p.status)
		}
	}
	t.Run("a form that is too long", func(t *testing.T) {
		v.post(t, "/tokens", url.Values{"name": {strings.Repeat("x", 2<<20)}}).wants(t, http.StatusRequestEntityTooLarge)
	})
	t.Run("a form that cannot be read", func(t *testing.T) {
		request, err := http.NewRequest(http.MethodPost, w.origin+"/tokens", strings.NewReader("name=%zz"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", w.origin)
		v.send(t, request).wants(t, 403, "does not belong to this session")
	})
	t.Run("a path that is not clean", func(t *testing.T) {
		for _, path := range []string{"//evil.example/x", "/tokens/../tokens", "/./tokens"} {
			request, err := http.NewRequest(http.MethodGet, w.origin, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.URL.Opaque = path
			if strings.HasPrefix(path, "//") {
				request.URL.Opaque, request.URL.Path = "", path
			}
			v.send(t, request).wants(t, 404)
		}
	})
}

// The way back after signing in leads nowhere but here.
func TestTheWayBackIsLocal(t *testing.T) {
	w := newWorld(t, nil)
	for next, want := range map[string]string{
		"/tokens/new?name=x": "/tokens/new?name=x", "https://evil.example/": "/tokens", "//evil.example": "/tokens",
		`/\evil.example`: "/tokens", "javascript:alert(1)": "/tokens",
		"/\t/evil.example": "/tokens", "": "/tokens", "tokens": "/tokens",
		"/../../../api/v4/user": "/tokens", "/%2e%2e/%2e%2e/x": "/tokens", "/..//evil.example": "/tokens",
		"/tokens?search=a/../b": "/tokens?search=a/../b",
	} {
		v := w.visitor(t)
		p := v.post(t, "/sign-in", v.get(t, "/sign-in?next="+url.QueryEscape(next)).fill(url.Values{"credential": {w.alicePAT}}))
		if p.at != want {
			t.Errorf("%q led to %s", next, p.at)
		}
		v = w.visitor(t)
		if p = v.post(t, "/sign-in", v.get(t, "/sign-in").fill(url.Values{"credential": {w.alicePAT}, "next": {next}})); p.at != want {
			t.Errorf("%q in the form led to %s", next, p.at)
		}
	}
}

// A link on another site brings no cookie; one more step brings it.
func TestLinksFromElsewhereFindTheSession(t *testing.T) {
	w := newWorld(t, nil)
	v := w.visitor(t)
	v.header = http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}}
	p := v.get(t, "/tokens/new?name=x&permissions=read_job")
	if p.wants(t, 200, "One moment"); p.header.Get("Refresh") != "0; url=/tokens/new?name=x&permissions=read_job" {
		t.Errorf("it goes on to %q", p.header.Get("Refresh"))
	}
	v.header = http.Header{"Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"navigate"}}
	v.get(t, "/tokens/new?name=x").wants(t, 200, "Sign in")
}

// Below a path of the gateway every link stays below it.
func TestBelowAPath(t *testing.T) {
	w := newWorld(t, nil)
	const path = "/-/patgate/console"
	o := w.options
	o.Origins, o.Path = []string{"https://patgate.test"}, path
	c, err := console.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Host = "patgate.test"
		c.ServeHTTP(rw,
			r)
	}))
	defer server.Close()
	get := func(target string, follow bool) (int, string, string) {
		client := *server.Client()
		if !follow {
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		}
		response, err := client.Get(server.URL + target)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, response.Header.Get("Location"), string(body)
	}
	if status, location, _ := get(path, false); status != 303 || location != path+"/sign-in?next=%2F" {
		t.Errorf("%d %s", status, location)
	}
	_, _, body := get(path+"/sign-in", true)
	for _, m := range regexp.MustCompile(`(?:src|href|action)="(/[^"]*)"`).FindAllStringSubmatch(body, -1) {
		if !strings.HasPrefix(m[1], path+"/") {
			t.Errorf("it points to %s", m[1])
		}
	}
	for _, outside := range []string{"/tokens", "/-/patgate", "/-/patgate/consolex", "/-/patgate/console/../tokens"} {
		if status, _, _ := get(outside, false); status != 404 {
			t.Errorf("%s: %d", outside, status)
		}
	}
}
