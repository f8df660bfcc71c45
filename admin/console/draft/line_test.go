package draft

import (
	"testing"

	"patgate/routes"
)

// An address of the forge's stands for the path in it, and one of anything else for nothing.
func TestAddressesArePaths(t *testing.T) {
	bases := []string{"http://gitlab.internal:8080", "https://gitlab.example.com/git/-/user_settings/personal_access_tokens?name=patgate", ""}
	for _, c := range []struct {
		line, want string
		kind       routes.RefKind
		named      bool
	}{
		{"https://gitlab.example.com/git/shop/backend/api", "shop/backend/api", routes.RefProject, false},
		{"https://gitlab.example.com/git/shop/backend/api/-/merge_requests/1?tab=x#note_1", "shop/backend/api", routes.RefProject, false},
		{"https://GitLab.example.com/git/shop/backend/api.git", "shop/backend/api", routes.RefProject, false},
		{"http://gitlab.internal:8080/shop/api/", "shop/api", routes.RefProject, false},
		{"git@gitlab.example.com:shop/api.git", "shop/api", routes.RefProject, false},
		{"ssh://git@gitlab.example.com:2222/shop/api.git", "shop/api", routes.RefProject, false},
		{"http://gitlab.internal/groups/shop/backend/-/issues", "shop/backend", routes.RefGroup, false},
		{"http://gitlab.internal/shop/api/src/branch/main", "shop/api", routes.RefProject, true},
		{"http://gitlab.internal/shop/api", "shop", routes.RefGroup, true},

		{"https://github.com/shop/api", "https://github.com/shop/api", routes.RefProject, false},
		{"git@github.com:shop/api.git", "git@github.com:shop/api.git", routes.RefProject, false},
		{"https://gitlab.example.com.evil.example/git/shop/api", "https://gitlab.example.com.evil.example/git/shop/api",
			routes.RefProject, false},
		{"javascript://gitlab.internal/shop/api", "javascript://gitlab.internal/shop/api", routes.RefProject, false},
		{"http://gitlab.internal/", "http://gitlab.internal/", routes.RefProject, false},
		{"shop/api", "shop/api", routes.RefProject, false},
		{"501 shop/api", "501 shop/api", routes.RefProject, false},
	} {
		if got := Unlinked(c.line, c.kind, c.named, bases...); got != c.want {
			t.Errorf("%s is %s, want %s", c.line, got, c.want)
		}
	}
}
