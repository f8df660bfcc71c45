package routes_test

import (
	"fmt"
	"slices"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/routestest"
)

func TestCatalogue(t *testing.T) {
	c := routestest.Load(t, "").Catalogue()

	t.Run("describes a permission", func(t *testing.T) {
		p, ok := c.Find("create_runner")
		info := c.Info(p)
		if !ok || p == 0 || info.Name != "create_runner" || info.Category != "CI/CD" || info.Resource != "runner" ||
			info.Action != "create" ||
			info.Title != "Runner" || info.Abilities != "make runners" || !slices.Equal(info.Boundaries,
			[]routes.Boundary{routes.BoundaryUser}) || info.Deprecated {
			t.Errorf("got %d %+v", p, info)
		}
	})
	t.Run("takes title and abilities from the resource", func(t *testing.T) {
		p, _ := c.Find("create_work_item")
		if info := c.Info(p); info.Title != "Work Item" {
			t.Errorf("title %q", info.Title)
		}
		p, _ = c.Find("run_job")
		if info := c.Info(p); info.Abilities != "read and run jobs" {
			t.Errorf("abilities %q", info.Abilities)
		}
	})
	t.Run("marks deprecated ones", func(t *testing.T) {
		p, _ := c.Find("reset_runner")
		if !c.Info(p).Deprecated {
			t.Error("reset_runner is not deprecated")
		}
	})
	t.Run("knows nothing else", func(t *testing.T) {
		if p, ok := c.Find("fly_job"); ok || p != 0 {
			t.Errorf("found %d", p)
		}
		if c.Info(0).Name != "" || c.Info(routes.Permission(routes.MaxPermissions)).Name != "" || c.Name(9) != "" {
			t.Error("a number that is no permission has a name")
		}
	})
	t.Run("gives all in the order of the files", func(t *testing.T) {
		var names []string
		for p, info := range c.All() {
			if c.Name(p) != info.Name {
				t.Errorf("%d is %s and %s", p, c.Name(p), info.Name)
			}
			names = append(names, info.Name)
		}
		want := []string{"read_job", "run_job", "read_runner", "create_runner", "reset_runner", "create_work_item", "update_work_item"}
		if !slices.Equal(names, want) || c.Len() != len(want) {
			t.Errorf("got %v", names)
		}
	})
}

// TestNumbersSurviveReloads: grants hold numbers; a reload that adds or removes permissions must not give one a new
// meaning.
func TestNumbersSurviveReloads(t *testing.T) {
	load := func(names []string, known *routes.Catalogue) *routes.Catalogue {
		infos := make([]routes.PermissionInfo, len(names))
		for i, name := range names {
			infos[i].Name = name
		}
		c, fits := routes.NewCatalogue(infos, known)
		if !fits {
			t.Fatal("does not fit")
		}
		return c
	}
	first := load([]string{"a", "b", "c"}, nil)
	second := load([]string{"new", "c", "a"}, first)
	third := load([]string{"b", "newer", "new"}, second)
	for _, name := range []string{"a", "b", "c", "new"} {
		var numbers []routes.Permission
		for _, c := range []*routes.Catalogue{first, second, third} {
			if p, ok := c.Find(name); ok {
				numbers = append(numbers, p)
			}
		}
		if len(slices.Compact(numbers)) != 1 {
			t.Errorf("%s had numbers %v", name, numbers)
		}
	}
	if b, _ := first.Find("b"); second.Name(b) != "" {
		t.Error("b was removed and still has a name")
	}
	if newer, _ := third.Find("newer"); newer != 5 {
		t.Errorf("newer has number %d, want one that was never used", newer)
	}
}

func TestCatalogueIsBounded(t *testing.T) {
	for _, c := range []struct {
		permissions int
		fits        bool
	}{{routes.MaxPermissions - 1, true}, {routes.MaxPermissions, false}} {
		t.Run(fmt.Sprint(c.permissions), func(t *testing.T) {
			text := "categories:\n  A:\n"
			for i := range c.permissions {
				text += fmt.Sprintf("    r%d: {actions: {read: {boundaries: [user]}}}\n", i)
			}
			table, problems := load.Table(load.Options{Table: []routes.File{{Name: "t.yaml", Data: []byte(routestest.Header)},
				{Name: "p.yaml", Data: []byte(text)}}})
			if (len(problems) == 0) != c.fits || (table != nil) != c.fits {
				t.Errorf("%d permissions: %v", c.permissions, routes.Problems(problems))
			}
		})
	}
}
