package console_test

import (
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestWhatWasTypedSurvivesSigningIn: a session that ends while a form is filled in costs nothing but the sign-in.
func TestWhatWasTypedSurvivesSigningIn(t *testing.T) {
	w := newWorld(t, attempts(1000))
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, nil)
	edit := "/tokens/" + strconv.FormatInt(id, 10) + "/edit"
	fields := url.Values{"description": {"written with <care> & \"patience\""}, "name": {"long thought of"}, "expires_at": {"12h"}}
	for path, form := range map[string]*page{"/tokens": v.get(t, "/tokens/new"), edit: v.get(t, edit)} {
		sent := form.fill(jobToken(w.alicePAT, fields))
		w.pass(31 * time.Minute)
		out := v.post(t, path, sent)
		out.wants(t, 401, "What you typed is kept")
		out.lacks(t, w.alicePAT)
		again := v.post(t, "/sign-in", out.fill(url.Values{"credential": {"glpat-wrong"}}))
		again.wants(t, 401, "does not accept", "What you typed is kept")
		in := v.post(t, "/sign-in", again.fill(url.Values{"credential": {w.alicePAT}}))
		in.wants(t, 200, "Your session had ended", "long thought of", "written with &lt;care&gt;", `value="read_pipeline" checked`)
		in.lacks(t, w.alicePAT)
		if got := w.read(t, id).Name; got != "read jobs" {
			t.Fatalf("something was done by signing in: %s", got)
		}
		done := v.post(t, path, in.fill(jobToken(w.alicePAT, fields)))
		if done.status != 200 || path == "/tokens" && done.secret() == "" || path == edit && w.read(t, id).Name != "long thought of" {
			t.Errorf("%s: %d %.300s", path, done.status, done.text())
		}
		if path == edit {
			v.post(t, edit, v.get(t, edit).fill(jobToken(w.alicePAT, nil)))
		}
	}
	bob := w.visitor(t) // whose token it is not
	out := bob.post(t, edit, url.Values{"name": {"mine"}})
	if in := bob.post(t, "/sign-in", out.fill(url.Values{"credential": {w.bobPAT}})); in.status != 404 {
		t.Errorf("another's token: %d", in.status)
	}
	for _, path := range []string{"/tokens/" + strconv.FormatInt(id, 10) + "/revoke", "/tokens/preview"} {
		if p := w.visitor(t).post(t, path, url.Values{"reason": {"x"}}); strings.Contains(p.body, "typed") {
			t.Errorf("%s is kept", path)
		}
	}
}

// TestATabThatIsOlderThanTheSession: somebody whose session has ended signs in in another tab. What they typed in the first one is
// there again when they send it, nothing is done with it before, and any other form is refused.
func TestATabThatIsOlderThanTheSession(t *testing.T) {
	w := newWorld(t, attempts(1000))
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, nil)
	fields := url.Values{"name": {"long thought of"}, "expires_at": {"12h"}}
	for _, path := range []string{"/tokens", at(id, "/edit")} {
		form := v.get(t, strings.Replace(path+"/new", "/edit/new", "/edit", 1)).fill(jobToken(w.alicePAT, fields))
		revoke := v.get(t, at(id, "/revoke")).fill(nil)
		w.pass(31 * time.Minute)
		if in := v.signIn(t, w.alicePAT); in.status != 200 {
			t.Fatalf("signing in: %d", in.status)
		}
		before := w.count(t)
		again := v.post(t, path, form)
		again.wants(t, 403, "Your session had ended", "long thought of", `value="read_pipeline" checked`)
		again.lacks(t, w.alicePAT)
		v.post(t, at(id, "/revoke"), revoke).wants(t, 403, "does not belong to this session")
		if l := w.read(t, id); w.count(t) != before || l.Name != "read jobs" || !l.RevokedAt.IsZero() {
			t.Fatalf("something was done by a form of another session: %+v", l)
		}
		done := v.post(t, path, again.fill(jobToken(w.alicePAT, fields)))
		if done.status != 200 || path == "/tokens" && done.secret() == "" || path != "/tokens" && w.read(t, id).Name != "long thought of" {
			t.Errorf("%s: %d %.300s", path, done.status, done.text())
		}
	}
}

// TestASessionThatEndsWhileOneConfirms: the sign-in leads back to the page that asked, with what it asked about.
func TestASessionThatEndsWhileOneConfirms(t *testing.T) {
	w := newWorld(t, attempts(1000))
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, nil)
	many := url.Values{"action": {"pause"}}
	for i := range 300 {
		many.Add("id", strconv.Itoa(1000000000000+i))
	}
	one := url.Values{"action": {"pause"}, "id": {strconv.FormatInt(id, 10)}}
	for _, c := range []struct{ page, says string }{
		{at(id, "/grant?access=selected_memberships&permissions=run_job&project=shop%2Fapi"), "Add to this token?"},
		{at(id, "/revoke"), "Revoke this token?"},
		{at(id, "/rotate"), "Rotate this token"},
		{"/bulk?" + one.Encode(), "Pause 1 token?"},
		{"/bulk?" + many.Encode(), "One token for each job"}, // too much for an address: the list
	} {
		asking := v.get(t, c.page)
		if c.page != "/bulk?"+many.Encode() {
			asking.wants(t, 200, c.says)
		}
		form, path := asking.fill(url.Values{"credential": {w.alicePAT}}), c.page
		does := regexp.MustCompile(`<form method="post" action="(/(?:tokens/|bulk)[^"]*)"`)
		if action := does.FindStringSubmatch(asking.body); action != nil {
			path = html.UnescapeString(action[1])
		}
		if strings.HasPrefix(path, "/bulk") {
			values, _ := url.ParseQuery(strings.TrimPrefix(c.page, "/bulk?"))
			form["id"], form["action"], path = values["id"], values["action"], "/bulk"
		}
		w.pass(31 * time.Minute)
		out := v.post(t, path, form)
		out.wants(t, 200, "GitLab access token")
		if strings.Contains(out.at, w.alicePAT) {
			t.Errorf("the credential is in the address %s", out.at)
		}
		in := v.post(t, "/sign-in", out.fill(url.Values{"credential": {w.alicePAT}}))
		in.wants(t, 200, c.says)
		if l := w.read(t, id); l.Revision != 1 || !l.RevokedAt.IsZero() || !l.PausedAt.IsZero() || l.RotatedTo != 0 {
			t.Fatalf("%s: something was done: %+v", c.page, l)
		}
	}
}
