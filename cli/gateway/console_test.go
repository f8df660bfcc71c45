package gateway

import "testing"

// TestWhereTheCredentialIsMade: people are led to the forge's page on which they make their token, filled in where the forge takes
// that, and nowhere when its address for browsers is not known.
func TestWhereTheCredentialIsMade(t *testing.T) {
	for _, c := range []struct {
		values map[string]string
		want   string
	}{
		{map[string]string{"upstream.url": "https://gitlab.example.com/git"},
			"https://gitlab.example.com/git/-/user_settings/personal_access_tokens?name=patgate&scopes=api"},
		{map[string]string{"upstream.url": "https://git.example.com", "forge": "gitea"},
			"https://git.example.com/user/settings/applications"},
		{map[string]string{"upstream.url": "http://gitlab.internal", "upstream.allow_plain_http": "true"}, ""},
	} {
		config, problems := loaded(t, c.values)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if got := makeIt(config); got != c.want {
			t.Errorf("%v: %q, want %q", c.values, got, c.want)
		}
	}
}
