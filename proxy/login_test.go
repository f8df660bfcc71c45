package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/token"
)

// registryWorld starts a gateway with GitLab's own table, in front of an upstream, and in a world with the group acme.
func registryWorld(t *testing.T, upstream string, configure func(*Options)) *gateway {
	t.Helper()
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	g := oneLoop(t, upstream, func(o *Options) {
		o.Table, o.Resolver = func() *routes.Table { return table }, giteaResolver{}
		if configure != nil {
			configure(o)
		}
	})
	g.table = table
	return g
}

// inAcme is what a token may do in the group acme.
func inAcme(permissions ...string) policy.ScopeSpec {
	return policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{3}, Permissions: permissions}
}

// signIn gets what the token service gives.
func (g *gateway) signIn(t *testing.T, secret, query string) string {
	t.Helper()
	a := g.raw(t, get("/jwt/auth?"+query, "Authorization: "+basic("anyone", secret)))
	a.wants(t, 200)
	var answer struct{ Token string }
	if err := json.Unmarshal([]byte(a.body), &answer); err != nil || answer.Token == "" {
		t.Fatalf("%s: %v", a.body, err)
	}
	return answer.Token
}

// Threat: the forge's token for its dependency proxy, which acts as the owner, comes out by an address.
// Attack: a redirect that repeats it, plainly and escaped, to storage and to the forge itself.
// Control: a redirect to storage without it is passed on.
func TestThreatProxyTokenInARedirect(t *testing.T) {
	const jwt = "uuu.vvv.www"
	location := ""
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/jwt/auth" {
			fmt.Fprintf(w, `{"token":%q}`, jwt)
			return
		}
		if got := r.Header.Get("Authorization"); got != "Bearer "+jwt {
			t.Errorf("the forge got %q", got)
		}
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	g := registryWorld(t, upstream.URL, nil)
	sealed := g.signIn(t, g.mint(t, nil, inAcme("read_dependency_proxy")), "service=dependency_proxy")
	pull := get("/v2/acme/dependency_proxy/containers/alpine/manifests/3", "Authorization: Bearer "+sealed)
	for _, location = range []string{
		"https://storage.example/o?t=" + jwt, "https://storage.example/" + jwt + "/o", "/o?t=" + jwt,
		"https://storage.example/o?t=" + strings.ReplaceAll(jwt, ".", "%2E"),
	} {
		a := g.raw(t, pull)
		a.wants(t, 502, "redirect_credential")
		if strings.Contains(fmt.Sprint(a.header)+a.body, "vvv") {
			t.Errorf("to %s: %v %s", location, a.header, a.body)
		}
	}
	location = "https://storage.example/o?X-Amz-Signature=ab"
	if a := g.raw(t, pull); a.status != 307 || a.header.Get("Location") != location {
		t.Errorf("%d %q %s", a.status, a.header.Get("Location"), a.body)
	}
}

// A login that is denied says one thing: body, challenge, X-Accepted-Permissions and log name the same permissions. While the
// token held them, it passed.
func TestADeniedLoginSaysOneThing(t *testing.T) {
	gitlab := func(configure func(*Options)) func(t *testing.T) *gateway {
		return func(t *testing.T) *gateway {
			upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"token":"uuu.vvv.www"}`) })
			return registryWorld(t, upstream.URL, configure)
		}
	}
	behind := gitlab(func(o *Options) { o.Registry = Upstream{URL: "http://127.0.0.1:1"} })
	gitea := func(t *testing.T) *gateway {
		g, _, _ := newGiteaGateway(t)
		return g
	}
	const images = "/jwt/auth?service=container_registry"
	for _, c := range []struct {
		name, target, sealed, missing string
		start                         func(t *testing.T) *gateway
	}{
		{"the token service", images, "", "read_container_repository", gitlab(nil)},
		{"that of a registry behind patgate", images, "", "read_container_repository", behind},
		{"for the dependency proxy", "/jwt/auth?service=dependency_proxy", "", "read_dependency_proxy", gitlab(nil)},
		{"the check", "/v2/", "service=dependency_proxy", "read_dependency_proxy", gitlab(nil)},
		{"the check of a registry behind patgate", "/v2/", "service=dependency_proxy", "read_dependency_proxy", behind},
		{"Gitea's token service", "/v2/token?service=container_registry", "", "read_container_repository", gitea},
		{"Gitea's check", "/v2/", "", "read_container_repository", gitea},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := c.start(t)
			good, narrow := g.mint(t, nil, inAcme(c.missing)), g.mint(t, nil, inAcme("read_project"))
			credential := "Authorization: " + basic("anyone", good)
			if c.sealed != "" {
				credential = "Authorization: Bearer " + g.signIn(t, good, c.sealed)
			}
			g.raw(t, get(c.target, credential)).wants(t, 200)
			g.sessions[hashOf(t, good)] = g.sessions[hashOf(t, narrow)] // and then the token may no more
			before := g.sink.count()
			a := g.raw(t, get(c.target, credential))
			e := g.sink.after(t, before)
			a.wants(t, 403, "Missing: "+c.missing+".")
			scope, accepted := a.header.Get("Www-Authenticate"), a.header.Get("X-Accepted-Permissions")
			if !strings.Contains(scope, `scope="`+c.missing+`"`) || accepted != c.missing {
				t.Errorf("challenge %s, accepted %s", scope, accepted)
			}
			if e.Verdict != policy.Deny || e.Permission != c.missing || e.Used != nil {
				t.Errorf("recorded %v, permission %q, used %v", e.Verdict, e.Permission, e.Used)
			}
			if e.Route == nil || !slices.Equal(g.table.Catalogue().Names(e.Route.Needs), []string{c.missing}) {
				t.Errorf("recorded on %+v", e.Route)
			}
		})
	}
}

// A login that is allowed for one thing, after another was denied, is recorded without what it lacks for that.
func TestAnAllowedLoginLacksNothing(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"token":"uuu.vvv.www"}`) })
	g := registryWorld(t, upstream.URL, func(o *Options) { o.Registry = Upstream{URL: "http://127.0.0.1:1"} })
	for _, permission := range []string{"read_dependency_proxy", "delete_container_repository"} {
		before := g.sink.count()
		g.signIn(t, g.mint(t, nil, inAcme(permission)), "service=container_registry")
		if e := g.sink.after(t, before); e.Verdict != policy.Allow || e.Permission != "" {
			t.Errorf("with %s: recorded %v, permission %q", permission, e.Verdict, e.Permission)
		}
	}
}

func hashOf(t *testing.T, secret string) token.Hash {
	t.Helper()
	hash, err := token.Parse([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// What is refused for the sealed text or ticket that it came with is recorded with the row that it asked for.
func TestTheLogNamesTheRowOfAMisusedText(t *testing.T) {
	g := registryWorld(t, newEcho(t, nil).URL, nil)
	reads := g.mint(t, nil, inAcme("read_package", "read_project"))
	conan := g.raw(t, get("/api/v4/projects/7/packages/conan/v1/users/authenticate", "Authorization: "+basic("anyone", reads)))
	conan.wants(t, 200)
	const file = "/api/v4/packages/terraform/modules/v1/acme/net/aws/1.0.0/file"
	for _, c := range []struct {
		name, request string
		status        int
		row           string
	}{
		{"a module's file without a ticket", get(file, "PRIVATE-TOKEN: "+reads), 403, "/file"},
		{"a Conan client's text elsewhere", get("/api/v4/projects/7", "Authorization: Bearer "+conan.body), 401, "/projects/{project}"},
		{"control: no row", get("/api/v4/nothing", "PRIVATE-TOKEN: "+reads), 403, ""},
		{"control: another method", request("DELETE", file, "", "PRIVATE-TOKEN: "+reads), 403, ""},
		{"control: a project that nobody can mean", get("/api/v4/projects/99999999999999999999", "PRIVATE-TOKEN: "+reads), 400, ""},
		{"control: a project in two spellings", get("/api/v4/projects/a%252Fb", "PRIVATE-TOKEN: "+reads), 400, ""},
		{"control: a path that is read in two ways", get("/api/v4/projects/7/./jobs", "PRIVATE-TOKEN: "+reads), 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := g.sink.count()
			g.raw(t, c.request).wants(t, c.status)
			got := ""
			if e := g.sink.after(t, before); e.Route != nil {
				got = e.Route.Path
			}
			if (got == "") != (c.row == "") || !strings.HasSuffix(got, c.row) {
				t.Errorf("recorded with the row %q", got)
			}
		})
	}
}

// In report mode a login is told as one that the grant denies by what is given of it alone, in whatever order it asks.
func TestALoginInReportMode(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"token":"uuu.vvv.www"}`) })
	g := registryWorld(t, upstream.URL, func(o *Options) { o.Registry = Upstream{URL: "http://127.0.0.1:1"} })
	key := g.reporting(t, time.Now().Add(time.Hour), []string{"read_container_repository", "create_container_repository"},
		inAcme("read_container_repository"))
	const granted, passes, unseen = "repository:acme/app:pull", "repository:umbra/app:push", "repository:absent/app:push"
	for _, c := range []struct {
		scopes []string
		want   policy.Verdict
	}{
		{[]string{granted}, policy.Allow},
		{[]string{unseen, granted}, policy.Allow},
		{[]string{granted, unseen}, policy.Allow},
		{[]string{granted, passes}, policy.WouldDeny},
		{[]string{passes, granted}, policy.WouldDeny},
		{[]string{passes, unseen, granted}, policy.WouldDeny},
	} {
		before := g.sink.count()
		g.signIn(t, key, "service=container_registry&scope="+strings.Join(c.scopes, "&scope="))
		if e := g.sink.after(t, before); e.Verdict != c.want {
			t.Errorf("%v: recorded %v %s, want %v", c.scopes, e.Verdict, e.Reason, c.want)
		}
	}
}
