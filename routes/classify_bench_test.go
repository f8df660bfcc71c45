package routes_test

import (
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// BenchmarkClassify reads realistic targets against the whole GitLab table.
func BenchmarkClassify(b *testing.B) {
	table, err := load.GitLab()
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, method, target string }{
		{"numeric", "GET", "/api/v4/projects/4711/jobs/815/trace"},
		{"path", "GET", "/api/v4/projects/group%2Fsubgroup%2Fproject/merge_requests/12/notes?per_page=100"},
		{"dotted", "GET", "/api/v4/projects/group%2Fmy%2Eproject/repository/tags/v1%2E2"},
		{"splat", "PUT", "/api/v4/projects/4711/packages/generic/tool/1.2.3/linux/amd64/tool.tar.gz"},
		{"unknown", "GET", "/api/v4/projects/4711/nothing/of/that/kind"},
	} {
		b.Run(c.name, func(b *testing.B) {
			var op routes.Operation
			dst := make([]byte, 0, 512)
			raw := []byte(c.target)
			b.ReportAllocs()
			for b.Loop() {
				if table.Classify(&op, c.method, raw) == nil {
					dst = op.AppendPath(dst[:0])
				}
			}
		})
	}
}
