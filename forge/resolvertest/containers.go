package resolvertest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// reference reads text as a client would have sent it.
func reference(t *testing.T, kind routes.RefKind, text string) routes.Reference {
	t.Helper()
	ref, ok := routes.ParseReference(kind, []byte(text))
	if !ok {
		t.Fatalf("%q is no reference to a %s", text, kind)
	}
	return ref
}

func byID(kind routes.RefKind, n Named) routes.Reference {
	return routes.Reference{Kind: kind, ID: n.ID}
}

// outside gives both references to Outside, by id and by path.
func (f *Fixture) outside(t *testing.T) []routes.Reference {
	t.Helper()
	return []routes.Reference{byID(routes.RefProject, f.Outside), reference(t, routes.RefProject, f.Outside.Path)}
}

// resolve fails the test on an error.
func resolve(t *testing.T, f *Fixture, s *token.Session, ref routes.Reference, maxAge time.Duration) policy.Container {
	t.Helper()
	c, err := f.Resolver.Resolve(context.Background(), s, ref, maxAge)
	if err != nil {
		t.Fatalf("Resolve: %v", err)
	}
	return c
}

func containers(t *testing.T, fixture func(t *testing.T) *Fixture) {
	both := func(t *testing.T, f *Fixture, s *token.Session, kind routes.RefKind, n Named,
		check func(t *testing.T, c policy.Container)) {
		t.Helper()
		named, shouted := reference(t, kind, n.Path), reference(t, kind, strings.ToUpper(n.Path))
		for _, ref := range []routes.Reference{byID(kind, n), named, shouted} {
			c := resolve(t, f, s, ref, 0)
			if c.ID != n.ID || !strings.EqualFold(c.Path, n.Path) {
				t.Fatalf("%d %q gives %d %q, want %d %q", ref.ID, ref.Path, c.ID, c.Path, n.ID, n.Path)
			}
			check(t, c)
		}
	}
	project := func(access policy.OwnerAccess, v policy.Visibility, ancestors ...int64) func(*testing.T, policy.Container) {
		return func(t *testing.T, c policy.Container) {
			t.Helper()
			if c.Boundary != routes.BoundaryProject || c.Access != access || c.Visibility != v || c.PersonalOf != 0 ||
				!slices.Equal(c.Ancestors, ancestors) {
				t.Fatalf("%+v: want a project with access %d, visibility %d, ancestors %v", c, access, v, ancestors)
			}
		}
	}
	t.Run("a project has the whole chain of groups above it and inherits membership", func(t *testing.T) {
		f := fixture(t)
		both(t, f, f.Session, routes.RefProject, f.Inherited, project(policy.OwnerMember, policy.VisibilityPrivate, f.above()...))
	})
	t.Run("a project whose group the owner is no member of", func(t *testing.T) {
		f := fixture(t)
		both(t, f, f.Session, routes.RefProject, f.Outside,
			project(policy.OwnerMember, policy.VisibilityPrivate, f.OutsideGroup.ID))
	})
	t.Run("membership through an invited group counts", func(t *testing.T) {
		f := fixture(t)
		if f.Invited.ID == 0 {
			t.Skip("the forge has no such memberships")
		}
		both(t, f, f.Session, routes.RefProject, f.Invited, func(t *testing.T, c policy.Container) {
			if c.Access != policy.OwnerMember {
				t.Fatalf("%+v: want a member", c)
			}
		})
	})
	t.Run("a public project of others is public read, not membership", func(t *testing.T) {
		f := fixture(t)
		both(t, f, f.Session, routes.RefProject, f.Public, func(t *testing.T, c policy.Container) {
			if c.Access != policy.OwnerPublicRead || c.Visibility != policy.VisibilityPublic {
				t.Fatalf("%+v: want public read of a public project", c)
			}
		})
	})
	t.Run("a hidden project and one that does not exist are the same", func(t *testing.T) {
		f := fixture(t)
		for _, ref := range []routes.Reference{
			byID(routes.RefProject, f.Hidden), reference(t, routes.RefProject, f.Hidden.Path),
			{Kind: routes.RefProject, ID: 999_999_999}, reference(t, routes.RefProject, "no/such-project"),
		} {
			if c := resolve(t, f, f.Session, ref, 0); c.Boundary != routes.BoundaryNone || c.ID != 0 || c.Path != "" {
				t.Fatalf("%d %q gives %+v, want the zero Container", ref.ID, ref.Path, c)
			}
		}
	})
	t.Run("what one owner sees is not shown to another", func(t *testing.T) {
		f := fixture(t)
		both(t, f, f.Session, routes.RefProject, f.Outside,
			project(policy.OwnerMember, policy.VisibilityPrivate, f.OutsideGroup.ID))
		for _, ref := range f.outside(t) {
			if c := resolve(t, f, f.Stranger, ref, 0); c.Boundary != routes.BoundaryNone {
				t.Fatalf("the stranger sees %+v", c)
			}
		}
	})
	t.Run("a personal project names its user", func(t *testing.T) {
		f := fixture(t)
		var above []int64
		if f.UserIsGroup {
			above = []int64{f.Session.OwnerUserID}
		}
		both(t, f, f.Session, routes.RefProject, f.Personal, func(t *testing.T, c policy.Container) {
			if c.PersonalOf != f.Session.OwnerUserID || c.Access != policy.OwnerMember || !slices.Equal(c.Ancestors, above) {
				t.Fatalf("%+v: want a personal project of %d", c, f.Session.OwnerUserID)
			}
		})
	})
	t.Run("a subgroup has the groups above it, not itself", func(t *testing.T) {
		f := fixture(t)
		if f.Subgroup.ID == 0 {
			t.Skip("the forge's groups hold no groups")
		}
		both(t, f, f.Session, routes.RefGroup, f.Subgroup, func(t *testing.T, c policy.Container) {
			below := slices.Equal(c.Ancestors, []int64{f.Group.ID})
			if c.Boundary != routes.BoundaryGroup || c.Access != policy.OwnerMember || !below {
				t.Fatalf("%+v: want a group below %d", c, f.Group.ID)
			}
		})
	})
	t.Run("a group at the top has nothing above it", func(t *testing.T) {
		f := fixture(t)
		both(t, f, f.Session, routes.RefGroup, f.Group, func(t *testing.T, c policy.Container) {
			if c.Boundary != routes.BoundaryGroup || len(c.Ancestors) != 0 || c.Visibility != policy.VisibilityPrivate {
				t.Fatalf("%+v: want a private group at the top", c)
			}
		})
	})
	t.Run("a group that is seen only because of a project in it is not a membership", func(t *testing.T) {
		f := fixture(t)
		c := resolve(t, f, f.Session, byID(routes.RefGroup, f.OutsideGroup), 0)
		if c.Access == policy.OwnerMember {
			t.Fatalf("%+v: the owner is a member of a project in it, not of the group", c)
		}
	})
	t.Run("a namespace may be a group, a project or the owner", func(t *testing.T) {
		f := fixture(t)
		expect := func(text string, boundary routes.Boundary, id int64) {
			t.Helper()
			c := resolve(t, f, f.Session, reference(t, routes.RefNamespace, text), 0)
			if c.Boundary != boundary || c.ID != id {
				t.Fatalf("%q gives %+v, want %s %d", text, c, boundary, id)
			}
		}
		expect(f.Group.Path, routes.BoundaryGroup, f.Group.ID)
		if f.UserIsGroup {
			expect(f.Session.Username, routes.BoundaryGroup, f.Session.OwnerUserID)
			return
		}
		expect(f.Inherited.Path, routes.BoundaryProject, f.Inherited.ID)
		expect(f.Session.Username, routes.BoundaryUser, f.Session.OwnerUserID)
		if f.Subgroup.ID != 0 {
			expect(f.Subgroup.Path, routes.BoundaryGroup, f.Subgroup.ID)
		}
	})
	t.Run("a user as a group: the owner is a member, others are not", func(t *testing.T) {
		f := fixture(t)
		if !f.UserIsGroup {
			t.Skip("a user is no group on the forge")
		}
		own, other := Named{f.Session.OwnerUserID, f.Session.Username}, Named{f.Stranger.OwnerUserID, f.Stranger.Username}
		for n, access := range map[Named]policy.OwnerAccess{own: policy.OwnerMember, other: policy.OwnerPublicRead} {
			both(t, f, f.Session, routes.RefGroup, n, func(t *testing.T, c policy.Container) {
				if c.Boundary != routes.BoundaryGroup || c.Access != access || len(c.Ancestors) != 0 {
					t.Fatalf("%+v: want the user %q as a group with access %d", c, n.Path, access)
				}
			})
		}
	})
	t.Run("users are found by id and by name", func(t *testing.T) {
		f := fixture(t)
		for _, ref := range []routes.Reference{
			{Kind: routes.RefUser, ID: f.Session.OwnerUserID}, reference(t, routes.RefUser, f.Session.Username),
			reference(t, routes.RefUser, strings.ToUpper(f.Session.Username)),
		} {
			c := resolve(t, f, f.Session, ref, 0)
			if c.Boundary != routes.BoundaryUser || c.ID != f.Session.OwnerUserID || c.Access != policy.OwnerMember {
				t.Fatalf("%+v: want the owner", c)
			}
		}
		c := resolve(t, f, f.Session, reference(t, routes.RefUser, f.Stranger.Username), 0)
		if c.ID != f.Stranger.OwnerUserID || c.Access == policy.OwnerMember {
			t.Fatalf("%+v: want the other user, and not as the owner's own", c)
		}
		if c := resolve(t, f, f.Session, reference(t, routes.RefUser, "nobody"), 0); c.Boundary != routes.BoundaryNone {
			t.Fatalf("%+v for a user that does not exist", c)
		}
	})
	t.Run("an empty reference names nothing and asks nobody", func(t *testing.T) {
		f := fixture(t)
		before := f.Asked()
		for _, ref := range []routes.Reference{{}, {Kind: routes.RefProject}, {Kind: routes.RefProject, ID: -1}} {
			if c := resolve(t, f, f.Session, ref, 0); c.Boundary != routes.BoundaryNone {
				t.Fatalf("%+v", c)
			}
		}
		if n := f.Asked() - before; n != 0 {
			t.Fatalf("%d questions", n)
		}
	})
}
