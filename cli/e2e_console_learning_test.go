package cli_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// learner is a console, a repository to push to, and a job that a token does through the gateway.
type learner struct {
	*consoleStage
	git   *gitStage
	clone string
	turn  int
}

// job does the job: reads and writes by the API, and a push, before which git asks whether it may. It gives what was denied.
func (l *learner) job(t *testing.T, secret string) (denied []string) {
	t.Helper()
	project := fmt.Sprintf("/api/v4/projects/%d", l.world.api)
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"GET", project, nil},
		{"GET", project + "/jobs", nil},
		{"GET", project + "/issues", nil},
		{"POST", project + "/issues", object{"title": "found by the job", "description": "as it says"}},
		{"POST", project + "/issues/1/notes", object{"body": "looked at"}},
		{"GET", project + "/repository/branches", nil},
		{"GET", project + "/merge_requests", nil},
		{"GET", project + "/pipelines", nil},
	} {
		if a := l.call(t, secret, c.method, c.path, c.body); a.status == 403 || a.status == 401 {
			denied = append(denied, c.method+" "+c.path+" "+a.body)
		}
	}
	l.turn++
	l.git.commit(t, l.clone, fmt.Sprint("nightly ", l.turn))
	if out, err := l.git.run(l.clone, "git", "push", "-q", l.git.url(secret, "shop/backend/api.git"),
		"HEAD:refs/heads/bot/nightly"); err != nil {
		denied = append(denied, "git push: "+out)
	}
	return denied
}

// proposed opens the page of the smaller token until it shows so many requests: what is seen is stored now and then.
func (l *learner) proposed(t *testing.T, page string, requests int) {
	t.Helper()
	want := fmt.Sprintf(`document.querySelector("#left")?.innerText.includes("1 request") &&
		document.querySelector(".facts dd")?.innerText === "%d"`, requests)
	for end := time.Now().Add(2 * patience); ; time.Sleep(200 * time.Millisecond) {
		if l.open(page); evaluate[bool](l.browser, "!!("+want+")") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it does not show %d requests:\n%s", requests, l.body())
		}
	}
}

// TestLearningByClicks has a broad token do a job, goes from its page to the smaller one that would have been enough, makes that
// by the filled form, and does the job with it: nothing is denied. The page of the broad one says that nothing uses it any more.
func TestLearningByClicks(t *testing.T) {
	t.Parallel() // it waits most of the time
	l := &learner{consoleStage: startConsole(t, "PATGATE_LEARN_MODE=on")}
	l.git = serveGit(t, l.running)
	w := l.world
	broad := l.make(t, creation("broad", object{"access": "all_memberships", "permissions": []string{"read_*", "create_*",
		"update_*",
		"download_code", "push_code"}}))
	l.clone = filepath.Join(t.TempDir(), "clone")
	l.git.git(t, l.git.home, "clone", "-q", w.forge.GitRepository(w.api), l.clone)
	page := fmt.Sprintf("/tokens/%d", broad.ID)
	var secret string

	l.step(t, "before anything is seen", func(t *testing.T) {
		l.signIn(t)
		l.open(page)
		l.follow("#smaller")
		l.sees("Nothing to go by yet", "was not seen to do anything in the last 30 days")
		l.accessible("a smaller token, of nothing")
	})
	l.step(t, "what it did, and what would have been enough", func(t *testing.T) {
		if denied := l.job(t, broad.Token); len(denied) > 0 {
			t.Fatal(denied)
		}
		l.proposed(t, page+"/smaller", 10)
		l.sees("What is enough", "shop/backend/api", "create_work_item", "Left out until you say yes", "push_code",
			"less than two weeks")
		if evaluate[bool](l.browser, `[...document.querySelectorAll("#left input")].some(i => i.checked)`) {
			t.Error("something is ticked by itself")
		}
		l.accessible("a smaller token")
		l.click("#proof summary")
		l.sees("POST /projects/{project}/issues", time.Now().UTC().Format("2006-01-02"))
		l.accessible("a smaller token, with its proof")
		l.click("#proof summary")
	})
	l.step(t, "a yes takes in what was left out, for the branch that was pushed", func(t *testing.T) {
		l.click("#left input[value=push_code]")
		l.picture("learning-proposal", 1050)
		l.follow("#show-accepted")
		l.sees("Push to refs/heads/bot/nightly", "pushes delete no refs")
		l.accessible("a smaller token, with what was ticked")
		l.follow("[name=days][value='7']")
		if !evaluate[bool](l.browser, `document.querySelector("#left input[value=push_code]").checked &&
			document.querySelector("[name=days][value='7']").ariaPressed === "true"`) {
			t.Error("another window forgets the tick")
		}
	})
	l.step(t, "the form is filled in", func(t *testing.T) {
		if status := l.follow("#fill"); status != 200 {
			t.Fatal(status, l.body())
		}
		l.sees("Filled in from what “broad” did in the last 7 days", "pushes only to refs/heads/bot/nightly")
		if got := l.value("#name"); got != "broad, least" {
			t.Errorf("the name is %q", got)
		}
		ticked := l.ticked()
		for _, name := range []string{"create_work_item", "read_job", "push_code"} {
			if !slices.Contains(ticked, name) {
				t.Errorf("%s is not ticked: %v", name, ticked)
			}
		}
		if slices.Contains(ticked, "read_variable") || len(ticked) > 12 {
			t.Errorf("the form ticks %v", ticked)
		}
		l.accessible("create, from what was seen")
		l.picture("learning-form", 1050)
		l.fill("#credential", w.alicePAT)
		if status := l.follow("#generate"); status != 200 {
			t.Fatalf("%d\n%s", status, l.body())
		}
		secret = l.minted(t)
		l.sees("What comes next", "in place of that of broad")
		l.accessible("secret, in place of another token's")
	})
	l.step(t, "the page of the broad one says when nothing uses it any more", func(t *testing.T) {
		l.follow("#old")
		l.sees("This token was not used after that: no use since")
		l.accessible("details, beside a smaller token")
		l.picture("learning-next", 560)
	})
	l.step(t, "the job runs with the smaller token", func(t *testing.T) {
		if denied := l.job(t, secret); len(denied) > 0 {
			t.Error(denied)
		}
		l.tokenPage("broad, least")
		l.seesNot("Recently denied")
		l.want(t, 403, secret, "GET", fmt.Sprintf("/api/v4/projects/%d/issues", w.web), nil)
		if out, err := l.git.run(l.clone, "git", "push", "-q", l.git.url(secret, "shop/backend/api.git"),
			"HEAD:refs/heads/other"); err == nil ||
			!strings.Contains(out, "refs/heads/other") {
			t.Errorf("it pushes elsewhere: %v %s", err, out)
		}
	})
	l.step(t, "a forge token is replaced in the same way", func(t *testing.T) {
		l.want(t, 200, w.alicePAT, "GET", fmt.Sprintf("/api/v4/projects/%d/jobs", w.api), nil)
		for end := time.Now().Add(2 * patience); ; time.Sleep(200 * time.Millisecond) {
			if l.open("/forge-tokens"); strings.Contains(l.body(), "seen") &&
				evaluate[bool](l.browser, `!!document.querySelector("a[href*='/forge-tokens/'][href$='/smaller']")`) {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("what the forge token did is not shown:\n%s", l.body())
			}
		}
		l.accessible("the forge's tokens, with what they did")
		l.follow("a[href*='/forge-tokens/'][href$='/smaller']")
		l.sees("What is enough", "read_job", "shop/backend/api", "Its scopes at GitLab")
		l.accessible("a smaller token for one of the forge's")
		l.follow("#fill")
		if got := l.ticked(); !slices.Contains(got, "read_job") {
			t.Errorf("the form ticks %v", got)
		}
	})
	l.step(t, "and the broad one is revoked", func(t *testing.T) {
		l.open(page)
		l.follow("#revoke")
		l.follow("#revoke")
		l.want(t, 401, broad.Token, "GET", "/api/v4/version", nil)
	})
}
