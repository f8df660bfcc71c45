package nearest_test

import (
	"slices"
	"testing"

	"patgate/routes/nearest"
)

func TestNearest(t *testing.T) {
	names := []string{"read_job", "run_job", "read_jobs_log", "create_merge_request", "read_merge_request", "delete_pipeline"}
	for _, c := range []struct {
		name string
		n    int
		want []string
	}{
		{"raed_job", 3, []string{"read_job"}},
		{"job_read", 1, []string{"read_job"}},
		{"read_mergerequest", 2, []string{"read_merge_request", "create_merge_request"}},
		{"read_mergerequest", 1, []string{"read_merge_request"}},
		{"completely_different", 3, nil},
		{"", 3, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := nearest.Names(c.name, names, c.n); !slices.Equal(got, c.want) {
				t.Errorf("nearest %q: %v, want %v", c.name, got, c.want)
			}
		})
	}
}
