package gitlab

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"patgate/forge"
	"patgate/forge/forgetest"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

func session(userID int64, name, secret string) *token.Session {
	return &token.Session{TokenID: 1, OwnerUserID: userID, Username: name, Credential: token.NewSecret(secret)}
}

func TestHiddenParents(t *testing.T) {
	clk := &clock{}
	f := forgetest.New(forgetest.Options{Now: clk.now})
	ada := f.AddUser("ada")
	s := session(ada, "ada", f.AddToken(ada, forgetest.Token{}))
	top := f.AddGroup("top", forgetest.Private)
	middle := f.AddGroup("top/middle", forgetest.Private)
	low := f.AddGroup("top/middle/low", forgetest.Public)
	project := f.AddProject("top/middle/low/p", forgetest.Public)
	r := newResolver(t, f, clk, nil)
	ref := routes.Reference{Kind: routes.RefProject, ID: project}
	c, err := r.Resolve(context.Background(), s, ref, 0)
	if err != nil || !slices.Equal(c.Ancestors, []int64{low, middle}) {
		t.Fatalf("%+v, %v: the chain ends with the first group that is hidden", c, err)
	}
	// A chain that was cut is read again as soon as anything was forgotten: the group may be visible now.
	f.AddGroupMember(top, ada, forgetest.Guest)
	r.Forget(policy.Container{Boundary: routes.BoundaryProject, ID: 1})
	c, err = r.Resolve(context.Background(), s, ref, 0)
	if err != nil || !slices.Equal(c.Ancestors, []int64{low, middle, top}) || c.Access != policy.OwnerMember {
		t.Fatalf("%+v, %v: want the whole chain", c, err)
	}
}

func TestAContainerIsAsOldAsItsOldestPart(t *testing.T) {
	clk := &clock{}
	f := forgetest.New(forgetest.Options{Now: clk.now})
	ada := f.AddUser("ada")
	s := session(ada, "ada", f.AddToken(ada, forgetest.Token{}))
	f.AddGroupMember(f.AddGroup("top", forgetest.Private), ada, forgetest.Guest)
	f.AddGroup("top/low", forgetest.Private)
	first := routes.Reference{Kind: routes.RefProject, ID: f.AddProject("top/low/first", forgetest.Private)}
	second := routes.Reference{Kind: routes.RefProject, ID: f.AddProject("top/low/second", forgetest.Private)}
	r := newResolver(t, f, clk, nil)
	const limit = 4 * time.Second
	resolve := func(ref routes.Reference) (requests int) {
		t.Helper()
		before := f.RequestCount()
		if c, err := r.Resolve(context.Background(), s, ref, limit); err != nil || c.ID != ref.ID || len(c.Ancestors) != 2 {
			t.Fatalf("%+v, %v", c, err)
		}
		return f.RequestCount() - before
	}
	if n := resolve(first); n != 2 {
		t.Fatalf("%d requests, want 2: the project and the group above its group", n)
	}
	clk.advance(2 * time.Second)
	if n := resolve(second); n != 1 {
		t.Fatalf("%d requests, want 1: the chain is known and young enough", n)
	}
	clk.advance(2 * time.Second)
	if n := resolve(second); n != 0 {
		t.Fatalf("%d requests, want none: nothing in it is older than the limit", n)
	}
	clk.advance(time.Millisecond)
	if n := resolve(second); n != 2 {
		t.Fatalf("%d requests, want 2: the project was read 2 s ago, but rests on a chain that is too old", n)
	}
}

func TestAPathWithADotThatMoved(t *testing.T) {
	clk := &clock{}
	f := forgetest.New(forgetest.Options{Now: clk.now, ExternalURL: "https://other.example/root"})
	ada := f.AddUser("ada")
	s := session(ada, "ada", f.AddToken(ada, forgetest.Token{}))
	f.AddGroup("g", forgetest.Private)
	id := f.AddProject("g/old.name", forgetest.Private)
	f.AddMember(id, ada, forgetest.Developer)
	f.MoveProject(id, "g/new.name")
	r := newResolver(t, f, clk, nil)
	c, err := r.Resolve(context.Background(), s, routes.Reference{Kind: routes.RefProject, Path: []byte("g/old.name")}, 0)
	if err != nil || c.ID != id || c.Path != "g/new.name" {
		t.Fatalf("%+v, %v", c, err)
	}
}

func TestAnAdministratorIsNoMemberOfWhatIsMerelyVisible(t *testing.T) {
	clk := &clock{}
	f := forgetest.New(forgetest.Options{Now: clk.now})
	root := f.AddUser("root")
	f.SetAdmin(root)
	s := session(root, "root", f.AddToken(root, forgetest.Token{}))
	f.AddGroup("g", forgetest.Private)
	id := f.AddProject("g/p", forgetest.Private)
	r := newResolver(t, f, clk, nil)
	c, err := r.Resolve(context.Background(), s, routes.Reference{Kind: routes.RefProject, ID: id}, 0)
	if err != nil || c.Access != policy.OwnerPublicRead || c.Visibility != policy.VisibilityPrivate {
		t.Fatalf("%+v, %v", c, err)
	}
}

func TestARenamedOwnerIsNotTakenForWhoeverHasTheName(t *testing.T) {
	clk := &clock{}
	f := forgetest.New(forgetest.Options{Now: clk.now})
	ada := f.AddUser("ada")
	s := session(ada, "ada", f.AddToken(ada, forgetest.Token{}))
	f.RenameUser(ada, "countess")
	other := f.AddUser("ada")
	r := newResolver(t, f, clk, nil)
	c, err := r.Resolve(context.Background(), s, routes.Reference{Kind: routes.RefUser, Path: []byte("ada")}, 0)
	if err != nil || c.ID != other || c.Access == policy.OwnerMember {
		t.Fatalf("%+v, %v: want the user %d who has the name now", c, err, other)
	}
}

// Two credentials of one owner may see different things (an administrator's with and without admin_mode; one that was
// revoked): what was read with one is no answer for the other.
func TestFactsAreOfOneCredential(t *testing.T) {
	clk := &clock{}
	f := forgetest.New(forgetest.Options{Now: clk.now})
	ada := f.AddUser("ada")
	good := session(ada, "ada", f.AddToken(ada, forgetest.Token{}))
	good.CredentialID = 1
	revoked := session(ada, "ada", f.AddToken(ada, forgetest.Token{}))
	revoked.CredentialID = 2
	f.RevokeToken(revoked.Credential.Reveal())
	f.AddGroup("g", forgetest.Private)
	sub := f.AddGroup("g/sub", forgetest.Private)
	f.AddGroupMember(sub, ada, forgetest.Developer)
	id := f.AddProject("g/sub/p", forgetest.Private)
	r := newResolver(t, f, clk, nil)
	for name, ref := range map[string]routes.Reference{
		"by id":   {Kind: routes.RefProject, ID: id},
		"by path": {Kind: routes.RefProject, Path: []byte("g/sub/p")},
		"a group": {Kind: routes.RefGroup, ID: sub},
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := r.Resolve(t.Context(), good, ref, 0); err != nil || c.Access != policy.OwnerMember {
				t.Fatalf("%+v, %v", c, err)
			}
			if c, err := r.Resolve(t.Context(), revoked, ref, 0); !errors.Is(err, forge.ErrCredential) {
				t.Errorf("%+v, %v: want what the forge says of this credential", c, err)
			}
		})
	}
}

// A namespace that is neither a visible group nor a user's is told apart from none only by an owner's own eyes: both are
// "not found", or the answers would tell which ids exist.
func TestANamespaceOfAnotherKindIsNotFound(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v4/namespaces/7" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, `{"id":7,"kind":"project","full_path":"g/p"}`)
	}))
	t.Cleanup(server.Close)
	r, err := New(Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	for name, id := range map[string]int64{"a project's namespace": 7, "no namespace": 8} {
		t.Run(name, func(t *testing.T) {
			c, err := r.Resolve(t.Context(), session(42, "ada", "glpat-x"), routes.Reference{Kind: routes.RefNamespace, ID: id}, 0)
			if err != nil || c.Boundary != routes.BoundaryNone {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
}

func TestABlockedOwner(t *testing.T) {
	clk := &clock{}
	f := forgetest.New(forgetest.Options{Now: clk.now})
	ada := f.AddUser("ada")
	s := session(ada, "ada", f.AddToken(ada, forgetest.Token{}))
	f.AddGroup("g", forgetest.Public)
	id := f.AddProject("g/p", forgetest.Public)
	f.BlockUser(ada)
	r := newResolver(t, f, clk, nil)
	if _, err := r.Resolve(context.Background(), s, routes.Reference{Kind: routes.RefProject, ID: id}, 0); !errors.Is(err, forge.ErrCredential) {
		t.Fatalf("err = %v, want ErrCredential", err)
	}
	if _, err := r.Identify(context.Background(), s.Credential); !errors.Is(err, forge.ErrCredential) {
		t.Fatalf("Identify: %v, want ErrCredential", err)
	}
}

func TestAHitAllocatesNothing(t *testing.T) {
	clk := &clock{}
	f := forgetest.New(forgetest.Options{Now: clk.now})
	ada := f.AddUser("ada")
	s := session(ada, "ada", f.AddToken(ada, forgetest.Token{}))
	f.AddGroup("g", forgetest.Private)
	id := f.AddProject("g/p", forgetest.Private)
	f.AddMember(id, ada, forgetest.Developer)
	r := newResolver(t, f, clk, nil)
	ctx := context.Background()
	for name, ref := range map[string]routes.Reference{
		"by id":   {Kind: routes.RefProject, ID: id},
		"by path": {Kind: routes.RefProject, Path: []byte("g/P")},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := r.Resolve(ctx, s, ref, 0); err != nil {
				t.Fatal(err)
			}
			allocs := testing.AllocsPerRun(1000, func() {
				if c, err := r.Resolve(ctx, s, ref, 5*time.Second); err != nil || c.ID != id {
					t.Fatal("no hit")
				}
			})
			if allocs != 0 {
				t.Fatalf("a hit allocates %v times", allocs)
			}
		})
	}
}

func BenchmarkResolveHit(b *testing.B) {
	f := forgetest.New(forgetest.Options{})
	ada := f.AddUser("ada")
	s := session(ada, "ada", f.AddToken(ada, forgetest.Token{}))
	id := f.AddProject("ada/p", forgetest.Private)
	r := newResolver(b, f, &clock{}, func(o *Options) { o.Now = time.Now; o.TTL = time.Hour })
	ctx := context.Background()
	for name, ref := range map[string]routes.Reference{"id": {Kind: routes.RefProject, ID: id}, "path": {Kind: routes.RefProject, Path: []byte("ada/p")}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c, _ := r.Resolve(ctx, s, ref, 0); c.ID != id {
					b.Fatal("not found")
				}
			}
		})
	}
}
