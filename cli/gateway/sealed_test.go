package gateway

import "testing"

// What is sealed for clients while some servers are behind patgate opens for no others.
func TestSealedForTheServersBehindPatgate(t *testing.T) {
	seen := map[string]map[string]string{}
	for _, values := range []map[string]string{{}, {"upstream.url": "https://other.invalid"}, {"registry.url": "https://registry.invalid"},
		{"forge": "gitea"}} {
		c, problems := loaded(t, values)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if before, known := seen[sealedFor(c)]; known {
			t.Errorf("with %v what was sealed with %v opens", values, before)
		}
		seen[sealedFor(c)] = values
	}
}
