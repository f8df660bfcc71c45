package resolvertest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// below lists what lies below a group.
func below(t *testing.T, fixture func(t *testing.T) *Fixture) {
	list := func(t *testing.T, f *Fixture, s *token.Session, group policy.Container) ([]int64, bool) {
		t.Helper()
		projects, complete, err := f.Resolver.Below(context.Background(), s, &group, 0)
		if err != nil {
			t.Fatal(err)
		}
		return projects, complete
	}
	t.Run("it is what lies there at any depth, and not what is shared with the group", func(t *testing.T) {
		f := fixture(t)
		group := resolve(t, f, f.Session, byID(routes.RefGroup, f.Group), 0)
		projects, complete := list(t, f, f.Session, group)
		if !complete || !slices.IsSorted(projects) || !slices.Contains(projects, f.Inherited.ID) {
			t.Errorf("%v, complete %v: want %d among them", projects, complete, f.Inherited.ID)
		}
		for _, other := range []Named{f.Outside, f.Public, f.Hidden, f.Personal, f.Invited} {
			if slices.Contains(projects, other.ID) {
				t.Errorf("%v: %q lies elsewhere", projects, other.Path)
			}
		}
	})
	t.Run("it is asked once, and again after something was forgotten", func(t *testing.T) {
		f := fixture(t)
		group := resolve(t, f, f.Session, byID(routes.RefGroup, f.Group), 0)
		list(t, f, f.Session, group)
		asked := f.Asked()
		list(t, f, f.Session, group)
		if f.Asked() != asked {
			t.Error("what is known was asked again")
		}
		f.Resolver.Forget(policy.Container{Boundary: routes.BoundaryProject, ID: f.Inherited.ID})
		list(t, f, f.Session, group)
		if f.Asked() == asked {
			t.Error("what was forgotten is still used")
		}
	})
	t.Run("of what somebody does not see nothing is known", func(t *testing.T) {
		f := fixture(t)
		group := policy.Container{Boundary: routes.BoundaryGroup, ID: f.Group.ID, Path: f.Group.Path}
		if projects, complete := list(t, f, f.Stranger, group); complete && len(projects) > 0 {
			t.Errorf("%v", projects)
		}
	})
	t.Run("it fails as the forge does, and when the token cannot pay", func(t *testing.T) {
		f := fixture(t)
		group := resolve(t, f, f.Session, byID(routes.RefGroup, f.Group), 0)
		undo := f.Fail(500)
		if _, _, err := f.Resolver.Below(context.Background(), f.Session, &group, 0); !errors.Is(err, forge.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		undo()
		for f.Resolver.Listed(f.Session) == nil {
		}
		if _, _, err := f.Resolver.Below(context.Background(), f.Session, &group, 0); !errors.Is(err, forge.ErrListBudget) {
			t.Errorf("%v", err)
		}
	})
}
