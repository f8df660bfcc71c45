package proxy

import (
	"net/http"
	"strings"
	"testing"

	"patgate/policy"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/load"
)

// Threat: the token that a Terraform module's address carries, and that acts as the owner's, comes out.
// Attack: the forge names it in the Location of a download, or names the owner's credential where a module is found.
// Control: the address comes sealed, and the download brings the forge's own token to the forge.
func TestThreatModuleTokenComesOut(t *testing.T) {
	const (
		ticket = "aaaa.bbbb.cccc"
		module = "/api/v4/packages/terraform/modules/v1/acme/net/aws/1.0.0"
	)
	location, address := "", "?token="+ticket+"&archive=tgz"
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/download") {
			w.Header().Set("X-Terraform-Get", module+"/file"+address)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if location != "" {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		}
	})
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, upstream.URL, func(o *Options) { o.Table, o.Resolver = func() *routes.Table { return table }, giteaResolver{} })
	g.table = table
	reads := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{3}, Permissions: []string{"read_package"}})
	found := func() string {
		return g.raw(t, get(module+"/download", "Authorization: Bearer "+reads)).header.Get("X-Terraform-Get")
	}
	sealed := found()
	if !strings.Contains(sealed, "token="+string(surface.SealTicket)) || strings.Contains(sealed, ticket) {
		t.Fatalf("the module is at %q", sealed)
	}
	_, target, _ := strings.Cut(strings.TrimPrefix(sealed, "http://"), "/")
	g.raw(t, get("/"+target)).wants(t, 200)
	if got := upstream.last(t).target; !strings.Contains(got, "token="+ticket) {
		t.Errorf("the forge got %s", got)
	}
	for _, location = range []string{module + "/file?token=" + ticket, "/?x=" + strings.ReplaceAll(ticket, ".", "%2E"), "https://storage.example/?token=" + ticket} {
		if a := g.raw(t, get("/"+target)); a.status != 502 || strings.Contains(a.header.Get("Location")+a.body, "bbbb") {
			t.Errorf("to %s: %d %q %s", location, a.status, a.header.Get("Location"), a.body)
		}
	}
	for _, address = range []string{"?archive=tgz&x=" + ownerCredential, "?token=" + ownerCredential + "&private_token=x", "?token=" + ticket + "&x=" + reads} {
		if got := found(); got != "" {
			t.Errorf("with %s the module is at %s", address, got)
		}
	}
}
