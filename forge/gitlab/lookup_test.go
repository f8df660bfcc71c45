package gitlab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"patgate/forge"
	"patgate/forge/forgetest"
	"patgate/routes"
)

// classify makes the operation of a request for a row of the embedded table.
func classify(t *testing.T, table *routes.Table, method, target string) *routes.Operation {
	t.Helper()
	op := &routes.Operation{}
	if err := table.Classify(op, method, []byte(target)); err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return op
}

func TestLookup(t *testing.T) {
	table, err := routes.LoadGitLab()
	if err != nil {
		t.Fatal(err)
	}
	clk := &clock{}
	f := forgetest.New(forgetest.Options{Now: clk.now})
	ada, bob := f.AddUser("ada"), f.AddUser("bob")
	s := session(ada, "ada", f.AddToken(ada, forgetest.Token{}))
	f.AddGroup("g", forgetest.Private)
	mine, other := f.AddProject("g/mine", forgetest.Private), f.AddProject("g/other", forgetest.Private)
	f.AddMember(mine, ada, forgetest.Maintainer)
	registry, hidden := f.AddRegistry(mine, "web"), f.AddRegistry(other, "web")
	projectSnippet := f.AddSnippet(mine, ada, forgetest.Private, "s", "text")
	personalSnippet := f.AddSnippet(0, ada, forgetest.Private, "s", "text")
	foreignSnippet := f.AddSnippet(0, bob, forgetest.Private, "s", "text")
	r := newResolver(t, f, clk, nil)
	look := func(t *testing.T, target string) (forge.LookupResult, error) {
		t.Helper()
		op := classify(t, table, "GET", target)
		if op.Route.Find.Lookup == nil {
			t.Fatalf("the table has no look-up for %s", target)
		}
		return r.Lookup(context.Background(), s, op.Route, op)
	}
	t.Run("a registry repository belongs to its project", func(t *testing.T) {
		got, err := look(t, fmt.Sprintf("/api/v4/registry/repositories/%d", registry))
		if err != nil || !got.Found || !slices.Equal(got.Projects, []int64{mine}) || got.Send != fmt.Sprint(registry) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
	t.Run("one that the owner cannot see is not found", func(t *testing.T) {
		got, err := look(t, fmt.Sprintf("/api/v4/registry/repositories/%d", hidden))
		if err != nil || got.Found || got.Projects != nil {
			t.Fatalf("%+v, %v", got, err)
		}
	})
	t.Run("a snippet of a project", func(t *testing.T) {
		got, err := look(t, fmt.Sprintf("/api/v4/snippets/%d", projectSnippet))
		if err != nil || !slices.Equal(got.Projects, []int64{mine}) || got.User {
			t.Fatalf("%+v, %v", got, err)
		}
	})
	t.Run("a personal snippet", func(t *testing.T) {
		got, err := look(t, fmt.Sprintf("/api/v4/snippets/%d", personalSnippet))
		if err != nil || len(got.Projects) != 0 || !got.User {
			t.Fatalf("%+v, %v", got, err)
		}
	})
	t.Run("another's", func(t *testing.T) {
		if got, err := look(t, fmt.Sprintf("/api/v4/snippets/%d", foreignSnippet)); err != nil || got.Found {
			t.Fatalf("%+v, %v", got, err)
		}
	})
	t.Run("a forge that fails has not said that there is none", func(t *testing.T) {
		defer f.Plant(forgetest.Fault{Status: 500})()
		if got, err := look(t, fmt.Sprintf("/api/v4/registry/repositories/%d", registry)); !errors.Is(err, forge.ErrUnavailable) || got.Found {
			t.Fatalf("%+v, %v", got, err)
		}
	})
	t.Run("a forge that hangs is a timeout", func(t *testing.T) {
		defer f.Plant(forgetest.Fault{Hang: true})()
		if _, err := look(t, fmt.Sprintf("/api/v4/registry/repositories/%d", registry)); !errors.Is(err, forge.ErrTimeout) {
			t.Fatalf("err = %v", err)
		}
	})
	t.Run("a row without a look-up is an error", func(t *testing.T) {
		op := classify(t, table, "GET", "/api/v4/projects/1/issues")
		if _, err := r.Lookup(context.Background(), s, op.Route, op); err == nil {
			t.Fatal("no error")
		}
	})
	t.Run("look-ups are paid for", func(t *testing.T) {
		for range testBurst + 5 {
			if _, err = look(t, fmt.Sprintf("/api/v4/registry/repositories/%d", registry)); err != nil {
				break
			}
		}
		if !errors.Is(err, forge.ErrBudget) {
			t.Fatalf("err = %v", err)
		}
	})
}

func TestReadLookup(t *testing.T) {
	runner := &routes.Lookup{Project: "projects[].id", Group: "groups[].id", Instance: "runner_type=instance_type", Send: "id"}
	vulnerability := &routes.Lookup{Project: "project.id", Send: "id"}
	snippet := &routes.Lookup{Project: "project_id", User: "project_id=null"}
	for name, c := range map[string]struct {
		lookup *routes.Lookup
		body   string
		want   forge.LookupResult
	}{
		"several projects":          {runner, `{"id":3,"runner_type":"project_type","projects":[{"id":5},{"id":6}]}`, forge.LookupResult{Projects: []int64{5, 6}, Send: "3"}},
		"a group":                   {runner, `{"id":3,"runner_type":"group_type","groups":[{"id":7}]}`, forge.LookupResult{Groups: []int64{7}, Send: "3"}},
		"the instance":              {runner, `{"id":3,"runner_type":"instance_type"}`, forge.LookupResult{Instance: true, Send: "3"}},
		"nothing named":             {runner, `{"id":3,"runner_type":"project_type","projects":[]}`, forge.LookupResult{Send: "3"}},
		"nested":                    {vulnerability, `{"id":3,"project":{"id":5}}`, forge.LookupResult{Projects: []int64{5}, Send: "3"}},
		"null where an object is":   {vulnerability, `{"id":3,"project":null}`, forge.LookupResult{Send: "3"}},
		"null is the owner's":       {snippet, `{"project_id":null}`, forge.LookupResult{User: true}},
		"absent is nobody's":        {snippet, `{}`, forge.LookupResult{}},
		"an id beyond a float":      {snippet, `{"project_id":9007199254740993}`, forge.LookupResult{Projects: []int64{9007199254740993}}},
		"the word null is no null":  {&routes.Lookup{User: "a=null"}, `{"a":"nil"}`, forge.LookupResult{}},
		"an object matches nothing": {&routes.Lookup{User: "a="}, `{"a":{}}`, forge.LookupResult{}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Found = true
			got, err := readLookup(c.lookup, []byte(c.body))
			if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) {
				t.Fatalf("%+v, %v; want %+v", got, err, c.want)
			}
		})
	}
	for name, c := range map[string]struct {
		lookup *routes.Lookup
		body   string
	}{
		"not an object":       {snippet, `[1]`},
		"garbage":             {snippet, `<html>`},
		"an id that is text":  {snippet, `{"project_id":"5"}`},
		"an id with a point":  {snippet, `{"project_id":5.5}`},
		"an id below one":     {snippet, `{"project_id":0}`},
		"nothing to send":     {vulnerability, `{"project":{"id":5}}`},
		"an object to send":   {vulnerability, `{"id":{},"project":{"id":5}}`},
		"one bad id of two":   {runner, `{"id":1,"projects":[{"id":5},{"id":"6"}]}`},
		"null among projects": {&routes.Lookup{Project: "ids[]", Send: "id"}, `{"ids":[null,true]}`},
	} {
		t.Run("unusable: "+name, func(t *testing.T) {
			if got, err := readLookup(c.lookup, []byte(c.body)); !errors.Is(err, forge.ErrUnavailable) || got.Found {
				t.Fatalf("%+v, %v", got, err)
			}
		})
	}
}

func TestFillIn(t *testing.T) {
	values := map[string]string{"id": "5", "name": "a/b c", "dots": "..", "dot": ".", "empty": ""}
	capture := func(name string) []byte { return []byte(values[name]) }
	for template, want := range map[string]string{
		"/things/{id}": "/things/5", "/{id}/x/{name}": "/5/x/a%2Fb%20c", "/version": "/version",
	} {
		t.Run("filled in: "+template, func(t *testing.T) {
			if got, err := fillIn(template, capture); err != nil || got != want {
				t.Fatalf("%q, %v; want %q", got, err, want)
			}
		})
	}
	for _, template := range []string{"/{absent}", "/{empty}", "/{dots}", "/{dot}", "/{id"} {
		t.Run("refused: "+template, func(t *testing.T) {
			if got, err := fillIn(template, capture); err == nil || strings.Contains(got, "..") {
				t.Fatalf("%q, %v", got, err)
			}
		})
	}
}
