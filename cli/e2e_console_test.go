package cli_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	protocol "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	patgatetoken "patgate/token"
)

// consoleStage is a running server with a console, and a browser that looks at it.
type consoleStage struct {
	*running
	*browser
}

// consoleAddress finds an address for a console, and the setting that names it.
func consoleAddress(t *testing.T) (origin, setting string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "http://localhost:" + port, "PATGATE_CONSOLE_LISTEN=" + l.Addr().String()
}

// startConsole starts a server with a console, of which alice is an administrator.
func startConsole(t *testing.T, more ...string) *consoleStage {
	t.Helper()
	origin, setting := consoleAddress(t)
	r := startRunningWith(t, func(w *world) []string {
		return append([]string{setting, fmt.Sprint("PATGATE_ADMINISTRATORS=", w.alice), "PATGATE_LIMITS_FAILED_CREDENTIALS=1000000"},
			more...)
	})
	return &consoleStage{r, openBrowser(t, origin)}
}

// step is a part of a walk; what follows needs it.
func (s *consoleStage) step(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	done := t.Run(name, func(t *testing.T) {
		s.browser.t = t
		f(t)
	})
	s.browser.t = t
	if !done {
		t.FailNow()
	}
}

// signIn signs alice in and stands on the list of tokens.
func (s *consoleStage) signIn(t *testing.T) {
	t.Helper()
	s.open("/sign-in")
	s.fill("#credential", s.world.alicePAT)
	if status := s.follow("#sign-in"); status != 200 || s.address() != "/tokens" {
		t.Fatalf("%d at %s", status, s.address())
	}
}

// template starts the form from a template.
func (s *consoleStage) template(name string) {
	s.follow("#template-" + name)
}

// find chooses a project or group by typing a part of its name and pressing Enter.
func (s *consoleStage) find(part, whole string) {
	s.fill("[data-find]", part)
	s.becomes(`[...document.querySelectorAll("[data-found] li")].some(li => li.innerText.includes(` + quoted(whole) + `))`)
	for range 20 {
		if evaluate[bool](s.browser, `(document.querySelector("[data-found] li[aria-selected=true]")?.innerText ?? "").includes(`+quoted(whole)+`)`) {
			break
		}
		s.run("going down the list", chromedp.SendKeys(chromedp.CSS("[data-find]"), kb.ArrowDown))
	}
	s.run("choosing "+whole, chromedp.SendKeys(chromedp.CSS("[data-find]"), kb.Enter))
	s.becomes(`document.querySelector("[data-chosen]").innerText.includes(` + quoted(whole) + `)`)
}

// minted reads the secret that is shown.
func (s *consoleStage) minted(t *testing.T) string {
	t.Helper()
	secret := evaluate[string](s.browser, `document.querySelector("#secret").value`)
	if _, err := patgatetoken.Parse([]byte(secret)); err != nil {
		t.Fatalf("%v\n%s", err, s.body())
	}
	s.secret("a token that was made in the console", secret)
	return secret
}

// value reads a field.
func (s *consoleStage) value(selector string) string {
	return evaluate[string](s.browser, `document.querySelector(`+quoted(selector)+`).value`)
}

// ticked gives the permissions that the form has ticked.
func (s *consoleStage) ticked() []string {
	all := evaluate[[]string](s.browser, `[...document.querySelectorAll("[data-scope] input[type=checkbox][name$=permission]:checked")].map(i => i.value)`)
	slices.Sort(all)
	return all
}

// tick puts a permission's tick or takes it away.
func (s *consoleStage) tick(permission string) {
	evaluate[bool](s.browser, `(() => { const i = document.querySelector('[data-scope] input[value=`+permission+`]'); i.click(); return true })()`)
}

// pick searches the catalogue and ticks a permission of the only resource that is found.
func (s *consoleStage) pick(words, permission string) {
	s.fill("[data-filter]", words)
	s.becomes(`[...document.querySelectorAll("[data-resources] button")].filter(b => !b.hidden).length === 1`)
	s.click("[data-resources] button:not([hidden])")
	s.click("[data-scope] label:has(input[value=" + permission + "])")
	s.becomes(`document.querySelector("[data-scope] input[value=` + permission + `]").checked`)
	s.fill("[data-filter]", " ")
}

// tokenPage opens the details of the token of that name that is neither revoked nor expired.
func (s *consoleStage) tokenPage(name string) {
	s.open("/tokens?search=" + url.QueryEscape(name))
	s.follow("table.tokens a.name")
	s.sees(name)
}

// TestConsole walks through the console in a real browser as its users do, and uses what was made there at the gateway.
func TestConsole(t *testing.T) {
	t.Parallel() // it waits most of the time
	s := startConsole(t)
	w := s.world
	issues := fmt.Sprintf("/api/v4/projects/%d/issues", w.api)
	var agent, rotated string

	s.step(t, "sign in", func(t *testing.T) {
		if s.open("/tokens"); !strings.HasPrefix(s.address(), "/sign-in?next=") {
			t.Fatalf("%s is shown to everybody", s.address())
		}
		s.accessible("sign-in")
		s.fill("#credential", "glpat-this-one-is-wrong")
		if status := s.follow("#sign-in"); status != http.StatusUnauthorized {
			t.Errorf("a wrong credential: %d", status)
		}
		s.sees("does not accept this access token")
		s.accessible("sign-in, refused")
		s.fill("#credential", w.alicePAT)
		if status := s.follow("#sign-in"); status != 200 || s.address() != "/tokens" {
			t.Fatalf("%d at %s", status, s.address())
		}
		s.sees("No tokens yet")
		s.accessible("no tokens")
	})
	s.step(t, "create a token for one project from a template", func(t *testing.T) {
		s.follow("#new-token")
		s.template("ai-agent")
		s.find("backend", "shop/backend/api")
		s.becomes(`document.querySelectorAll(".misfit").length === 0`)
		s.pick("job artifact", "read_job_artifact")
		s.fill("#name", "agent on the API")
		s.sees("In plain words", "shop/backend/api")
		s.accessible("create")
		s.fill("#expires_at", "2020-01-01")
		s.fill("#credential", w.alicePAT)
		if status := s.follow("#generate"); status < 400 || status > 499 {
			t.Fatalf("an end in the past: %d\n%s", status, s.body())
		}
		s.sees("in the past")
		for field, want := range map[string]string{"#name": "agent on the API", "#expires_at": "2020-01-01", "#credential": "",
			"#template": "ai-agent"} {
			if got := s.value(field); got != want {
				t.Errorf("after a mistake %s holds %q, want %q", field, got, want)
			}
		}
		s.becomes(`document.querySelector("[data-chosen]").innerText.includes("shop/backend/api")`)
		if got := s.ticked(); !slices.Contains(got, "create_work_item") || !slices.Contains(got, "read_job_artifact") {
			t.Errorf("after a mistake it holds %v", got)
		}
		s.accessible("create, with a mistake")
		s.fill("#expires_at", "7d")
		s.fill("#credential", w.alicePAT)
		s.click("#seal")
		if status := s.follow("#generate"); status != 200 && status != 201 {
			t.Fatalf("%d\n%s", status, s.body())
		}
		agent = s.minted(t)
		s.accessible("secret")
	})
	s.step(t, "copy it", func(t *testing.T) {
		for _, name := range []string{"clipboard-read", "clipboard-write"} {
			_, err := chromedp.CallBrowser(s.browser.ctx, protocol.SetPermission, protocol.SetPermissionParams{Origin: s.base,
				Permission: &protocol.PermissionDescriptor{Name: name}, Setting: protocol.PermissionSettingGranted})
			if err != nil {
				t.Fatal(err)
			}
		}
		s.click("#copy")
		s.sees("Copied")
		if got := evaluate[string](s.browser, `navigator.clipboard.readText()`); got != agent {
			t.Errorf("the clipboard holds something else")
		}
	})
	s.step(t, "use it through the gateway", func(t *testing.T) {
		s.want(t, 200, agent, "GET", issues, nil)
		s.want(t, 201, agent, "POST", issues, object{"title": "made by the agent", "description": "as asked"})
		s.want(t, 403, agent, "DELETE", issues+"/1", nil)
		s.want(t, 403, agent, "GET", fmt.Sprintf("/api/v4/projects/%d/issues", w.web), nil)
	})
	s.step(t, "see it in the table with its scopes and use", func(t *testing.T) {
		s.open("/tokens")
		s.sees("agent on the API", "shop/backend/api", "Merge Request", "runs as owner") // what is dangerous stands first
		s.seesNot(agent)
		s.waitForUses(t, "agent on the API", "2 uses") // what was denied is none
		s.follow("table.tokens a.name")
		used := evaluate[map[string]string](s.browser, `Object.fromEntries([...document.querySelectorAll(".uses-table tbody tr:not(.group)")].map(r => [r.querySelector("code").innerText, r.querySelector(".num").innerText]))`)
		if used["read_work_item"] != "1" || used["create_work_item"] != "1" || used["push_code"] != "0" {
			t.Errorf("the details show %v", used)
		}
		s.sees("127.0.0.1", "Active")
		s.accessible("details")
	})
	s.step(t, "a denial links to what is missing, for this token and for a new one", func(t *testing.T) {
		a := s.call(t, agent, "GET", fmt.Sprintf("/api/v4/projects/%d/variables", w.api), nil)
		link := grantURL(t, a)
		if !strings.HasPrefix(link, s.base+"/") {
			t.Fatalf("the link is %s", link)
		}
		s.open(strings.TrimPrefix(link, s.base))
		s.becomes(`document.querySelector("#added").innerText.includes("read_variable")`)
		s.accessible("add to a token, from a link")
		s.follow("#new-instead")
		if got := s.ticked(); !slices.Equal(got, []string{"read_variable"}) {
			t.Errorf("%s ticks %v", link, got)
		}
		s.becomes(`document.querySelector("[data-chosen]").innerText.includes("shop/backend/api")`) // the request named it by its id
		s.accessible("create, from a link")
	})
	s.step(t, "narrow it", func(t *testing.T) {
		s.tokenPage("agent on the API")
		s.follow("#edit")
		s.accessible("edit")
		s.tick("create_work_item")
		s.follow("#save")
		s.sees("This would have denied", "Nothing is saved yet")
		s.want(t, 201, agent, "POST", issues, object{"title": "still", "description": "as asked"})
		if status := s.follow("#save"); status != 200 {
			t.Fatalf("%d\n%s", status, s.body())
		}
		s.want(t, 403, agent, "POST", issues, object{"title": "no more", "description": "as asked"})
		s.want(t, 200, agent, "GET", issues, nil)
	})
	s.step(t, "widening asks for the credential", func(t *testing.T) {
		s.tokenPage("agent on the API")
		s.follow("#edit")
		s.tick("create_work_item")
		if status := s.follow("#save"); status < 400 || status > 499 {
			t.Fatalf("it was widened on nobody's word: %d\n%s", status, s.body())
		}
		s.accessible("edit, with a mistake")
		s.want(t, 403, agent, "POST", issues, object{"title": "still not", "description": "as asked"})
		s.fill("#credential", w.alicePAT)
		if status := s.follow("#save"); status != 200 {
			t.Fatalf("%d\n%s", status, s.body())
		}
		s.want(t, 201, agent, "POST", issues, object{"title": "again", "description": "as asked"})
	})
	s.step(t, "pause and resume it", func(t *testing.T) {
		s.tokenPage("agent on the API")
		s.follow("#pause")
		s.accessible("pause")
		s.fill("#reason", "holidays")
		s.follow("#pause")
		s.sees("holidays")
		s.want(t, 401, agent, "GET", issues, nil)
		s.follow("#resume")
		s.fill("#credential", w.alicePAT)
		s.follow("#resume")
		s.want(t, 200, agent, "GET", issues, nil)
	})
	s.step(t, "rotate it with a grace", func(t *testing.T) {
		s.tokenPage("agent on the API")
		s.follow("#rotate")
		s.accessible("rotate")
		s.fill("#grace", "8s")
		s.fill("#credential", w.alicePAT)
		if status := s.follow("#rotate"); status != 200 && status != 201 {
			t.Fatalf("%d\n%s", status, s.body())
		}
		begun := time.Now()
		rotated = s.minted(t)
		if rotated == agent {
			t.Fatal("the secret is the old one")
		}
		s.want(t, 200, rotated, "GET", issues, nil)
		s.want(t, 200, agent, "GET", issues, nil)
		for s.call(t, agent, "GET", issues, nil).status == 200 {
			if time.Since(begun) > 2*patience {
				t.Fatal("the old secret works on")
			}
			time.Sleep(200 * time.Millisecond)
		}
		if lasted := time.Since(begun); lasted < 3*time.Second {
			t.Errorf("the old secret ended after %s", lasted)
		}
		s.want(t, 200, rotated, "GET", issues, nil)
	})
	s.step(t, "revoke it, and be refused", func(t *testing.T) {
		s.open("/tokens")
		s.follow("table.tokens a.name")
		s.follow("#revoke")
		s.accessible("revoke")
		s.follow("#revoke")
		s.want(t, 401, rotated, "GET", issues, nil)
		s.sees("Revoked")
		s.accessible("details of a revoked token")
	})
	s.step(t, "the forge's own tokens, and everyone's", func(t *testing.T) {
		s.open("/forge-tokens")
		s.sees("for patgate")
		s.accessible("the forge's tokens")
		s.open("/everyone")
		s.accessible("everyone's tokens")
		if status := s.open("/tokens/1999999999999"); status != 404 {
			t.Errorf("no token: %d", status)
		}
		s.accessible("not found")
	})
	s.step(t, "with the keyboard alone", func(t *testing.T) {
		s.open("/tokens")
		focus := func() string {
			return evaluate[string](s.browser, `document.activeElement.id || document.activeElement.className`)
		}
		press := func(key string) { s.run("pressing a key", chromedp.KeyEvent(key)) }
		if press(kb.Tab); focus() != "skip" {
			t.Errorf("first comes %q", focus())
		}
		press(kb.Enter)
		if press(kb.Tab); focus() != "new-token" {
			t.Errorf("behind the link to the content comes %q", focus())
		}
		if status := s.loads("pressing Enter", chromedp.KeyEvent(kb.Enter)); status != 200 || s.address() != "/tokens/new" {
			t.Errorf("%d at %s", status, s.address())
		}
		s.fill("[data-find]", "my.web")
		s.becomes(`!document.querySelector("[data-found]").hidden`)
		if press(kb.Escape); !evaluate[bool](s.browser, `document.querySelector("[data-found]").hidden`) {
			t.Error("Escape does not close what was found")
		}
	})
	s.step(t, "a table of many", func(t *testing.T) { s.tableOfMany(t) })
	s.step(t, "sign out", func(t *testing.T) {
		s.follow("#sign-out")
		if s.open("/tokens"); !strings.HasPrefix(s.address(), "/sign-in") {
			t.Errorf("%s is shown after signing out", s.address())
		}
	})
}

// TestConsoleWithoutAScript makes and ends a token in a browser that runs no script.
func TestConsoleWithoutAScript(t *testing.T) {
	s := startConsole(t)
	if _, err := chromedp.Call(s.browser.ctx, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	s.signIn(t)
	s.follow("#new-token")
	s.follow("#template-read-only-ci")
	s.fill("textarea[name=scope-0-projects]", "shop/backend/api\nshop/nothing")
	s.fill("#credential", s.world.alicePAT)
	s.click("#seal")
	if status := s.follow("#generate"); status < 400 || status > 499 {
		t.Fatalf("a project that is not there: %d", status)
	}
	s.sees("shop/nothing", "not found")
	s.fill("textarea[name=scope-0-projects]", "shop/backend/api")
	s.click("label:has(input[value=read_job])") // away
	s.fill("#credential", s.world.alicePAT)
	s.follow("#generate")
	secret := s.minted(t)
	s.want(t, 200, secret, "GET", fmt.Sprintf("/api/v4/projects/%d", s.world.api), nil)
	s.want(t, 403, secret, "GET", fmt.Sprintf("/api/v4/projects/%d/jobs", s.world.api), nil)
	s.follow("#done")
	s.follow("#revoke")
	s.follow("#revoke")
	s.want(t, 401, secret, "GET", allTokens+"/self", nil)
}

// grantURL reads the link of a denial.
func grantURL(t *testing.T, a answer) string {
	t.Helper()
	if a.status != http.StatusForbidden {
		t.Fatalf("not denied: %d %s", a.status, a.body)
	}
	_, rest, found := strings.Cut(a.body, `"grant_url":`)
	if !found {
		t.Fatalf("there is no grant_url: %s", a.body)
	}
	link, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(rest), `"`), `"`)
	return strings.ReplaceAll(link, `\u0026`, "&")
}

// TestAPushTokenFromTheConsole makes the token for pushing images from its template, in the browser, and pushes with it.
func TestAPushTokenFromTheConsole(t *testing.T) {
	origin, setting := consoleAddress(t)
	r := startRegistry(t, true, setting)
	s := &consoleStage{r.running, openBrowser(t, origin)}
	s.signIn(t)
	s.follow("#new-token")
	s.template("container-push")
	s.find("backend", "shop/backend/api")
	if got := s.ticked(); !slices.Equal(got, []string{"create_container_repository", "read_container_repository"}) {
		t.Fatalf("the template ticks %v", got)
	}
	s.fill("#credential", s.world.alicePAT)
	s.click("#seal")
	s.follow("#generate")
	credential, small := "ci:"+s.minted(t), r.layout(t, "small", 4096, "amd64")
	r.ok(t, "skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", credential, small, r.image("shop/backend/api/app:v1"))
	r.ok(t, "skopeo", "inspect", "--tls-verify=false", "--creds", credential, r.image("shop/backend/api/app:v1"))
	r.refused(t, []string{"403 (Forbidden)"}, "skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", credential, small,
		r.image("shop/my.web-site/app:v1"))
	r.refused(t, nil, "skopeo", "delete", "--tls-verify=false", "--creds", credential, r.image("shop/backend/api/app:v1"))
}
