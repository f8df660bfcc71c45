package manifest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
)

// table is GitLab's.
func table(t *testing.T) *routes.Table {
	t.Helper()
	table, problems := load.Table(load.Options{})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	return table
}

func file(text string) routes.File { return routes.File{Name: "dir/all.yaml", Data: []byte(text)} }

func lock(text string) routes.File { return routes.File{Name: "dir/" + LockName, Data: []byte(text)} }

// TestEveryProblemIsToldAtOnce reads documents of which each has something wrong with it.
func TestEveryProblemIsToldAtOnce(t *testing.T) {
	_, problems := Read([]routes.File{lock("groups: {prod: x}\n"), file(`kind: Limit
name: a
groups: [prod]
deny: {effects: [explodes], categories: [Nowhere]}
---
kind: Limit
name: nothing
---
kind: Limit
name: a
max_lifetime: 5s
---
name: nobody
---
kind: Token
name: Big Name
expires: soon
scopes: [{access: everything, permissions: [read_job]}]
---
kind: Token
name: t
expires: 30d
scopes: [{projects: [7], template: none}]
---
kind: Template
name: read-only-ci
permissions: []
---
kind: Template
name: mine
permissions: [read_jop]
`)}, table(t))
	text := routes.Problems(problems).Error()
	for _, want := range []string{
		"dir/patgate.lock:1: \"x\" is not an id",
		"all.yaml:3: Limit \"a\": the group \"prod\" is not in patgate.lock",
		"all.yaml:4: Limit \"a\": there is no such effect: \"explodes\"",
		"all.yaml:4: Limit \"a\": there is no such category: \"Nowhere\"",
		"all.yaml:6: Limit \"nothing\": it forbids nothing",
		"all.yaml:10: the Limit \"a\" is in dir/all.yaml:1 already",
		"all.yaml:13: the document has no kind",
		"all.yaml:16: Token \"Big Name\": that cannot be the name of a token's file",
		"all.yaml:17: Token \"Big Name\": \"soon\" is neither a length of time nor a date",
		"all.yaml:18: Token \"Big Name\": unknown access \"everything\"",
		"all.yaml:23: Token \"t\": there is no template none",
		"all.yaml:26: Template \"read-only-ci\": patgate brings a template of this name",
		"all.yaml:27: permissions is empty",
		"all.yaml:31: Template \"mine\": unknown permission \"read_jop\"",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nobody says %q in\n%s", want, text)
		}
	}
}

// TestCeilingsAreCompiled looks at what is decided by.
func TestCeilingsAreCompiled(t *testing.T) {
	tb := table(t)
	set, problems := Read([]routes.File{lock("groups: {prod: 12, \"13\": [13, 6, 5]}\nprojects: {a/b: [34, 7]}\n"), file(`kind: Limit
name: frozen
groups: [prod, 13]
projects: [a/b]
deny: {permissions: ["merge_*", read_job], effects: [exports, mints]}
max_lifetime: 30d
---
kind: Limit
name: everywhere
deny: {permissions: [delete_project]}
`)}, tb)
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	ceilings, problems := set.Ceilings(tb)
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	if len(ceilings) != 2 || ceilings[0].Everywhere() || !ceilings[1].Everywhere() || ceilings[0].MaxAge != 30*24*3600 {
		t.Fatalf("ceilings are %+v", ceilings)
	}
	has := func(name string) bool {
		p, ok := tb.Catalogue().Find(name)
		return ok && ceilings[0].Permissions.Has(p)
	}
	if !has("merge_merge_request") || !has("read_job") || has("read_project") {
		t.Error("the patterns stand for something else")
	}
	exports, mints := 0, 0
	for _, r := range tb.Routes() {
		if r.Mints != "" && !r.NeedSet.Empty() {
			mints++
			for _, p := range r.Needs {
				if !ceilings[0].Permissions.Has(p) {
					t.Errorf("%s mints, and its permission is not denied", r.Path)
				}
			}
		}
		for _, e := range r.Effects {
			if e == routes.EffectExports {
				exports++
			}
		}
	}
	if exports == 0 || mints == 0 {
		t.Fatal("no row exports or mints: nothing was looked at")
	}
	in := policy.Container{Boundary: routes.BoundaryProject, ID: 99, Ancestors: []int64{50, 12}}
	out := policy.Container{Boundary: routes.BoundaryProject, ID: 98, Ancestors: []int64{50}}
	if !ceilings[0].Holds(&in) || ceilings[0].Holds(&out) {
		t.Error("it holds elsewhere")
	}
	if !slices.Equal(ceilings[0].Above, []int64{5, 6, 7}) {
		t.Errorf("above it stand %v", ceilings[0].Above)
	}
	for _, lacks := range []string{"groups: {a/b: 12}", "groups: {\"12\": 12}", "groups: {a/b: [12]}", "groups: {a/b: [12, 3, 4]}",
		"groups: {\"12\": [13, 1]}", "groups: {a/b: +12}", "groups: {a/b: [12, 07]}"} {
		if _, problems := Read([]routes.File{lock(lacks + "\n"),
			file("kind: Limit\nname: a\ngroups: [a/b, 12]\nmax_lifetime: 1d\n")}, tb); len(problems) == 0 {
			t.Errorf("%s says enough", lacks)
		}
	}
}

// TestMountedKeepsTheLastGoodSet changes files below a gateway.
func TestMountedKeepsTheLastGoodSet(t *testing.T) {
	tb := table(t)
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "l.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	told := 0
	report := func(int, []routes.Problem) { told++ }
	if _, problems := Mount(dir, func() *routes.Table { return tb }, report); len(problems) == 0 {
		t.Fatal("an empty directory, as of a volume that was not mounted, is none")
	}
	const good = "kind: Limit\nname: a\ndeny: {permissions: [read_job]}\n"
	write(good)
	m, problems := Mount(dir, func() *routes.Table { return tb }, report)
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	before := m.Ceilings()
	write("kind: Limit\nname: a\ndeny: {permissions: [read_jop]}\n")
	if problems := m.Reload(); len(problems) == 0 || m.Ceilings() != before {
		t.Error("a bad set took the place of a good one")
	}
	if err := os.Remove(filepath.Join(dir, "l.yaml")); err != nil {
		t.Fatal(err)
	}
	if problems := m.Reload(); len(problems) == 0 || m.Ceilings() != before {
		t.Error("what is gone is no longer in force")
	}
	write(good + "---\nkind: Limit\nname: b\nmax_lifetime: 1d\n")
	if problems := m.Reload(); len(problems) > 0 || len(*m.Ceilings()) != 2 || told != 3 {
		t.Errorf("%d limits, told %d times: %v", len(*m.Ceilings()), told, problems)
	}
}

// TestTheLockIsReadAsItIsWritten also holds that what it does not say is not known.
func TestTheLockIsReadAsItIsWritten(t *testing.T) {
	l := Lock{Set: "a: b"}
	l.With(routes.RefGroup, "x", Locked{ID: 1, Whole: true})
	l.With(routes.RefGroup, "9", Locked{ID: 9, Above: []int64{1}, Whole: true})
	l.With(routes.RefProject, "x/\"y", Locked{ID: 2, Above: []int64{1}, Whole: true})
	l.With(routes.RefProject, "x/z", Locked{ID: 3})
	back, problems := readLock(routes.File{Name: LockName, Data: l.Text()})
	if len(problems) > 0 || back.Set != l.Set || back.Projects["x/\"y"].ID != 2 || string(back.Text()) != string(l.Text()) {
		t.Errorf("%+v became %+v: %v", l, back, problems)
	}
	if _, known := back.ID(routes.RefProject, "x"); known {
		t.Error("a group's path is a project's")
	}
	if id, known := back.ID(routes.RefProject, "7"); !known || id != 7 {
		t.Error("an id is not itself")
	}
	for _, no := range []string{"+7", "007", "7 ", "0", "-7", "7e0"} {
		if _, known := back.ID(routes.RefProject, no); known {
			t.Errorf("%q is an id", no)
		}
	}
}

// TestABadSetIsCompiledForANewTable: the route table is reloaded while the files have problems. The limits before stay, forbid what
// the new table's permissions of their patterns are too, and nobody gets those of the table before.
func TestABadSetIsCompiledForANewTable(t *testing.T) {
	before := table(t)
	overlay := routes.File{Name: "more.yaml", Data: []byte(`categories:
  Ours:
    anything:
      title: Anything
      actions:
        merge: {boundaries: [project], abilities: Merge anything}
category: Ours
resources:
  anything:
    merge:
      - POST /projects/{project}/merge_anything
`)}
	after, problems := load.Table(load.Options{Overlay: []routes.File{overlay}, Known: before.Catalogue()})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	set, problems := Read([]routes.File{file("kind: Limit\nname: a\ndeny: {permissions: [merge_anything]}\n")}, after)
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	for range 2 { // the table before has no such permission, and that is told
		if _, problems := set.Ceilings(before); len(problems) != 1 {
			t.Errorf("%v", problems)
		}
	}
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "l.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	now := before
	write("kind: Limit\nname: a\ndeny: {permissions: [\"merge_*\"]}\n")
	m, problems := Mount(dir, func() *routes.Table { return now }, func(int, []routes.Problem) {})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	forbids := func(name string) bool {
		p, known := now.Catalogue().Find(name)
		return known && (*m.Ceilings())[0].Permissions.Has(p)
	}
	old := m.Ceilings()
	write("kind: Limit\nname: a\ndeni: {}\n")
	now = after
	if m.Ceilings() == old || !forbids("merge_anything") { // nobody has read the files again yet
		t.Error("limits of the table before are given under the new one")
	}
	if problems := m.Reload(); len(problems) == 0 || !forbids("merge_anything") || !forbids("merge_merge_request") {
		t.Errorf("the limits that stay are of another table: %v", problems)
	}
	now, old = before, m.Ceilings()
	if ceilings := m.Ceilings(); ceilings == old || len(*ceilings) != 1 || !forbids("merge_merge_request") {
		t.Error("back under the first table they are lost")
	}
}

// TestNothingIsPassedOverInSilence: what somebody takes for a limit in force is one, or is told of.
func TestNothingIsPassedOverInSilence(t *testing.T) {
	const limit = "kind: Limit\nname: a\nmax_lifetime: 1d\n"
	tagged := file(limit + "---\n!!null {kind: Limit, name: b, max_lifetime: 1d}\n")
	if _, problems := Read([]routes.File{tagged}, table(t)); len(problems) == 0 {
		t.Error("a document with a tag is none")
	}
	for _, name := range []string{"a\u202eb", "a\u200bb", "\"a\\u0085b\"", "a\u2028b"} {
		if _, problems := Read([]routes.File{file("kind: Limit\nname: " + name + "\nmax_lifetime: 1d\n")}, table(t)); len(problems) == 0 {
			t.Errorf("a limit is called %q", name)
		}
	}
	for name, bad := range map[string]bool{"more/b.yaml": true, "b.YAML": true, "b.json": true, ".b.yaml": true, "README.md": false,
		"..2026/b.yaml": false, ".git/config": false} {
		dir := t.TempDir()
		for _, n := range []string{"a.yaml", name} {
			at := filepath.Join(dir, n)
			if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, []byte(limit), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, problems := Files(dir); len(problems) > 0 != bad {
			t.Errorf("%s: %v", name, problems)
		}
	}
}
