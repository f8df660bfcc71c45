package gitea

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"patgate/forge"
	"patgate/forge/giteatest"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

func TestAnAdministratorIsNoMemberOfWhatIsMerelyVisible(t *testing.T) {
	g := giteatest.NewStandIn(t)
	g.AddUser("ada")
	root, secret := g.AddUser("root")
	g.SetAdmin("root")
	g.AddOrganization("org", "private")
	seen, shared := g.AddRepository("org/seen", true), g.AddRepository("org/shared", true)
	g.AddCollaborator("org/shared", "root", "read")
	r := newResolver(t, g.URL(), &clock{})
	for id, access := range map[int64]policy.OwnerAccess{seen: policy.OwnerPublicRead, shared: policy.OwnerMember} {
		c, err := r.Resolve(t.Context(), session(root, "root", secret), routes.Reference{Kind: routes.RefProject, ID: id}, 0)
		if err != nil || c.ID != id || c.Access != access || c.Visibility != policy.VisibilityPrivate {
			t.Errorf("%+v, %v; want access %d", c, err, access)
		}
	}
	c, err := r.Resolve(t.Context(), session(root, "root", secret), routes.Reference{Kind: routes.RefGroup, Path: []byte("org")}, 0)
	if err != nil || c.Access != policy.OwnerPublicRead {
		t.Errorf("%+v, %v: an administrator is no member of every organization", c, err)
	}
}

func TestMembershipOfWhatIsPublic(t *testing.T) {
	g := giteatest.NewStandIn(t)
	ada, secret := g.AddUser("ada")
	g.AddUser("bob")
	g.AddOrganization("org", "public")
	want := map[string]policy.OwnerAccess{
		"bob/open": policy.OwnerPublicRead, "bob/invited": policy.OwnerMember, "org/open": policy.OwnerPublicRead,
		"org/team-reads": policy.OwnerMember, "org/team-writes": policy.OwnerMember, "ada/own": policy.OwnerMember,
	}
	for path := range want {
		g.AddRepository(path, false)
	}
	g.AddCollaborator("bob/invited", "ada", "read")
	g.AddTeam("org", "readers", "read", "ada", "team-reads")
	g.AddTeam("org", "writers", "write", "ada", "team-writes")
	g.AddTeam("org", "others", "write", "bob", "open")
	r := newResolver(t, g.URL(), &clock{})
	for path, access := range want {
		t.Run(path, func(t *testing.T) {
			c, err := r.Resolve(t.Context(), session(ada, "ada", secret), routes.Reference{Kind: routes.RefProject, Path: []byte(path)}, 0)
			if err != nil || c.Access != access || c.Visibility != policy.VisibilityPublic {
				t.Fatalf("%+v, %v; want access %d", c, err, access)
			}
		})
	}
}

func TestRenamedOwners(t *testing.T) {
	g := giteatest.NewStandIn(t)
	ada, secret := g.AddUser("ada")
	org := g.AddOrganization("old", "public")
	id := g.AddRepository("old/name", true)
	g.AddTeam("old", "t", "write", "ada", "name")
	g.RenameOrganization("old", "new")
	g.Rename("new/name", "other")
	r := newResolver(t, g.URL(), &clock{})
	s := session(ada, "ada", secret)
	for text, kind := range map[string]routes.RefKind{"old/name": routes.RefProject, "new/name": routes.RefProject, "new/other": routes.RefProject, "old": routes.RefGroup} {
		t.Run(text, func(t *testing.T) {
			c, err := r.Resolve(t.Context(), s, routes.Reference{Kind: kind, Path: []byte(text)}, 0)
			want, path := id, "new/other"
			if kind == routes.RefGroup {
				want, path = org, "new"
			}
			if err != nil || c.ID != want || c.Path != path {
				t.Fatalf("%+v, %v; want %d %q", c, err, want, path)
			}
		})
	}
}

// A session whose owner was renamed must not be taken for whoever has the name now.
func TestARenamedOwnerIsNotTakenForWhoeverHasTheName(t *testing.T) {
	g := giteatest.NewStandIn(t)
	ada, secret := g.AddUser("countess") // the session still calls her ada
	other, _ := g.AddUser("ada")
	g.AddUser("bob")
	id := g.AddRepository("bob/open", false)
	g.AddCollaborator("bob/open", "ada", "read")
	r := newResolver(t, g.URL(), &clock{})
	s := session(ada, "ada", secret)
	if c, err := r.Resolve(t.Context(), s, routes.Reference{Kind: routes.RefProject, ID: id}, 0); err != nil || c.Access != policy.OwnerPublicRead {
		t.Errorf("%+v, %v: the membership is another's", c, err)
	}
	if c, err := r.Resolve(t.Context(), s, routes.Reference{Kind: routes.RefUser, Path: []byte("ada")}, 0); err != nil || c.ID != other || c.Access == policy.OwnerMember {
		t.Errorf("%+v, %v: want the user %d who has the name now", c, err, other)
	}
}

func TestACredentialThatDoesNotReachFarEnough(t *testing.T) {
	g := giteatest.NewStandIn(t)
	ada, _ := g.AddUser("ada")
	g.AddOrganization("org", "public")
	g.AddRepository("org/p", false)
	g.AddTeam("org", "t", "write", "ada", "p")
	s := session(ada, "ada", g.AddToken("ada", "read:repository,read:user"))
	r := newResolver(t, g.URL(), &clock{})
	if c, err := r.Resolve(t.Context(), s, routes.Reference{Kind: routes.RefProject, Path: []byte("org/p")}, 0); err != nil || c.Access != policy.OwnerMember {
		t.Errorf("%+v, %v: a repository needs read:repository and read:user alone", c, err)
	}
	if c, err := r.Resolve(t.Context(), s, routes.Reference{Kind: routes.RefGroup, Path: []byte("org")}, 0); !errors.Is(err, forge.ErrCredential) {
		t.Errorf("%+v, %v: an organization needs read:organization", c, err)
	}
}

// repository is a repository answer with changes.
func repository(changes ...string) string {
	return strings.NewReplacer(changes...).Replace(`{"id":5,"full_name":"org/p","owner":{"id":9,"login":"org","visibility":"public"},"private":true,"internal":false,` +
		`"permissions":{"admin":false,"push":true,"pull":true}}`)
}

func TestRepositoryAnswers(t *testing.T) {
	read := func(t *testing.T, body string, ref routes.Reference) (policy.Container, error) {
		t.Helper()
		r := serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/api/v1/user":
				_, _ = w.Write([]byte(`{"id":7,"login":"ada"}`))
			case strings.Contains(r.URL.Path, "/collaborators/"):
				w.WriteHeader(http.StatusNotFound)
			case strings.HasSuffix(r.URL.Path, "/teams"):
				w.WriteHeader(http.StatusMethodNotAllowed)
			default:
				_, _ = w.Write([]byte(body))
			}
		})
		return r.Resolve(t.Context(), session(7, "ada", secret), ref, 0)
	}
	id := routes.Reference{Kind: routes.RefProject, ID: 5}
	for name, c := range map[string]struct {
		body       string
		access     policy.OwnerAccess
		visibility policy.Visibility
	}{
		"who may push is a member":               {repository(), policy.OwnerMember, policy.VisibilityPrivate},
		"who may only read a private one is not": {repository(`"push":true`, `"push":false`), policy.OwnerPublicRead, policy.VisibilityPrivate},
		"public in a public organization":        {repository(`"private":true`, `"private":false`), policy.OwnerMember, policy.VisibilityPublic},
		"public in a limited organization":       {repository(`"private":true`, `"private":false`, `"public"`, `"limited"`), policy.OwnerMember, policy.VisibilityInternal},
		"public in a private organization":       {repository(`"private":true`, `"private":false`, `"internal":false`, `"internal":true`), policy.OwnerMember, policy.VisibilityPrivate},
		"of an unknown visibility":               {repository(`"private":true`, `"private":false`, `"public"`, `"secret"`), policy.OwnerMember, policy.VisibilityUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(t, c.body, id)
			if err != nil || got.ID != 5 || got.Path != "org/p" || got.Access != c.access || got.Visibility != c.visibility {
				t.Fatalf("%+v, %v", got, err)
			}
		})
	}
	for name, body := range map[string]string{
		"another id": repository(`"id":5`, `"id":6`), "no id": repository(`"id":5,`, ""), "no name": repository(`"full_name":"org/p",`, ""),
		"a name of three parts": repository("org/p", "a/b/c"), "no owner": repository(`"owner":`, `"other":`), "no permissions": repository(`"permissions":`, `"other":`),
		"an owner without an id": repository(`"id":9,`, ""), "an id twice": repository(`"id":5`, `"id":5,"id":6`), "a list": "[" + repository() + "]",
		"an id that is text": repository(`"id":5`, `"id":"5"`), "keys in another case": repository(`"id":5`, `"ID":5`), "nothing": "",
	} {
		t.Run("unusable: "+name, func(t *testing.T) {
			if c, err := read(t, body, id); !errors.Is(err, forge.ErrUnavailable) || c.ID != 0 {
				t.Fatalf("%+v, %v", c, err)
			}
		})
	}
	t.Run("unusable: another path than the one that was asked for", func(t *testing.T) {
		if c, err := read(t, repository(), routes.Reference{Kind: routes.RefProject, Path: []byte("org/other")}); !errors.Is(err, forge.ErrUnavailable) || c.ID != 0 {
			t.Fatalf("%+v, %v", c, err)
		}
	})
	t.Run("unusable: a credential that is another's", func(t *testing.T) {
		r := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/v1/user" {
				_, _ = w.Write([]byte(`{"id":8,"login":"eve"}`))
				return
			}
			_, _ = w.Write([]byte(repository()))
		})
		if c, err := r.Resolve(t.Context(), session(7, "ada", secret), id, 0); !errors.Is(err, forge.ErrUnavailable) || c.ID != 0 {
			t.Fatalf("%+v, %v", c, err)
		}
	})
}

func TestWhatIsNoNameAsksNobody(t *testing.T) {
	r := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL.Path) })
	for text, kind := range map[string]routes.RefKind{"issues/search": routes.RefProject, "Issues/Search": routes.RefProject, "a/b/c": routes.RefProject, "search": routes.RefUser, "a/b": routes.RefGroup} {
		c, err := r.Resolve(t.Context(), session(7, "ada", secret), routes.Reference{Kind: kind, Path: []byte(text)}, 0)
		if err != nil || c.Boundary != routes.BoundaryNone {
			t.Errorf("%q gives %+v, %v", text, c, err)
		}
	}
}

func TestMovedTo(t *testing.T) {
	for location, want := range map[string]string{
		"/api/v1/repos/new/name": "new/name", "https://gitea.example/root/api/v1/repos/new/my.name?x=y/z": "new/my.name", "/root/api/v1/repos/n": "n",
	} {
		if got, ok := movedTo(location, "/repos/"); !ok || got != want {
			t.Errorf("%q gives %q, %v", location, got, ok)
		}
	}
	for _, location := range []string{"", "/", "/api/v1/repos/", "/api/v1/users/x", "/api/v1/repos/../x", "/api/v1/repos/a/..", "/api/v1/repos/a//b", "/api/v1/repos/a%2Fb/c",
		"/api/v1/repos/a/b/", "/api/v1/repos/a/b#c", "/api/v2/repos/a/b"} {
		if got, ok := movedTo(location, "/repos/"); ok {
			t.Errorf("%q gives %q", location, got)
		}
	}
}

func TestMovesEnd(t *testing.T) {
	for name, location := range map[string]string{"in a circle": "/api/v1/repos/a/b", "elsewhere": "https://other.example/x/y"} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			r := serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				w.Header().Set("Location", location)
				w.WriteHeader(http.StatusMovedPermanently)
			})
			c, err := r.Resolve(t.Context(), session(7, "ada", secret), routes.Reference{Kind: routes.RefProject, Path: []byte("a/b")}, 0)
			if !errors.Is(err, forge.ErrUnavailable) || c.ID != 0 || asked > mostMoves+1 {
				t.Fatalf("%+v, %v after %d requests", c, err, asked)
			}
		})
	}
}

func TestTheCredentialIsSentInItsHeaderAndShownNowhere(t *testing.T) {
	for _, status := range []int{200, 301, 401, 403, 404, 405, 429, 500, 504} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			r := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header["Authorization"]; len(got) != 1 || got[0] != "token "+secret {
					t.Errorf("Authorization is %q", got)
				}
				if strings.Contains(r.RequestURI, secret) || r.Header.Get("Cookie") != "" {
					t.Errorf("the credential is elsewhere: %s %v", r.RequestURI, r.Header)
				}
				w.WriteHeader(status)
				_, _ = w.Write([]byte(`{"message":"` + secret + `"}`))
			})
			_, err := r.Resolve(t.Context(), session(7, "ada", secret), routes.Reference{Kind: routes.RefProject, ID: 5}, 0)
			if status == 403 || status == 404 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Fatalf("err = %v", err)
			}
		})
	}
}

func TestMemberships(t *testing.T) {
	g := giteatest.NewStandIn(t)
	ada, secret := g.AddUser("ada")
	org := g.AddOrganization("org", "private")
	g.AddTeam("org", "t", "read", "ada")
	g.AddOrganization("other", "public")
	g.AddRepository("other/open", false)
	own := g.AddRepository("ada/own", true)
	r := newResolver(t, g.URL(), &clock{})
	m, err := r.Memberships(t.Context(), session(ada, "ada", secret), 30, 1, 20)
	if err != nil || len(m.Groups) != 1 || m.Groups[0].ID != org || m.Groups[0].Name != "org" ||
		len(m.Projects) != 1 || m.Projects[0].ID != own {
		t.Fatalf("%+v, %v", m, err)
	}
}

func TestAHitAllocatesNothing(t *testing.T) {
	g := giteatest.NewStandIn(t)
	ada, secret := g.AddUser("ada")
	id := g.AddRepository("ada/p", true)
	r := newResolver(t, g.URL(), &clock{})
	s := &token.Session{TokenID: 1, OwnerUserID: ada, Username: "ada", Credential: token.NewSecret(secret)}
	for name, ref := range map[string]routes.Reference{"by id": {Kind: routes.RefProject, ID: id}, "by path": {Kind: routes.RefProject, Path: []byte("Ada/P")}} {
		t.Run(name, func(t *testing.T) {
			if _, err := r.Resolve(t.Context(), s, ref, 0); err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			if n := testing.AllocsPerRun(1000, func() {
				if c, err := r.Resolve(ctx, s, ref, 0); err != nil || c.ID != id {
					t.Fatal("no hit")
				}
			}); n != 0 {
				t.Fatalf("a hit allocates %v times", n)
			}
		})
	}
}
