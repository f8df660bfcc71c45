package manifest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patgate/routes"
)

// TestWhatLetsThroughDoesNotOutliveItsFile: while something is wrong with files, limits stay as they were, and issuers and trusts that
// no file has any more do not. What cannot be read takes nothing away.
func TestWhatLetsThroughDoesNotOutliveItsFile(t *testing.T) {
	const (
		limit  = "kind: Limit\nname: frozen\ndeny: {permissions: [run_job]}\n"
		wrong  = "kind: Limit\nname: frozen\ndeny: {permissions: [run_jbo]}\n"
		ci     = "kind: Issuer\nname: ci\ntype: gitlab\nurl: https://ci.example.com\n"
		moved  = "kind: Issuer\nname: ci\ntype: gitlab\nurl: https://other.example.com\n"
		k8s    = "kind: Issuer\nname: k8s\ntype: kubernetes\nurl: https://k8s.example.com\n"
		aTrust = "kind: Trust\nname: notes\nissuer: ci\nmatch: {project_id: 20}\nowner: alice\ngrant: [{access: user}]\ntests: [{claims: {a: b}, want: deny}]\n"
	)
	known := table(t)
	all := map[string]string{"limit.yaml": limit, "ci.yaml": ci, "k8s.yaml": k8s, "trust.yaml": aTrust}
	for name, c := range map[string]struct {
		changed map[string]string // empty: the file goes
		want    string
	}{
		"nothing is wrong":                        {map[string]string{"ci.yaml": ""}, "frozen k8s notes"},
		"something is wrong":                      {map[string]string{"limit.yaml": wrong}, "ci frozen k8s notes"},
		"an issuer goes, and something is wrong":  {map[string]string{"limit.yaml": wrong, "ci.yaml": ""}, "frozen k8s notes"},
		"an issuer moves, and something is wrong": {map[string]string{"limit.yaml": wrong, "ci.yaml": moved}, "frozen k8s notes"},
		"a trust goes, and something is wrong":    {map[string]string{"limit.yaml": wrong, "trust.yaml": ""}, "ci frozen k8s"},
		"a limit goes with an issuer of no type": {map[string]string{"limit.yaml": "", "ci.yaml": strings.Replace(ci,
			"gitlab", "x", 1)}, "frozen k8s notes"},
		"a file is no YAML": {map[string]string{"limit.yaml": "kind: [", "ci.yaml": ""}, "ci frozen k8s notes"},
		"a document is of no kind": {map[string]string{"limit.yaml": "kind: Limits\nname: x\n", "ci.yaml": ""},
			"frozen k8s notes"},
		"there are folders in the directory": {map[string]string{"sub/x.yaml": limit, "ci.yaml": ""}, "frozen k8s notes"},
		"an issuer goes into a folder":       {map[string]string{"off/ci.yaml": ci, "ci.yaml": ""}, "frozen k8s notes"},
		"an issuer is hidden":                {map[string]string{".ci.yaml": ci, "ci.yaml": ""}, "frozen k8s notes"},
		"an issuer is given another ending":  {map[string]string{"ci.json": ci, "ci.yaml": ""}, "frozen k8s notes"},
		"an issuer is commented out": {map[string]string{"ci.yaml": "# " + strings.ReplaceAll(ci, "\n", "\n# ")},
			"frozen k8s notes"},
		"the name of an issuer is commented out": {map[string]string{"ci.yaml": strings.Replace(ci, "name", "# name", 1)},
			"frozen k8s notes"},
		"everything is hidden": {map[string]string{".x.yaml": ci, "limit.yaml": "", "ci.yaml": "",
			"k8s.yaml": "", "trust.yaml": ""}, "frozen"},
		"an issuer comes whose authority is nowhere": {map[string]string{"more.yaml": "kind: Issuer\nname: more\ntype: gitlab\nurl: https://more.test\nca_file: /none/ca.pem\n"}, "ci frozen k8s notes"},
		"a trust is paused, and something is wrong": {map[string]string{"limit.yaml": wrong,
			"trust.yaml": aTrust + "mode: paused\n"}, "ci frozen k8s"},
		"a trust lives shorter": {map[string]string{"limit.yaml": wrong, "trust.yaml": aTrust + "ttl: 5m\n"},
			"ci frozen k8s"},
		"a trust moves within its file": {map[string]string{"limit.yaml": wrong,
			"trust.yaml": "# as before\n\n" + aTrust}, "ci frozen k8s notes"},
		"the directory is empty": {map[string]string{"limit.yaml": "", "ci.yaml": "", "k8s.yaml": "",
			"trust.yaml": ""}, "frozen"},
		"another issuer comes, of the same address": {map[string]string{"more.yaml": strings.Replace(ci, "name: ci",
			"name: more", 1)}, "ci frozen k8s notes"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put := func(files map[string]string) {
				for file, text := range files {
					at := filepath.Join(dir, file)
					if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
						t.Fatal(err)
					}
					if text == "" {
						if err := os.Remove(at); err != nil {
							t.Fatal(err)
						}
					} else if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			put(all)
			m, problems := Mount(dir, func() *routes.Table { return known }, func(int, []routes.Problem) {})
			if len(problems) > 0 {
				t.Fatal(routes.Problems(problems))
			}
			put(c.changed)
			problems = m.Reload()
			var names []string
			for _, o := range m.Set().Objects {
				names = append(names, o.Name)
			}
			slices.Sort(names)
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("in force are %q, want %q (%v)", got, c.want, routes.Problems(problems))
			}
			if refused := len(m.Refused()) > 0; refused != (name != "nothing is wrong") {
				t.Errorf("refused: %v", m.Refused())
			}
		})
	}
	t.Run("the directory is gone", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "policies")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(limit+"---\n"+ci), 0o600); err != nil {
			t.Fatal(err)
		}
		m, problems := Mount(dir, func() *routes.Table { return known }, func(int, []routes.Problem) {})
		if len(problems) > 0 {
			t.Fatal(routes.Problems(problems))
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		m.Reload()
		if len(Of[Ceiling](m.Set())) != 1 || len(m.Set().Issuers()) != 0 || len(*m.Ceilings()) != 1 {
			t.Errorf("%d limits, %v", len(Of[Ceiling](m.Set())), m.Set().Issuers())
		}
	})
}
