package console_test

import (
	"net/url"
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
