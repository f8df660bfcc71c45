package gitlab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"patgate/forge"
	"patgate/forge/forgetest"
	"patgate/routes"
	"patgate/routes/load"
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
	table, err := load.GitLab()
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
	t.Run("look-ups of what is there cost nothing, and others are paid for", func(t *testing.T) {
		for range testBurst + 5 {
			if _, err = look(t, fmt.Sprintf("/api/v4/registry/repositories/%d", registry)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range testBurst + 5 {
			if _, err = look(t, fmt.Sprintf("/api/v4/registry/repositories/%d", registry+1000+int64(i))); err != nil {
				break
			}
		}
		if !errors.Is(err, forge.ErrBudget) {
			t.Fatalf("err = %v", err)
		}
	})
}
