package proxy

import (
	"testing"

	"patgate/proxy/legacy"
	"patgate/routes"
)

// TestDiscovery: patgate tells of Terraform's services itself where the forge has some, the same to everybody who shows no
// credential of the forge's own. All else with that path is a request like any other.
func TestDiscovery(t *testing.T) {
	const path, services = "/.well-known/terraform.json", `{"modules.v1":"/api/v4/packages/terraform/modules/v1/"}`
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, func(o *Options) { o.Anonymous, o.Web = legacy.Deny, legacy.Deny })
	ours, theirs := "Authorization: Bearer "+g.token, "PRIVATE-TOKEN: glpat-x"
	for _, c := range []struct {
		name, request string
		status        int
		answered      bool
	}{
		{"nobody", get(path), 200, true},
		{"nobody, with a query", get(path + "?x=y"), 200, true},
		{"a token", get(path, ours), 200, true},
		{"a token, doubled slash", get("/"+path, ours), 200, true},
		{"a token that there is not", get(path, "Authorization: Bearer "+g.token[:len(g.token)-1]+"x"), 401, false},
		{"nobody, doubled slash", get("/" + path), 403, false},
		{"nobody, further down", get(path + "/x"), 403, false},
		{"nobody, another method", request("POST", path, ""), 403, false},
		{"a session", get(path, "Cookie: _gitlab_session=x"), 403, false},
		{"a token, another method", request("POST", path, "", ours), 403, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := g.raw(t, c.request)
			if a.wants(t, c.status); (a.body == services) != c.answered {
				t.Errorf("the answer is %s", a.body)
			}
		})
	}
	if n := len(upstream.requests()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
	allowing := newGateway(t, upstream.URL, func(o *Options) { o.Legacy = legacy.Allow })
	if allowing.raw(t, get(path, theirs)); len(upstream.requests()) != 1 {
		t.Error("a credential of the forge's own was not sent to it")
	}
	gitea := newGateway(t, upstream.URL, func(o *Options) { o.Forge, o.Web = routes.ForgeGitea, legacy.Deny })
	gitea.raw(t, get(path)).wants(t, 403)
}
