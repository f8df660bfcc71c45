package params

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/params/refusal"
)

// named gives a table of a forge that names its containers.
func named(t *testing.T) *routes.Table {
	t.Helper()
	table, problems := load.Table(load.Options{Table: []routes.File{
		{Name: "table.yaml", Data: []byte("forge: gitea\nversion: 1\nbase: /api/v1\nprojects: owner/name\n")},
		{Name: "permissions.yaml", Data: []byte("categories: {Test: {thing: {actions: {read: {boundaries: [project, group]}, create: {boundaries: [project, group]}}}}}\n")},
		{Name: "rows.yaml", Data: []byte(`category: Test
resources:
  thing:
    create:
      - route: POST /repos/{project}/pulls
        targets:
          - {param: head, ref: namespace, needs: read_thing, before: ":"}
          - {param: owner, ref: namespace, needs: read_thing}
          - {param: uid, ref: namespace, needs: read_thing, send: id}
`)},
	}})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	return table
}

// readNamed reads a body of a request for acme/app.
func readNamed(t *testing.T, table *routes.Table, body string) (s *Set, err error) {
	t.Helper()
	var op routes.Operation
	if err := table.Classify(&op, "POST", []byte("/api/v1/repos/acme/app/pulls")); err != nil {
		t.Fatal(err)
	}
	s = &Set{}
	s.Reset(op.Route, op.Captures())
	return s, s.JSON(strings.NewReader(body))
}

// TestNamedReferences reads parameters of a forge that names its containers: a name is never an id, an id never a name, and a
// reference may end within a value.
func TestNamedReferences(t *testing.T) {
	table := named(t)
	for _, c := range []struct{ name, body, target, path, replaced, sent string }{
		{"a name", `{"owner":"acme"}`, "owner", "acme", "Acme", `{"owner":"Acme"}`},
		{"a name of digits", `{"owner":"42"}`, "owner", "42", "42", `{"owner":"42"}`},
		{"an id", `{"uid":7}`, "uid", "", "7", `{"uid":7}`},
		{"the owner of a fork", `{"head":"bob:topic:x"}`, "head", "bob", "Bob", `{"head":"Bob:topic:x"}`},
		{"a branch", `{"head":"topic"}`, "", "", "", `{"head":"topic"}`},
		{"the owner of the path's own project", `{"head":"ACME:topic"}`, "", "", "", `{"head":"ACME:topic"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := readNamed(t, table, c.body)
			if err != nil {
				t.Fatal(err)
			}
			var replacements [][]byte
			if c.target == "" != (len(s.Targets) == 0) {
				t.Fatalf("targets %+v", s.Targets)
			}
			if c.target != "" {
				if v := s.Targets[0]; v.Name != c.target || string(v.Ref.Path) != c.path || (v.Ref.ID == 7) != (c.path == "") {
					t.Fatalf("target %+v", v)
				}
				replacements = [][]byte{[]byte(c.replaced)}
			}
			if err := s.Resolve(0, replacements); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := s.WriteJSON(&out, strings.NewReader(c.body)); err != nil || strings.TrimSpace(out.String()) != c.sent {
				t.Errorf("%s is sent, %v", out.String(), err)
			}
		})
	}
	for name, body := range map[string]string{
		"a name where an id belongs":    `{"uid":"acme"}`,
		"a path":                        `{"owner":"acme/app"}`,
		"nobody in front of the branch": `{"head":":topic"}`,
		"a fork's owner that is a path": `{"head":"bob/app:topic"}`,
		"capitals":                      `{"Head":"bob:topic"}`,
		"a list":                        `{"head":["bob:topic"]}`,
		"a credential":                  `{"token":"x"}`,
		"another user":                  `{"sudo":"root"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s, err := readNamed(t, table, body)
			var refusal *refusal.Refusal
			if !errors.As(err, &refusal) {
				t.Errorf("targets %+v, %v", s.Targets, err)
			}
		})
	}
}
