package console_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// use notes that a token did something on a project, now.
func (w *world) use(t *testing.T, id int64, method, path string, project int64, needs ...string) {
	t.Helper()
	lost, _, err := w.store.AddSeen(t.Context(), []learn.Seen{{Subject: id, Count: 3, Last: w.now(), Unit: learn.Unit{Method: method,
		Route: path, Needs: needs, Acts: []learn.Act{{Kind: policy.ActOwn, Boundary: routes.BoundaryProject,
			Found: routes.BoundaryProject, Container: project, Access: policy.OwnerMember}}}}})
	if err != nil || lost > 0 {
		t.Fatal(lost, err)
	}
}

// twoScopes makes a token of alice's that reads jobs of shop/api and, in a scope of its own, of shop/web, and is old enough to be
// judged. Only what it does on shop/api was used.
func twoScopes(t *testing.T, w *world) (v *visitor, id int64) {
	t.Helper()
	if err := w.store.SetObserving(t.Context(), 90*24*time.Hour, w.now()); err != nil {
		t.Fatal(err)
	}
	id, _ = w.signedIn(t, w.alicePAT).make(t, w.alicePAT, url.Values{"expires_at": {"300d"}, "scope-1-access": {"selected_memberships"},
		"scope-1-projects": {"shop/web"}, "scope-1-permission": {"read_job", "run_job"}})
	w.pass(61 * 24 * time.Hour)
	w.use(t, id, "GET", "/projects/{project}/jobs", w.api, "read_job")
	return w.signedIn(t, w.alicePAT), id
}

func TestUnusedRights(t *testing.T) {
	w := newWorld(t, attempts(1000))
	v, id := twoScopes(t, w)
	before := w.read(t, id)
	v.get(t, at(id, "")).wants(t, 200, "3 of 4 permissions and 1 of 2 projects unused for 60 days.", "See what goes and what stays")
	p := v.get(t, at(id, "/unused"))
	p.wants(t, 200, "Goes", "Stays", "shop/web", "3 requests need it", "undo this for 14 days")
	goes, stays, _ := strings.Cut(p.body[strings.Index(p.body, `id="goes"`):], `id="stays"`)
	for _, name := range []string{"run_job", "read_pipeline", "shop/web", "Scope 2, all of it"} {
		if !strings.Contains(goes, name) || strings.Contains(stays, name+"<") {
			t.Errorf("%s does not go", name)
		}
	}
	if !strings.Contains(stays, "shop/api") || !strings.Contains(stays, "read_job") {
		t.Errorf("%s", stays)
	}
	t.Run("nothing happens on GET, without the form's token, or when something else goes by now", func(t *testing.T) {
		form := p.fill(nil)
		form.Set("csrf", "guessed")
		v.post(t, at(id, "/unused"), form).wants(t, 403)
		v.post(t, at(id, "/unused"), p.fill(url.Values{"digest": {""}})).wants(t, 403)
		w.use(t, id, "GET", "/projects/{project}/pipelines", w.api, "read_pipeline")
		v.post(t, at(id, "/unused"), p.fill(nil)).wants(t, 409, "has changed since", "2 of 4 permissions")
		if l := w.read(t, id); l.Revision != before.Revision {
			t.Fatalf("it was changed: %+v", l.Scopes)
		}
	})
	t.Run("one click narrows permissions and places", func(t *testing.T) {
		v.post(t, at(id, "/unused"), v.get(t, at(id, "/unused")).fill(nil)).wants(t, 200, "narrowed to what was used", "Let its jobs run", "Undo it")
		l := w.read(t, id)
		if len(l.Scopes) != 1 || fmt.Sprint(l.Scopes[0].ProjectIDs, l.Scopes[0].Permissions) !=
			fmt.Sprint([]int64{w.api}, []string{"read_job", "read_pipeline"}) {
			t.Errorf("%+v", l.Scopes)
		}
		v.get(t, at(id, "/unused")).wants(t, 200, "All of it was used")
	})
	t.Run("and another undoes it", func(t *testing.T) {
		p := v.get(t, at(id, "/undo"))
		p.wants(t, 200, "What it gets back", "shop/web")
		v.post(t, at(id, "/undo"), p.fill(nil)).wants(t, 200, "can do again what it could before", "Too young to be judged")
		if l := w.read(t, id); fmt.Sprint(l.Scopes) != fmt.Sprint(before.Scopes) || !l.ExpiresAt.Equal(before.ExpiresAt) {
			t.Errorf("%+v", l)
		}
		v.get(t, at(id, "/undo")).wants(t, 409, "nothing to undo")
	})
	t.Run("of which nothing was used is offered to be revoked, and not narrowed", func(t *testing.T) {
		w.pass(61 * 24 * time.Hour)
		v := w.signedIn(t, w.alicePAT)
		p := v.get(t, at(id, "/unused"))
		p.wants(t, 200, "None of it was used for 60 days", "Revoke it")
		for range 50 { // what is kept ends later with each moment by now, also within a judgement, which takes one turn
			v.get(t, at(id, "/unused")).wants(t, 200, "Revoke it")
		}
		p.lacks(t, `id="narrow"`)
		v.post(t, at(id, "/unused"), p.fill(url.Values{"since": {"60"}, "digest": {"x"}})).wants(t, 409, "revoke it instead")
	})
	t.Run("others see nothing of it", func(t *testing.T) {
		v := w.signedIn(t, w.bobPAT)
		v.get(t, at(id, "/unused")).wants(t, 404)
		v.get(t, at(id, "/undo")).wants(t, 404)
	})
}

// TestANarrowingIsTriedBeforeItIsSaved edits away what the token did.
func TestANarrowingIsTriedBeforeItIsSaved(t *testing.T) {
	w := newWorld(t, attempts(1000))
	v, id := twoScopes(t, w)
	edit := v.get(t, at(id, "/edit"))
	form := func(more url.Values) url.Values {
		f := edit.fill(url.Values{"do": {"generate"}, "name": {"narrower"}, "scope-0-access": {"selected_memberships"},
			"scope-0-projects": {fmt.Sprint(w.api, " shop/api")}, "scope-0-permission": {"read_pipeline"}})
		for name, values := range more {
			f[name] = values
		}
		return f
	}
	const denied = "would have denied 3 requests of 1 kind"
	v.post(t, at(id, "/edit"), form(url.Values{"do": {"try"}})).wants(t, 200, denied, "GET /projects/{project}/jobs",
		"on shop/api", w.now().UTC().Format("2006-01-02"), "permission missing read_job")
	asked := v.post(t, at(id, "/edit"), form(nil))
	asked.wants(t, 200, denied, "Nothing is saved yet", "Save anyway")
	if l := w.read(t, id); l.Name != "read jobs" {
		t.Fatal("it was saved")
	}
	seen := asked.fill(nil).Get("seen")
	v.post(t, at(id, "/edit"), form(url.Values{"seen": {seen}, "scope-0-permission": {"run_job"}})).wants(t, 200, denied,
		"Nothing is saved yet") // what was seen was something else
	again := v.post(t, at(id, "/edit"), form(url.Values{"seen": {seen}}))
	again.wants(t, 200, "The changes are in force", "Let its jobs run")
	v.post(t, at(id, "/undo"), v.get(t, at(id, "/undo")).fill(nil)).wants(t, 200, "can do again")
	edit = v.get(t, at(id, "/edit"))
	forGood := v.post(t, at(id, "/edit"), form(url.Values{"seen": {seen}, "for_good": {"yes"}}))
	forGood.wants(t, 200, "The changes are in force")
	forGood.lacks(t, "Let its jobs run")
	v.get(t, at(id, "/undo")).wants(t, 409, "that was for good")
	edit = v.get(t, at(id, "/edit"))
	v.post(t, at(id, "/edit"), form(url.Values{"name": {"another name"}})).wants(t, 200, "Nothing is saved yet")
	v.post(t, at(id, "/edit"), form(url.Values{"seen": {seen}, "name": {"another name"}})).wants(t, 200, "The changes are in force")
}

// TestTheBadgeAgreesWithTheFinding: a token wears the badge of unused permissions when the page of its unused rights says that some
// are, and not before.
func TestTheBadgeAgreesWithTheFinding(t *testing.T) {
	w := newWorld(t, attempts(1000))
	if err := w.store.SetObserving(t.Context(), 90*24*time.Hour, w.now()); err != nil {
		t.Fatal(err)
	}
	id, _ := w.signedIn(t, w.alicePAT).make(t, w.alicePAT, url.Values{"expires_at": {"300d"}})
	used := func(path, need string) {
		t.Helper()
		w.use(t, id, "GET", "/projects/{project}"+path, w.api, need)
		if err := w.store.AddUses(t.Context(), []store.Use{{TokenID: id, Count: 3, Last: w.now()}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Marks().Once(t.Context()); err != nil { // a first use is looked for once a minute
			t.Fatal(err)
		}
	}
	says := func(finding string, badge bool) {
		t.Helper()
		v := w.signedIn(t, w.alicePAT)
		v.get(t, at(id, "/unused")).wants(t, 200, finding)
		if list := v.get(t, "/tokens?badge=unused_permissions"); badge {
			list.wants(t, 200, "read jobs", "has not used for 60 days")
		} else {
			list.lacks(t, "has not used for 60 days")
		}
	}
	w.pass(10 * 24 * time.Hour)
	used("/jobs", "read_job")
	says("Too young to be judged", false)
	w.pass(51 * 24 * time.Hour)
	says("1 of 2 permissions unused for 60 days", true)
	used("/pipelines", "read_pipeline")
	says("All of it was used within 60 days", false)
	w.pass(30 * 24 * time.Hour) // read_job was last used 81 days ago, which is kept and does not count
	says("1 of 2 permissions unused for 60 days", true)
}
