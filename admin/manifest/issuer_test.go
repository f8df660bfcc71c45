package manifest

import (
	"strings"
	"testing"

	"patgate/routes"
	"patgate/trust"
	"patgate/trust/issuer"
)

// TestIssuersOfFilesAreThoseOfTheConfiguration: what is no issuer there is none in a file, and no two have a name or an address.
func TestIssuersOfFilesAreThoseOfTheConfiguration(t *testing.T) {
	configured := issuer.Issuer{Name: "gitlab", URL: "https://gitlab.example.com", Kind: "gitlab"}
	known := table(t)
	for name, c := range map[string]struct{ text, want string }{
		"as it should be":  {"kind: Issuer\nname: ci\ntype: generic\nurl: https://ci.example.com\nalgorithms: [RS256]\n", ""},
		"of a host within": {"kind: Issuer\nname: ci\ntype: kubernetes\nurl: https://kubernetes.default.svc\n", ""},
		"on this machine":  {"kind: Issuer\nname: ci\ntype: generic\nurl: http://127.0.0.1:8080\n", ""},
		"in the clear": {"kind: Issuer\nname: ci\ntype: generic\nurl: http://ci.example.com\n",
			"all.yaml:4: Issuer \"ci\": an issuer without an address"},
		"in the clear, within": {"kind: Issuer\nname: ci\ntype: generic\nurl: http://10.0.0.7\n",
			"all.yaml:4: Issuer \"ci\": an issuer without an address"},
		"keys in the clear": {"kind: Issuer\nname: ci\ntype: generic\nurl: https://ci.example.com\njwks_url: http://ci.example.com/k\n", "all.yaml:5: Issuer \"ci\": keys at an address that is not valid"},
		"with a user in its address": {"kind: Issuer\nname: ci\ntype: generic\nurl: https://a@ci.example.com\n",
			"an issuer without an address"},
		"with a query": {"kind: Issuer\nname: ci\ntype: generic\nurl: https://ci.example.com?x=1\n",
			"an issuer without an address"},
		"of no type": {"kind: Issuer\nname: ci\ntype: jenkins\nurl: https://ci.example.com\n",
			"all.yaml:3: Issuer \"ci\": an issuer without a known kind (fix: write type, one of gitlab"},
		"with another key": {"kind: Issuer\nname: ci\ntype: generic\nurl: https://ci.example.com\ninsecure: true\n",
			"unknown key \"insecure\" in a Issuer"},
		"signed by what is public": {"kind: Issuer\nname: ci\ntype: generic\nurl: https://ci.example.com\nalgorithms: [HS256]\n",
			"an algorithm that is not supported"},
		"signed by nothing": {"kind: Issuer\nname: ci\ntype: generic\nurl: https://ci.example.com\nalgorithms: [none]\n",
			"an algorithm that is not supported"},
		"with a name for people": {"kind: Issuer\nname: My CI\ntype: generic\nurl: https://ci.example.com\n",
			"an issuer without a short name"},
		"that the configuration has": {"kind: Issuer\nname: gitlab\ntype: generic\nurl: https://ci.example.com\n",
			"all.yaml:2: Issuer \"gitlab\": oidc.issuers of the configuration has the issuer gitlab"},
		"at an address of the configuration": {"kind: Issuer\nname: ci\ntype: generic\nurl: https://gitlab.example.com\n",
			"all.yaml:4: Issuer \"ci\": oidc.issuers of the configuration has the issuer gitlab"},
		"twice at one address": {"kind: Issuer\nname: a\ntype: generic\nurl: https://ci.example.com\n---\nkind: Issuer\nname: b\ntype: generic\n" +
			"url: https://ci.example.com\n", "all.yaml:9: Issuer \"b\": dir/all.yaml:1 has the issuer a"},
		"twice by one name": {"kind: Issuer\nname: a\ntype: generic\nurl: https://a.example.com\n---\nkind: Issuer\nname: a\ntype: generic\n" +
			"url: https://b.example.com\n", "the Issuer \"a\" is in dir/all.yaml:1 already"},
	} {
		t.Run(name, func(t *testing.T) {
			s, problems := Read([]routes.File{file(c.text)}, known, configured)
			text := routes.Problems(problems).Error()
			switch {
			case c.want == "" && (len(problems) > 0 || len(s.Issuers()) != 1):
				t.Errorf("%v: %s", s.Issuers(), text)
			case c.want != "" && !strings.Contains(text, c.want):
				t.Errorf("no %q in\n%s", c.want, text)
			}
		})
	}
}

// TestTrustsOfFilesAreReadAsOthers: by the same reader, with the file and line of the document.
func TestTrustsOfFilesAreReadAsOthers(t *testing.T) {
	const good = `kind: Issuer
name: ci
type: gitlab
url: https://ci.example.com
---
kind: Trust
name: notes
description: writes notes
issuer: ci
match: {project_id: "20", ref_protected: "true"}
owner: alice
grant:
  - {access: selected_memberships, projects: ["{project_id}"], permissions: [read_job]}
max_active: 5
tests:
  - {claims: {project_id: "20", ref_protected: "true", pipeline_source: push}, want: allow}
  - {claims: {project_id: "21", ref_protected: "true", pipeline_source: push}, want: deny}
`
	known := table(t)
	load := func(text string) (*trust.Set, string) {
		s, problems := Read([]routes.File{file(text)}, known)
		if len(problems) > 0 {
			return nil, routes.Problems(problems).Error()
		}
		o := trust.Options{Documents: s.Trusts(), Table: known}
		for _, i := range s.Issuers() {
			o.Issuers = append(o.Issuers, trust.Issuer{Name: i.Name, URL: i.URL, Kind: trust.GitLab})
		}
		set, problems := trust.Load(o)
		return set, routes.Problems(problems).Error()
	}
	set, problems := load(good)
	p := set.Find("notes")
	if p == nil || p.MaxActive != 5 || p.Description != "writes notes" || p.IssuerURL != "https://ci.example.com" ||
		p.Source.String() != "dir/all.yaml:6" {
		t.Fatalf("%+v\n%s", p, problems)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"an issuer that is not there":  {"issuer: ci", "issuer: other", `all.yaml:9: there is no issuer "other"`},
		"no container":                 {`project_id: "20", ref`, "ref", "all.yaml:10: match names nothing by its id"},
		"an unknown key":               {"max_active: 5", "max_activ: 5", `unknown key "max_activ" in a Trust`},
		"a test that fails":            {`"21", ref`, `"20", ref`, "all.yaml:17: a test of notes fails"},
		"a number that is none":        {"max_active: 5", "max_active: many", `max_active is "many"`},
		"a name that is no audience's": {"name: notes", "name: Notes", `the name "Notes" cannot stand in an audience`},
		"two of a name":                {"tests:", "tests:", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if c.want == "" {
				text, c.want = text+"---\n"+text[strings.Index(text, "kind: Trust"):], `the Trust "notes" is in`
			}
			if set, problems := load(text); set != nil || !strings.Contains(problems, c.want) {
				t.Errorf("no %q in\n%s", c.want, problems)
			}
		})
	}
}
