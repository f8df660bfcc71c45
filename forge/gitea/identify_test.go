package gitea

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"patgate/forge"
	"patgate/forge/giteatest"
	"patgate/routes"
	"patgate/token"
)

// serve puts a resolver in front of a handler.
func serve(t *testing.T, h http.HandlerFunc) *Resolver {
	t.Helper()
	server := httptest.NewServer(h)
	r := newResolver(t, server.URL, &clock{})
	t.Cleanup(server.Close)
	return r
}

const secret = "0123456789abcdef0123456789abcdef01234567"

func TestIdentify(t *testing.T) {
	g := giteatest.NewStandIn(t)
	ada, full := g.AddUser("Ada")
	g.AddUser("root")
	g.SetAdmin("root")
	r := newResolver(t, g.URL(), &clock{})
	for name, c := range map[string]struct {
		secret string
		scopes []string
		admin  bool
	}{
		"a user's":          {full, giteatest.UserScopes(), false},
		"one that may read": {g.AddToken("Ada", "read:repository,read:user"), []string{"read:repository", "read:user"}, false},
		"public things":     {g.AddToken("Ada", "public-only,write:user"), []string{"public-only", "write:user"}, false},
		"everything": {g.AddToken("Ada", "all"), []string{"write:admin", "write:package", "write:notification", "write:organization", "write:issue",
			"write:repository", "write:user"}, false},
		"an administrator's": {g.AddToken("root", "write:repository,write:user"), []string{"write:repository", "write:user"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := r.Identify(t.Context(), token.NewSecret(c.secret))
			if err != nil || id.Kind != forge.CredentialPersonal || !id.Active || !slices.Equal(id.Scopes, c.scopes) || id.Admin != c.admin {
				t.Fatalf("%+v, %v", id, err)
			}
			if !c.admin && (id.UserID != ada || id.Username != "Ada") {
				t.Fatalf("%+v: want the user %d", id, ada)
			}
		})
	}
	for name, c := range map[string]struct {
		secret string
		want   error
	}{
		"one that cannot read its user": {g.AddToken("Ada", "write:repository"), forge.ErrCredential},
		"an unknown one":                {secret, forge.ErrCredential},
		"an OAuth access token":         {"eyJhbGciOi.eyJnbnQiOj.c2ln", forge.ErrCredentialKind},
	} {
		t.Run(name, func(t *testing.T) {
			if id, err := r.Identify(t.Context(), token.NewSecret(c.secret)); !errors.Is(err, c.want) || id.UserID != 0 {
				t.Fatalf("%+v, %v; want %v", id, err, c.want)
			}
		})
	}
}

func TestIdentifyAnswers(t *testing.T) {
	const user = `{"id":7,"login":"ada"}`
	for name, c := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"the user of an Actions job":      {200, `{"id":-2,"login":"gitea-actions"}`, forge.ErrCredentialKind},
		"a user who may not sign in":      {403, `{"message":"This account is prohibited from signing in, please contact your site administrator."}`, forge.ErrBlocked},
		"a user who must do something":    {403, `{"message":"You must change your password. Change it at: http://x/user/change_password"}`, forge.ErrCredential},
		"nobody":                          {200, `{"id":0,"login":""}`, forge.ErrUnavailable},
		"a user without a name":           {200, `{"id":7}`, forge.ErrUnavailable},
		"two ids":                         {200, `{"id":7,"id":8,"login":"ada"}`, forge.ErrUnavailable},
		"no JSON":                         {200, `<html>`, forge.ErrUnavailable},
		"a page that is not there at all": {404, `404`, forge.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			if id, err := r.Identify(t.Context(), token.NewSecret(secret)); !errors.Is(err, c.want) || id.UserID != 0 {
				t.Fatalf("%+v, %v; want %v", id, err, c.want)
			}
		})
	}
	// A Gitea before 1.23 does not name the token's scopes, so that each is asked for.
	t.Run("a Gitea that names no scopes", func(t *testing.T) {
		r := serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/api/v1/user":
				_, _ = w.Write([]byte(user))
			case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/v1/orgs/"), strings.HasPrefix(r.URL.Path, "/api/v1/repos/-/-") && !strings.Contains(r.URL.Path, "/issues/"):
				w.WriteHeader(http.StatusNotFound)
			default:
				w.WriteHeader(http.StatusForbidden)
				_, _ = w.Write([]byte(`{"message":"token does not have at least one of required scope(s): [` + r.Method + `]"}`))
			}
		})
		id, err := r.Identify(t.Context(), token.NewSecret(secret))
		if err != nil || !slices.Equal(id.Scopes, []string{"read:organization", "write:repository", "read:user"}) {
			t.Fatalf("%+v, %v", id, err)
		}
	})
	t.Run("a Gitea that fails on the way", func(t *testing.T) {
		r := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/v1/user" {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			_, _ = w.Write([]byte(user))
		})
		if id, err := r.Identify(t.Context(), token.NewSecret(secret)); !errors.Is(err, forge.ErrUnavailable) || id.UserID != 0 && len(id.Scopes) > 0 {
			t.Fatalf("%+v, %v", id, err)
		}
	})
}

func TestNamedScopes(t *testing.T) {
	const before = "token does not have at least one of required scope(s), required=[write:admin], token scope="
	for message, want := range map[string][]string{
		before + "read:user":                         {"read:user"},
		before + "public-only,write:issue,read:user": {"public-only", "write:issue", "read:user"},
		before:                            nil,
		before + "read:user,sudo":         nil,
		before + "read:user, write:issue": nil,
		"token does not have at least one of required scope(s): [write:admin]": nil,
	} {
		if got := namedScopes(message); !slices.Equal(got, want) {
			t.Errorf("%q gives %q, want %q", message, got, want)
		}
	}
}

// TestIdentifyOnGitea makes tokens of every kind on a real Gitea and looks that asking for their scopes changed nothing.
func TestIdentifyOnGitea(t *testing.T) {
	if os.Getenv(giteatest.ProgramVariable) == "" {
		t.Skip("needs a real Gitea: " + giteatest.How)
	}
	g := giteatest.Start(t)
	g.AddUser("ada")
	r := newResolver(t, g.URL(), &clock{})
	all := []string{"write:admin", "write:package", "write:notification", "write:organization", "write:issue", "write:repository", "write:user"}
	for name, c := range map[string]struct{ given, want []string }{
		"narrow":     {[]string{"write:repository", "read:user"}, []string{"write:repository", "read:user"}},
		"public":     {[]string{"public-only", "read:user"}, []string{"public-only", "read:user"}},
		"everything": {[]string{"all"}, all},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := r.Identify(t.Context(), token.NewSecret(g.AddToken("ada", name, c.given...)))
			if err != nil || id.Username != "ada" || id.Admin || !slices.Equal(id.Scopes, c.want) {
				t.Fatalf("%+v, %v", id, err)
			}
		})
	}
	t.Run("an administrator's", func(t *testing.T) {
		id, err := r.Identify(t.Context(), token.NewSecret(g.AdminToken))
		if err != nil || !id.Admin || !slices.Equal(id.Scopes, all) {
			t.Fatalf("%+v, %v", id, err)
		}
	})
	t.Run("a user who may not sign in any more", func(t *testing.T) {
		id, secret := g.AddUser("eve")
		repository := g.AddRepository("eve/p", false)
		g.Block("eve")
		if id, err := r.Identify(t.Context(), token.NewSecret(secret)); !errors.Is(err, forge.ErrBlocked) {
			t.Errorf("%+v, %v", id, err)
		}
		c, err := r.Resolve(t.Context(), session(id, "eve", secret), routes.Reference{Kind: routes.RefProject, ID: repository}, 0)
		if !errors.Is(err, forge.ErrCredential) {
			t.Errorf("%+v, %v: want what Gitea says of the credential", c, err)
		}
	})
	t.Run("no probe did anything", func(t *testing.T) {
		seen := 0
		for _, line := range g.AccessLog() {
			for _, p := range probes() {
				if _, path, _ := strings.Cut(p.write, " "); strings.Contains(line, "/api/v1"+path+" ") {
					seen++
					if !strings.Contains(line, `" 404 `) && !strings.Contains(line, `" 403 `) {
						t.Errorf("a probe was taken for a request: %s", line)
					}
				}
			}
		}
		if seen < len(probes()) {
			t.Errorf("only %d probes stand in the access log", seen)
		}
	})
}
