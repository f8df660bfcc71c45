package params

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/params/refusal"
)

// noteRow is a row whose body and nested text carry commands.
func noteRow(t testing.TB) *routes.Route {
	t.Helper()
	table, problems := load.Table(load.Options{Table: []routes.File{
		{Name: "table.yaml", Data: []byte("forge: gitlab\nversion: 1\nbase: /api/v4\n")},
		{Name: "rows.yaml", Data: []byte(`
categories: {Planning: {work_item: {actions: {create: {boundaries: [project]}, update: {boundaries: [project]}}}}}
category: Planning
captures: {issue_iid: int}
resources:
  work_item:
    create:
      - route: POST /projects/{project}/issues/{issue_iid}/notes
        parameters: {note_id: pass}
quick_actions:
  commands:
    close: {work_item: update_work_item}
    label: {aliases: labels, work_item: update_work_item}
    merge: {merge_request: update_work_item}
    shrug: {harmless: true}
  fields:
    work_item:
      body: POST /projects/{project}/issues/{issue_iid}/notes
      features.description.description: POST /projects/{project}/issues/{issue_iid}/notes
`)}}})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	return table.Routes()[0]
}

// foundIn gives the commands of a Set as "param:line name".
func foundIn(s *Set) (found []string) {
	for _, c := range s.Commands {
		found = append(found, fmt.Sprintf("%s:%d %s", c.Param, c.Line, c.Name))
	}
	return found
}

func TestCommandsAreFoundInEveryCarrier(t *testing.T) {
	row := noteRow(t)
	query := func(raw string) func(*Set) error { return func(s *Set) error { return s.Query([]byte(raw)) } }
	form := func(raw string) func(*Set) error { return func(s *Set) error { return s.Form([]byte(raw)) } }
	asJSON := func(raw string) func(*Set) error { return func(s *Set) error { return s.JSON(reader(raw)) } }
	multipart := func(raw string) func(*Set) error {
		return func(s *Set) error { _, err := s.Multipart(reader(raw), []byte("B")); return err }
	}
	for _, c := range []struct {
		name string
		read func(*Set) error
		want string
	}{
		{"a query", query("body=/close"), "body:1 close"},
		{"a query, encoded", query("%62ody=%2Fclose+now"), "body:1 close"},
		{"a form", form("title=x&body=a%0a/close%0d%0a/labels+~x"), "body:2 close body:3 labels"},
		{"a form, a list", form("body[]=a&body[]=/close"), "body:1 close"},
		{"a form, an object", form("body[x]=/close"), "body:1 close"},
		{"a form, nested", form("features[description][description]=/close"), "features.description.description:1 close"},
		{"JSON", asJSON(`{"title":"/close","body":"a\n/close"}`), "body:2 close"},
		{"JSON, escaped", asJSON(`{"b\u006fdy":"a\r\n\u002fclos\u0065"}`), "body:2 close"},
		{"JSON, a list", asJSON(`{"body":["/close"]}`), "body:1 close"},
		{"JSON, a list of lists", asJSON(`{"body":[["/close"]]}`), "body:1 close"},
		{"JSON, an object", asJSON(`{"body":{"x":"/close"}}`), "body:1 close"},
		{"JSON, nested", asJSON(`{"features":{"description":{"description":"x\n/close"}}}`), "features.description.description:2 close"},
		{"JSON, nested in lists", asJSON(`{"features":[{"description":[{"description":"/close"}]}]}`), "features.description.description:1 close"},
		{"multipart", multipart(field("body", "a\r\n/close") + "--B--\r\n"), "body:2 close"},
		{"multipart, before a file", multipart(field("body", "/close") + file("file", "a", "b") + "--B--\r\n"), "body:1 close"},
		{"one command twice", asJSON(`{"body":"x\n/label a\n/label b\n/labels c"}`), "body:2 label"},
		{"two texts", asJSON(`{"body":"/close","features":{"description":{"description":"/label x"}}}`),
			"body:1 close features.description.description:1 label"},

		{"another parameter", asJSON(`{"title":"/close","bodies":"/close","x":{"body":"/close"}}`), ""},
		{"a harmless command", form("body=/shrug"), ""},
		{"a command of other texts", form("body=/merge"), ""},
		{"a number", asJSON(`{"body":5}`), ""},
		{"null", asJSON(`{"body":null}`), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSet(row, projectPath("7"))
			if err := c.read(s); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(foundIn(s), " "); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

func TestWritingFindsNoCommandTwice(t *testing.T) {
	s := newSet(noteRow(t), projectPath("7"))
	const body = `{"body":"/close"}`
	if err := s.JSON(reader(body)); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteJSON(io.Discard, reader(body)); err != nil {
		t.Fatal(err)
	}
	if len(s.Commands) != 1 {
		t.Errorf("found %v", foundIn(s))
	}
}

func TestASetForgetsItsCommands(t *testing.T) {
	row := noteRow(t)
	s := newSet(row, projectPath("7"))
	if err := s.Query([]byte("body=/close")); err != nil {
		t.Fatal(err)
	}
	kept := s.Commands[:1]
	s.Reset(row, projectPath("7"))
	if len(s.Commands) != 0 || kept[0] != (FoundCommand{}) {
		t.Errorf("the set still holds %v", kept)
	}
}

// TestATextIsNoFile: as a file, and behind one, a text would be sent before anybody has read it.
func TestATextIsNoFile(t *testing.T) {
	row := noteRow(t)
	t.Run("as a file", func(t *testing.T) {
		_, _, err := sendMultipart(row, reader(file("body", "a", "/close")+"--B--\r\n"))
		wantCode(t, err, refusal.CodeShape)
	})
	t.Run("behind a file", func(t *testing.T) {
		_, _, err := sendMultipart(row, reader(file("file", "a", "b")+field("body", "x")+"--B--\r\n"))
		wantCode(t, err, refusal.CodeLate)
	})
	t.Run("as a file behind a file", func(t *testing.T) {
		_, _, err := sendMultipart(row, reader(file("file", "a", "b")+file("body", "a", "x")+"--B--\r\n"))
		wantCode(t, err, refusal.CodeShape)
	})
	t.Run("before a file", func(t *testing.T) {
		s, _, err := sendMultipart(row, reader(field("body", "/close")+file("file", "a", "b")+"--B--\r\n"))
		if err != nil || !slices.Equal(foundIn(s), []string{"body:1 close"}) {
			t.Errorf("%v, %v", foundIn(s), err)
		}
	})
}

func TestReadingATextAllocatesNothing(t *testing.T) {
	row := noteRow(t)
	captures := projectPath("7")
	clean := []byte("body=" + strings.Repeat("some+words+and+a+path+/usr/bin%0A", 20))
	command := []byte("body=some+words%0A/close%0A/label+x")
	for name, raw := range map[string][]byte{"clean": clean, "command": command} {
		t.Run(name, func(t *testing.T) {
			s := newSet(row, captures)
			if err := s.Form(raw); err != nil {
				t.Fatal(err)
			}
			if n := testing.AllocsPerRun(100, func() {
				s.Reset(row, captures)
				if err := s.Form(raw); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// TestAMissingTextIsATemplates: where the forge would take a template's text, the request counts as holding every command,
// unless it has a text of its own in which the forge sees something.
func TestAMissingTextIsATemplates(t *testing.T) {
	table, problems := load.Table(load.Options{Table: []routes.File{
		{Name: "table.yaml", Data: []byte("forge: gitlab\nversion: 1\nbase: /api/v4\n")},
		{Name: "rows.yaml", Data: []byte(`
categories: {Planning: {work_item: {actions: {create: {boundaries: [project]}, update: {boundaries: [project]}, delete: {boundaries: [project]}}}}}
category: Planning
resources: {work_item: {create: ["POST /projects/{project}/issues"]}}
quick_actions:
  commands:
    close: {work_item: update_work_item}
    move: {work_item: [update_work_item, delete_work_item], elsewhere: true}
    merge: {merge_request: create_work_item}
    shrug: {harmless: true}
  fields: {work_item: {description: "POST /projects/{project}/issues", note: "POST /projects/{project}/issues"}}
  templates: {work_item: {description: "POST /projects/{project}/issues"}}
`)}}})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	row := table.Routes()[0]
	for _, c := range []struct {
		name, form, json string
		template         bool
	}{
		{"none", "title=x", `{"title":"x"}`, true},
		{"an empty one", "description=", `{"description":""}`, true},
		{"a blank one", "description=++%C2%A0", `{"description":"  \u00a0"}`, true},
		{"one that shows nothing", "description=%E2%80%8B", `{"description":"\u200b"}`, true},
		{"null", "description", `{"description":null}`, true},
		{"a list", "description[]=x", `{"description":["x"]}`, true},
		{"an object", "description[x]=x", `{"description":{"x":"x"}}`, true},
		{"another text", "note=x", `{"note":"x"}`, true},
		{"one inside an object", "x[description]=x", `{"x":{"description":"x"}}`, true},
		{"a text", "description=.", `{"description":"."}`, false},
		{"a text of a harmless command", "description=/shrug", `{"description":"/shrug"}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for carrier, read := range map[string]func(*Set) error{
				"form": func(s *Set) error { return s.Form([]byte(c.form)) }, "query": func(s *Set) error { return s.Query([]byte(c.form)) },
				"JSON": func(s *Set) error { return s.JSON(reader(c.json)) },
			} {
				s := newSet(row, projectPath("7"))
				if err := read(s); err != nil {
					t.Fatal(carrier, err)
				}
				if err := s.Complete(); err != nil {
					t.Fatal(carrier, err)
				}
				if got := len(s.Commands) == 1; got != c.template {
					t.Fatalf("%s: found %v", carrier, foundIn(s))
				}
				if !c.template {
					continue
				}
				found := s.Commands[0]
				needs := table.Catalogue().Names(found.Command.Needs(found.Kind))
				if found.Line != 0 || found.Param != "description" || !found.Command.Elsewhere || !slices.Equal(needs, []string{"update_work_item", "delete_work_item"}) {
					t.Errorf("%s: found %+v, which needs %v", carrier, found, needs)
				}
			}
		})
	}
	t.Run("a text in one request is none in the next", func(t *testing.T) {
		s := newSet(row, projectPath("7"))
		_, _ = s.Form([]byte("description=x")), s.Complete()
		s.Reset(row, projectPath("7"))
		if _, _ = s.Form([]byte("title=x")), s.Complete(); len(s.Commands) != 1 {
			t.Errorf("found %v", foundIn(s))
		}
	})
	t.Run("a number is none", func(t *testing.T) {
		s := newSet(row, projectPath("7"))
		if _, _ = s.JSON(reader(`{"description":5}`)), s.Complete(); len(s.Commands) != 1 {
			t.Errorf("found %v", foundIn(s))
		}
	})
}
