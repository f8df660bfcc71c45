package cli_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"patgate/forge/forgetest"
)

// TestOrigins: pages of the configured origins, and no others, may read what patgate answers, whoever made the answer; and
// nothing of it is said where no origin is configured.
func TestOrigins(t *testing.T) {
	const cms, allow, vary = "https://cms.example.com", "Access-Control-Allow-Origin", "Vary"
	r := startRunningWith(t, func(*world) []string {
		return []string{"PATGATE_CORS_ORIGINS=https://CMS.example.com:443,http://localhost:1234"}
	})
	w := r.world
	token := r.mint(t, "--name", "cms", "--project", "shop/backend/api", "--allow", "read_project,read_work_item")
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	preflight := func(path, origin, method string) answer {
		return send(http.MethodOptions, r.gate+path, http.Header{"Origin": {origin}, "Access-Control-Request-Method": {method},
			"Access-Control-Request-Headers": {"authorization,content-type"}}, nil)
	}
	t.Run("preflights", func(t *testing.T) {
		w.forge.ForgetRequests()
		for _, path := range []string{project, project + "/repository/commits", "/api/graphql", "/-/patgate/api/tokens",
			"/shop/backend/api.git/info/refs"} {
			for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
				a := preflight(path, cms, method)
				if a.status != 204 || a.header.Get(allow) != cms || !strings.Contains(a.header.Get("Access-Control-Allow-Methods"),
					method) ||
					!strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") ||
					a.header.Get("Access-Control-Max-Age") == "" ||
					!slices.Contains(a.header.Values(vary), "Origin") || a.header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s %s: %d %v", method, path, a.status, a.header)
				}
			}
		}
		for _, origin := range []string{"https://cms.example.com.evil.example", "https://evil.example", "http://cms.example.com",
			"https://cms.example.com:8443",
			"null", "*", "https://cms.example.com/", ""} {
			if a := preflight(project, origin, "GET"); a.status != 405 || a.header.Get(allow) != "" {
				t.Errorf("%q: %d %v", origin, a.status, a.header)
			}
		}
		if a := preflight("/-/patgate/console/", cms, "POST"); a.header.Get(allow) != "" {
			t.Errorf("the console: %v", a.header)
		}
		if a := send(http.MethodOptions, r.gate+project, http.Header{"Origin": {cms}}, nil); a.status != 405 || a.header.Get(allow) != cms {
			t.Errorf("OPTIONS that is no preflight: %d %v", a.status, a.header)
		}
		if got := w.forge.Requests(); slices.ContainsFunc(got, func(q forgetest.Request) bool { return q.Method == http.MethodOptions }) {
			t.Error("a preflight reached the forge")
		}
	})
	t.Run("answers", func(t *testing.T) {
		for _, c := range []struct {
			name, credential, method, path string
			status                         int
		}{
			{"an answer of the forge", token, "GET", project, 200},
			{"a list", token, "GET", project + "/issues?per_page=2", 200},
			{"a denial", token, "POST", project + "/pipeline?ref=main", 403},
			{"a place out of reach", token, "GET", fmt.Sprintf("/api/v4/projects/%d", w.plans), 403},
			{"a path that is not there", token, "GET", "/api/v4/nothing", 403},
			{"a wrong token", token[:len(token)-1] + "_", "GET", project, 401},
			{"no token", "", "GET", project, 401},
			{"patgate's own answer", token, "GET", "/api/v4/personal_access_tokens/self", 200},
			{"the forge's own token", w.alicePAT, "GET", project, 200},
		} {
			for _, origin := range []string{cms, "http://localhost:1234", "https://evil.example", ""} {
				for range 3 { // the last in a loop, where it can be
					h := http.Header{"Origin": {origin}, "Private-Token": {c.credential}}
					if origin == "" {
						h.Del("Origin")
					}
					if c.credential == "" {
						h.Del("Private-Token")
					}
					a := send(c.method, r.gate+c.path, h, nil)
					shared := origin == cms || strings.HasPrefix(origin, "http://localhost")
					if a.status != c.status || shared && a.header.Get(allow) != origin || !shared && a.header.Get(allow) != "" &&
						c.credential != w.alicePAT ||
						shared && a.header.Get("Access-Control-Expose-Headers") != "*" || !slices.Contains(a.header.Values(vary),
						"Origin") ||
						len(a.header.Values(allow)) > 1 || a.header.Get("Access-Control-Allow-Credentials") != "" {
						t.Errorf("%s from %q: %d %v %s", c.name, origin, a.status, a.header, a.body)
					}
				}
			}
		}
		for i := range 40 {
			if a := send("GET", r.gate+project, http.Header{"Origin": {cms}, "Private-Token": {fmt.Sprintf("glpat-guess-%d", i)}},
				nil); a.status == 429 {
				if a.header.Get(allow) != cms || a.header.Get("Retry-After") == "" {
					t.Errorf("%v", a.header)
				}
				return
			}
		}
		t.Error("no guess was one too many")
	})
	t.Run("where none is configured", func(t *testing.T) {
		r := startRunning(t)
		token := r.mint(t, "--name", "x", "--project", "shop/backend/api", "--allow", "read_project")
		for _, a := range []answer{
			send(http.MethodOptions, r.gate+project, http.Header{"Origin": {cms}, "Access-Control-Request-Method": {"GET"}}, nil),
			send(http.MethodGet, r.gate+project, http.Header{"Origin": {cms}, "Private-Token": {token}}, nil),
		} {
			if a.header.Get(allow) != "" || slices.Contains(a.header.Values(vary), "Origin") {
				t.Errorf("%d %v", a.status, a.header)
			}
		}
	})
}

// TestOriginsInABrowser: a page of another origin reads an answer with its token, and sees what a denial says. A page of an
// origin that is not configured sees nothing.
func TestOriginsInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, "chromium is not here: apt-get install chromium")
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>cms</title>")
	}))
	defer page.Close()
	r := startRunningWith(t, func(*world) []string { return []string{"PATGATE_CORS_ORIGINS=" + page.URL} })
	token := r.mint(t, "--name", "cms", "--project", "shop/backend/api", "--allow", "read_project,read_work_item,create_work_item")
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(chromium), chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	defer stop()
	ctx, closePage := chromedp.NewContext(allocator)
	defer closePage()
	ask := func(origin, method, path, body string) string {
		t.Helper()
		script := fmt.Sprintf(`(async () => {
			try {
				const a = await fetch(%q, {method: %q, headers: {Authorization: "Bearer %s", "Content-Type": "application/json"}, body: %s});
				return [a.status, a.headers.get("X-Total") || a.headers.get("X-Accepted-Permissions") || "", await a.text()].join(" ");
			} catch (e) { return "blocked: " + e; }
		})()`, r.gate+path, method, token, body)
		if err := chromedp.Do(ctx, chromedp.Navigate(origin)); err != nil {
			t.Fatal(err)
		}
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	project := fmt.Sprintf("/api/v4/projects/%d", r.world.api)
	for _, c := range []struct{ name, origin, method, path, body, want string }{
		{"an answer", page.URL, "GET", project + "/issues?per_page=1", "null", fmt.Sprintf("200 %d [{", issuesOfAPI)},
		{"a write", page.URL, "POST", project + "/issues", "'{\"title\":\"from a page\",\"description\":\"x\"}'", "201 "},
		{"a denial", page.URL, "GET", project + "/jobs", "null", `403 read_job {"error"`},
		{"another origin", strings.Replace(page.URL, "127.0.0.1", "localhost", 1), "GET", project, "null", "blocked: TypeError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ask(c.origin, c.method, c.path, c.body); !strings.HasPrefix(got, c.want) {
				t.Errorf("the page sees %.300s, want %s", got, c.want)
			}
		})
	}
}

// TestTheConsoleIsNotShared: with the console on the clients' address and the forge under a path, no page of a configured origin
// may read the console, however the way there is spelled.
func TestTheConsoleIsNotShared(t *testing.T) {
	const cms, root, allow = "https://cms.example.com", "/gitlab", "Access-Control-Allow-Origin"
	r := startRunningWith(t, func(w *world) []string {
		server := httptest.NewServer(below(t, root, w.forge, func(*http.Request) {}))
		t.Cleanup(server.Close)
		return []string{"PATGATE_CORS_ORIGINS=" + cms, "PATGATE_CONSOLE_LISTEN=gateway", "PATGATE_UPSTREAM_URL=" + server.URL + root}
	})
	for _, prefix := range []string{"", root} {
		for _, path := range []string{"/-/patgate/console/", "/-/patgate/console/sign-in"} {
			a := send(http.MethodGet, r.gate+prefix+path, http.Header{"Origin": {cms}}, nil)
			if a.header.Get(allow) != "" || strings.HasSuffix(path, "sign-in") && a.status != 200 {
				t.Errorf("%s%s: %d %v", prefix, path, a.status, a.header)
			}
			if a := send(http.MethodOptions, r.gate+prefix+path, http.Header{"Origin": {cms}, "Access-Control-Request-Method": {"GET"}},
				nil); a.status == 204 {
				t.Errorf("a preflight for %s%s: %v", prefix, path, a.header)
			}
		}
		if a := send(http.MethodGet, r.gate+prefix+"/api/v4/version", http.Header{"Origin": {cms}}, nil); a.header.Get(allow) != cms {
			t.Errorf("%d %v", a.status, a.header)
		}
	}
}
