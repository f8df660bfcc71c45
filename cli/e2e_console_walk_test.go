package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"patgate/forge/forgetest"
)

// everyView holds the present page to all that barriers looks for, light and dark, on a screen and on a phone.
func (s *consoleStage) everyView(name string) {
	s.browser.t.Helper()
	views := []view{{"light", 1280}, {"dark", 1280}, {"light", 360}, {"dark", 360}}
	s.accessible(name, views...)
	dir := os.Getenv("PATGATE_SCREENSHOTS")
	if dir == "" {
		return
	}
	defer s.look("light", 1280, 900)
	for _, v := range views {
		s.look(v.scheme, v.width, 900)
		high := evaluate[int64](s.browser, `document.documentElement.scrollHeight`)
		s.look(v.scheme, v.width, min(high, 3000))
		data, err := chromedp.Run(s.browser.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			s.browser.t.Fatal(err)
		}
		file := fmt.Sprintf("walk-%s-%s-%d.png", strings.ReplaceAll(name, " ", "-"), v.scheme, v.width)
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o644); err != nil {
			s.browser.t.Fatal(err)
		}
	}
}

// press presses a key.
func (s *consoleStage) press(keys ...string) {
	s.browser.t.Helper()
	for _, key := range keys {
		s.run("pressing a key", chromedp.KeyEvent(key))
	}
}

// paste pastes a text into the field that finds projects and groups.
func (s *consoleStage) paste(text string) {
	s.browser.t.Helper()
	evaluate[bool](s.browser, `(() => { const d = new DataTransfer(); d.setData("text", `+quoted(text)+`);
		const f = document.querySelector("[data-find]"); f.focus();
		return f.dispatchEvent(new ClipboardEvent("paste", {clipboardData: d, bubbles: true, cancelable: true})), true })()`)
}

// focused tells whether what a selector finds has the focus.
func (s *consoleStage) focused(selector string) bool {
	return evaluate[bool](s.browser, `document.activeElement.matches(`+quoted(selector)+`)`)
}

// tab presses Tab until something has the focus, and gives how often.
func (s *consoleStage) tab(selector string) int {
	s.browser.t.Helper()
	for n := range 120 {
		if s.focused(selector) {
			return n
		}
		s.press(kb.Tab)
	}
	s.browser.t.Fatalf("Tab never comes to %s at %s: it is at %s", selector, s.address(),
		evaluate[string](s.browser, `document.activeElement.outerHTML.slice(0, 200)`))
	return 0
}

// names gives the tokens of the table.
func (s *consoleStage) names() []string {
	all := evaluate[[]string](s.browser, `[...document.querySelectorAll("table.tokens a.name")].map(a => a.innerText)`)
	slices.Sort(all)
	return all
}

// download gives what a link of the page leads to.
func (s *consoleStage) download(selector string) string {
	return evaluate[string](s.browser, `fetch(document.querySelector(`+quoted(selector)+`).href).then(r => r.text())`)
}

// forget ends the session as seen from the browser: its cookies are gone.
func (s *consoleStage) forget() {
	s.browser.t.Helper()
	if _, err := chromedp.Call(s.browser.ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		s.browser.t.Fatal(err)
	}
}

// team makes the tokens that the walks look at, and has one of them denied something. It gives the page of that one.
func (s *consoleStage) team(t *testing.T) (page, secret string) {
	w := s.world
	s.make(t, creation("office", on(w.api, "read_job", "push_code")))
	s.make(t, creation("nightly", on(w.web, "read_job", "read_pipeline", "delete_branch")))
	ci := s.make(t, creation("ci", on(w.api, "read_job", "read_pipeline")))
	s.make(t, object{"name": "everywhere", "seal": true, "granular_scopes": []object{{"access": "all_memberships",
		"permissions": []string{"read_*", "create_*", "update_*", "push_code"}}}})
	s.want(t, 403, ci.Token, "GET", fmt.Sprintf("/api/v4/projects/%d/issues", w.api), nil)
	return fmt.Sprintf("/tokens/%d", ci.ID), ci.Token
}

// denied opens a token's page until it shows what it was denied: that is stored now and then.
func (s *consoleStage) denied(t *testing.T, page string) {
	t.Helper()
	for end := time.Now().Add(2 * patience); ; time.Sleep(200 * time.Millisecond) {
		if s.open(page); strings.Contains(s.body(), "Recently denied") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it does not show what it was denied:\n%s", s.body())
		}
	}
}

// TestConsoleQuestions asks who can do what, takes what is found along as CSV and JSON, changes several tokens at once, follows a denial
// to the page that shows before and after, and loses its session while it types. Each page is looked at in every view.
func TestConsoleQuestions(t *testing.T) {
	t.Parallel() // it waits most of the time
	s := startConsole(t)
	page, secret := s.team(t)
	issues := fmt.Sprintf("/api/v4/projects/%d/issues", s.world.api)
	s.signIn(t)

	s.step(t, "filters, in the page and in its address", func(t *testing.T) {
		s.click("details.times > summary")
		s.everyView("more filters")
		s.fill("#can", "push_code")
		s.fill("#on", "shop/backend/api")
		s.follow("#apply")
		if at := s.address(); !strings.Contains(at, "can=push_code") || !strings.Contains(at, "on=shop%2Fbackend%2Fapi") {
			t.Errorf("the question is not in the address: %s", at)
		}
		if got := s.names(); !slices.Equal(got, []string{"everywhere", "office"}) {
			t.Errorf("who can push there: %v", got)
		}
		s.sees("names shop/backend/api", "may reach it", "pushes")
		s.everyView("who can push")
		s.fill("#on", "6")
		s.follow("#apply")
		s.sees("may be a project or a group", "No token matches these filters")
		s.everyView("a question that cannot be read")
	})
	s.step(t, "as CSV and JSON", func(t *testing.T) {
		s.open("/tokens?can=push_code")
		if text := s.download("#csv"); !strings.HasPrefix(text, "id,name,") || !strings.Contains(text, ",office,") ||
			strings.Contains(text, "nightly") {
			t.Errorf("as CSV: %s", text)
		}
		if text := s.download("#json"); !strings.Contains(text, `"name":"office"`) || strings.Contains(text, "nightly") {
			t.Errorf("as JSON: %s", text)
		}
	})
	s.step(t, "several are narrowed, paused and revoked", func(t *testing.T) {
		s.open("/tokens")
		s.follow(`#several button[value="pause"]`)
		s.sees("Nothing is selected")
		s.everyView("nothing is selected")
		s.open("/tokens?search=shop")
		evaluate[bool](s.browser, `document.querySelectorAll("input.pick").forEach(i => i.click()), true`)
		s.follow(`#several button[value="narrow"]`)
		s.sees("Take permissions from 3 tokens", "push_code", "delete_branch")
		s.everyView("take permissions")
		s.click("#take-push_code")
		s.follow("#do")
		s.sees("1 of 3 tokens: narrowed", "office", "Nothing to do")
		s.everyView("several were narrowed")
		s.open("/tokens?search=nightly")
		s.click("input.pick")
		s.follow(`#several button[value="revoke"]`)
		s.sees("Revoke 1 token?", "This cannot be undone")
		s.everyView("revoke several")
		s.follow(`.form-end a`)
		if got := s.names(); !slices.Contains(got, "nightly") {
			t.Errorf("after Cancel there are %v", got)
		}
	})
	s.step(t, "every figure of an owner leads to the tokens that it counts", func(t *testing.T) {
		s.open("/owners")
		s.sees("The tokens of each owner in numbers", "alice", "Highest radius")
		s.everyView("owners")
		count := evaluate[string](s.browser, `document.querySelector("td[data-label=Active] a.figure").firstChild.data`)
		s.follow("td[data-label=Active] a.figure")
		if got := s.names(); fmt.Sprint(len(got)) != count {
			t.Errorf("%s are active, and it leads to %v", count, got)
		}
	})
	s.step(t, "a denial leads to before and after", func(t *testing.T) {
		s.denied(t, page)
		s.sees("Endpoint", "read_work_item")
		s.everyView("denied lately")
		s.follow("#denials a")
		s.sees("What is added", "On project shop/backend/api", "read_work_item", "What it has", "Pipeline")
		s.everyView("before and after")
		s.fill("#credential", s.world.alicePAT)
		s.follow("#grant")
		s.want(t, 200, secret, "GET", issues, nil)
	})
	s.step(t, "a long token is grouped, what is dangerous first", func(t *testing.T) {
		s.open("/tokens?search=everywhere")
		s.follow("table.tokens a.name")
		type row struct {
			Category  string
			Dangerous bool
		}
		rows := evaluate[[]row](s.browser, `[...document.querySelectorAll(".uses-table tbody")].flatMap(b => [...b.querySelectorAll("tr:not(.group)")]
			.map(r => ({Category: b.querySelector(".group")?.innerText ?? "", Dangerous: !!r.querySelector(".perilous")})))`)
		calm, seen := map[string]bool{}, []string{}
		for _, r := range rows {
			if !slices.Contains(seen, r.Category) {
				seen = append(seen, r.Category)
			}
			if r.Dangerous && calm[r.Category] {
				t.Errorf("in %s something dangerous comes last", r.Category)
			}
			calm[r.Category] = calm[r.Category] || !r.Dangerous
		}
		if len(seen) < 5 || len(rows) < 100 || !rows[0].Dangerous {
			t.Errorf("%d rows in the groups %q", len(rows), seen)
		}
		s.everyView("a long token")
	})
	s.step(t, "what was typed survives the end of the session", func(t *testing.T) {
		s.open("/tokens/new")
		s.fill("#name", "long thought of")
		s.find("backend", "shop/backend/api")
		s.pick("job artifact", "read_job_artifact")
		s.fill("#credential", s.world.alicePAT)
		s.becomes(`document.querySelector("[data-summary]").innerText.includes("Read job artifacts")`) // nothing is being asked any more
		s.forget()
		s.follow("#generate")
		s.sees("Your session has ended", "What you typed is kept")
		s.everyView("signed out while typing")
		s.fill("#credential", s.world.alicePAT)
		s.follow("#sign-in")
		s.sees("This is what you had typed")
		if s.value("#name") != "long thought of" || s.value("#credential") != "" || !slices.Equal(s.ticked(),
			[]string{"read_job_artifact"}) {
			t.Errorf("it has %q and %v", s.value("#name"), s.ticked())
		}
		s.accessible("what was typed is back")
		s.fill("#credential", s.world.alicePAT)
		s.follow("#generate")
		s.minted(t)
	})
}

// TestTheForm looks at what makes the form quick: templates, what is common, ten more, pasted addresses, and the arrow keys.
func TestTheForm(t *testing.T) {
	t.Parallel() // it waits most of the time
	s := startConsole(t)
	w := s.world
	for i := range 25 {
		w.forge.AddProject(fmt.Sprintf("shop/many-%02d", i), forgetest.Private)
	}
	s.signIn(t)
	s.follow("#new-token")

	s.step(t, "a template is a card", func(t *testing.T) {
		s.sees("Push container images for one project", "2 permissions", "AI coding agent on one repository")
		s.follow("#template-ai-agent")
		if !slices.Contains(s.ticked(), "push_code") || s.value("#name") != "AI coding agent on one repository" {
			t.Errorf("it ticks %v, and is called %q", s.ticked(), s.value("#name"))
		}
		s.follow("#template-read-only-ci")
		if slices.Contains(s.ticked(), "push_code") || s.value("#name") != "Read-only CI" ||
			!evaluate[bool](s.browser, `document.querySelector("#template-read-only-ci").ariaCurrent === "true"`) {
			t.Errorf("another one ticks %v, and is called %q", s.ticked(), s.value("#name"))
		}
		s.sees("Download code", "Read job artifacts")
	})
	s.step(t, "ten are found, and ten more", func(t *testing.T) {
		s.fill("[data-find]", "many-")
		s.becomes(`document.querySelectorAll("[data-found] li").length === 11`)
		s.sees("10 found, and there are more", "10 more")
		s.accessible("ten found")
		s.run("to the end", chromedp.SendKeys(chromedp.CSS("[data-find]"), kb.ArrowUp),
			chromedp.SendKeys(chromedp.CSS("[data-find]"), kb.Enter))
		s.becomes(`document.querySelectorAll("[data-found] li").length === 21`)
		if i := evaluate[int](s.browser, `[...document.querySelectorAll("[data-found] li")].findIndex(li => li.ariaSelected === "true")`); i != 10 {
			t.Errorf("the mark stands at %d", i)
		}
		s.run("to the end", chromedp.SendKeys(chromedp.CSS("[data-find]"), kb.End))
		s.press(kb.Escape)
	})
	s.step(t, "addresses and several paths are pasted", func(t *testing.T) {
		text := []string{w.url + "/shop/backend/api/-/merge_requests/1", "git@127.0.0.1:shop/my.web-site.git", "shop/backend", "!"}
		for i := range 12 {
			text = append(text, fmt.Sprintf("shop/many-%02d", i))
		}
		s.paste(strings.Join(text, "\n"))
		s.becomes(`document.querySelector("[data-find-said]").innerText.includes("Added 15. Not found: !.")`)
		if got := s.value("textarea[name=scope-0-groups]"); got != "shop/backend" {
			t.Errorf("the groups are %q", got)
		}
		if got := s.value("textarea[name=scope-0-projects]"); !strings.HasPrefix(got,
			"shop/backend/api\nshop/my.web-site\nshop/many-00\n") {
			t.Errorf("the projects are %q", got)
		}
		if n := evaluate[int](s.browser, `document.querySelectorAll("[data-chosen] li").length`); n != 11 {
			t.Errorf("%d of those chosen are shown", n)
		}
		s.sees("5 more")
		s.click("[data-chosen] .rest button")
		s.becomes(`document.querySelectorAll("[data-chosen] li").length === 15`)
	})
	s.step(t, "each pasted line is taken as what it is, once, and what becomes of it is said", func(t *testing.T) {
		for range 15 {
			s.click("[data-chosen] li button")
		}
		s.paste(w.url + "/groups/shop/backend/-/issues, SHOP/Backend\nshop/my.web-site " +
			fmt.Sprint(w.web) + "\nShop/My.Web-Site, no/such")
		s.becomes(`document.querySelector("[data-find-said]").innerText === "Added 3. Not found, and added as typed: no/such."`)
		groups, projects := s.value("textarea[name=scope-0-groups]"), s.value("textarea[name=scope-0-projects]")
		if groups != "shop/backend" || projects != "shop/my.web-site\nno/such" {
			t.Errorf("the groups are %q, the projects %q", groups, projects)
		}
		many := make([]string, 103)
		for i := range many {
			many[i] = "shop/my.web-site"
		}
		many[101] = "shop/backend/api"
		s.paste(strings.Join(many, "\n"))
		s.becomes(`document.querySelector("[data-find-said]").innerText.includes("The other 3 are in the field")`)
		if got := s.value("[data-find]"); got != "shop/my.web-site shop/backend/api shop/my.web-site" {
			t.Errorf("the field holds %q", got)
		}
	})
	s.step(t, "one who is signed out is told so, and loses nothing", func(t *testing.T) {
		s.forget()
		s.paste("shop/backend/api\nshop/backend")
		s.becomes(`document.querySelector("[data-find-said]").innerText.includes("You are signed out")`)
		if got := s.value("[data-find]"); got != "shop/backend/api shop/backend" {
			t.Errorf("the field holds %q", got)
		}
		s.fill("#description", "typed without a session")
		s.becomes(`document.querySelector("[data-summary]").innerText.includes("Your session has ended")`)
		s.fill("#credential", w.alicePAT)
		s.follow("#generate")
		s.sees("What you typed is kept")
		s.fill("#credential", w.alicePAT)
		s.follow("#sign-in")
		if got := s.value("#description"); got != "typed without a session" {
			t.Errorf("the description is %q", got)
		}
		if wrong := s.faults(); slices.ContainsFunc(wrong, func(text string) bool { return !strings.Contains(text, "answered with 401") }) {
			t.Errorf("beside what was refused: %q", wrong)
		}
	})
	s.step(t, "what is common comes first, and the list is one stop", func(t *testing.T) {
		first := evaluate[[]string](s.browser, `[...document.querySelectorAll("[data-resources] > *")].filter(e => !e.hidden).slice(0, 4).map(e => e.innerText)`)
		if len(first) < 4 || first[0] != "Common" || first[1] != "Code\n1" || first[2] != "Project\n1" {
			t.Errorf("the list begins with %q", first)
		}
		for word, title := range map[string]string{"docker": "Container Repository", "npm": "Package", "maven": "Package",
			"comment": "Work Item", "admin": "Member", "clone": "Code"} {
			s.fill("[data-filter]", word)
			s.becomes(`(list => list.length < 40 && list.some(b => b.firstChild.innerText === ` + quoted(title) + `))(
				[...document.querySelectorAll("[data-resources] button:not([hidden])")])`)
		}
		s.fill("[data-filter]", "no such thing")
		s.becomes(`document.querySelector("[data-filter-said].hint").innerText === "Nothing found."`)
		s.fill("[data-filter]", " ")
		s.becomes(`document.querySelector("[data-filter-said].hidden-label").innerText === ""`)
		s.press(kb.Tab)
		if !s.focused("[data-resources] button[aria-pressed=true]") {
			t.Fatal("behind the search does not come the list")
		}
		s.press(kb.ArrowDown, kb.ArrowDown)
		second := evaluate[string](s.browser, `document.activeElement.innerText`)
		s.press(kb.Tab)
		if s.focused("[data-resources] button") {
			t.Error("the list is more than one stop")
		}
		s.run("back", chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(8))) // Shift
		if got := evaluate[string](s.browser, `document.activeElement.innerText`); got != second {
			t.Errorf("it forgot where it was: %q, not %q", got, second)
		}
		s.press(kb.End)
		last := evaluate[bool](s.browser, `document.activeElement === [...document.querySelectorAll("[data-resources] button")].filter(b => !b.hidden).at(-1)`)
		s.press(kb.Home)
		if !last || !s.focused("[data-resources] h3 + button") {
			t.Error("End and Home do not go to the ends")
		}
		s.press(kb.ArrowUp)
		if !s.focused("[data-filter]") {
			t.Error("above the list is not the search")
		}
		s.press(kb.ArrowDown, kb.ArrowDown, kb.ArrowDown, kb.ArrowDown, kb.ArrowDown, kb.ArrowDown, " ") // merge requests
		if !evaluate[bool](s.browser, `document.activeElement.ariaPressed === "true" && [...document.querySelectorAll("[data-resources] button[aria-pressed=true]")]
			.filter(b => b.firstChild.innerText === document.activeElement.firstChild.innerText).length === 2`) {
			t.Error("the space bar does not choose it, in both places")
		}
		s.everyView("the form, filled in")
	})
}

// TestConsoleQuestionsByKeyboard asks, selects and confirms without a mouse.
func TestConsoleQuestionsByKeyboard(t *testing.T) {
	s := startConsole(t)
	page, secret := s.team(t)
	s.open("/sign-in")
	s.run("typing", chromedp.KeyEvent(s.world.alicePAT)) // the field has the focus
	s.loads("signing in", chromedp.KeyEvent(kb.Enter))
	s.tab("details.times > summary")
	s.press(kb.Enter)
	s.tab("#can")
	s.run("typing", chromedp.KeyEvent("push_code"))
	if s.loads("asking", chromedp.KeyEvent(kb.Enter)); !slices.Equal(s.names(), []string{"everywhere", "office"}) {
		t.Errorf("who can push: %v at %s", s.names(), s.address())
	}
	s.tab("#csv")
	s.tab("#json")
	s.open("/tokens?search=office")
	s.tab(`#several button[value="pause"]`)
	s.tab("input.pick")
	s.press(" ")
	for !s.focused(`#several button[value="pause"]`) { // it stands above the table
		s.run("back", chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(8)))
	}
	s.loads("choosing", chromedp.KeyEvent(kb.Enter))
	s.sees("Pause 1 token?")
	s.tab("#reason")
	s.run("typing", chromedp.KeyEvent("a look"))
	s.tab("#do")
	s.loads("confirming", chromedp.KeyEvent(kb.Enter))
	s.sees("1 of 1 token: paused")
	s.denied(t, page)
	s.tab("#denials a")
	s.loads("following", chromedp.KeyEvent(kb.Enter))
	s.tab("#credential")
	s.run("typing", chromedp.KeyEvent(s.world.alicePAT))
	s.loads("granting", chromedp.KeyEvent(kb.Enter))
	s.want(t, 200, secret, "GET", fmt.Sprintf("/api/v4/projects/%d/issues", s.world.api), nil)
}

// TestConsoleQuestionsWithoutAScript does it all in a browser that runs no script, on a phone.
func TestConsoleQuestionsWithoutAScript(t *testing.T) {
	t.Parallel() // it waits most of the time
	s := startConsole(t)
	page, secret := s.team(t)
	if _, err := chromedp.Call(s.browser.ctx, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	s.look("light", 360, 900)
	fits := func(name string) {
		t.Helper()
		if wide := evaluate[int](s.browser, `document.documentElement.scrollWidth`); wide > 360 {
			t.Errorf("%s is %d wide", name, wide)
		}
	}
	s.signIn(t)
	s.click("details.times > summary")
	s.fill("#can", "push_code")
	s.follow("#apply")
	if got := s.names(); !slices.Equal(got, []string{"everywhere", "office"}) {
		t.Errorf("who can push: %v", got)
	}
	fits("the list")
	s.open("/tokens?search=office")
	s.click("input.pick")
	s.follow(`#several button[value="narrow"]`)
	fits("take permissions")
	s.click("#take-push_code")
	s.follow("#do")
	s.sees("1 of 1 token: narrowed")
	fits("what came of it")
	s.denied(t, page)
	fits("a token's page")
	s.follow("#denials a")
	fits("before and after")
	s.fill("#credential", s.world.alicePAT)
	s.follow("#grant")
	s.want(t, 200, secret, "GET", fmt.Sprintf("/api/v4/projects/%d/issues", s.world.api), nil)
	s.open("/tokens/new")
	fits("the form")
	s.click(`[data-common] a[data-of="job"]`)
	s.run("what is common opens", chromedp.WaitVisible(chromedp.CSS("label:has(input[value=read_job])")))
	s.click("label:has(input[value=read_job])")
	s.fill("#name", "without a script")
	s.fill("textarea[name=scope-0-projects]", s.world.url+"/shop/backend/api/-/jobs\nhttps://elsewhere.example/shop/my.web-site")
	s.fill("#credential", s.world.alicePAT)
	s.forget()
	s.follow("#generate")
	s.sees("What you typed is kept")
	fits("signing in again")
	s.fill("#credential", s.world.alicePAT)
	s.follow("#sign-in")
	s.sees("This is what you had typed")
	if got := s.value("textarea[name=scope-0-projects]"); got != "shop/backend/api\nhttps://elsewhere.example/shop/my.web-site" {
		t.Errorf("the projects are %q", got)
	}
	s.fill("#credential", s.world.alicePAT)
	if s.follow("#generate"); !strings.Contains(s.body(), "elsewhere.example") {
		t.Errorf("another forge's address is taken:\n%s", s.body())
	}
	s.fill("textarea[name=scope-0-projects]", "shop/backend/api")
	s.fill("#credential", s.world.alicePAT)
	s.follow("#generate")
	s.minted(t)
}
