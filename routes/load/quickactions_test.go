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

// commandRows is a small table with commands.
const commandRows = `
category: Planning
resources:
  work_item:
    create:
      - POST /projects/{project}/items
    update:
      - PUT /projects/{project}/items/{id}
      - route: PUT /projects/{project}/files/{id}
        body: {stream: ["*/*"]}
quick_actions:
  commands:
    close: {work_item: update_work_item, merge_request: run_job}
    label: {aliases: [labels, tag_with], work_item: [update_work_item, create_work_item]}
    move: {work_item: create_work_item, elsewhere: true}
    shrug: {harmless: true}
  fields:
    work_item:
      description:
        - POST /projects/{project}/items
        - PUT   /projects/{project}/items/{id}
      title: PUT /projects/{project}/items/{id}
  templates:
    work_item: {description: "POST /projects/{project}/items"}
`

func TestCommandsAreLoaded(t *testing.T) {
	table := routestest.Load(t, commandRows)
	r := routestest.Find(t, table, "PUT /projects/{project}/items/{id}")
	var texts []string
	for _, f := range r.Texts {
		texts = append(texts, f.Param+" "+f.Kind.String())
		if f.Commands != table.Commands() {
			t.Errorf("%s has other commands than the table", f.Param)
		}
	}
	if want := []string{"description work_item", "title work_item"}; !slices.Equal(texts, want) {
		t.Errorf("texts are %q, want %q", texts, want)
	}
	c := table.Commands().Find("tag_with")
	if c == nil || c.Name != "label" || c.Elsewhere || c.Harmless {
		t.Fatalf("the alias tag_with is %+v", c)
	}
	if got := table.Catalogue().Names(c.Needs(routes.CommandsWorkItem)); !slices.Equal(got, []string{"update_work_item",
		"create_work_item"}) {
		t.Errorf("label needs %v", got)
	}
	if c.NeedSet(routes.CommandsMergeRequest) != nil || c.Needs(routes.CommandKind(77)) != nil || c.NeedSet(routes.CommandKind(77)) != nil {
		t.Error("label needs something where it is not carried out")
	}
	if c := table.Commands().Find("move"); c == nil || !c.Elsewhere || c.Source.Line != 15 {
		t.Errorf("move is %+v", c)
	}
	if c := table.Commands().Find("shrug"); c == nil || !c.Harmless {
		t.Errorf("shrug is %+v", c)
	}
	if table.Commands().Find("merge") != nil || len(table.Commands().All()) != 4 {
		t.Error("the table has commands that nobody declared")
	}
	if notes := inspect.Explain(table, "PUT", "/projects/1/items/5").Notes; len(notes) != 2 || !strings.Contains(notes[0],
		"the text of description may hold quick actions") {
		t.Errorf("explained by %q", notes)
	}
	var none *routes.Commands
	if none.Find("close") != nil || none.All() != nil {
		t.Error("no commands have commands")
	}
}

func TestWrongCommandsAreReported(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"an unknown key", "elsewhere: true", "elswhere: true", `unknown key "elswhere" in command move (fix: did you mean elsewhere`},
		{"an unknown section", "  fields:", "  field:", `unknown key "field" in quick_actions`},
		{"an unknown kind of text", "    work_item:\n      description", "    work_items:\n      description",
			`unknown key "work_items" in fields`},
		{"the kind of nothing", "    work_item:\n      description", "    none:\n      description", `unknown key "none" in fields`},
		{"an unknown permission", "merge_request: run_job", "merge_request: run_jobs",
			`unknown permission "run_jobs" in merge_request of command close (fix: did you mean run_job`},
		{"a permission twice", "[update_work_item, create_work_item]", "[update_work_item, update_work_item]", "is needed already"},
		{"a name with a slash", "    close:", "    /close:", `"/close" is not the name of a command`},
		{"a name in capitals", "[labels, tag_with]", "[Labels, tag_with]", `"Labels" is not the name of a command`},
		{"a name that is too long", "    close:", "    " + strings.Repeat("a", 41) + ":", "is not the name of a command"},
		{"a name twice", "[labels, tag_with]", "[labels, close]", `the name "close" of command "label" belongs to command "close" already`},
		{"a command twice", "    shrug:", "    close:", `key "close" of commands appears twice`},
		{"a command without permissions", "{work_item: create_work_item, elsewhere: true}", "{elsewhere: true}",
			`command "move" needs nothing`},
		{"a harmless command with permissions", "{harmless: true}", "{harmless: true, work_item: run_job}",
			`command "shrug" is harmless and needs something`},
		{"elsewhere that is no flag", "elsewhere: true", "elsewhere: maybe", "elsewhere must be true or false"},
		{"unsafe outside an overlay", "{harmless: true}", "{harmless: true, unsafe: true}", "`unsafe` belongs to overlays"},
		{"a row that is none", "- POST /projects/{project}/items\n        - PUT", "- POST /projects/{project}/item\n        - PUT",
			"there is no row POST /projects/{project}/item whose description could carry commands (fix: did you mean one of POST /projects/{project}/items,"},
		{"a row that streams", "title: PUT /projects/{project}/items/{id}", "title: PUT /projects/{project}/files/{id}",
			"streams its body: commands in it would not be seen"},
		{"a parameter twice", "      title: PUT /projects/{project}/items/{id}",
			"    merge_request:\n      description: PUT /projects/{project}/items/{id}",
			"description of row PUT /projects/{project}/items/{id} appears twice under fields"},
		{"a template for another kind of text", `work_item: {description: "POST`, `commit: {description: "POST`,
			"description of row POST /projects/{project}/items is not a text that is read for commands (fix: list it under fields too"},
		{"a template for another row", `{description: "POST`, `{description: "PUT`,
			"description of row PUT /projects/{project}/items is not a text"},
		{"a template for nothing", `work_item: {description: "POST`, `none: {description: "POST`, `unknown key "none" in templates`},
		{"no rows", "      title: PUT /projects/{project}/items/{id}", "      title: []", "the rows of title is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(commandRows, c.old, c.new, 1)
			if text == commandRows {
				t.Fatalf("%q is not in the table", c.old)
			}
			_, problems := load.Table(load.Options{Table: routestest.Files(text)})
			wantProblem(t, problems, c.want)
			if len(problems) > 0 && (problems[0].Fix == "" || problems[0].Source.File != "rows.yaml" || problems[0].Source.Line < 13) {
				t.Errorf("%+v does not say where and how to mend it", problems[0])
			}
		})
	}
}

func TestOverlaysOfCommands(t *testing.T) {
	t.Run("a new command and a new text", func(t *testing.T) {
		table := routestest.Load(t, commandRows, `
category: Ours
resources: {job: {run: ["POST /projects/{project}/ours"]}}
quick_actions:
  commands: {freeze: {work_item: run_job}}
  fields: {work_item: {note: "POST /projects/{project}/ours"}}
`)
		if table.Commands().Find("freeze") == nil || table.Commands().Find("close") == nil {
			t.Error("a command is missing")
		}
		if r := routestest.Find(t, table, "POST /projects/{project}/ours"); len(r.Texts) != 1 {
			t.Errorf("texts are %v", r.Texts)
		}
	})
	t.Run("a command that asks for more", func(t *testing.T) {
		table := routestest.Load(t, commandRows,
			"quick_actions: {commands: {close: {work_item: [update_work_item, read_job], merge_request: run_job}}}")
		if c := table.Commands().Find("close"); len(c.Needs(routes.CommandsWorkItem)) != 2 || c.Source.File != "a.yaml" {
			t.Errorf("close is %+v", c)
		}
	})
	t.Run("a command that asks for less and says so", func(t *testing.T) {
		table := routestest.Load(t, commandRows, "quick_actions: {commands: {close: {harmless: true, unsafe: true}}}")
		if c := table.Commands().Find("close"); !c.Harmless {
			t.Errorf("close is %+v", c)
		}
	})
	t.Run("a row that is replaced is still read for commands", func(t *testing.T) {
		table := routestest.Load(t, commandRows, "resources: {job: {run: ['POST /projects/{project}/items']}}")
		if r := routestest.Find(t, table, "POST /projects/{project}/items"); len(r.Texts) != 1 || r.Source.File != "a.yaml" {
			t.Errorf("texts are %v", r.Texts)
		}
	})
	t.Run("the same again", func(t *testing.T) {
		_, again, _ := strings.Cut(commandRows, "quick_actions:")
		table := routestest.Load(t, commandRows, "quick_actions:"+again)
		if r := routestest.Find(t, table, "PUT /projects/{project}/items/{id}"); len(r.Texts) != 2 || len(table.Commands().All()) != 4 {
			t.Errorf("texts are %v", r.Texts)
		}
	})
	t.Run("a text of another kind", func(t *testing.T) {
		_, problems := load.Table(load.Options{Table: routestest.Files(commandRows), Overlay: routestest.Overlay([]string{
			"quick_actions: {fields: {commit: {description: 'POST /projects/{project}/items'}}}"})})
		wantProblem(t, problems, "a.yaml:1: description of row POST /projects/{project}/items appears twice")
	})
	for _, c := range []struct{ name, overlay, want string }{
		{"fewer permissions", "{label: {aliases: [labels, tag_with], work_item: update_work_item}}",
			"drops what protects: permissions for work_item"},
		{"a kind of text less", "{close: {work_item: update_work_item}}", "drops what protects: permissions for merge_request"},
		{"an alias less", "{label: {aliases: labels, work_item: [update_work_item, create_work_item]}}",
			"drops what protects: alias tag_with"},
		{"only here", "{move: {work_item: create_work_item}}", "drops what protects: elsewhere"},
		{"harmless", "{move: {harmless: true}}", "drops what protects: that it needs permissions, permissions for work_item, elsewhere"},
		{"unsafe without need", "{move: {work_item: create_work_item, elsewhere: true, unsafe: true}}", "says unsafe, but drops nothing"},
		{"unsafe on a new one", "{freeze: {work_item: run_job, unsafe: true}}", "says unsafe, but replaces none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := load.Table(load.Options{Table: routestest.Files(commandRows),
				Overlay: routestest.Overlay([]string{"quick_actions: {commands: " + c.overlay + "}"})})
			wantProblem(t, problems, c.want)
		})
	}
}

// TestOverlaysOfClosedObjects: what is open where the table is closed protects less.
func TestOverlaysOfClosedObjects(t *testing.T) {
	const row = "resources: {job: {run: [{route: 'POST /projects/{project}/play', parameters: {x: %s, x.y_id: pass}}]}}"
	closed := "category: Test\n" + strings.Replace(row, "%s", "closed", 1)
	for rule, want := range map[string]string{"closed": "", "refuse": "", "pass": "parameters x", "repeat": "parameters x"} {
		t.Run(rule, func(t *testing.T) {
			_, problems := load.Table(load.Options{Table: routestest.Files(closed),
				Overlay: routestest.Overlay([]string{strings.Replace(row, "%s", rule, 1)})})
			if want != "" {
				wantProblem(t, problems, want)
			} else if len(problems) > 0 {
				t.Error(routes.Problems(problems))
			}
		})
	}
}

// wantProblem fails unless one of the problems holds the text.
func wantProblem(t *testing.T, problems []routes.Problem, text string) {
	t.Helper()
	if !slices.ContainsFunc(problems, func(p routes.Problem) bool { return strings.Contains(p.Error(), text) }) {
		t.Errorf("no problem says %q:\n%v", text, routes.Problems(problems))
	}
}
