package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"patgate/forge/forgetest"
)

// listed gives what a list says of its entries at a place, such as path_with_namespace or project.id.
func listed(t *testing.T, body, at string) (out []string) {
	t.Helper()
	var all []map[string]any
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		t.Fatalf("no list: %v\n%s", err, body)
	}
	for _, entry := range all {
		var v any = entry
		for _, key := range strings.Split(at, ".") {
			inner, _ := v.(map[string]any)
			v = inner[key]
		}
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// get asks with a token.
func (r *running) get(token, path string) answer {
	return send("GET", r.gate+"/api/v4"+path, http.Header{"Private-Token": {token}}, nil)
}

// TestListsAreFiltered: a token of one project and one of one group ask for what lies in everything that their owner sees.
func TestListsAreFiltered(t *testing.T) {
	r := startRunning(t, "--console-listen", "gateway")
	w := r.world
	alice := w.forge
	hidden := alice.AddProject("secret/hidden", forgetest.Private)
	shared := alice.AddProject("secret/shared", forgetest.Private)
	alice.InviteToProject(shared, w.shop, forgetest.Developer)
	alice.AddGroup("shop/backend/deep", forgetest.Private)
	inner := alice.AddProject("shop/backend/deep/inner", forgetest.Private)
	for _, p := range []int64{w.plans, hidden, inner} {
		if err := w.post(fmt.Sprintf("/projects/%d/issues", p), object{"title": "kept secret"}); err != nil {
			t.Fatal(err)
		}
	}
	mergeRequest := object{"title": "m", "source_branch": "a", "target_branch": "main",
		"description": "Closes shop/backend/api#1 secret/plans#1 shop/backend/deep/inner#1"}
	for _, p := range []int64{w.api, w.plans} {
		if err := w.post(fmt.Sprintf("/projects/%d/merge_requests", p), mergeRequest); err != nil {
			t.Fatal(err)
		}
	}
	pipelines, snippets := map[int64]int64{}, map[int64]int64{}
	for _, p := range []int64{w.api, w.web, inner, hidden} {
		pipelines[p], _ = alice.AddPipeline(p, "main")
		snippets[p] = alice.AddSnippet(p, w.alice, forgetest.Private, "of a project", "x")
	}
	personal := alice.AddSnippet(0, w.alice, forgetest.Private, "of nobody else", "x")
	runner := alice.AddProjectRunner(w.api, hidden)
	const names = "read_pipeline,read_snippet,read_project,read_group,read_namespace,read_work_item,read_merge_request,read_event,read_todo,use_global_search"
	one := r.mint(t, "--name", "one project", "--project", "shop/backend/api", "--allow",
		"read_pipeline,read_snippet,read_project,read_work_item,read_merge_request,read_event,read_todo,use_global_search")
	account := r.mint(t, "--name", "an account", "--user", "--allow", "read_snippet")
	group := r.mint(t, "--name", "one group", "--group", "shop", "--allow", names)
	all := r.mint(t, "--name", "all", "--all-memberships", "--allow", names, "--user", "--allow", names)

	api, web := "shop/backend/api", "shop/my.web-site"
	const in, path = "shop/backend/deep/inner", "path_with_namespace"
	id := func(n int64) string { return fmt.Sprint(n) }
	for _, c := range []struct {
		target, at string
		one, group []string // nil: not looked at
	}{
		{"/projects?membership=true", path, []string{api}, []string{api, web, in}},
		{"/projects", path, []string{api}, []string{api, web, in}},
		{"/projects?membership=true&per_page=100&with_merge_requests_enabled=true&min_access_level=30&archived=false", path,
			[]string{api}, []string{api, web, in}},
		{"/projects?pagination=keyset&order_by=id&sort=asc", path, []string{api}, []string{api, web, in}},
		{"/projects?simple=true&search=a", path, []string{api}, []string{api}},
		{"/projects?search=hidden", path, []string{}, []string{}},
		{"/users/alice/projects", path, []string{api}, []string{api, web, in}},
		{"/users/" + id(w.alice) + "/projects", path, []string{api}, []string{api, web, in}},
		{"/groups", "full_path", nil, []string{"shop", "shop/backend", "shop/backend/deep"}},
		{"/groups?min_access_level=30", "full_path", nil, []string{"shop", "shop/backend", "shop/backend/deep"}},
		{"/namespaces", "full_path", nil, []string{"shop", "shop/backend", "shop/backend/deep"}},
		{"/issues", "project_id", slices.Repeat([]string{id(w.api)}, 20), nil}, // the forge's own page
		{"/issues?scope=all&per_page=100", "project_id", slices.Repeat([]string{id(w.api)}, issuesOfAPI), nil},
		{"/issues?scope=all&search=kept", "project_id", nil, nil},
		{"/merge_requests", "project_id", []string{id(w.api)}, []string{id(w.api)}},
		{"/merge_requests?scope=all", "project_id", []string{id(w.api)}, []string{id(w.api)}},
		{"/events", "target_title", []string{api}, []string{api, web, in}},
		{"/todos", "body", []string{"look at " + api},
			[]string{"look at " + api, "look at " + web, "look at " + in, "look at shop", "look at shop/backend",
				"look at shop/backend/deep"}},
		{"/pipelines", "id", []string{id(pipelines[w.api])}, []string{id(pipelines[w.api]), id(pipelines[w.web]), id(pipelines[inner])}},
		{"/snippets", "id", []string{id(snippets[w.api])}, []string{id(snippets[w.api]), id(snippets[w.web]), id(snippets[inner])}},
		{"/snippets/all", "id", []string{id(snippets[w.api])}, nil},
		{"/search?scope=projects&search=", path, []string{api}, []string{api, web, in}},
		{"/search?scope=blobs&search=x", "project_id", []string{id(w.api)}, []string{id(w.api), id(w.web), id(inner)}},
		{fmt.Sprintf("/projects/%d/merge_requests/1/closes_issues", w.api), "project_id", []string{id(w.api)},
			[]string{id(w.api), id(inner)}},
		{fmt.Sprintf("/projects/%d/forks", w.api), path, []string{}, []string{}},
		{"/groups/shop/projects?with_shared=true", path, nil, []string{web}},
		{"/groups/shop/projects?include_subgroups=true&page=1&per_page=100&with_shared=true", path, nil, []string{api, web, in}}, // Argo CD
		{"/groups/shop/projects?with_shared=1&include_subgroups=true", path, nil, []string{api, web, in}},
	} {
		for name, want := range map[string][]string{one: c.one, group: c.group} {
			if want == nil {
				continue
			}
			a := r.get(name, c.target)
			if a.status != http.StatusOK {
				t.Errorf("%s: %d %s", c.target, a.status, a.body)
				continue
			}
			got := listed(t, a.body, c.at)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", c.target, got, want)
			}
			if text := strings.ReplaceAll(a.body, mergeRequest["description"].(string), ""); strings.Contains(text, "secret/") ||
				strings.Contains(a.body, "runners_token") {
				t.Errorf("%s tells of others: %s", c.target, a.body)
			}
			if a.header.Get("Etag") != "" || strings.Contains(fmt.Sprint(a.header), w.url) {
				t.Errorf("%s: %v", c.target, a.header)
			}
		}
		if a := r.get(all, c.target); !strings.Contains(c.target, "with_shared") && a.status != http.StatusOK {
			t.Errorf("%s under all_memberships and user: %d %s", c.target, a.status, a.body)
		}
	}
	if a := r.get(all, "/projects"); len(listed(t, a.body, path)) != 6 || a.header.Get("X-Total") != "6" {
		t.Errorf("under all_memberships: %v %s", a.header, a.body)
	}
	t.Run("snippets of an account", func(t *testing.T) {
		if a := r.get(account, "/snippets"); a.status != http.StatusOK || !slices.Equal(listed(t, a.body, "id"), []string{id(personal)}) {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("jobs of a runner of several projects", func(t *testing.T) {
		both := r.mint(t, "--name", "both", "--project", "shop/backend/api", "--project", "secret/hidden", "--allow",
			"read_runner")
		a := r.get(both, fmt.Sprintf("/runners/%d/jobs", runner))
		if a.status != http.StatusOK || !slices.Equal(listed(t, a.body, "project.id"), []string{id(hidden), id(w.api)}) {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("a namespace", func(t *testing.T) {
		if a := r.get(group, "/namespaces/shop"); a.status != http.StatusOK || !strings.Contains(a.body, `"full_path":"shop"`) {
			t.Errorf("%d %s", a.status, a.body)
		}
		there, none := r.get(group, "/namespaces/secret"), r.get(group, "/namespaces/nowhere")
		if there.status != http.StatusForbidden || none.status != there.status {
			t.Errorf("%d %s, %d %s", there.status, there.body, none.status, none.body)
		}
	})
	t.Run("a list that the forge does not cut into pages", func(t *testing.T) {
		mentions := "secret/plans#1"
		for i := range issuesOfAPI - 1 {
			mentions += fmt.Sprintf(" shop/backend/api#%d", i+1)
		}
		both := r.mint(t, "--name", "linked", "--project", "shop/backend/api", "--allow", "read_work_item")
		edited := send("PUT", fmt.Sprintf("%s/api/v4/projects/%d/issues/%d", w.url, w.api, issuesOfAPI),
			http.Header{"Private-Token": {w.alicePAT}, "Content-Type": {"application/json"}}, fmt.Appendf(nil, `{"description":%q}`,
				mentions))
		if edited.status != http.StatusOK {
			t.Fatalf("%d %s", edited.status, edited.body)
		}
		a := r.get(both, fmt.Sprintf("/projects/%d/issues/%d/links", w.api, issuesOfAPI))
		if got := listed(t, a.body, "project_id"); a.status != http.StatusOK || !slices.Equal(got,
			slices.Repeat([]string{id(w.api)}, issuesOfAPI-1)) {
			t.Errorf("%d, %d entries: %.300s", a.status, len(got), a.body)
		}
		for _, name := range []string{"Link", "X-Page", "X-Next-Page", "X-Total"} {
			if a.header.Get(name) != "" {
				t.Errorf("%s: %s", name, a.header.Get(name))
			}
		}
	})
	t.Run("pages", func(t *testing.T) {
		target, seen := "/issues?scope=all&per_page=20", []string{}
		for number := 1; target != ""; number++ {
			a := r.get(one, target)
			seen = append(seen, listed(t, a.body, "iid")...)
			next := a.header.Get("X-Next-Page")
			last := next == ""
			if a.header.Get("X-Page") != fmt.Sprint(number) || a.header.Get("X-Per-Page") != "20" || last != (number == 3) ||
				(a.header.Get("X-Total") == "45") != last || strings.Contains(a.header.Get("Link"), `rel="last"`) != last {
				t.Fatalf("page %d: %v", number, a.header)
			}
			target = ""
			for _, link := range strings.Split(a.header.Get("Link"), ", ") {
				if at, found := strings.CutSuffix(link, `>; rel="next"`); found {
					target = strings.TrimPrefix(at, "<"+r.gate+"/api/v4")
				}
			}
		}
		if len(seen) != issuesOfAPI || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != issuesOfAPI {
			t.Errorf("%d issues: %q", len(seen), seen)
		}
	})
	t.Run("what is left out changes nothing", func(t *testing.T) {
		for _, target := range []string{"/projects?search=hidden&per_page=1", "/projects?search=nowhere&per_page=1",
			"/issues?scope=all&search=no+such&per_page=1"} {
			a := r.get(one, target)
			if a.status != http.StatusOK || strings.TrimSpace(a.body) != "[]" || a.header.Get("X-Total") != "0" ||
				a.header.Get("X-Next-Page") != "" {
				t.Errorf("%s: %d %s %v", target, a.status, a.body, a.header)
			}
		}
	})
	t.Run("HEAD", func(t *testing.T) {
		a := send("HEAD", r.gate+"/api/v4/projects", http.Header{"Private-Token": {one}}, nil)
		if a.status != http.StatusOK || a.header.Get("X-Total") != "" || a.header.Get("Link") != "" {
			t.Errorf("%d %v", a.status, a.header)
		}
	})
	t.Run("a wait for 100 Continue", func(t *testing.T) {
		a := send("GET", r.gate+"/api/v4/projects", http.Header{"Private-Token": {one}, "Expect": {"100-continue"}}, nil)
		if a.status != http.StatusOK || !slices.Equal(listed(t, a.body, path), []string{api}) {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("conditions and encodings", func(t *testing.T) {
		a := send("GET", r.gate+"/api/v4/projects", http.Header{"Private-Token": {one}, "If-None-Match": {"*"}, "Range": {"bytes=0-3"},
			"Accept-Encoding": {"gzip"}}, nil)
		if a.status != http.StatusOK || !slices.Equal(listed(t, a.body, path), []string{api}) {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("the projects of somebody else, who may not exist", func(t *testing.T) {
		bob, nobody := r.get(one, "/users/bob/projects"), r.get(one, "/users/nobody/projects")
		if bob.status != http.StatusForbidden || nobody.status != http.StatusForbidden {
			t.Errorf("%d %s, %d %s", bob.status, bob.body, nobody.status, nobody.body)
		}
	})
	t.Run("the forge's own errors", func(t *testing.T) {
		if a := r.get(one, "/search?scope=issues&search=x&state=broken"); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("what cannot be judged says all that lacks", func(t *testing.T) {
		a := r.get(one, "/search?scope=users&search=bob")
		if a.status != http.StatusForbidden || !strings.Contains(a.body, "under all_memberships and under user") ||
			!strings.Contains(a.body, `"missing_permissions":["use_global_search"]`) {
			t.Errorf("%d %s", a.status, a.body)
		}
		if at, err := url.Parse(grantURL(t, a)); err != nil || at.Query().Get("access") != "all_memberships,user" ||
			at.Query().Get("permissions") != "use_global_search" {
			t.Errorf("the link says less than the text: %v, %v", at, err)
		}
		without := r.mint(t, "--name", "jobs", "--project", "shop/backend/api", "--allow", "read_job")
		if a := r.get(without, "/search?scope=users&search=bob"); a.status != http.StatusForbidden ||
			!strings.Contains(a.body, "under all_memberships and under user") {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := r.get(without, "/projects"); a.status != http.StatusForbidden || !strings.Contains(a.body, `"boundary":"project"`) {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

// TestListsLeaveOthersTheirAllowance: what a list says of hundreds of projects that the token does not reach has to be asked about.
// The token's allowance for lists pays for that, and for pages, and runs out before the owner's does.
func TestListsLeaveOthersTheirAllowance(t *testing.T) {
	r := startRunning(t)
	for i := range 400 {
		r.world.forge.AddProject(fmt.Sprintf("secret/hidden-%d", i), forgetest.Private)
	}
	for _, name := range []string{"first", "second", "third"} {
		r.world.forge.AddProject("shop/"+name, forgetest.Private)
	}
	mint := func(name string) string {
		return r.mint(t, "--name", name, "--group", "shop", "--allow", "read_event,read_project", "--personal", "--allow",
			"read_event")
	}
	ofGroup := r.mint(t, "--name", "group", "--group", "shop", "--allow", "read_event")
	r.world.forge.ForgetRequests()
	if a := r.get(ofGroup, "/events?per_page=100"); a.status != http.StatusOK ||
		!slices.Equal(slices.Sorted(slices.Values(listed(t, a.body, "target_title"))), []string{"shop/backend/api", "shop/first",
			"shop/my.web-site", "shop/second", "shop/third"}) || len(r.world.forge.Requests()) > 60 {
		t.Errorf("a token of a group: %d after %d requests: %.300s", a.status, len(r.world.forge.Requests()), a.body)
	}
	isRefused := func(a answer) bool {
		return a.status == http.StatusTooManyRequests && strings.Contains(a.body, "This token's lists") && a.header.Get("Retry-After") != ""
	}
	lister, other := mint("lister"), mint("other")
	for range 6 {
		if a := r.get(lister, "/events?per_page=100"); !isRefused(a) {
			t.Fatalf("%d %v %.300s", a.status, a.header, a.body)
		}
	}
	for name, token := range map[string]string{"first": other, "second": lister} {
		if a := r.get(token, "/projects/shop%2F"+name); a.status != http.StatusOK {
			t.Errorf("%s after a list: %d %s", name, a.status, a.body)
		}
	}
	one := r.mint(t, "--name", "one", "--project", "shop/third", "--allow", "read_project")
	if a := r.get(one, "/projects"); a.status != http.StatusOK || !slices.Equal(listed(t, a.body, "path"), []string{"third"}) {
		t.Errorf("a list that needs no questions: %d %.300s", a.status, a.body)
	}
	refused := 0 // of lists of five pages
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				a := r.get(one, "/projects")
				mu.Lock()
				if isRefused(a) {
					refused++
				} else if a.status != http.StatusOK {
					t.Errorf("%d %s", a.status, a.body)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if refused == 0 {
		t.Error("pages cost nothing")
	}
}
