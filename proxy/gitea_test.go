package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/proxy/legacy"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/params"
	"patgate/token"
)

// giteaResolver knows acme and umbra, each with a repository app. old/app is what acme/app was called, and acme/search is
// called issues/search by now.
type giteaResolver struct{ asking.Resolver }

func (r giteaResolver) Known(s *token.Session, ref routes.Reference, maxAge time.Duration, _ time.Time) *policy.Container {
	return knownBy(r, s, ref, maxAge)
}

func (giteaResolver) Resolve(_ context.Context, _ *token.Session, ref routes.Reference, _ time.Duration) (policy.Container, error) {
	repository := func(id int64, path string, owner int64) policy.Container {
		return policy.Container{Boundary: routes.BoundaryProject, ID: id, Path: path, Ancestors: []int64{owner},
			Visibility: policy.VisibilityPrivate, Access: policy.OwnerMember}
	}
	owner := func(id int64, path string) policy.Container {
		return policy.Container{Boundary: routes.BoundaryGroup, ID: id, Path: path, Visibility: policy.VisibilityPrivate,
			Access: policy.OwnerMember}
	}
	project := ref.Kind == routes.RefProject
	switch path := strings.ToLower(string(ref.Path)); {
	case project && (path == "acme/app" || path == "old/app" || ref.ID == 7):
		return repository(7, "acme/app", 3), nil
	case project && path == "umbra/app":
		return repository(8, "umbra/app", 4), nil
	case project && path == "acme/search":
		return repository(9, "issues/search", 3), nil
	case project:
		return policy.Container{}, nil
	case path == "acme":
		return owner(3, "acme"), nil
	case path == "umbra":
		return owner(4, "umbra"), nil
	}
	return policy.Container{}, nil
}

func (giteaResolver) Lookup(context.Context, *token.Session, *routes.Route, *routes.Operation) (forge.LookupResult, error) {
	return forge.LookupResult{}, nil
}

func (giteaResolver) Forget(policy.Container) {}

// giteaUpstream keeps the last request.
type giteaUpstream struct {
	mu    sync.Mutex
	count int
	last  *http.Request
}

func (u *giteaUpstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.count, u.last = u.count+1, r
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{}`)
}

func (u *giteaUpstream) take() (n int, last *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n, last = u.count, u.last
	u.count, u.last = 0, nil
	return n, last
}

// newGiteaGateway starts a gateway with Gitea's own table and a token for acme alone.
func newGiteaGateway(t *testing.T) (*gateway, *giteaUpstream, string) {
	t.Helper()
	upstream := &giteaUpstream{}
	server := httptest.NewServer(upstream)
	t.Cleanup(server.Close)
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, server.URL, func(o *Options) {
		o.Forge, o.Resolver, o.Table = routes.ForgeGitea, giteaResolver{}, func() *routes.Table { return table }
	})
	g.table = table
	return g, upstream, g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{3}, Permissions: []string{
		"read_work_item", "read_project", "read_repository", "create_merge_request", "download_code", "push_code", "read_package",
		"create_package",
		"read_container_repository"}})
}

// send makes one request and gives status, header and body.
func (g *gateway) send(t *testing.T, method, target, body string, header map[string]string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequest(method, "http://"+g.address+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(answer, []byte(ownerCredential)) {
		t.Errorf("the owner's credential came back: %s", answer)
	}
	return response.StatusCode, response.Header, string(answer)
}

func basic(username, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(username, password)
	return r.Header.Get("Authorization")
}

// TestGiteaCredentialPlaces: a token may stand where Gitea reads one, once; the owner's goes to where Gitea looks.
func TestGiteaCredentialPlaces(t *testing.T) {
	g, upstream, secret := newGiteaGateway(t)
	const issues = "/api/v1/repos/acme/app/issues"
	for _, c := range []struct {
		name, target string
		header       map[string]string
		status       int
	}{
		{"token", issues, map[string]string{"Authorization": "token " + secret}, 200},
		{"bearer", issues, map[string]string{"Authorization": "Bearer " + secret}, 200},
		{"the password of Basic", issues, map[string]string{"Authorization": basic("anyone", secret)}, 200},
		{"the username of Basic", issues, map[string]string{"Authorization": basic(secret, "")}, 200},
		{"the username, marked", issues, map[string]string{"Authorization": basic(secret, "x-oauth-basic")}, 200},
		{"the username beside a password", issues, map[string]string{"Authorization": basic(secret, "hunter2")}, 400},
		{"no scheme", issues, map[string]string{"Authorization": secret}, 400},
		{"GitLab's header", issues, map[string]string{"PRIVATE-TOKEN": secret}, 400},
		{"in the query, where logs keep it", issues + "?token=" + secret, nil, 400},
		{"beside another in the query", issues + "?access_token=abc", map[string]string{"Authorization": "token " + secret}, 400},
		{"beside a cookie of any name", issues, map[string]string{"Authorization": "token " + secret, "Cookie": "our_session=abc"}, 400},
		{"beside a signature", issues, map[string]string{"Authorization": "token " + secret, "Signature": "abc"}, 400},
		{"as another user", issues, map[string]string{"Authorization": "token " + secret, "Sudo": "root"}, 400},
		{"as another user, in the query", issues + "?sudo=root", map[string]string{"Authorization": "token " + secret}, 400},
		{"a login that a proxy vouches for", issues, map[string]string{"Authorization": "token " + secret, "X-WEBAUTH-USER": "root"}, 400},
		{"a header of Gitea's parts", issues, map[string]string{"Authorization": "token " + secret, "X-Gitea-Internal-Auth": "x"}, 400},
		{"another method", issues, map[string]string{"Authorization": "token " + secret, "X-HTTP-Method-Override": "DELETE"}, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, _, body := g.send(t, "GET", c.target, "", c.header)
			n, last := upstream.take()
			if status != c.status || (n == 1) != (status == 200) {
				t.Fatalf("status %d, %d requests reached the forge: %s", status, n, body)
			}
			if n == 1 && last.Header.Get("Authorization") != "Token "+ownerCredential {
				t.Errorf("the owner's credential is sent as %q", last.Header.Get("Authorization"))
			}
		})
	}
	for _, target := range []string{"/acme/app.git/info/refs?service=git-upload-pack", "/v2/acme/app/manifests/v1"} {
		g.send(t, "GET", target, "", map[string]string{"Authorization": basic("anyone", secret)})
		if n, last := upstream.take(); n != 1 || last.Header.Get("Authorization") != basic("owner", ownerCredential) {
			t.Errorf("%s: %d requests reached the forge, with %v", target, n, last)
		}
	}
}

// TestGiteaLogins: what says who the user is to a forge that believes a proxy never passes, whoever sends it, nor does a path
// between Gitea's parts.
func TestGiteaLogins(t *testing.T) {
	g, upstream, _ := newGiteaGateway(t)
	for name, header := range map[string]map[string]string{
		"with a forge credential": {"Authorization": "token 0123456789abcdef0123456789abcdef01234567", "X-Webauth-User": "root"},
		"with an underscore":      {"Authorization": "token 0123456789abcdef0123456789abcdef01234567", "X-WEBAUTH_USER": "root"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, _, body := g.send(t, "GET", "/api/v1/user", "", header); status != 400 {
				t.Errorf("status %d: %s", status, body)
			}
			if n, _ := upstream.take(); n != 0 {
				t.Errorf("%d requests reached the forge", n)
			}
		})
	}
	legacy := map[string]string{"Authorization": "token 0123456789abcdef0123456789abcdef01234567", "Remote-User": "root"}
	if status, _, _ := g.send(t, "GET", "/api/v1/user?sudo=bob", "", legacy); status != 200 {
		t.Errorf("status %d", status)
	}
	if n, last := upstream.take(); n != 1 || last.Header.Get("Remote-User") != "" || last.URL.RawQuery != "sudo=bob" ||
		last.Header.Get("Authorization") != legacy["Authorization"] {
		t.Errorf("%d requests, the last %+v", n, last)
	}
	for _, path := range []string{"/api/internal/serv/none/1", "/api//internal/x", "/API/internal/x", "/api/%69nternal/x", "/metrics"} {
		if status, _, _ := g.send(t, "GET", path, "", legacy); status != 404 {
			t.Errorf("%s: status %d", path, status)
		}
	}
	if n, _ := upstream.take(); n != 0 {
		t.Errorf("%d requests reached the forge", n)
	}
}

// TestGiteaHasNoGraphQL: a token is told that it is not there, whatever it may do, and how.
func TestGiteaHasNoGraphQL(t *testing.T) {
	g, upstream, secret := newGiteaGateway(t)
	header := map[string]string{"Authorization": "token " + secret, "Content-Type": "application/json"}
	for _, c := range [][2]string{{"POST", "/api/graphql"}, {"GET", "/api/graphql?query={x}"}, {"POST", "/api/graphql/"}} {
		status, _, body := g.send(t, c[0], c[1], `{"query":"{currentUser{id}}"}`, header)
		if status != 404 || !strings.Contains(body, "Gitea and Forgejo have no GraphQL: use the REST API") {
			t.Errorf("%s %s: %d %s", c[0], c[1], status, body)
		}
	}
	header["Authorization"] += "x"
	if status, _, body := g.send(t, "POST", "/api/graphql", "{}", header); status != 401 || strings.Contains(body, "GraphQL") {
		t.Errorf("a wrong token: %d %s", status, body)
	}
	if n, _ := upstream.take(); n != 0 {
		t.Errorf("%d requests reached the forge", n)
	}
}

// TestGiteaNames: the name that was checked is the name that is sent, a repository outside the grant is refused as one that
// does not exist, and a second owner in a parameter is checked.
func TestGiteaNames(t *testing.T) {
	g, upstream, secret := newGiteaGateway(t)
	header := map[string]string{"Authorization": "token " + secret}
	for _, c := range []struct {
		name, method, target, body string
		status                     int
		sent                       string
	}{
		{"its name", "GET", "/api/v1/repos/acme/app/issues", "", 200, "/api/v1/repos/acme/app/issues"},
		{"another spelling", "GET", "/api/v1/repos/ACME/App/issues", "", 200, "/api/v1/repos/acme/app/issues"},
		{"an old name", "GET", "/api/v1/repos/old/app/issues", "", 200, "/api/v1/repos/acme/app/issues"},
		{"its id", "GET", "/api/v1/repositories/7", "", 200, "/api/v1/repositories/7"},
		{"a namesake", "GET", "/api/v1/repos/umbra/app/issues", "", 403, ""},
		{"one that does not exist", "GET", "/api/v1/repos/umbra/none/issues", "", 403, ""},
		{"a name that means another path", "GET", "/api/v1/repos/acme/search", "", 400, ""},
		{"an encoded slash", "GET", "/api/v1/repos/acme%2Fapp/issues", "", 400, ""},
		{"an encoded slash in the name", "GET", "/api/v1/repos/acme/app%2F..%2Fother/issues", "", 400, ""},
		{"a package", "GET", "/api/packages/Acme/generic/a/1/f", "", 200, "/api/packages/acme/generic/a/1/f"},
		{"a package of another", "GET", "/api/packages/umbra/generic/a/1/f", "", 403, ""},
		{"a branch of its own", "POST", "/api/v1/repos/acme/app/pulls", `{"head":"acme:topic","base":"main"}`, 200,
			"/api/v1/repos/acme/app/pulls"},
		{"a branch of another's fork", "POST", "/api/v1/repos/acme/app/pulls", `{"head":"umbra:topic","base":"main"}`, 403, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := map[string]string{"Content-Type": "application/json"}
			if c.body == "" {
				all = map[string]string{}
			}
			for name, value := range header {
				all[name] = value
			}
			status, _, body := g.send(t, c.method, c.target, c.body, all)
			n, last := upstream.take()
			if status != c.status || (n == 1) != (c.sent != "") || n == 1 && last.URL.EscapedPath() != c.sent {
				t.Fatalf("status %d, %d requests reached the forge, the last %+v: %s", status, n, last, body)
			}
		})
	}
}

// TestGiteaDenial: a denial has the keys of Gitea's own errors, and patgate's besides.
func TestGiteaDenial(t *testing.T) {
	g, _, secret := newGiteaGateway(t)
	status, header, body := g.send(t, "DELETE", "/api/v1/repos/acme/app", "", map[string]string{"Authorization": "token " + secret})
	var answer struct {
		Message   string   `json:"message"`
		URL       string   `json:"url"`
		Reason    string   `json:"reason"`
		Missing   []string `json:"missing_permissions"`
		Boundary  string   `json:"boundary"`
		RequestID string   `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 403 {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	if !strings.Contains(answer.Message, "delete_project") || !strings.HasSuffix(answer.URL, "/api/swagger") ||
		answer.Boundary != "project" ||
		len(answer.Missing) != 1 || answer.Missing[0] != "delete_project" || answer.RequestID == "" ||
		header.Get("Content-Type") != "application/json" ||
		!strings.Contains(header.Get("WWW-Authenticate"), `realm="Gitea"`) {
		t.Errorf("%v %s", header, body)
	}
}

// TestARequestIsNotAskedWhatAnotherHad: an exchange is used again, with what the texts of an earlier request had in it.
func TestARequestIsNotAskedWhatAnotherHad(t *testing.T) {
	g, upstream, secret := newGiteaGateway(t)
	g.handler.exchanges.New = func() any {
		x := &exchange{}
		x.judgement.Set.Commands = []params.FoundCommand{{Command: &routes.Command{Name: "merge"}}}
		x.judgement.Set.Undeclared = 3
		return x
	}
	for _, target := range []string{
		"/api/v1/repos/acme/app/issues", "/api/v1/admin/users", "/v2/token?service=container_registry", "/v2/acme/app/manifests/v1",
	} {
		t.Run(target, func(t *testing.T) {
			header := map[string]string{"Authorization": basic("anyone", secret)}
			if strings.HasPrefix(target, "/v2/acme") {
				_, _, body := g.send(t, "GET", "/v2/token?service=container_registry&scope=repository:acme/app:pull", "", header)
				var answer struct{ Token string }
				if err := json.Unmarshal([]byte(body), &answer); err != nil {
					t.Fatal(err)
				}
				header["Authorization"] = "Bearer " + answer.Token
			}
			runtime.GC()
			runtime.GC() // the pool is empty then
			status, _, body := g.send(t, "GET", target, "", header)
			if n, _ := upstream.take(); strings.Contains(target, "admin") != (status == 403) ||
				strings.Contains(target, "acme") != (n == 1) {
				t.Errorf("status %d, %d requests reached the forge: %s", status, n, body)
			}
			if e := g.sink.last(t); e.Undeclared != 0 {
				t.Errorf("recorded %d parameters that are not declared", e.Undeclared)
			}
		})
	}
}

// TestGiteaImages: the token service is patgate's own, what it gives out is good only here and only for what the patgate token
// may, and each request is decided on the owner that the image's name begins with.
func TestGiteaImages(t *testing.T) {
	g, upstream, secret := newGiteaGateway(t)
	status, header, _ := g.send(t, "GET", "/v2/", "", nil)
	if realm := header.Get("WWW-Authenticate"); status != 401 || !strings.Contains(realm, `/v2/token",service="container_registry"`) ||
		!strings.Contains(realm, g.address) {
		t.Fatalf("status %d, challenge %q", status, realm)
	}
	ask := func(scope string) (int, string) {
		t.Helper()
		status, _, body := g.send(t, "GET", "/v2/token?service=container_registry"+scope, "",
			map[string]string{"Authorization": basic("anyone", secret)})
		var answer struct {
			Token string `json:"token"`
		}
		_ = json.Unmarshal([]byte(body), &answer)
		if strings.Contains(answer.Token, secret) {
			t.Error("the token holds the secret")
		}
		return status, answer.Token
	}
	status, sealed := ask("&scope=repository:acme/app:pull,push")
	if status != 200 || sealed == "" {
		t.Fatalf("status %d, token %q", status, sealed)
	}
	if status, _ := ask("&scope=repository:umbra/app:pull"); status != 403 {
		t.Errorf("another's image: status %d", status)
	}
	if status, _ := ask("&scope=repository:acme/app:push"); status != 403 {
		t.Errorf("push alone: status %d", status)
	}
	if n, _ := upstream.take(); n != 0 {
		t.Errorf("%d requests reached the forge's token service", n)
	}
	seals := surface.Seals{By: g.handler.options.Sealer}
	hash, _ := token.Parse([]byte(secret))
	short := seals.Seal(surface.SealRegistry, hash, time.Now().Add(time.Minute), "")
	_, _, body := g.send(t, "GET", "/v2/token?service=container_registry", "", map[string]string{"Authorization": "Bearer " + short})
	var renewed struct{ Token string }
	if err := json.Unmarshal([]byte(body), &renewed); err != nil {
		t.Fatalf("%v %s", err, body)
	}
	if got, ok := seals.Open(surface.SealRegistry, []byte(renewed.Token), time.Now()); !ok || time.Until(got.Until) > time.Minute {
		t.Errorf("what was given for a minute buys something that lasts longer: %v %s", ok, got.Until)
	}
	for _, c := range []struct {
		name, method, target, bearer string
		status                       int
	}{
		{"the check", "GET", "/v2/", sealed, -200},
		{"the check without a slash", "GET", "/v2", sealed, -200},
		{"its HEAD", "HEAD", "/v2/", sealed, -200},
		{"a POST there", "POST", "/v2/", sealed, 405},
		{"the check with a token that was made up", "GET", "/v2/", "pgr.AAAA", 401},
		{"the token service, with what it gave", "GET", "/v2/token?service=container_registry", sealed, -200},
		{"a manifest", "GET", "/v2/acme/tools/app/manifests/v1", sealed, 200},
		{"another's manifest", "GET", "/v2/umbra/app/manifests/v1", sealed, 403},
		{"a push", "PUT", "/v2/acme/app/manifests/v1", sealed, 403},
		{"the catalogue", "GET", "/v2/_catalog", sealed, 403},
		{"a token that was made up", "GET", "/v2/acme/app/manifests/v1", "pgr.AAAA", 401},
		{"one that was cut", "GET", "/v2/acme/app/manifests/v1", sealed[:len(sealed)-4], 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, _, body := g.send(t, c.method, c.target, "", map[string]string{"Authorization": "Bearer " + c.bearer})
			n, last := upstream.take()
			here := c.status < 0 // patgate answers itself
			if status != max(c.status, -c.status) || (n == 1) != (status == 200 && !here) {
				t.Fatalf("status %d, %d requests reached the forge: %s", status, n, body)
			}
			if n == 1 && last.Header.Get("Authorization") != basic("owner", ownerCredential) {
				t.Errorf("sent with %q", last.Header.Get("Authorization"))
			}
		})
	}
	for _, authorization := range []string{basic("anyone", secret), basic(secret, ""), "Bearer " + secret} {
		if status, header, body := g.send(t, "GET", "/v2/", "", map[string]string{"Authorization": authorization}); status != 200 ||
			body != "{}" ||
			header.Get("Docker-Distribution-Api-Version") != "registry/2.0" {
			t.Errorf("the check with %.6s: status %d %s %v", authorization, status, body, header)
		}
	}
	if n, _ := upstream.take(); n != 0 {
		t.Error("a check reached the forge")
	}
	if status, _, _ := g.send(t, "GET", "/api/v1/repos/acme/app/issues", "", map[string]string{"Authorization": "Bearer " +
		sealed}); status == 200 {
		if n, last := upstream.take(); n != 1 || last.Header.Get("Authorization") != "Bearer "+sealed {
			t.Error("a token of the registry opens the API")
		}
	}
}

// giteaPush makes the body of a push with push options.
func giteaPush(ref string, options ...string) string {
	line := func(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }
	body := line(strings.Repeat("0", 40)+" "+strings.Repeat("1", 40)+" "+ref+"\x00report-status push-options") + "0000"
	for _, o := range options {
		body += line(o)
	}
	return body + "0000"
}

// TestGiteaPushes: a push that opens a pull request or makes a repository public needs the permission for that, too.
func TestGiteaPushes(t *testing.T) {
	g, upstream, secret := newGiteaGateway(t)
	pusher := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"push_code"}})
	opener := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7},
		Permissions: []string{"push_code", "create_merge_request", "update_merge_request"}})
	owner := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7},
		Permissions: []string{"push_code", "update_project"}})
	writer := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"create_wiki"}})
	for _, c := range []struct {
		name, token, path, body string
		passes                  bool
	}{
		{"a wiki", writer, "acme/app.wiki", giteaPush("refs/heads/main"), true},
		{"a pull request by way of the wiki", writer, "acme/app.wiki", giteaPush("refs/for/main/topic"), false},
		{"a branch", pusher, "acme/app", giteaPush("refs/heads/topic"), true},
		{"a branch by the group's token", secret, "acme/app", giteaPush("refs/heads/topic"), true},
		{"another repository", pusher, "umbra/app", giteaPush("refs/heads/topic"), false},
		{"a pull request", pusher, "acme/app", giteaPush("refs/for/main/topic"), false},
		{"a draft", pusher, "acme/app", giteaPush("refs/draft/main"), false},
		{"a review", pusher, "acme/app", giteaPush("refs/for-review/main"), false},
		{"a pull request that it may open", opener, "acme/app", giteaPush("refs/for/main/topic", "title=x"), true},
		{"a repository made public", pusher, "acme/app", giteaPush("refs/heads/topic", "repo.private=false"), false},
		{"a repository made a template", opener, "acme/app", giteaPush("refs/heads/topic", "repo.template=true"), false},
		{"a repository made public by way of the wiki", writer, "acme/app.wiki", giteaPush("refs/heads/main", "repo.private=false"), false},
		{"an option whose value Gitea's versions differ on", owner, "acme/app", giteaPush("refs/heads/topic", "repo.private"), false},
		{"an option of no value", owner, "acme/app", giteaPush("refs/heads/topic", "repo.private=perhaps"), false},
		{"an option that nobody knows", owner, "acme/app", giteaPush("refs/heads/topic", "repo.archived=true"), false},
		{"an option with a blank", owner, "acme/app", giteaPush("refs/heads/topic", " repo.private=true"), false},
		{"a title for a pull request that it may not open", pusher, "acme/app", giteaPush("refs/heads/topic", "title=x"), false},
		{"a repository that it may change", owner, "acme/app", giteaPush("refs/heads/topic", "repo.private=true"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, _, body := g.send(t, "POST", "/"+c.path+".git/git-receive-pack", c.body,
				map[string]string{"Authorization": basic("x", c.token), "Content-Type": "application/x-git-receive-pack-request"})
			if n, _ := upstream.take(); (n == 1) != c.passes {
				t.Errorf("%d requests reached the forge, status %d: %s", n, status, body)
			}
		})
	}
}

// Threat: push options that git reads and patgate does not.
// Attack: the capability that announces them in other ways.
// Control: the capability as it is, by a token that may do what the option asks for.
func TestThreatGiteaHiddenPushOptions(t *testing.T) {
	g, upstream, _ := newGiteaGateway(t)
	pusher := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"push_code"}})
	owner := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7},
		Permissions: []string{"push_code", "update_project"}})
	plain := giteaPush("refs/heads/topic", "repo.private=false")
	for words, token := range map[string]string{"push-options=1": pusher, "push-options=": pusher, "push-options\x00x": pusher,
		"push-options\t": pusher, "push-options": owner} {
		line, rest, _ := strings.Cut(plain[4:], "push-options")
		line += words
		body := fmt.Sprintf("%04x%s%s", len(line)+4, line, rest)
		status, _, answer := g.send(t, "POST", "/acme/app.git/git-receive-pack", body,
			map[string]string{"Authorization": basic("x", token), "Content-Type": "application/x-git-receive-pack-request"})
		if n, _ := upstream.take(); (n == 1) != (token == owner) || token == pusher && status != 400 {
			t.Errorf("%q: %d requests reached the forge, status %d: %s", words, n, status, answer)
		}
	}
}

// Threat: what is made lands where nobody checked, because Gitea reads no query where there is a body.
// Attack: the organization that the grant covers in the query, and a body without one: Gitea would take the account itself.
// Control: the same organization in the body.
func TestThreatGiteaTargetInTheQuery(t *testing.T) {
	g, upstream, _ := newGiteaGateway(t)
	narrow := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{3},
		Permissions: []string{"create_project", "fork_project", "transfer_project"}})
	for _, c := range []struct {
		name, target, body string
		status             int
	}{
		{"a fork", "/api/v1/repos/acme/app/forks?organization=acme", `{"name":"x"}`, 400},
		{"a fork, with an escape", "/api/v1/repos/acme/app/forks?organizatio%6e=acme", `{}`, 400},
		{"a migration", "/api/v1/repos/migrate?repo_owner=acme", `{"clone_addr":"https://example.com/x.git","repo_name":"x"}`, 400},
		{"a transfer", "/api/v1/repos/acme/app/transfer?new_owner=acme", `{}`, 400},
		{"a copy of a template", "/api/v1/repos/acme/app/generate?owner=acme", `{"name":"x"}`, 400},
		{"a fork to nowhere", "/api/v1/repos/acme/app/forks", `{"name":"x"}`, 403},
		{"control: a fork", "/api/v1/repos/acme/app/forks", `{"organization":"acme","name":"x"}`, 200},
		{"control: a migration", "/api/v1/repos/migrate",
			`{"repo_owner":"acme","clone_addr":"https://example.com/x.git","repo_name":"x"}`, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, _, body := g.send(t, "POST", c.target, c.body, map[string]string{"Authorization": "token " + narrow,
				"Content-Type": "application/json"})
			n, _ := upstream.take()
			if status != c.status || (n > 0) != (status == 200) {
				t.Errorf("%d, %d requests at the forge: %s", status, n, body)
			}
		})
	}
}

// Threat: a browser that may only look writes.
// Attack: pages of Gitea's that write under a path which ends as a fetch does.
// Control: a fetch.
func TestThreatGiteaPageThatEndsAsAFetch(t *testing.T) {
	g, upstream, _ := newGiteaGateway(t)
	g.handler.others.Web, g.handler.others.Legacy = legacy.ReadOnly, legacy.ReadOnly
	for path, want := range map[string]int{
		"/acme/app/_delete/main/git-upload-pack": 403, "/acme/app/_upload/main/x.git/git-upload-pack": 403,
		"/acme/app/git-upload-pack/": 403,
		"/acme/app/git-upload-pack":  200, "/acme/app.git/git-upload-pack": 200,
	} {
		status, _, _ := g.send(t, "POST", path, "x", map[string]string{"Cookie": "i_like_gitea=x"})
		if n, _ := upstream.take(); status != want || (n > 0) != (want == 200) {
			t.Errorf("%s: %d, %d requests at the forge", path, status, n)
		}
	}
}

// Threat: commits of another owner's fork become visible in a pull request.
// Attack: a repository that was given away, by the path that it had: its old owner in front of the branch is not the owner that
// was checked.
// Control: the same by its present path, and a branch alone.
func TestThreatGiteaFormerOwner(t *testing.T) {
	g, upstream, secret := newGiteaGateway(t)
	for _, c := range []struct {
		repository, head string
		status           int
	}{
		{"old/app", "old:topic", 400}, {"old/app", "OLD:topic", 400}, {"old/app", "umbra:topic", 403},
		{"old/app", "topic", 200}, {"acme/app", "acme:topic", 200}, {"ACME/app", "Acme:topic", 200},
	} {
		status, _, body := g.send(t, "POST", "/api/v1/repos/"+c.repository+"/pulls", `{"base":"main","head":"`+c.head+`","title":"x"}`,
			map[string]string{"Authorization": "token " + secret, "Content-Type": "application/json"})
		if n, _ := upstream.take(); status != c.status || (n > 0) != (c.status == 200) {
			t.Errorf("%s from %s: %d, %d requests at the forge: %s", c.repository, c.head, status, n, body)
		}
	}
}

// Denied implements asking.Resolver.
func (giteaResolver) Denied(*token.Session, int) {}

func (giteaResolver) Listed(*token.Session) error { return nil }

// Below implements asking.Resolver.
func (giteaResolver) Below(context.Context, *token.Session, *policy.Container, time.Duration) ([]int64, bool, error) {
	return nil, false, nil
}
