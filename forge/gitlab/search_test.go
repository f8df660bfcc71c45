package gitlab

import (
	"slices"
	"strings"
	"testing"

	"patgate/forge/forgetest"
	"patgate/routes"
	"patgate/token"
)

func TestSearchAndOwnTokens(t *testing.T) {
	f := forgetest.New(forgetest.Options{})
	w := newResolver(t, f, &clock{}, nil)
	alice, bob := f.AddUser("alice"), f.AddUser("bob")
	pat := token.NewSecret(f.AddToken(alice, forgetest.Token{Name: "laptop", Scopes: []string{"read_api"}}))
	f.AddToken(alice, forgetest.Token{Name: "fine", Granular: true})
	f.RevokeToken(f.AddToken(alice, forgetest.Token{Name: "gone"}))
	f.AddToken(bob, forgetest.Token{Name: "bob's"})
	shop := f.AddGroup("shop", forgetest.Private)
	f.AddProject("shop/api", forgetest.Private)
	f.AddGroupMember(shop, alice, forgetest.Maintainer)
	f.AddGroup("shop-of-others", forgetest.Public)
	f.AddProject("shop-of-others/x", forgetest.Public)

	found, err := w.Search(t.Context(), pat, alice, "shop", 8)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, one := range found {
		paths = append(paths, one.Kind.String()+" "+one.Path)
	}
	if want := []string{"group shop", "project shop/api"}; !slices.Equal(paths, want) {
		t.Errorf("found %v, want %v", paths, want)
	}
	if found, err := w.Search(t.Context(), pat, alice, "api&membership=false&search=x", 8); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
	if found[0].Kind != routes.RefGroup || found[0].ID != shop {
		t.Errorf("the group is %+v", found[0])
	}
	own, err := w.OwnTokens(t.Context(), pat, alice)
	if err != nil {
		t.Fatal(err)
	}
	if len(own) != 2 || own[0].Name != "fine" || !own[0].Granular || own[1].Name != "laptop" || own[1].CreatedAt.IsZero() || !own[1].ExpiresAt.IsZero() || own[1].Scopes[0] != "read_api" {
		t.Errorf("own tokens are %+v", own)
	}
	if _, err := w.OwnTokens(t.Context(), token.NewSecret("glpat-wrong"), alice); err == nil || strings.Contains(err.Error(), "glpat-wrong") {
		t.Errorf("the error is %v", err)
	}
}
