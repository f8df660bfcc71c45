package console_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"patgate/forge/forgetest"
	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// did has the store hold that a token did something on a project, so often on each of some days back.
func (w *world) did(t *testing.T, id int64, row string, project int64, count int64, refs []string, daysBack ...int) {
	t.Helper()
	method, path, _ := strings.Cut(row, " ")
	u := learn.Unit{Method: method, Route: path, Acts: []learn.Act{{Kind: policy.ActOwn, Boundary: routes.BoundaryProject,
		Found: routes.BoundaryProject, Access: policy.OwnerMember, Visibility: policy.VisibilityPrivate, Container: project,
		Ancestors: []int64{77}}}}
	for _, route := range w.table.Routes() {
		if route.Method == method && route.Path == path {
			u.Needs = w.table.Catalogue().Names(route.Needs)
		}
	}
	for _, ref := range refs {
		u.Acts = append(u.Acts, learn.Act{Kind: policy.ActRef, Ref: ref, Create: true})
	}
	for _, back := range daysBack {
		seen := []learn.Seen{{Subject: id, Unit: u, Count: count, Last: w.now().AddDate(0, 0, -back),
			Networks: w.networks}}
		if _, _, err := w.store.AddSeen(t.Context(), seen); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	listJobs = "GET /projects/{project}/jobs"
	pushRefs = "POST /{project}.git/git-receive-pack"
)

// broadToken makes a token of alice's that reads and pushes on both projects, and has it do a little.
func (w *world) broadToken(t *testing.T, v *visitor) int64 {
	t.Helper()
	id, _ := v.make(t, w.alicePAT, url.Values{"name": {"broad"}, "scope-0-projects": {"shop/api\nshop/web"},
		"scope-0-permission": {"read_job", "read_pipeline", "push_code", "read_work_item"}})
	w.did(t, id, listJobs, w.api, 3, nil, 2, 1)
	w.did(t, id, pushRefs, w.api, 1, []string{"refs/heads/bot/1"}, 1)
	return id
}

// What a token did becomes the filled form for a smaller one; the form makes it, and nothing before.
func TestASmallerToken(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	id := w.broadToken(t, v)
	before := w.count(t)
	v.get(t, at(id, "")).wants(t, 200, "Make a smaller token", at(id, "/smaller"))
	p := v.get(t, at(id, "/smaller"))
	p.wants(t, 200, "What is enough", "shop/api", "read_job", `<td class="num">6</td><td class="num">2</td>`,
		"Left out until you say yes",
		"1 request, first on", "What these start runs with your own rights", `id="young"`,
		"all of 6 requests are allowed, and 1 part is needed",
		"4 permissions in 2 projects", "1 permission in 1 project", "patgate learn apply "+fmt.Sprint(id)+" --since 30d --expires 7d",
		`value="30" aria-pressed="true"`)
	p.lacks(t, "read_pipeline", "shop/web", `value="push_code" checked`, "refs/heads/bot/1")
	t.Run("a link ticks nothing", func(t *testing.T) {
		v.get(t, at(id, "/smaller?accept=push_code&group-77=group&do=form")).lacks(t, `value="push_code" checked`, "New token")
	})
	t.Run("a tick changes the proposal", func(t *testing.T) {
		ticked := v.post(t, at(id, "/smaller"), p.fill(url.Values{"do": {"show"}, "accept": {"push_code", "no_such_permission"}}))
		ticked.wants(t, 200, `value="push_code" checked`, "Push to <code>refs/heads/bot/1</code>", "pushes delete no refs",
			"--accept push_code")
		form := v.post(t, at(id, "/smaller"), ticked.fill(url.Values{"do": {"form"}, "accept": {"push_code"}}))
		form.wants(t, 200, "New token", `value="push_code" checked`, "refs/heads/bot/1</textarea>",
			`name="scope-0-no-deletes" value="yes" checked`)
	})
	t.Run("a window is chosen", func(t *testing.T) {
		v.post(t, at(id, "/smaller"), p.fill(url.Values{"days": {"7"}})).wants(t, 200, `value="7" aria-pressed="true"`, "--since 7d")
		v.post(t, at(id, "/smaller"), p.fill(url.Values{"days": {"4000"}})).wants(t, 200, `value="30" aria-pressed="true"`)
	})
	form := v.post(t, at(id, "/smaller"), p.fill(url.Values{"do": {"form"}}))
	form.wants(t, 200, "Filled in from what “broad” did in the last 30 days", `value="read_job" checked`,
		`value="broad, least"`, `value="7d"`,
		fmt.Sprintf("%d shop/api</textarea>", w.api), fmt.Sprintf(`name="after" value="%d"`, id))
	form.lacks(t, `value="read_pipeline" checked`, `value="push_code" checked`)
	if w.count(t) != before {
		t.Fatal("a token was made by looking")
	}
	made := v.post(t, "/tokens", form.fill(jobToken(w.alicePAT, url.Values{"name": {"broad, least"},
		"scope-0-projects": {fmt.Sprintf("%d shop/api", w.api)}, "scope-0-permission": {"read_job"}})))
	made.wants(t, 200, "What comes next", "Give the job this secret in place of that of <strong>broad</strong>",
		fmt.Sprintf("/tokens/%d?by=", id))
	hash, err := token.Parse([]byte(made.secret()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.store.TokenByHash(t.Context(), hash)
	if err != nil || len(b.Record.Scopes) != 1 || len(b.Record.Scopes[0].Permissions) != 1 {
		t.Fatalf("%v: %+v", err, b.Record.Scopes)
	}
	v.get(t, fmt.Sprintf("/tokens/%d?by=%d", id, b.Record.ID)).wants(t, 200, "broad, least", "This token was not used after that")
	t.Run("nothing of others", func(t *testing.T) {
		bob, root := w.signedIn(t, w.bobPAT), w.signedIn(t, w.forge.AddToken(w.root, forgetest.Token{}))
		for _, other := range []*visitor{bob, root} {
			other.get(t, at(id, "/smaller")).wants(t, 404)
			other.post(t, at(id, "/smaller"), other.get(t, "/tokens").fill(url.Values{"do": {"form"}})).wants(t, 404)
		}
		theirs, _ := bob.make(t, w.bobPAT, url.Values{"scope-0-access": {"personal_projects"}, "scope-0-projects": nil})
		v.get(t, fmt.Sprintf("/tokens/%d?by=%d", id, theirs)).lacks(t, `id="replaced"`)
		v.get(t, at(theirs, "/smaller")).wants(t, 404)
	})
}

// What there is to say when there is little to go by, or a lot.
func TestWhatASmallerTokenIsMadeOf(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	t.Run("nothing was seen", func(t *testing.T) {
		id, _ := v.make(t, w.alicePAT, nil)
		p := v.get(t, at(id, "/smaller"))
		p.wants(t, 200, "Nothing to go by yet", "was not seen to do anything in the last 30 days")
		p.lacks(t, `id="fill"`)
		v.post(t, at(id, "/smaller"), p.fill(url.Values{"do": {"form"}})).wants(t, 200, "Nothing to go by yet")
	})
	t.Run("all of it is left to people", func(t *testing.T) {
		id, _ := v.make(t, w.alicePAT, url.Values{"scope-0-permission": {"push_code"}})
		w.did(t, id, pushRefs, w.api, 1, []string{"refs/heads/main"}, 1)
		p := v.get(t, at(id, "/smaller"))
		p.wants(t, 200, "nothing that patgate proposes by itself", `value="push_code"`)
		p.lacks(t, `id="fill"`)
		v.post(t, at(id, "/smaller"), p.fill(url.Values{"do": {"form"}})).wants(t, 200,
			"nothing that patgate proposes by itself")
	})
	t.Run("a group for its projects", func(t *testing.T) {
		group := w.forge.AddGroup("many", forgetest.Private)
		w.forge.AddGroupMember(group, w.alice, forgetest.Maintainer)
		id, _ := v.make(t, w.alicePAT, url.Values{"name": {"all"}, "scope-0-access": {"all_memberships"}, "scope-0-projects": nil})
		for i := range 5 {
			w.did(t, id, listJobs, w.forge.AddProject(fmt.Sprintf("many/p%d", i), forgetest.Private), 1, nil, 1)
		}
		p := v.get(t, at(id, "/smaller"))
		p.wants(t, 200, "Projects or their group?", "5 projects of group 77 were used", `value="projects" checked`, "many/p4")
		form := v.post(t, at(id, "/smaller"), p.fill(url.Values{"do": {"form"}, "group-77": {"group"}, "group-78": {"group"}}))
		form.wants(t, 200, "77 id 77 (gone)</textarea>")
		form.lacks(t, "many/p4", "78 id 78")
		v.post(t, at(id, "/smaller"), p.fill(url.Values{"do": {"show"}, "group-78": {"group"}})).wants(t, 200,
			"Group 78 is not included")
	})
	t.Run("a group of which no more is known", func(t *testing.T) {
		id, _ := v.make(t, w.alicePAT, url.Values{"name": {"most"}, "scope-0-access": {"all_memberships"}, "scope-0-projects": nil})
		whole := learn.Unit{Method: "GET", Route: "/projects/{project}/jobs", Needs: []string{"read_job"}, Collapsed: true,
			Acts: []learn.Act{{Kind: policy.ActOwn, Boundary: routes.BoundaryProject, Found: routes.BoundaryProject,
				Access: policy.OwnerMember, Ancestors: []int64{77}}}}
		if _, _, err := w.store.AddSeen(t.Context(), []learn.Seen{{Subject: id, Unit: whole, Count: 3, Last: w.now()}}); err != nil {
			t.Fatal(err)
		}
		p := v.get(t, at(id, "/smaller"))
		p.wants(t, 200, "1 kind of request was somewhere in group 77", "(3 requests), which needed read_job", `value="projects" checked`,
			"The new token is denied what was done somewhere in it")
		p.lacks(t, `id="fill"`)
		said := v.post(t, at(id, "/smaller"), p.fill(url.Values{"do": {"show"}, "group-77": {"group"}}))
		said.wants(t, 200, `value="group" checked`, "--group 77", "all of 3 requests are allowed, and 1 part is needed", "not held today")
		v.post(t, at(id, "/smaller"), said.fill(url.Values{"do": {"form"}, "group-77": {"group"}})).wants(t, 200,
			"77 id 77 (gone)</textarea>",
			`value="read_job" checked`)
	})
	t.Run("two jobs", func(t *testing.T) {
		id := w.broadToken(t, v)
		w.did(t, id, "GET /projects/{project}/issues", w.web, 2, nil, 1)
		p := v.post(t, at(id, "/smaller"), v.get(t, at(id, "/smaller")).fill(url.Values{"do": {"show"}, "accept": {"push_code"}}))
		p.wants(t, 200, "Or two tokens", "What only reads", "What writes")
		form := v.post(t, at(id, "/smaller"), p.fill(url.Values{"do": {"form-1"}, "accept": {"push_code"}}))
		form.wants(t, 200, "New token", `value="read_work_item" checked`, "shop/web")
		form.lacks(t, `value="read_job" checked`)
		v.post(t, at(id, "/smaller"), p.fill(url.Values{"do": {"form-3"}, "accept": {"push_code"}})).wants(t, 200, "What is enough")
	})
	t.Run("more scopes than the form takes", func(t *testing.T) {
		rows := []string{listJobs, "GET /projects/{project}/pipelines", "GET /projects/{project}/issues",
			"GET /projects/{project}/releases",
			"GET /projects/{project}"}
		id, _ := v.make(t, w.alicePAT, url.Values{"name": {"wide"}, "scope-0-access": {"all_memberships"}, "scope-0-projects": nil,
			"scope-0-permission": {"read_job", "read_pipeline", "read_work_item", "read_release", "read_project"}})
		for set := 1; set <= 21; set++ {
			for i, row := range rows {
				if set>>i&1 == 1 {
					w.did(t, id, row, int64(9000+set), 1, nil, 1)
				}
			}
		}
		p := v.get(t, at(id, "/smaller"))
		p.wants(t, 200, "The form takes 20 scopes at most", "patgate learn apply")
		p.lacks(t, `id="fill"`)
		v.post(t, at(id, "/smaller"), p.fill(url.Values{"do": {"form"}})).wants(t, 200, "The form takes 20 scopes at most")
	})
	t.Run("long enough", func(t *testing.T) {
		id := w.broadToken(t, v)
		w.did(t, id, listJobs, w.api, 1, nil, 20, 15)
		w.pass(10 * 24 * time.Hour)
		w.signedIn(t, w.alicePAT).get(t, at(id, "/smaller")).lacks(t, `id="young"`)
	})
}
