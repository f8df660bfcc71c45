package console_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/forge/forgetest"
	"patgate/learn"
	"patgate/store"
	"patgate/token"
)

// What was typed stands in the form that comes back, with what is wrong at its field; only the credential has to be typed again.
func TestFormsKeepWhatWasTyped(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	typed := url.Values{"do": {"generate"}, "name": {`deploy "web" <now>`}, "description": {"with\ttabs & more"},
		"expires_at":  {"900d"},
		"renew_until": {"never"}, "seal": {"yes"}, "credential": {w.alicePAT},
		"scope-0-access": {"selected_memberships"}, "scope-0-projects": {"shop/api\nshop/nosuch"}, "scope-0-groups": {"shop"},
		"scope-0-permission": {"read_job", "read_jobs"},
		"scope-0-refs":       {"refs/heads/bot/*"}, "scope-0-no-deletes": {"yes"},
		"scope-3-access": {"user"}, "scope-3-permission": {"read_job"}, "scope-3-projects": {"kept/too"}}
	p := v.post(t, "/tokens", v.get(t, "/tokens/new").fill(typed))
	p.wants(t, 422, "No token was made",
		`value="deploy &#34;web&#34; &lt;now&gt;"`, "with\ttabs &amp; more</textarea>", `value="900d"`, `value="never"`,
		"shop/api\nshop/nosuch</textarea>", ">shop</textarea>", "refs/heads/bot/*</textarea>", "kept/too</textarea>",
		`name="scope-0-no-deletes" value="yes" checked`, `name="scope-1-access" value="user" data-access checked`,
		`name="scope-0-permission" value="read_job" checked`, `name="scope-0-permission" value="read_jobs" checked`,
		"It is too late: the longest lifetime here is 365d", "is neither a date nor a duration", "nearest: read_job")
	p.lacks(t, w.alicePAT)
	if regexp.MustCompile(`name="seal" value="yes" checked`).FindString(p.body) == "" {
		t.Error("the box is not ticked any more")
	}
	for _, field := range []string{"expires", "renew", "scope-0-permission", "scope-1-permission", "description"} {
		if !strings.Contains(p.body, `id="`+field+`-problems"`) {
			t.Errorf("nothing is said at %s", field)
		}
	}
	if w.count(t) != 0 {
		t.Fatal("a token was made")
	}
	t.Run("a project that is not there", func(t *testing.T) {
		p := v.post(t, "/tokens", v.get(t,
			"/tokens/new").fill(jobToken(w.alicePAT, url.Values{"scope-0-projects": {"shop/api\nshop/nosuch"}})))
		p.wants(t, 422, "not found, or alice cannot see it", `id="scope-0-project-problems"`, "shop/api\nshop/nosuch</textarea>")
	})
	t.Run("nothing chosen", func(t *testing.T) {
		v.post(t, "/tokens", v.get(t,
			"/tokens/new").fill(url.Values{"name": {""}, "credential": {w.alicePAT}, "scope-0-access": {"selected_memberships"}})).
			wants(t, 422, "It is missing: say what the token is for", "Choose at least one project or group",
				"needs at least one permission")
	})
	t.Run("a long name, an end in the past, one project twice, a permission where it is none", func(t *testing.T) {
		p := v.post(t, "/tokens", v.get(t,
			"/tokens/new").fill(jobToken(w.alicePAT, url.Values{"name": {strings.Repeat("n", 201)}, "expires_at": {"2020-01-01"},
			"scope-1-access": {"selected_memberships"}, "scope-1-projects": {"shop/api"}, "scope-1-permission": {"run_job"},
			"scope-2-access": {"user"}, "scope-2-permission": {"read_job"}})))
		p.wants(t, 422, "It has 201 characters, at most 200 are allowed", "It is in the past", `value="2020-01-01"`,
			strings.Repeat("n", 201),
			`id="scope-2-permission-problems"`, "cannot be granted under user")
		p = v.post(t, "/tokens", v.get(t, "/tokens/new").fill(jobToken(w.alicePAT, url.Values{
			"scope-1-access": {"selected_memberships"}, "scope-1-projects": {"shop/api"}, "scope-1-permission": {"run_job"}})))
		p.wants(t, 422, "is in scope 1 already")
	})
	t.Run("in the form for editing too", func(t *testing.T) {
		id, _ := v.make(t, w.alicePAT, nil)
		p := v.post(t, at(id, "/edit"), v.get(t,
			at(id, "/edit")).fill(url.Values{"name": {"kept"}, "description": {strings.Repeat("x", 300)},
			"scope-0-access": {"personal_projects"}, "scope-0-permission": {"read_job"}}))
		p.wants(t, 422, "Nothing was changed", `value="kept"`, "It has 300 characters, at most 255 are allowed")
	})
	t.Run("a rotation's", func(t *testing.T) {
		id, _ := v.make(t, w.alicePAT, nil)
		p := v.post(t, at(id, "/rotate"), v.get(t,
			at(id, "/rotate")).fill(url.Values{"credential": {w.alicePAT}, "expires_at": {"1s"}, "grace": {"90d"}}))
		p.wants(t, 422, `value="1s"`, `value="90d"`, "Is too long: at most 7d", "Is too soon")
		p.lacks(t, w.alicePAT)
	})
}

// Every step of the form works without a script.
func TestFormWithoutScript(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	form := v.get(t, "/tokens/new").fill(jobToken("", url.Values{"do": {"template-read-only-ci"}}))
	p := v.post(t, "/tokens", form)
	p.wants(t, 200, "New token", `value="read_job_artifact" checked`, `value="90d"`, `value="read jobs"`, "shop/api</textarea>")
	form = p.fill(jobToken("", url.Values{"do": {"add-scope"}}))
	v.post(t, "/tokens", form).wants(t, 200, `name="scope-1-access"`, `value="remove-1"`, "read_pipeline")
	form = p.fill(jobToken("", url.Values{"do": {"remove-0"}, "scope-1-access": {"user"}, "scope-1-permission": {"read_user"}}))
	p = v.post(t, "/tokens", form)
	p.wants(t, 200, `name="scope-0-access" value="user" data-access checked`, `value="read_user" checked`)
	p.lacks(t, `name="scope-1-access"`)
	v.post(t, "/tokens", v.get(t, "/tokens/new").fill(jobToken("", url.Values{"do": {"preview"}, "name": {"say $(it)"}}))).
		wants(t, 200, "Read jobs", "Read pipelines", "project shop/api", "--name &#39;say $(it)&#39;",
			"--project shop/api --allow read_job,read_pipeline",
			"restapi_object")
	if w.count(t) != 0 {
		t.Error("a token was made")
	}
}

// An address fills in the form, makes nothing, and says that it did.
func TestPrefilledByAddress(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	p := v.get(t,
		"/tokens/new?name=ci&description=for+CI&access=selected_memberships&project=shop%2Fapi&project=shop/web&group=shop&permissions=read_job,run_job&expires_in=12h")
	p.wants(t, 200, "A link filled in this form", `value="ci"`, "for CI</textarea>", "shop/api\nshop/web</textarea>",
		">shop</textarea>",
		`value="read_job" checked`, `value="run_job" checked`, `value="12h"`)
	if n := strings.Count(p.body, `-permission" value=`); strings.Count(p.body, " checked") != 3 || n < 100 {
		t.Errorf("%d of %d boxes are ticked", strings.Count(p.body, " checked"), n)
	}
	v.get(t, "/tokens/new").lacks(t, "A link filled in this form")
	v.get(t, "/tokens/new?template=dependency-updater&permissions=read_job").wants(t, 200, `value="push_code" checked`,
		`value="read_job" checked`, `value="180d"`)
	v.get(t, "/tokens/new?access=user&permissions=read_user").wants(t, 200, `value="user" data-access checked`)
	v.get(t, "/tokens/new?permissions=read_jop&access=everything&template=nosuch").wants(t, 200,
		"“read_jop”, which does not exist. The nearest is read_job", "which does not exist")
	if w.count(t) != 0 {
		t.Error("a token was made")
	}
	t.Run("with markup", func(t *testing.T) {
		const evil = `"><script>alert(1)</script>`
		for _, name := range []string{"name", "description", "template", "access", "project", "group", "permissions", "expires_in",
			"like"} {
			p := v.get(t, "/tokens/new?"+url.Values{name: {evil}}.Encode())
			p.lacks(t, "<script>alert", `"><script`)
		}
	})
}

// Threat: names and descriptions that hold markup, of tokens here and at the forge.
func TestHostileNames(t *testing.T) {
	w := newWorld(t, nil)
	const evil = `</textarea></title>'"><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}`
	w.forge.AddToken(w.alice, forgetest.Token{Name: evil})
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, url.Values{"name": {evil}, "description": {evil}})
	v.post(t, at(id, "/pause"), v.get(t, at(id, "/pause")).fill(url.Values{"reason": {evil}})).wants(t, 200)
	pages := append(everyPage(id), "/tokens?search="+url.QueryEscape(evil), "/tokens?state="+url.QueryEscape(evil),
		"/tokens?created="+url.QueryEscape(evil), "/tokens?sort="+url.QueryEscape(evil), "/search?q=%3Cscript%3E")
	for _, path := range pages {
		p := v.get(t, path)
		if p.status >= 500 {
			t.Errorf("%s: %d", path, p.status)
		}
		p.lacks(t, "<script>alert", "<img src=x", `'"><`, "</textarea></title>")
	}
	v.get(t, "/tokens?state=paused").wants(t, 200, "&lt;script&gt;alert(1)&lt;/script&gt;")
	p := v.post(t, "/tokens/preview", v.get(t,
		"/tokens/new").fill(jobToken("", url.Values{"name": {`"${file("/etc/passwd")}' ; rm -rf ~`}})))
	var said struct{ JSON, Command, Terraform string }
	if err := json.Unmarshal([]byte(p.body), &said); err != nil {
		t.Fatal(err)
	}
	if p.header.Get("Content-Type") != "application/json" || !strings.Contains(said.Terraform,
		`"\"$${file(\"/etc/passwd\")}' ; rm -rf ~"`) ||
		!strings.Contains(said.Command, `--name '"${file("/etc/passwd")}'\'' ; rm -rf ~'`) {
		t.Errorf("%s\n%s", said.Terraform, said.Command)
	}
}

func TestTheTable(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	first, _ := v.make(t, w.alicePAT, url.Values{"name": {"alpha"}, "expires_at": {"3d"}})
	v.make(t, w.alicePAT, url.Values{"name": {"beta"}, "scope-0-access": {"all_memberships"}, "scope-0-projects": nil})
	third, _ := v.make(t, w.alicePAT, url.Values{"name": {"gamma"}})
	v.post(t, at(third, "/revoke"), v.get(t, at(third, "/revoke")).fill(nil)).wants(t, 200)
	order := func(p *page, names ...string) bool {
		last := -1
		for _, name := range names {
			i := strings.Index(p.body, `>`+name+`</a>`)
			if i < last || i < 0 {
				return false
			}
			last = i
		}
		return true
	}
	p := v.get(t, "/tokens")
	p.wants(t, 200, "2 tokens", "Expiring soon", "Broad", "Everything I have access to")
	p.lacks(t, ">gamma</a>")
	if !order(p, "alpha", "beta") || !order(v.get(t, "/tokens?sort=name_desc"), "beta", "alpha") ||
		!order(v.get(t, "/tokens?state=any&sort=created_asc"), "alpha", "beta", "gamma") {
		t.Error("the order is wrong")
	}
	for query, want := range map[string][2]string{"search=ALPH": {"alpha", "beta"}, "badge=broad": {"beta", "alpha"},
		"state=revoked": {"gamma", "alpha"}, "expires=10d": {"alpha", "beta"}} {
		p := v.get(t, "/tokens?"+query)
		p.wants(t, 200, "1 token", ">"+want[0]+"</a>")
		p.lacks(t, ">"+want[1]+"</a>")
	}
	for _, name := range []string{"created", "expires", "last_used"} {
		p := v.get(t, "/tokens?"+name+"=yesterday")
		p.wants(t, 200, "Give times as a date", "No token")
		p.lacks(t, ">alpha</a>", `id="several"`)
	}
	v.get(t, "/tokens?page=99").wants(t, 200)
	t.Run("uses, permission by permission", func(t *testing.T) {
		if _, _, err := w.store.AddSeen(t.Context(), []learn.Seen{{Subject: first, Unit: learn.Unit{Needs: []string{"read_job"}},
			Count: 41,
			Last:  time.Now()}}); err != nil {
			t.Fatal(err)
		}
		if err := w.store.AddDetails(t.Context(), []store.Detail{{TokenID: first, Address: "192.0.2.7",
			Last: time.Now()}}); err != nil {
			t.Fatal(err)
		}
		if err := w.store.AddUses(t.Context(), []store.Use{{TokenID: first, Count: 41, Last: time.Now()}}); err != nil {
			t.Fatal(err)
		}
		p := v.get(t, at(first, ""))
		p.wants(t, 200, `<td class="num">41</td>`, `<tr class="unused"><td>Pipeline</td>`, "192.0.2.7")
		w.pass(8 * 24 * time.Hour)
		v := w.signedIn(t, w.alicePAT)
		v.get(t, "/tokens?badge=unused_permissions").wants(t, 200, "beta", "Never used")
	})
}

// A token that the API made with more than the form shows is seen whole, and not cut by the form.
func TestManyScopesAndPlaces(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	owner, err := w.Owner(t.Context(), token.NewSecret(w.alicePAT))
	if err != nil {
		t.Fatal(err)
	}
	var scopes []terms.Scope
	for i := range 21 {
		project := w.forge.AddProject(fmt.Sprintf("shop/q%d", i), forgetest.Private)
		scopes = append(scopes, terms.Scope{Access: "selected_memberships", ProjectIDs: []int64{project},
			Permissions: []string{"read_job"}})
	}
	for i := range 14 {
		scopes[0].ProjectIDs = append(scopes[0].ProjectIDs, w.forge.AddProject(fmt.Sprintf("shop/p%d", i), forgetest.Private))
	}
	made, err := w.Create(t.Context(), owner, tokens.Creation{Name: "many", Scopes: scopes, Seal: true})
	if err != nil {
		t.Fatal(err)
	}
	v.get(t, "/tokens").wants(t, 200, "16 more scopes", "5 more", "shop/p13")
	if p := v.get(t, at(made.ID, "")); strings.Count(p.body, `class="scope-said"`) != 21 || !strings.Contains(p.body, "shop/p13") {
		t.Error("the details are not whole")
	}
	v.get(t, at(made.ID, "/edit")).wants(t, 422, "20 scopes are all that the form can show")
	v.post(t, at(made.ID, "/edit"), v.get(t, at(made.ID, "")).fill(url.Values{"name": {"cut"}})).wants(t, 422)
	v.get(t, "/tokens/new?like="+at(made.ID, "")[len("/tokens/"):]).wants(t, 422)
	form := jobToken(w.alicePAT, nil)
	for i := range 21 {
		form.Set(fmt.Sprintf("scope-%d-access", i), "user")
		form.Set(fmt.Sprintf("scope-%d-permission", i), "read_user")
	}
	v.post(t, "/tokens", v.get(t, "/tokens/new").fill(form)).wants(t, 422, "at most 20 scopes and had 21")
	if l := w.read(t, made.ID); len(l.Scopes) != 21 || l.Name != "many" {
		t.Errorf("the token is %+v", l)
	}
}

// Threat: a project is renamed and another takes its path while a form that names it is open. The token stays with its own.
func TestEditingGoesByID(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, url.Values{"scope-0-groups": {"shop"}})
	form := v.get(t, at(id, "/edit"))
	lines := fmt.Sprintf("%d shop/api", w.api)
	form.wants(t, 200, lines+"</textarea>", "project shop/api", "group shop with everything below")
	w.forge.MoveProject(w.api, "shop/api-old")
	w.forge.AddProject("shop/api", forgetest.Private)
	v.post(t, at(id, "/edit"),
		form.fill(url.Values{"name": {"renamed meanwhile"}, "scope-0-access": {"selected_memberships"}, "scope-0-projects": {lines},
			"scope-0-permission": {"read_job"}})).
		wants(t, 200, "The changes are in force")
	if l := w.read(t, id); len(l.Scopes[0].ProjectIDs) != 1 || l.Scopes[0].ProjectIDs[0] != w.api || len(l.Scopes[0].GroupIDs) != 0 {
		t.Errorf("the token reaches %+v", l.Scopes)
	}
}

func TestPages(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	for range 21 {
		v.make(t, w.alicePAT, nil)
	}
	p := v.get(t, "/tokens?sort=created_asc&search=jobs")
	p.wants(t, 200, "1 to 20 of 21 tokens", `rel="next" href="/tokens?page=2&amp;search=jobs&amp;sort=created_asc"`)
	p = v.get(t, "/tokens?page=2&sort=created_asc&search=jobs")
	p.wants(t, 200, "21 to 21 of 21 tokens", `rel="prev"`)
	if strings.Count(p.body, `class="name"`) != 1 {
		t.Error("the second page has not one token")
	}
	// Whoever jumps, or wants larger pages, keeps what was asked for, and comes to a page that is there.
	p.wants(t, 200, `<input type="hidden" name="search" value="jobs">`, `<input type="hidden" name="sort" value="created_asc">`,
		`name="page" type="number" min="1" max="2" value="2"`)
	p.lacks(t, `rel="next"`)
	jump := v.get(t, "/tokens?page=2&size=20").body
	if jump = jump[strings.Index(jump, `class="jump"`):]; strings.Contains(jump, `type="hidden" name="page"`) ||
		strings.Contains(jump, `type="hidden" name="size"`) {
		t.Error("the form that jumps says page and size twice")
	}
	for query, want := range map[string]string{"page=99": "21 to 21 of 21 tokens", "page=0": "1 to 20 of 21 tokens",
		"page=-1": "1 to 20 of 21 tokens", "page=99999999999999999999": "1 to 20 of 21 tokens", "page=x": "1 to 20 of 21 tokens",
		"size=7": "1 to 20 of 21 tokens", "size=50": `<option value="50" selected>`, "size=100&page=3": `value="100" selected`,
		"size=50&search=jobs": `name="size" value="50">`} {
		v.get(t, "/tokens?"+query).wants(t, 200, want)
	}
	if all := v.get(t, "/tokens?size=50"); strings.Count(all.body, `class="name"`) != 21 {
		t.Error("a page of 50 has not all 21")
	}
}

func TestForgeTokens(t *testing.T) {
	w := newWorld(t, nil)
	w.forge.AddToken(w.alice, forgetest.Token{Name: "pusher", Scopes: []string{"write_repository"}})
	w.forge.AddToken(w.bob, forgetest.Token{Name: "bob's own"})
	gone := w.forge.AddToken(w.alice, forgetest.Token{Name: "revoked one"})
	w.forge.RevokeToken(gone)
	v := w.signedIn(t, w.alicePAT)
	p := v.get(t, "/forge-tokens")
	p.wants(t, 200, "laptop", "pusher", "write_repository", "Replace with a fine-grained token", "2 active tokens")
	p.lacks(t, "bob&#39;s", "revoked one", w.alicePAT)
	for _, m := range regexp.MustCompile(`href="(/tokens/new\?[^"]*)"`).FindAllStringSubmatch(p.body, -1) {
		form := v.get(t, html.UnescapeString(m[1]))
		form.wants(t, 200, "A link filled in this form", "In place of the token")
		if strings.Contains(m[1], "pusher") {
			form.wants(t, 200, `value="push_code" checked`)
		}
	}
}

// TestThePickerKnowsWhatPeopleSay: the words by which resources are found stand at the resource, where the page's search reads
// them.
func TestThePickerKnowsWhatPeopleSay(t *testing.T) {
	w := newWorld(t, nil)
	page := w.signedIn(t, w.alicePAT).get(t, "/tokens/new").body
	for said, about := range map[string]string{"docker": "container_repository", "npm": "package", "maven": "package",
		"comment": "work_item",
		"clone":   "code",
		"admin":   "member", "page": "wiki"} {
		found := regexp.MustCompile(`data-resource="` + about + `"[^>]* data-words="([^"]*)"`).FindStringSubmatch(page)
		if found == nil || !slices.Contains(strings.Fields(found[1]), said) {
			t.Errorf("%q does not lead to %s: %v", said, about, found)
		}
	}
}

func TestSearch(t *testing.T) {
	w := newWorld(t, nil)
	secretGroup := w.forge.AddGroup("hidden", forgetest.Private)
	w.forge.AddProject("hidden/shop", forgetest.Private)
	w.forge.AddGroupMember(secretGroup, w.bob, forgetest.Owner)
	v := w.signedIn(t, w.alicePAT)
	v.header.Set("Accept", "application/json")
	p := v.get(t, "/search?q=shop")
	p.wants(t, 200, `"kind":"group","id":`, `"path":"shop"`, `"path":"shop/api"`, `"path":"shop/web"`)
	p.lacks(t, "hidden")
	if p.header.Get("Content-Type") != "application/json" || p.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("headers %v", p.header)
	}
	for text, want := range map[string][]string{ // addresses and ids stand for what they lead to
		w.upstream.URL + "/groups/shop/-/issues":      {`"kind":"group","id":`, `"text":"shop"`, `"group":true`},
		w.upstream.URL + "/groups/shop/none/-/issues": {`"items":[]`, `"path":"shop/none"`, `"group":true`},
		w.upstream.URL + "/shop":                      {`"text":"shop"`, `"path":"shop"`},
		w.upstream.URL + "/shop/api/-/tree/main":      {`"path":"shop/api"`, `"text":"shop/api"`},
		strconv.FormatInt(w.api, 10):                  {`[{"kind":"project","id":` + strconv.FormatInt(w.api, 10) + `,"path":"shop/api"`},
	} {
		v.get(t, "/search?q="+url.QueryEscape(text)).wants(t, 200, want...)
	}
	w.forge.AddProject("hidden/more", forgetest.Private)
	for id := w.web + 1; id < w.web+4; id++ {
		v.get(t, "/search?q="+strconv.FormatInt(id, 10)).lacks(t, "hidden")
	}
	for _, nothing := range []string{"/search", "/search?q=", "/search?q=" + strings.Repeat("x", 101), "/search?q=%ff",
		"/search?q=nosuch%26membership%3Dfalse"} {
		v.get(t, nothing).wants(t, 200, `{"items":[]}`)
	}
	w.upstream.Close()
	v.get(t, "/search?q=shop").wants(t, 502, "could not be reached")
}

// TestDangersLookDangerousInTheForm: the form says what is dangerous in the words of lists and details, and no more is red there.
func TestDangersLookDangerousInTheForm(t *testing.T) {
	w := newWorld(t, nil)
	form := w.signedIn(t, w.alicePAT).get(t, "/tokens/new")
	form.wants(t, 200, `value="push_code"><span class="perilous">Push <span class="peril">pushes, runs as owner</span></span>`,
		`value="read_job"><span>Read</span>`)
}
