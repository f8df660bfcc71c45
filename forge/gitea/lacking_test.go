package gitea

import (
	"testing"

	"patgate/forge"
)

func TestLacking(t *testing.T) {
	for name, tc := range map[string]struct {
		scopes []string
		want   string
	}{
		"none":              {nil, "read:user and read:organization and read:repository"},
		"all":               {[]string{"all"}, ""},
		"reading":           {[]string{"read:user", "read:organization", "read:repository"}, ""},
		"writing reads too": {[]string{"write:user", "read:organization", "write:repository"}, ""},
		"one is missing":    {[]string{"read:user", "read:repository", "public-only"}, "read:organization"},
		"another forge's":   {[]string{"api"}, "read:user and read:organization and read:repository"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := lacking(&forge.Identity{Scopes: tc.scopes}); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
