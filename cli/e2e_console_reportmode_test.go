package cli_test

import (
	"fmt"
	"testing"
	"time"
)

// TestReportModeByClicks makes a token in report mode by the form, looks at what it would have been denied, makes the smaller token of
// that, and ends report mode by the form.
func TestReportModeByClicks(t *testing.T) {
	t.Parallel() // it waits most of the time
	s := startConsole(t, "PATGATE_TOKENS_REPORT_MODE=allow")
	w := s.world
	issues := fmt.Sprintf("/api/v4/projects/%d/issues", w.api)
	var secret, page string

	s.step(t, "the form makes it, for no longer than it may be", func(t *testing.T) {
		s.signIn(t)
		s.follow("#new-token")
		s.find("backend", "shop/backend/api")
		s.pick("job artifact", "read_job_artifact")
		s.fill("#name", "learning")
		s.click("details:has(#report_until) > summary")
		s.accessible("create, with report mode")
		s.fill("#report_until", "15d")
		s.fill("#credential", w.alicePAT)
		s.click("#seal")
		if status := s.follow("#generate"); status < 400 || status > 499 {
			t.Fatalf("%d\n%s", status, s.body())
		}
		s.sees("lasts 14d at most", "In report mode the token may do all that you may")
		if got := s.value("#report_until"); got != "15d" {
			t.Errorf("after a mistake it holds %q", got)
		}
		s.accessible("create, with a mistake in report mode")
		s.fill("#report_until", "7d")
		s.fill("#credential", w.alicePAT)
		if status := s.follow("#generate"); status != 200 {
			t.Fatalf("%d\n%s", status, s.body())
		}
		secret = s.minted(t)
	})
	s.step(t, "it is marked, in the list and on its page", func(t *testing.T) {
		a := s.call(t, secret, "GET", issues, nil)
		if a.status != 200 || a.header.Get(wouldDeny) == "" {
			t.Fatalf("%d %v", a.status, a.header)
		}
		s.open("/tokens")
		s.sees("learning", "Report mode", "Broad")
		s.follow("table.tokens a.name")
		page = s.address()
		s.sees("In report mode: what its grant would deny is recorded")
		s.accessible("details, in report mode")
	})
	s.step(t, "what it does not hold today is marked", func(t *testing.T) {
		const marked = `!!document.querySelector("#least")?.innerText.match(/read_work_item\s+not held today/)`
		for end := time.Now().Add(2 * patience); ; time.Sleep(200 * time.Millisecond) {
			if s.open(page + "/smaller"); evaluate[bool](s.browser, marked) {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("it is not:\n%s", s.body())
			}
		}
		s.seesNot("read_job_artifact")
		s.accessible("a smaller token, of one in report mode")
		s.follow("#fill")
		s.fill("#credential", w.alicePAT)
		if status := s.follow("#generate"); status != 200 {
			t.Fatalf("%d\n%s", status, s.body())
		}
		s.want(t, 200, s.minted(t), "GET", issues, nil)
	})
	s.step(t, "the form ends it, and says before what that denies", func(t *testing.T) {
		s.open(page)
		s.follow("#report-mode a")
		s.accessible("edit, in report mode")
		s.click("#enforce")
		s.fill("#report_until", "8d")
		s.follow("#save")
		s.sees("This would have denied 1 request of 1 kind", "Nothing is saved yet")
		if status := s.follow("#save"); status < 400 || status > 499 {
			t.Errorf("it both ends and goes on: %d\n%s", status, s.body())
		}
		s.sees("Choose one: end it now")
		s.want(t, 200, secret, "GET", issues, nil)
		s.fill("#report_until", " ")
		s.follow("#save")
		if s.address() != page {
			s.follow("#save")
		}
		s.sees("The changes are in force")
		s.seesNot("In report mode")
		s.want(t, 403, secret, "GET", issues, nil)
	})
}
