package terms

import (
	"strings"
	"testing"

	"patgate/routes/load"
)

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		pattern, name string
		want          bool
	}{
		{"read_*", "read_job", true}, {"read_*", "read_", true}, {"read_*", "reread_job", false}, {"*_job", "run_job", true},
		{"*_job", "run_jobs", false}, {"*", "anything", true}, {"r*_j*b", "read_job", true}, {"read_job", "read_job", true},
		{"a*a", "a", false},
	} {
		if got := Matches(tc.pattern, tc.name); got != tc.want {
			t.Errorf("Matches(%q, %q) = %v", tc.pattern, tc.name, got)
		}
	}
}

// What scopes name is bounded in all, wildcards spelled out: stores note each permission of each scope.
func TestScopesNameNotTooManyPermissionsInAll(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	of := func(n int) (all []Scope) {
		for i := range n {
			all = append(all, Scope{Access: "selected_memberships", ProjectIDs: []int64{int64(i + 1)}, Permissions: []string{"read_*"}})
		}
		return all
	}
	specs, err := Specs(of(1), table)
	if err != nil {
		t.Fatal(err)
	}
	fits := 20_000 / len(specs[0].Permissions)
	if fits >= 1000 {
		t.Fatalf("a wildcard stands for %d permissions: the test proves nothing", len(specs[0].Permissions))
	}
	if _, err := Specs(of(fits), table); err != nil {
		t.Error(err)
	}
	if _, err := Specs(of(fits+1), table); err == nil || !strings.Contains(err.Error(), "permissions in all, at most 20000 are allowed") {
		t.Errorf("%d scopes: %v", fits+1, err)
	}
}

// A name stands in lists beside other text: none makes that read otherwise. Every script can be written, and signs of several parts.
func TestTextTurnsNothingBesideIt(t *testing.T) {
	for text, fine := range map[string]bool{"nightly": true, "\u05e9\u05dc\u05d5\u05dd": true, "\U0001f469\u200d\U0001f680": true,
		"a\u202eb": false, "a\u2066b": false, "a\u200fb": false, "a\u2028b": false, "a\u0085b": false, "a\nb": false} {
		problems := &Invalid{}
		if problems.Text("name", text, MaxName, true); (problems.Err() == nil) != fine {
			t.Errorf("%q: %v", text, problems.Err())
		}
	}
}
