package gitea

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"patgate/token"
)

// The requests are those of Gitea 1.26; what they mean there is held by the end-to-end tests in front of a real one.
func TestSearch(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Authorization")+" "+r.URL.String())
		switch r.URL.Path {
		case "/api/v1/user/orgs":
			fmt.Fprint(w, `[{"id":3,"name":"shop","full_name":"The Shop","username":"shop"},{"id":4,"name":"other","full_name":"x"}]`)
		case "/api/v1/repos/search":
			fmt.Fprint(w, `{"ok":true,"data":[{"id":7,"name":"api","full_name":"shop/api","private":true}]}`)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	r, err := New(Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	found, err := r.Search(t.Context(), token.NewSecret("secret"), 2, "SHOP&uid=1", 8)
	if err != nil || len(found) != 1 || found[0].Path != "shop/api" || found[0].ID != 7 {
		t.Errorf("%v %v", found, err)
	}
	if found, err = r.Search(t.Context(), token.NewSecret("secret"), 2, "SHOP", 8); err != nil || len(found) != 2 || found[0].Path != "shop" || found[0].ID != 3 {
		t.Errorf("%v %v", found, err)
	}
	if len(asked) != 4 || asked[1] != "token secret /api/v1/repos/search?limit=8&private=true&q=SHOP%26uid%3D1&uid=2" {
		t.Errorf("asked %q", asked)
	}
	server.Close()
	if _, err := r.Search(t.Context(), token.NewSecret("secret"), 2, "x", 8); err == nil {
		t.Error("no error from a forge that is gone")
	}
}
