package resolvertest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
)

func freshness(t *testing.T, fixture func(t *testing.T) *Fixture) {
	t.Run("a second question within the limit asks nobody, in any spelling", func(t *testing.T) {
		f := fixture(t)
		resolve(t, f, f.Session, reference(t, routes.RefProject, f.Inherited.Path), 0)
		before := f.Asked()
		f.Advance(f.TTL)
		for range 3 {
			resolve(t, f, f.Session, reference(t, routes.RefProject, f.Inherited.Path), 0)
			resolve(t, f, f.Session, reference(t, routes.RefProject, strings.ToUpper(f.Inherited.Path)), 0)
			resolve(t, f, f.Session, byID(routes.RefProject, f.Inherited), 0)
		}
		if n := f.Asked() - before; n != 0 {
			t.Fatalf("%d questions for what was known", n)
		}
	})
	t.Run("what is known is what was resolved, and asks nobody", func(t *testing.T) {
		f := fixture(t)
		const write = 5 * time.Second
		refs := []routes.Reference{byID(routes.RefProject, f.Outside), reference(t, routes.RefProject, f.Outside.Path),
			reference(t, routes.RefProject, strings.ToUpper(f.Outside.Path))}
		for _, ref := range refs {
			if c := f.Resolver.Known(f.Session, ref, 0, f.Now()); c != nil {
				t.Fatalf("%+v before anybody asked", *c)
			}
		}
		want := resolve(t, f, f.Session, refs[1], 0)
		before := f.Asked()
		for _, ref := range refs {
			if c := f.Resolver.Known(f.Session, ref, write, f.Now()); c == nil || c.ID != want.ID || c.Path != want.Path ||
				c.Access != want.Access {
				t.Fatalf("%s: got %+v, want %+v", ref.Path, c, want)
			}
		}
		other := *f.Session
		other.CredentialID++
		if c := f.Resolver.Known(&other, refs[1], 0, f.Now()); c != nil {
			t.Fatalf("%+v: seen by another credential", *c)
		}
		f.Advance(write + time.Millisecond)
		for _, ref := range refs {
			if c := f.Resolver.Known(f.Session, ref, write, f.Now()); c != nil {
				t.Fatalf("%+v: older than the write allows", *c)
			}
			if c := f.Resolver.Known(f.Session, ref, 0, f.Now()); c == nil {
				t.Fatalf("%s: not known within the resolver's own limit", ref.Path)
			}
		}
		f.Resolver.Forget(want)
		for _, ref := range refs {
			if c := f.Resolver.Known(f.Session, ref, 0, f.Now()); c != nil {
				t.Fatalf("%+v after it was forgotten", *c)
			}
		}
		if n := f.Asked() - before; n != 0 {
			t.Fatalf("%d questions", n)
		}
	})
	t.Run("nothing is served past the limit", func(t *testing.T) {
		f := fixture(t)
		resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), 0)
		f.Leave()
		f.Advance(f.TTL + time.Millisecond)
		if c := resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), 0); c.Access == policy.OwnerMember {
			t.Fatalf("%+v: the membership ended long ago", c)
		}
	})
	t.Run("a write sees a change within its own limit", func(t *testing.T) {
		f := fixture(t)
		const write = 5 * time.Second
		resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), write)
		f.Leave()
		f.Advance(write + time.Millisecond)
		if c := resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), f.TTL); c.Access != policy.OwnerMember {
			t.Fatalf("%+v: a read within its limit is served from what is known", c)
		}
		if c := resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), write); c.Access == policy.OwnerMember {
			t.Fatalf("%+v: older than the write allows", c)
		}
	})
	t.Run("the old path of a renamed project leads to the same id, never to a new project's rights", func(t *testing.T) {
		f := fixture(t)
		old := f.Outside
		resolve(t, f, f.Session, reference(t, routes.RefProject, old.Path), 0)
		path := f.Rename(old, "renamed")
		f.Advance(f.TTL + time.Millisecond)
		c := resolve(t, f, f.Session, reference(t, routes.RefProject, old.Path), 0)
		if f.Redirects && (c.ID != old.ID || c.Path != path) {
			t.Fatalf("%+v: want project %d under its new path %q", c, old.ID, path)
		}
		if !f.Redirects && c.Boundary != routes.BoundaryNone {
			t.Fatalf("%+v: the path names nothing now", c)
		}
		taken := f.Create(old.Path)
		f.Advance(f.TTL + time.Millisecond)
		if c := resolve(t, f, f.Session, reference(t, routes.RefProject, old.Path), 0); c.ID != taken.ID || c.ID == old.ID {
			t.Fatalf("%+v: want the project %d that has the path now", c, taken.ID)
		}
		if c := resolve(t, f, f.Session, byID(routes.RefProject, old), 0); c.ID != old.ID || c.Path != path {
			t.Fatalf("%+v: the id still is the renamed project's", c)
		}
	})
}

func forget(t *testing.T, fixture func(t *testing.T) *Fixture) {
	t.Run("a container that was forgotten is read again", func(t *testing.T) {
		f := fixture(t)
		for _, ref := range f.outside(t) {
			resolve(t, f, f.Session, ref, 0)
		}
		c := resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), 0)
		f.Leave()
		f.Resolver.Forget(c)
		for _, ref := range f.outside(t) {
			if c := resolve(t, f, f.Session, ref, 0); c.Access == policy.OwnerMember {
				t.Fatalf("%+v: served from before Forget", c)
			}
		}
	})
	t.Run("a group that was forgotten takes what is below with it", func(t *testing.T) {
		f := fixture(t)
		resolve(t, f, f.Session, byID(routes.RefProject, f.Inherited), 0)
		g := resolve(t, f, f.Session, byID(routes.RefGroup, f.Group), 0)
		f.Resolver.Forget(g)
		before := f.Asked()
		resolve(t, f, f.Session, byID(routes.RefProject, f.Inherited), 0)
		if f.Asked() == before {
			t.Fatal("a project below a forgotten group was served from before")
		}
	})
	t.Run("a project that was forgotten alone is read again although what it rests on was read before", func(t *testing.T) {
		f := fixture(t)
		for _, ref := range []routes.Reference{byID(routes.RefProject, f.Inherited), byID(routes.RefProject, f.Outside),
			byID(routes.RefProject, f.Invited)} {
			c := resolve(t, f, f.Session, ref, 0)
			for range 2 {
				f.Resolver.Forget(policy.Container{})
				f.Resolver.Forget(c)
				before := f.Asked()
				again := resolve(t, f, f.Session, ref, 0)
				if again.ID != c.ID || again.Access != c.Access || f.Asked() == before {
					t.Fatalf("%+v after %+v was forgotten, with %d questions", again, c, f.Asked()-before)
				}
			}
		}
	})
	t.Run("forgetting one project leaves another known", func(t *testing.T) {
		f := fixture(t)
		c := resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), 0)
		resolve(t, f, f.Session, byID(routes.RefProject, f.Inherited), 0)
		f.Resolver.Forget(c)
		before := f.Asked()
		resolve(t, f, f.Session, byID(routes.RefProject, f.Inherited), 0)
		if f.Asked() != before {
			t.Fatal("another project was asked for again")
		}
	})
	t.Run("what was absent and is made is found once something was forgotten", func(t *testing.T) {
		f := fixture(t)
		path := f.Inherited.Path[:strings.LastIndexByte(f.Inherited.Path, '/')] + "/made"
		if c := resolve(t, f, f.Session, reference(t, routes.RefProject, path), 0); c.Boundary != routes.BoundaryNone {
			t.Fatalf("%+v", c)
		}
		made := f.Create(path)
		f.Resolver.Forget(policy.Container{})
		if c := resolve(t, f, f.Session, reference(t, routes.RefProject, path), 0); c.ID != made.ID {
			t.Fatalf("%+v: want the new project %d", c, made.ID)
		}
	})
	t.Run("a read that began before Forget is not served after it", func(t *testing.T) {
		f := fixture(t)
		c := resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), 0)
		f.Resolver.Forget(c)
		undo := f.SlowDown(50 * time.Millisecond)
		defer undo()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _ = f.Resolver.Resolve(context.Background(), f.Session, byID(routes.RefProject, f.Outside), 0)
		})
		time.Sleep(20 * time.Millisecond)
		f.Leave()
		f.Resolver.Forget(c)
		if c := resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), 0); c.Access == policy.OwnerMember {
			t.Fatalf("%+v: from a read that began before Forget", c)
		}
		wg.Wait()
	})
}
