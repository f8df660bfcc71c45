package registry

import (
	"testing"

	"patgate/routes"
)

// TestNamedRows gives the rows of a forge that serves the registry itself.
func TestNamedRows(t *testing.T) {
	i, err := ServiceOf(routes.ForgeGitea).ParseImage("PUT", []byte("/v2/acme/tools/app/manifests/v1"))
	if err != nil || i.Row != "PUT /v2/{namespace}/manifests/{reference}" || i.Name != "acme/tools/app" || i.Actions() != "pull,push" {
		t.Errorf("%+v, %v", i, err)
	}
	if name, ok := ServiceOf(routes.ForgeGitea).RowName("push"); !ok || name != "GET /v2/token?scope=repository:{namespace}:push" {
		t.Errorf("%q %v", name, ok)
	}
	if name, ok := ServiceOf(routes.ForgeGitea).RowName("catalog"); ok {
		t.Errorf("%q is a row", name)
	}
}
