package console_test

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

func TestALinkAddsToAToken(t *testing.T) {
	w := newWorld(t, attempts(1000))
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, url.Values{"scope-0-projects": {"shop/api\nshop/web"}})
	link := func(more string) string {
		return at(id, "/grant?access=selected_memberships&permissions=read_job,run_job&project=shop%2Fapi"+more)
	}
	before := w.read(t, id)
	t.Run("the page says what is added, what it opens and what there is", func(t *testing.T) {
		p := v.get(t, link(""))
		p.wants(t, 200, "Add to this token?", "project shop/api", "run_job", "rights, wherever you have them", "/jobs/{job_id}/play",
			"What it has")
		added, _, _ := strings.Cut(p.body[strings.Index(p.body, `id="added"`):], "What it has")
		if strings.Contains(added, "read_job<") {
			t.Error("it offers what the token has")
		}
	})
	t.Run("nothing happens on GET, nor without the credential, the form's token or from another site", func(t *testing.T) {
		form := v.get(t, link("")).fill(nil)
		v.post(t, at(id, "/grant"), form).wants(t, 422, "access token again")
		form.Set("credential", w.bobPAT)
		v.post(t, at(id, "/grant"), form).wants(t, 403, "a credential of bob")
		form.Set("credential", w.alicePAT)
		v.postAs(t, at(id, "/grant"), form, map[string][]string{"Sec-Fetch-Site": {"cross-site"}}).wants(t, 403)
		form.Set("csrf", "guessed")
		v.post(t, at(id, "/grant"), form).wants(t, 403)
		if l := w.read(t, id); l.Revision != before.Revision {
			t.Fatalf("the token changed: %+v", l)
		}
	})
	t.Run("a link that asks for more says so, in words", func(t *testing.T) {
		for _, c := range []struct{ query, says string }{
			{"access=all_memberships&permissions=delete_project", "every project and group that you have access to"},
			{"access=selected_memberships&permissions=create_member&project=shop%2Fapi", "give rights to others"},
			{"access=selected_memberships&permissions=update_project&project=shop%2Fapi", "make public what only members could see"},
			{"access=selected_memberships&permissions=create_deploy_token&project=shop%2Fapi", "another credential"},
			{"access=selected_memberships&permissions=*,run_jop&project=shop%2Fapi", "which does not exist"},
			{"access=everything&permissions=run_job", "does not exist"},
			{"access=selected_memberships&permissions=run_job&project=secret%2Fplans", "cannot see it"},
			{"permissions=run_job&project=%3Cscript%3Ealert(1)%3C%2Fscript%3E", "&lt;script&gt;"},
			{"", "names no permission"},
		} {
			p := v.get(t, at(id, "/grant?"+c.query))
			p.wants(t, 200, c.says)
			p.lacks(t, "<script>alert")
		}
	})
	t.Run("what the token has already is not added", func(t *testing.T) {
		v.get(t, at(id, "/grant?access=selected_memberships&permissions=read_job&project=shop%2Fapi")).wants(t, 200,
			"holds all of that already")
	})
	t.Run("another's token is not there", func(t *testing.T) {
		bob := w.signedIn(t, w.bobPAT)
		bob.get(t, link("")).wants(t, 404)
		bob.post(t, at(id, "/grant"), bob.get(t, "/tokens/new").fill(url.Values{"credential": {w.bobPAT},
			"permissions": {"run_job"}})).wants(t, 404)
	})
	t.Run("with the credential it is added there and nowhere else", func(t *testing.T) {
		v.post(t, at(id, "/grant"), v.get(t, link("")).fill(url.Values{"credential": {w.alicePAT}})).wants(t, 200,
			"may do that from now on")
		l := w.read(t, id)
		for i := range l.Scopes {
			s := &l.Scopes[i]
			if slices.Contains(s.Permissions, "run_job") != slices.Contains(s.ProjectIDs, w.api) || len(s.ProjectIDs) != 1 ||
				!slices.Contains(s.Permissions, "read_job") {
				t.Errorf("scope %d is %+v", i, *s)
			}
		}
		if len(l.Scopes) != 2 {
			t.Errorf("%d scopes", len(l.Scopes))
		}
	})
	t.Run("the token's page lists its denials with a link each", func(t *testing.T) {
		const deletePipeline, deleteJob = "/projects/{project}/pipelines/{pipeline_id}", "/projects/{project}/jobs/{job_id}/erase"
		denied := func(method, path string, acts ...learn.Act) {
			t.Helper()
			lost, _, err := w.store.AddSeen(t.Context(), []learn.Seen{{Subject: id, Count: 3, Last: w.now(),
				Unit: learn.Unit{Method: method, Route: path, Denied: "permission_missing", Acts: acts}}})
			if err != nil || lost > 0 {
				t.Fatal(lost, err)
			}
		}
		denied("DELETE", deletePipeline, learn.Act{Kind: policy.ActOwn, Boundary: routes.BoundaryProject,
			Found: routes.BoundaryProject, Container: w.api, Access: policy.OwnerMember})
		p := v.get(t, at(id, ""))
		p.wants(t, 200, "Recently denied", "delete_pipeline", "shop/api", "permission missing")
		grant := at(id, "/grant?access=selected_memberships&permissions=delete_pipeline&project="+strconv.FormatInt(w.api, 10))
		if !strings.Contains(strings.ReplaceAll(p.body, "&amp;", "&"), grant) {
			t.Errorf("there is no link %s", grant)
		}
		v.get(t, grant).wants(t, 200, "Add to this token?", "project shop/api")
		denied("POST", deleteJob)
		p = v.get(t, at(id, ""))
		p.wants(t, 200, "no scope of this token has it")
		grant = at(id, fmt.Sprintf("/grant?access=selected_memberships&permissions=delete_job&project=%d&project=%d", w.api, w.web))
		if !strings.Contains(strings.ReplaceAll(p.body, "&amp;", "&"), grant) {
			t.Errorf("there is no link %s", grant)
		}
		v.get(t, grant).wants(t, 200, "Add to this token?", "delete_job", "shop/api", "shop/web")
	})
}
