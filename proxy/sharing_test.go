package proxy

import (
	"context"
	"net/http"
	"patgate/proxy/legacy"
	"patgate/proxy/local"
	"strings"
	"testing"
)

// pagesLocal answers whatever lies below patgate's own path.
type pagesLocal struct{ passingLocal }

func (pagesLocal) Answer(context.Context, *local.Call) local.Result {
	return local.Result{Status: http.StatusOK, Body: []byte("patgate's own")}
}

// TestOwnPagesAreNotShared: however a client spells the way to patgate's own pages, no page of another origin may read them, and
// all else that is answered it may.
func TestOwnPagesAreNotShared(t *testing.T) {
	upstream := newEcho(t, nil)
	const origin, host = "https://cms.example.com", "http://patgate.test"
	g := newGateway(t, upstream.URL+"/gitlab", func(o *Options) {
		o.Local, o.Origins, o.OwnPages, o.Anonymous, o.Web = pagesLocal{}, []string{origin}, true, legacy.Allow, legacy.Allow
	})
	const console = "/-/patgate/console/"
	for _, c := range []struct {
		target string
		token  bool
		own    bool // it is answered by patgate
		shared bool
	}{
		{console, false, true, false},
		{"/gitlab" + console, false, true, false},
		{"/gitlab/-/patgate/console", false, true, false},
		{"/gitlab/-/patgate/console?x=/api", false, true, false},
		{host + console, false, true, false},
		{host + "/gitlab" + console, false, true, false},
		{"/" + console, true, true, false},
		{"/gitlab/" + console, true, true, false},
		{"/gitlab/-//patgate//console/", true, true, false},
		{host + "/gitlab//-/patgate/console/", true, true, false},
		{"/gitlab/-/patgate/api/tokens", false, true, true},
		{host + "/gitlab/-/patgate/api/tokens", false, true, true},
		{"/gitlab/api/v4/version", false, false, true},
		{"/gitlab" + jobs, true, false, true},
		{"/" + jobs, true, false, true},
	} {
		fields := []string{"Origin: " + origin}
		if c.token {
			fields = append(fields, "PRIVATE-TOKEN: "+g.token)
		}
		a := g.raw(t, get(c.target, fields...))
		if a.status != 200 || (a.body == "patgate's own") != c.own {
			t.Errorf("%s: %d %s", c.target, a.status, a.body)
		}
		if got := a.header.Get("Access-Control-Allow-Origin"); (got == origin) != c.shared || !c.shared && got != "" ||
			a.header.Get("Vary") == "" {
			t.Errorf("%s is told %q", c.target, got)
		}
		asks := strings.Replace(get(c.target, "Origin: "+origin, "Access-Control-Request-Method: GET"), "GET", "OPTIONS", 1)
		shared := c.shared && !strings.HasPrefix(c.target, host) // which browsers do not send
		if a := g.raw(t, asks); (a.status == 204) != shared {
			t.Errorf("a preflight for %s: %d %v", c.target, a.status, a.header)
		}
	}
}

// TestALooselySpelledPathHasOneSurface: what a token is good for is decided on the path that the request is sent on.
func TestALooselySpelledPathHasOneSurface(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, func(o *Options) { o.Registry.URL = upstream.URL })
	for _, path := range []string{"/v2/", "/v2/a/b/manifests/1", "/v2/_catalog",
		"/v2/g/dependency_proxy/containers/alpine/manifests/latest"} {
		for _, credential := range []string{g.token, "pgr.AAAA", "pgc.AAAA"} {
			for _, slashes := range []string{"", "/", "//"} {
				g.raw(t, get(slashes+path, "Authorization: Bearer "+credential)).wants(t, 401, "no_credential")
			}
		}
	}
	if n := len(upstream.requests()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
	const came = "//v2//a"
	if g.raw(t, get(came, "PRIVATE-TOKEN: glpat-legacy")); upstream.last(t).target != came {
		t.Errorf("%q was sent for a token of the forge's own", upstream.last(t).target)
	}
}

// TestADoubledSlashInARegistryIsNotOne: below /v2/ a doubled slash is no other spelling of one, and in front of it, it is.
func TestADoubledSlashInARegistryIsNotOne(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"token":"uuu.vvv.www"}`)) })
	gitlab := registryWorld(t, upstream.URL, nil)
	proxied := "Authorization: Bearer " + gitlab.signIn(t, gitlab.mint(t, nil, inAcme("read_dependency_proxy")), "service=dependency_proxy")
	gitea, images, secret := newGiteaGateway(t)
	for _, c := range []struct {
		g                  *gateway
		credential, target string
		passes             bool
	}{
		{gitlab, proxied, "/v2/acme/dependency_proxy/containers/alpine/manifests/3", true},
		{gitlab, proxied, "//v2/acme/dependency_proxy/containers/alpine/manifests/3", true},
		{gitlab, proxied, "/v2//acme/dependency_proxy/containers/alpine/manifests/3", false},
		{gitlab, proxied, "/v2/acme/dependency_proxy/containers//alpine/manifests/3", false},
		{gitea, "Authorization: " + basic("x", secret), "/v2/acme/app/manifests/v1", true},
		{gitea, "Authorization: " + basic("x", secret), "//v2/acme/app/manifests/v1", true},
		{gitea, "Authorization: " + basic("x", secret), "/v2//acme/app/manifests/v1", false},
		{gitea, "Authorization: " + basic("x", secret), "/v2/acme/app//manifests/v1", false},
	} {
		images.take()
		before := len(upstream.requests())
		a := c.g.raw(t, get(c.target, c.credential))
		sent, _ := images.take()
		if sent += len(upstream.requests()) - before; (a.status == 200) != c.passes || (sent > 0) != c.passes {
			t.Errorf("%s: %d, and %d requests were sent: %s", c.target, a.status, sent, a.body)
		}
	}
}
