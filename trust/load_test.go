package trust_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/trust"
)

// good is a policy that loads; cases replace parts of it.
const good = `version: 1
trusts:
  - name: release-notes
    description: the release job of group/app writes release notes
    issuer: gitlab
    match:
      project_id: "20"
      ref_protected: "true"
      ref_path: {glob: "refs/tags/v*"}
      pipeline_source: [push, web]
    deny:
      user_access_level: [guest, planner]
    owner: ab3f
    grant:
      - access: selected_memberships
        projects: ["{project_id}"]
        permissions: [read_job]
    ttl: 15m
    max_active: 5
    name_template: "{project_path} job {job_id}"
    tests:
      - claims: {project_id: "20", ref_protected: "true", ref_path: refs/tags/v1, pipeline_source: push, user_access_level: owner}
        want: allow
      - claims: {project_id: "20", ref_protected: "false", ref_path: refs/heads/x, pipeline_source: merge_request_event}
        want: deny
`

// table is read once.
var table = sync.OnceValues(load.GitLab)

func options(t testing.TB, text string) trust.Options {
	t.Helper()
	table, err := table()
	if err != nil {
		t.Fatal(err)
	}
	return trust.Options{Files: []routes.File{{Name: "trusts/a.yaml", Data: []byte(text)}}, Table: table,
		Issuers: []trust.Issuer{{Name: "gitlab", Kind: trust.GitLab}, {Name: "github", Kind: trust.GitHub},
			{Name: "cluster", Kind: trust.Kubernetes}, {Name: "other", Kind: trust.Generic}}}
}

// policyOf loads the one policy of a text.
func policyOf(t testing.TB, text string) *trust.Policy {
	t.Helper()
	set, problems := trust.Load(options(t, text))
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	return set.All()[0]
}

func TestAPolicyIsReadWhole(t *testing.T) {
	p := policyOf(t, good)
	if p.Name != "release-notes" || p.Owner != "ab3f" || !p.BindToJob || !p.SingleUse || p.MaxActive != 5 || p.Mode != trust.Enforce {
		t.Errorf("%+v", p)
	}
	if a := p.Audience("https://p"); a != "https://p/trust/release-notes" || trust.NameOf(a, "https://p") != "release-notes" ||
		trust.NameOf(a, "https://q") != "" || trust.NameOf(a+"/x", "https://p") != "" {
		t.Errorf("audience %q", a)
	}
	c := trust.Claims{"project_id": {Texts: []string{"20"}}, "project_path": {Texts: []string{"g/\u202eapp\n"}},
		"job_id": {Texts: []string{"7"}}}
	if name := p.TokenName(c); name != "g/app job 7" {
		t.Errorf("the token is called %q", name)
	}
	if specs, ok := p.Grant(c); !ok || !slices.Equal(specs[0].ProjectIDs, []int64{20}) {
		t.Errorf("grant %v, %v", specs, ok)
	}
	c["project_id"] = trust.Value{Texts: []string{"21"}}
	if specs, ok := p.Grant(c); ok {
		t.Errorf("the grant of another project: %v", specs)
	}
}

// Every problem has its line and a fix, and all of a file are told at once.
func TestProblemsOfPolicies(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"an unknown key", "    ttl: 15m", "    tll: 15m", `:18: the policy has the unknown key "tll"`},
		{"a key that appears twice", "    ttl: 15m", "    owner: x", `"owner" twice`},
		{"no owner", "    owner: ab3f\n", "", "the policy has no owner"},
		{"an issuer that is not configured", "issuer: gitlab", "issuer: evil", `:5: there is no issuer "evil"`},
		{"a name that is none", "name: release-notes", "name: Release/Notes", "cannot stand in an audience"},
		{"a mode that is none", "    ttl: 15m", "    mode: on", `no mode "on"`},
		{"a life that is too long", "ttl: 15m", "ttl: 30d", "is not the life of a token"},
		{"a permission that is none", "[read_job]", "[read_jop]", "read_jop"},
		{"too many at once", "max_active: 5", "max_active: 0", "max_active"},
		{"tests that show one side", "want: deny", "want: allow", "the tests show one side alone"},
		{"a test that fails", `ref_path: refs/tags/v1,`, `ref_path: refs/tags/x,`, "a test of release-notes fails: it wants allow"},
		{"another version", "version: 1", "version: 2", "no version that this patgate reads"},
		{"an alias", `project_id: "20"`, "project_id: &a \"20\"\n      x: *a", "is a YAML alias"},
		{"a list of claims that is empty", "[push, web]", "[]", "is not a list, or is empty"},
		{"a claim that is empty", `ref_protected: "true"`, "ref_protected:", `"ref_protected" is empty`},
		{"a name that no claim has", `ref_protected: "true"`, `a//b: "true"`, `no claim can have the name "a//b"`},
		{"a name that no claim has, by ~", `ref_protected: "true"`, `a~2: "true"`, `no claim can have the name "a~2"`},
		{"a denial of absence alone", "[guest, planner]", "{absent: allow}", "user_access_level denies nothing"},
		{"absence in match", `ref_protected: "true"`, `ref_protected: ["true", {absent: allow}]`, `the unknown key "absent"`},
		{"a claim of a test twice", `- claims: {project_id: "20",`, `- claims: {a: {b: x}, a/b: y, project_id: "20",`,
			`the name "a/b" here`},
		{"a number that JSON has not", `- claims: {project_id: "20",`, `- claims: {project_id: 0x14,`, "is not a number in JSON"},
		{"a claim that is judged of every token", `ref_protected: "true"`, `aud: x`, "aud is checked of every token"},
		{"a regular expression", `{glob: "refs/tags/v*"}`, `{regex: "a|b"}`, `the unknown key "regex"`},
		{"a glob that fits anything", `{glob: "refs/tags/v*"}`, `{glob: "**"}`, "fits anything"},
		{"a forgotten glob", `{glob: "refs/tags/v*"}`, `"refs/tags/v*"`, "is compared letter by letter"},
		{"a template in match", `ref_protected: "true"`, `ref_protected: "{project_id}"`, "has a template in it"},
		{"a template of a claim that match has not", "{project_id}\"]", "{namespace_id}\"]", "does not hold it to ids by equality"},
		{"a template of a claim that is a glob", `"{project_id}"]`, `"{ref_path}"]`, "does not hold it to ids by equality"},
		{"a template in permissions", "[read_job]", `["{ref_path}"]`, "has a template in it"},
		{"a path in the grant", `"{project_id}"]`, "group/app]", "is not an id: names are used again"},
		{"no container", `project_id: "20"`, `project_path: group/app`, "match names nothing by its id"},
		{"a container by a glob", `project_id: "20"`, `project_id: {glob: "2*"}`, "match names nothing by its id"},
		{"a container by a text", `project_id: "20"`, `project_id: group`, "match names nothing by its id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatal("the case replaces nothing")
			}
			set, problems := trust.Load(options(t, text))
			if all := routes.Problems(problems).Error(); set != nil || !strings.Contains(all, c.want) || !strings.Contains(all, "(fix: ") {
				t.Errorf("%q does not say %q", all, c.want)
			}
		})
	}
	_, problems := trust.Load(options(t, strings.NewReplacer("ttl: 15m", "tll: 15m", "max_active: 5", "max_active: x").Replace(good)))
	if len(problems) != 2 || problems[0].Source.Line != 18 || problems[1].Source.Line != 19 {
		t.Errorf("of two problems: %v", problems)
	}
	if _, problems := trust.Load(options(t, good+good[strings.Index(good, "  - name"):])); len(problems) != 1 {
		t.Errorf("of two policies of one name: %v", problems)
	}
}

func TestAFileMayHaveNoPolicyLeft(t *testing.T) {
	if set, problems := trust.Load(options(t, "version: 1\ntrusts: []\n")); len(problems) > 0 || len(set.All()) != 0 {
		t.Errorf("%v, %v", set, problems)
	}
	for _, text := range []string{"", "version: 1\n", "version: 1\ntrusts:\n", "version: 1\ntrusts: x\n"} {
		if set, problems := trust.Load(options(t, text)); len(problems) == 0 {
			t.Errorf("%q loads: %v", text, set)
		}
	}
}

func TestGlobsEndAtSlashesAndColons(t *testing.T) {
	for _, c := range []struct {
		glob, text string
		want       bool
	}{
		{"refs/tags/v*", "refs/tags/v1.2", true}, {"refs/tags/v*", "refs/tags/v1/x", false}, {"refs/tags/v*", "xrefs/tags/v1", false},
		{"a*c", "abbc", true}, {"a*c", "ab:c", false}, {"a**c", "a/b:c", true}, {"a*", "a", true}, {"*a*", "bab", true},
		{"a|b", "a", false}, {"a.c", "abc", false}, {"a?", "ab", false}, {"[ab]", "a", false}, {"a**", "b", false},
		{"**/x", "a/b/x", true}, {"*/x", "a/b/x", false}, {"", "", true}, {"a", "", false}, {"x", "x\n", false},
	} {
		if got := trust.Fits(c.glob, c.text); got != c.want {
			t.Errorf("%q fits %q: %v", c.text, c.glob, got)
		}
	}
	if long := strings.Repeat("a", 8000); trust.Fits(strings.Repeat("**a", 100)+"b", long) {
		t.Error("it fits")
	}
}

// A policy says nothing of merge request pipelines unless it lists them, whatever fits a glob.
func TestPipelinesOfMergeRequestsAreListed(t *testing.T) {
	claims := func(source string) trust.Claims {
		return trust.Claims{"project_id": {Texts: []string{"20"}}, "ref_protected": {Texts: []string{"true"}},
			"ref_path": {Texts: []string{"refs/tags/v1"}}, "pipeline_source": {Texts: []string{source}},
			"user_access_level": {Texts: []string{"owner"}}}
	}
	for _, c := range []struct {
		name, match string
		want        map[string]bool
	}{
		{"not named", "", map[string]bool{"push": true, "merge_request_event": false, "parent_pipeline": false, "": true}},
		{"by a glob", `      pipeline_source: {glob: "m**"}` + "\n", map[string]bool{"merge_request_event": false}},
		{"listed", "      pipeline_source: [push, merge_request_event]\n", map[string]bool{"push": true, "merge_request_event": true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, "      pipeline_source: [push, web]\n", c.match, 1)
			if c.name == "by a glob" {
				// No test of the policy's own can want allow then.
				text = strings.Replace(text, "pipeline_source: push,", "pipeline_source: mpush,", 1)
			}
			p := policyOf(t, text)
			for source, want := range c.want {
				if got := p.Judge(claims(source)); got.Allowed != want {
					t.Errorf("%q: %+v", source, got)
				}
			}
			none := claims("")
			delete(none, "pipeline_source")
			if p.Judge(none).Allowed {
				t.Error("a token that does not say what its pipeline is for matches")
			}
		})
	}
}

// What is not there, or cannot be read, is not harmless: a denial that cannot be judged denies, and an id is one text.
func TestOddClaimsAreRefused(t *testing.T) {
	const head = `{"ref_protected":"true","ref_path":"refs/tags/v1",`
	for _, c := range []struct {
		claims        string
		absent, allow bool
	}{
		{`"project_id":"20","pipeline_source":"push","user_access_level":"owner"}`, false, true},
		{`"project_id":20,"pipeline_source":"push","user_access_level":["owner"]}`, false, true},
		{`"project_id":"20","pipeline_source":"push"}`, false, false},
		{`"project_id":"20","pipeline_source":"push"}`, true, true},
		{`"project_id":"20","pipeline_source":"push","user_access_level":null}`, true, false},
		{`"project_id":"20","pipeline_source":"push","user_access_level":1.5}`, true, false},
		{`"project_id":"20","pipeline_source":"push","user_access_level":{"x":"owner"}}`, true, false},
		{`"project_id":"20","pipeline_source":"push","user_access_level":["owner",null]}`, true, false},
		{`"project_id":"20","pipeline_source":"push","user_access_level":["owner",["guest"]]}`, true, false},
		{`"project_id":"20","pipeline_source":"push","user_access_level":["owner","guest"]}`, true, false},
		{`"project_id":["20","21"],"pipeline_source":"push","user_access_level":"owner"}`, true, false},
		{`"project_id":["20",null],"pipeline_source":"push","user_access_level":"owner"}`, true, false},
		{`"project_id":2e1,"pipeline_source":"push","user_access_level":"owner"}`, true, false},
		{`"project_id":"20","pipeline_source":["push",{}],"user_access_level":"owner"}`, true, false},
		{`"project_id":"20","pipeline_source":null,"user_access_level":"owner"}`, true, false},
	} {
		text := good
		if c.absent {
			text = strings.Replace(good, "[guest, planner]", "[guest, planner, {absent: allow}]", 1)
		}
		claims, err := trust.ParseClaims([]byte(head + c.claims))
		if got := policyOf(t, text).Judge(claims); err != nil || got.Allowed != c.allow {
			t.Errorf("%s, absent allowed %v: %+v, %v", c.claims, c.absent, got, err)
		}
	}
	// Tests of policies are read as tokens are.
	text := strings.Replace(good, `- claims: {project_id: "20",`, `- claims: {project_id: 20.0,`, 1)
	if _, problems := trust.Load(options(t, text)); len(problems) == 0 {
		t.Error("a test whose id is 20.0 comes out as allowed")
	}
}

func TestClaimsAreReadInOneWay(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain", `{"a":"x","b":20,"c":true,"d":null}`,
			"map[a:{[x] false false false} b:{[20] false true false} c:{[true] false false false} d:{[] false false true}]"},
		{"deep", `{"kubernetes.io":{"pod":{"uid":"u"}},"k/p":"x"}`,
			"map[kubernetes.io:{[] false false true} kubernetes.io/pod:{[] false false true} " +
				"kubernetes.io/pod/uid:{[u] false false false} k~1p:{[x] false false false}]"},
		{"lists", `{"a":["x",1,{"y":"z"},["q"]]}`, "map[a:{[x 1] true true true}]"},
		{"numbers that are not whole", `{"a":20.0,"b":2e1,"c":-0}`,
			"map[a:{[] false false true} b:{[] false false true} c:{[] false false true}]"},
		{"a name twice", `{"a":"x","a":"y"}`, ""},
		{"a name twice, escaped", `{"a":"x","\u0061":"y"}`, ""},
		{"a name twice below", `{"a":{"b":1,"b":2}}`, ""},
		{"no object", `["a"]`, ""},
		{"more than one", `{"a":1}{"a":2}`, ""},
		{"cut off", `{"a":`, ""},
		{"no UTF-8", "{\"a\":\"\xff\"}", ""},
		{"too deep", strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20), ""},
		{"too many", `{"a":[` + strings.Repeat("1,", 600) + "1]}", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			claims, err := trust.ParseClaims([]byte(c.text))
			if got := fmt.Sprint(claims); (err == nil) != (c.want != "") || err == nil && got != c.want {
				t.Errorf("%s, %v, want %s", got, err, c.want)
			}
		})
	}
}
