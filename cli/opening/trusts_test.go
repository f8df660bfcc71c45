package opening_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"patgate/admin/manifest"
	"patgate/cli/opening"
	"patgate/config"
	"patgate/routes"
	"patgate/routes/load"
)

const (
	anIssuer = "kind: Issuer\nname: ci\ntype: gitlab\nurl: https://ci.example.com\n"
	aTrust   = `kind: Trust
name: leaky
issuer: ci
match: {project_id: "20"}
owner: alice
grant:
  - {access: selected_memberships, projects: [20], permissions: [read_job]}
tests:
  - {claims: {project_id: "20", pipeline_source: push}, want: allow}
  - {claims: {project_id: "21", pipeline_source: push}, want: deny}
`
)

// Threat: a trust is taken out or narrowed, and stays in force because something is wrong with another one. Control: one that only stands
// on another line stays.
func TestATrustDoesNotOutliveItsFile(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(aTrust, "leaky", "other", 1)
	wrong := strings.Replace(other, "issuer: ci", "issuer: cii", 1)
	for name, c := range map[string]struct {
		changed map[string]string // empty: the file goes
		stays   bool
	}{
		"it is taken out, and another one names no issuer": {map[string]string{"a.yaml": "", "b.yaml": wrong}, false},
		"it is paused, and another one names no issuer": {map[string]string{"a.yaml": aTrust + "mode: paused\n",
			"b.yaml": wrong}, false},
		"it goes with its issuer, which another one still names": {map[string]string{"a.yaml": "", "ci.yaml": ""}, false},
		"it is on another line, and another one names no issuer": {map[string]string{"a.yaml": "# why\n\n" + aTrust,
			"b.yaml": wrong}, true},
		"nothing is wrong": {map[string]string{"b.yaml": ""}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put := func(files map[string]string) {
				for file, text := range files {
					if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
					if text == "" {
						if err := os.Remove(filepath.Join(dir, file)); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			put(map[string]string{"ci.yaml": anIssuer, "a.yaml": aTrust, "b.yaml": other})
			c0 := &config.Config{Policies: dir, OIDC: config.OIDC{Audience: "https://patgate.test"}}
			tables := func() *routes.Table { return table }
			mounted, problems := manifest.Mount(dir, tables, func(int, []routes.Problem) {})
			if len(problems) > 0 {
				t.Fatal(routes.Problems(problems))
			}
			kept, err := opening.Trusts(c0, nil, tables, mounted.Set, nil)
			if err != nil {
				t.Fatal(err)
			}
			if kept.Current().Find("leaky") == nil || kept.Current().Find("other") == nil {
				t.Fatal("they are not in force at the start")
			}
			put(c.changed)
			mounted.Reload()
			problems = kept.Reload()
			if stays := kept.Current().Find("leaky") != nil; stays != c.stays {
				t.Errorf("in force: %t, want %t (%v)", stays, c.stays, routes.Problems(problems))
			}
			if kept.Current().Find("other") != nil && c.changed["b.yaml"] != "" {
				t.Error("the other one is in force as it was")
			}
			if (len(problems) > 0) != (name != "nothing is wrong") {
				t.Errorf("problems: %v", routes.Problems(problems))
			}
		})
	}
}

// TestASetIsReadBesideTheTrustsOfTheConfiguration: what keeps a gateway from starting is a problem of the files before that.
func TestASetIsReadBesideTheTrustsOfTheConfiguration(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "own.yaml")
	policies := "version: 1\ntrusts:\n  - " + strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(aTrust), "kind: Trust\n"),
		"\n", "\n    ")
	for name, c := range map[string]struct{ own, files, audience, want string }{
		"nothing is wrong": {strings.Replace(policies, "leaky", "own", 1), anIssuer + "---\n" + aTrust,
			"https://patgate.test", ""},
		"its issuer is not in the set": {strings.Replace(policies, "leaky", "own", 1),
			"kind: Limit\nname: a\ndeny: {permissions: [run_job]}\n", "https://patgate.test", `no issuer "ci"`},
		"the set has its name": {policies, anIssuer + "---\n" + aTrust, "https://patgate.test", "two policies leaky"},
		"ID tokens have no audience": {strings.Replace(policies, "leaky", "own", 1), anIssuer + "---\n" + aTrust, "",
			"no audience is configured"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(own, []byte(c.own), 0o600); err != nil {
				t.Fatal(err)
			}
			set, problems := manifest.Read([]routes.File{{Name: "all.yaml", Data: []byte(c.files)}}, table)
			if len(problems) > 0 {
				t.Fatal(routes.Problems(problems))
			}
			c0 := &config.Config{Policies: "policies", OIDC: config.OIDC{Audience: c.audience, Trusts: []string{own}}}
			trusts, problems := opening.TrustsOf(c0, set, table)
			switch text := routes.Problems(problems).Error(); {
			case c.want == "" && (len(problems) > 0 || len(trusts.All()) != 1 || trusts.Find("leaky") == nil):
				t.Errorf("%v: %s", trusts.All(), text)
			case !strings.Contains(text, c.want):
				t.Errorf("no %q in %s", c.want, text)
			}
		})
	}
}
