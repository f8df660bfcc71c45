package registry

import "testing"

// TestNamedRows gives the rows of a forge that serves the registry itself.
func TestNamedRows(t *testing.T) {
	i, err := ParseImage("PUT", []byte("/v2/acme/tools/app/manifests/v1"), true)
	if err != nil || i.Row != "PUT /v2/{namespace}/manifests/{reference}" || i.Name != "acme/tools/app" || i.Actions() != "pull,push" {
		t.Errorf("%+v, %v", i, err)
	}
	if name, ok := RowName("push", true); !ok || name != "GET /v2/token?scope=repository:{namespace}:push" {
		t.Errorf("%q %v", name, ok)
	}
	if name, ok := RowName("catalog", true); ok {
		t.Errorf("%q is a row", name)
	}
}
