package console_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"patgate/forge/forgetest"
	"patgate/routes/load"
)

// Threat: a link, or a form, that names one place by its id and calls it by the path of another.
func TestAPlaceIsCalledByItsOwnPath(t *testing.T) {
	w := newWorld(t, attempts(1000))
	ops := w.forge.AddGroup("ops", forgetest.Private)
	w.forge.AddGroupMember(ops, w.alice, forgetest.Maintainer)
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, nil)
	number := func(id int64) string { return strconv.FormatInt(id, 10) }
	web, group := number(w.web), number(ops)
	unchanged := func(t *testing.T, revision int64) {
		t.Helper()
		if l := w.read(t, id); l.Revision != revision {
			t.Fatalf("the token changed: %+v", l)
		}
	}
	const asks = "?access=selected_memberships&permissions=run_job&"
	for _, link := range []struct{ query, wrong, field string }{
		{"project=" + web + "%20shop%2Fapi", "project shop/api", "projects"},
		{"project=" + web + "+shop%2Fapi", "project shop/api", "projects"},
		{"project=" + web + "%09shop%2Fapi", "project shop/api", "projects"},
		{"group=" + group + "%20shop", "group shop", "groups"},
		{"project=shop%2Fapi&project=" + web + "%20shop%2Fdocs", "shop/docs,", "projects"},
	} {
		t.Run("a link with "+link.query, func(t *testing.T) {
			before := w.read(t, id).Revision
			p := v.get(t, at(id, "/grant"+asks+link.query))
			p.wants(t, 200, "neither an id nor a full path")
			p.lacks(t, "On <strong>"+link.wrong, `value="`+web, `value="`+group)
			v.get(t, "/tokens/new"+asks+link.query).lacks(t, ">"+web+" ", ">"+group+" ", "\n"+web+" ", "<h3>"+link.wrong)
			v.post(t, at(id, "/grant"), v.get(t, "/tokens/new"+asks+link.query).fill(url.Values{"credential": {w.alicePAT},
				"access":      {"selected_memberships"},
				"permissions": {"run_job"}, link.field: {p.fill(nil).Get(link.field)}, "project": {web + " shop/api"},
				"group": {group + " shop"}}))
			for _, s := range w.read(t, id).Scopes {
				if slices.Contains(s.ProjectIDs, w.web) || slices.Contains(s.GroupIDs, ops) {
					t.Fatalf("the token has %+v", s)
				}
			}
			if !strings.Contains(link.query, "=shop") {
				unchanged(t, before)
			}
		})
	}
	t.Run("an id is shown by the path of what it is", func(t *testing.T) {
		p := v.get(t, at(id, "/grant"+asks+"project="+web+"&group="+group))
		p.wants(t, 200, "group ops with everything below and project shop/web", `name="projects" value="`+web+` shop/web"`,
			`name="groups" value="`+group+` ops"`)
		v.get(t, "/tokens/new"+asks+"project="+web+"&group="+group).wants(t, 200, web+" shop/web</textarea>", group+" ops</textarea>",
			"group ops with everything below and project shop/web")
		v.get(t, "/tokens/new"+asks+"project=00"+web+"&project=99999999999999999999&group=%2B"+group).wants(t, 200,
			"neither an id nor a full path")
	})
	t.Run("a form with another's path adds nothing, and shows what it would add", func(t *testing.T) {
		before := w.read(t, id).Revision
		form := v.get(t, at(id, "/grant"+asks+"project="+web)).fill(url.Values{"credential": {w.alicePAT}})
		for field, text := range map[string]string{"projects": web + " shop/api", "groups": group + " shop"} {
			crafted := url.Values{"csrf": form["csrf"], "credential": {w.alicePAT}, "access": {"selected_memberships"},
				"permissions": {"run_job"}, field: {text}}
			p := v.post(t, at(id, "/grant"), crafted)
			p.wants(t, 409, "has changed since, so nothing was added",
				map[string]string{"projects": "project shop/web", "groups": "group ops"}[field])
			p.lacks(t, text)
			unchanged(t, before)
			crafted.Set(field, text[strings.IndexByte(text, ' ')+1:]) // a path, which is not what a page asks with
			v.post(t, at(id, "/grant"), crafted).wants(t, 409)
			unchanged(t, before)
		}
	})
	t.Run("the form for a token says what its ids are", func(t *testing.T) {
		crafted := url.Values{"do": {"preview"}, "scope-0-projects": {web + " shop/api"}, "scope-0-groups": {group + " shop\n999999 shop"}}
		for _, page := range []string{"/tokens", at(id, "/edit")} {
			p := v.post(t, page, v.get(t, "/tokens/new").fill(jobToken("", crafted)))
			p.wants(t, 200, "groups ops, id 999999 (gone) with everything below and project shop/web", web+" shop/web</textarea>")
			p.lacks(t, web+" shop/api")
		}
		p := v.post(t, "/tokens/preview", v.get(t, "/tokens/new").fill(jobToken("", crafted)))
		p.wants(t, 200, "groups ops, id 999999 (gone) with everything below and project shop/web", "--project "+web+" --group "+group+",999999")
	})
	t.Run("a rename between the page and its form grants nothing else", func(t *testing.T) {
		form := v.get(t, at(id, "/grant"+asks+"project=shop%2Fapi&group=ops")).fill(url.Values{"credential": {w.alicePAT}})
		w.forge.MoveProject(w.api, "shop/before")
		w.forge.MoveProject(w.web, "shop/api")
		v.post(t, at(id, "/grant"), form).wants(t, 200, "may do that from now on")
		for _, s := range w.read(t, id).Scopes {
			if slices.Contains(s.ProjectIDs, w.web) {
				t.Errorf("the token has %+v", s)
			}
		}
	})
}

// What a token of many projects may do is not out of sight below them.
func TestManyPlacesAreFolded(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	shown := func(n int) string {
		paths := make([]string, n)
		for i := range paths {
			paths[i] = "alice/p" + strconv.Itoa(n) + "-" + strconv.Itoa(i)
			w.forge.AddProject(paths[i], forgetest.Private)
		}
		id, _ := v.make(t, w.alicePAT, url.Values{"scope-0-projects": {strings.Join(paths, "\n")}})
		p := v.get(t, at(id, ""))
		p.wants(t, 200, paths[0], paths[n-1])
		v.get(t, at(id, "/edit")).wants(t, 200, "projects "+strings.Join(paths[:20], ", ")+" and "+strconv.Itoa(n-20)+" more",
			paths[n-1])
		return p.body
	}
	if !strings.Contains(shown(51), "<summary>41 more</summary>") {
		t.Error("51 projects stand above what may be done there")
	}
	if strings.Contains(shown(50), " more</summary>") {
		t.Error("50 are folded")
	}
}

// Where groups go by names alone, as on Gitea, a number in a link is a name, and what stands in a form by its id keeps its id.
func TestAGroupThatIsCalledByANumber(t *testing.T) {
	w := newWorld(t, nil)
	ops := w.forge.AddGroup("ops", forgetest.Private)
	w.forge.AddGroupMember(ops, w.alice, forgetest.Maintainer)
	gitea, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.table = gitea
	w.mu.Unlock()
	v := w.signedIn(t, w.alicePAT)
	number := strconv.FormatInt(ops, 10)
	v.get(t, "/tokens/new?group="+number+"&project="+strconv.FormatInt(w.api, 10)).wants(t, 200, ">"+number+"</textarea>",
		" shop/api</textarea>")
	form := jobToken(w.alicePAT, url.Values{"scope-0-projects": nil, "scope-0-groups": {number + " ops"},
		"scope-0-permission": {"read_repository"}})
	v.post(t, "/tokens/preview", v.get(t, "/tokens/new").fill(form)).wants(t, 200, "--group ops")
	id, _ := v.make(t, w.alicePAT, form)
	if s := w.read(t, id).Scopes[0]; !slices.Equal(s.GroupIDs, []int64{ops}) {
		t.Errorf("the token has %+v", s)
	}
	v.get(t, at(id, "/edit")).wants(t, 200, ">"+number+" ops</textarea>")
}
