package load_test

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/inspect"
	"patgate/routes/load"
	"patgate/routes/routestest"
)

// optionRows is a small table with push options.
const optionRows = `
category: CI/CD
surface: git
resources:
  job:
    run:
      - POST /{project}.git/git-receive-pack refs=listed
      - POST /{project}.wiki.git/git-receive-pack refs=listed
      - GET /{project}.git/info/refs
push_options:
  rows: ["POST /{project}.git/git-receive-pack"]
  own: item.target
  options:
    item.create: {value: none, needs: [create_work_item, update_work_item], upstream: true}
    item.text: {value: text, needs: create_work_item, text: work_item, filled_by: item.create}
    item.label: {value: list, needs: update_work_item}
    item.target: {refuse: it names another project}
    guard.off: {value: bool, needs: read_runner, guard: true}
    skip: {value: none, harmless: true}
  refs:
    refs/for/: [create_work_item]
`

func TestPushOptionsAreLoaded(t *testing.T) {
	table := routestest.Load(t, optionRows)
	options := table.PushOptions()
	o := options.Find("item.text")
	if o == nil || o.Value != routes.OptionText || o.Text == nil || o.Text.Kind != routes.CommandsWorkItem ||
		o.Text.Commands != table.Commands() || o.FilledBy != "item.create" || o.Source.Line != 15 {
		t.Fatalf("item.text is %+v", o)
	}
	if got := table.Catalogue().Names(options.Find("item.create").Needs); !slices.Equal(got, []string{"create_work_item",
		"update_work_item"}) || !options.Find("item.create").Upstream {
		t.Errorf("item.create needs %v", got)
	}
	if options.Find("item.label").Value != routes.OptionList || !options.Find("skip").Harmless ||
		options.Find("item.target").Refused == "" || options.Find("item") != nil {
		t.Error("options are read in another way")
	}
	guard, _ := table.Catalogue().Find("read_runner")
	if set := options.Guards(); !set.Has(guard) || options.Own() != "item.target" || len(options.All()) != 6 {
		t.Errorf("guards %v, own %q, %d options", set, options.Own(), len(options.All()))
	}
	if r := options.Ref([]byte("refs/for/main")); r == nil || len(r.Needs) != 1 || options.Ref([]byte("refs/heads/main")) != nil {
		t.Errorf("refs/for/ is %+v", r)
	}
	push, wiki := table.SurfaceRow([]byte("POST /{project}.git/git-receive-pack")),
		table.SurfaceRow([]byte("POST /{project}.wiki.git/git-receive-pack"))
	if push.PushOptions != options || wiki.PushOptions != nil || !slices.ContainsFunc(inspect.Notes(push),
		func(n string) bool { return strings.Contains(n, "push options") }) {
		t.Error("other rows carry options than the table says")
	}
	var none *routes.PushOptions
	if none.Find("skip") != nil || none.All() != nil || none.Ref([]byte("refs/for/x")) != nil || none.Own() != "" ||
		routes.OptionValue(9).String() != "value(9)" {
		t.Error("no options have options")
	}
}

func TestWrongPushOptionsAreReported(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"an unknown key", "harmless: true}", "harmles: true}", `unknown key "harmles" in push option skip (fix: did you mean harmless`},
		{"an unknown section", "  refs:", "  ref:", `unknown key "ref" in push_options`},
		{"an unknown kind of value", "value: list", "value: lists", `unknown kind of value "lists" (fix: write none, bool, text or list`},
		{"no kind of value", "{value: none, harmless: true}", "{harmless: true}", `push option "skip" does not say what its value is`},
		{"an unknown permission", "needs: read_runner", "needs: read_runners",
			`unknown permission "read_runners" in push option guard.off (fix: did you mean read_runner`},
		{"nothing that it needs", "{value: none, harmless: true}", "{value: none}", `push option "skip" must say one of`},
		{"harmless and permissions", "{value: none, harmless: true}", "{value: none, harmless: true, needs: run_job}",
			`push option "skip" must say one of`},
		{"a guard that needs nothing", "{value: none, harmless: true}", "{value: none, harmless: true, guard: true}",
			`push option "skip" switches off a guard and needs nothing`},
		{"a name with a value", "    skip:", "    skip=1:", `"skip=1" is not the name of a push option`},
		{"a name in capitals", "    skip:", "    Skip:", `"Skip" is not the name of a push option`},
		{"a list that is read for commands", "{value: list, needs: update_work_item}",
			"{value: list, needs: update_work_item, text: work_item}", `push option "item.label" is not a text`},
		{"an unknown kind of text", "text: work_item", "text: work_items", `unknown kind of text "work_items"`},
		{"a text that an unknown option fills", "filled_by: item.create", "filled_by: item.make",
			`filled_by of push option "item.text" names "item.make", which is not a push option`},
		{"an option twice", "    skip:", "    item.label:", `key "item.label" of options appears twice`},
		{"unsafe outside an overlay", "{value: none, harmless: true}", "{value: none, harmless: true, unsafe: true}",
			"`unsafe` belongs to overlays"},
		{"a row that is none", `["POST /{project}.git/git-receive-pack"]`, `["POST /{project}.git/git-receive-packs"]`,
			"there is no row POST /{project}.git/git-receive-packs whose pushes could carry options"},
		{"a row that is no push", `["POST /{project}.git/git-receive-pack"]`, `["GET /{project}.git/info/refs"]`,
			"row GET /{project}.git/info/refs is not a push"},
		{"refs that are none", "refs/for/:", "for/:", `"for/" is not the beginning of refs`},
		{"an own option that has no name", "own: item.target", "own: [a]", "a list is not the name of a push option"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(optionRows, c.old, c.new, 1)
			if text == optionRows {
				t.Fatalf("%q is not in the table", c.old)
			}
			_, problems := load.Table(load.Options{Table: routestest.Files(text)})
			wantProblem(t, problems, c.want)
			if len(problems) > 0 && (problems[0].Fix == "" || problems[0].Source.File != "rows.yaml" || problems[0].Source.Line < 10) {
				t.Errorf("%+v does not say where and how to mend it", problems[0])
			}
		})
	}
}

func TestOverlaysOfPushOptions(t *testing.T) {
	t.Run("a new one, and one that asks for more", func(t *testing.T) {
		table := routestest.Load(t, optionRows,
			"push_options: {options: {skip: {value: none, needs: run_job}, ours: {value: text, needs: run_job}}}")
		if o := table.PushOptions().Find("skip"); o.Harmless || len(o.Needs) != 1 || table.PushOptions().Find("ours") == nil ||
			len(table.PushOptions().All()) != 7 {
			t.Errorf("skip is %+v", o)
		}
	})
	t.Run("one that asks for less and says so", func(t *testing.T) {
		table := routestest.Load(t, optionRows, "push_options: {options: {guard.off: {value: bool, harmless: true, unsafe: true}}}")
		if o := table.PushOptions().Find("guard.off"); !o.Harmless || o.Guard {
			t.Errorf("guard.off is %+v", o)
		}
	})
	t.Run("one that is refused", func(t *testing.T) {
		table := routestest.Load(t, optionRows, "push_options: {options: {item.create: {refuse: not here}}}")
		if o := table.PushOptions().Find("item.create"); o.Refused != "not here" {
			t.Errorf("item.create is %+v", o)
		}
	})
	for _, c := range []struct{ name, overlay, want string }{
		{"fewer permissions", "options: {item.create: {value: none, needs: create_work_item, upstream: true}}",
			"drops what protects: permissions"},
		{"not upstream", "options: {item.create: {value: none, needs: [create_work_item, update_work_item]}}",
			"drops what protects: upstream"},
		{"no text", "options: {item.text: {value: text, needs: create_work_item}}", "drops what protects: text, filled_by"},
		{"no guard", "options: {guard.off: {value: bool, needs: read_runner}}", "drops what protects: guard"},
		{"not refused", "options: {item.target: {value: text, needs: run_job}}", "drops what protects: refuse"},
		{"harmless", "options: {item.label: {value: list, harmless: true}}", "drops what protects: that it needs permissions, permissions"},
		{"unsafe without need", "options: {skip: {value: none, harmless: true, unsafe: true}}", "says unsafe, but drops nothing"},
		{"unsafe on a new one", "options: {ours: {value: none, harmless: true, unsafe: true}}", "says unsafe, but replaces none"},
		{"another own", "own: item.text", "`own` is item.target already"},
		{"refs again", "refs: {refs/for/: run_job}", `refs "refs/for/" appear twice`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := load.Table(load.Options{Table: routestest.Files(optionRows),
				Overlay: routestest.Overlay([]string{"push_options: {" + c.overlay + "}"})})
			wantProblem(t, problems, c.want)
		})
	}
}
