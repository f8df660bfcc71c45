package terms

import "testing"

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
