package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// helmRepo publishes two versions of a chart as GitLab's pages say, with curl, and has helm find, fetch and render them.
func helmRepo(t *testing.T, s *packageStage) {
	needs(t, "helm", getHelm)
	needs(t, "curl", "apt-get install curl")
	dir := filepath.Join(s.home, "helm")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	here := func(args ...string) { // nothing of it goes to the network
		t.Helper()
		if out, err := s.client(dir, nil, "helm", args...); err != nil {
			t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	here("create", "shop")
	address := s.api("packages/helm/api/stable/charts", "", "")
	for _, version := range []string{"1.0.0", "1.1.0"} {
		here("package", "shop", "--version", version)
		upload := func(token string) []string {
			return []string{"--fail-with-body", "-sS", "-u", "ci:" + token, "-F", "chart=@shop-" + version + ".tgz", address}
		}
		s.refused(t, []string{"create_package"}, dir, nil, "curl", upload(s.reader)...)
		s.works(t, "Basic", dir, nil, "curl", upload(s.writer)...)
	}
	repo := func(token string) []string {
		return []string{"repo", "add", "--force-update", "--username", "ci", "--password", token, "gitlab",
			s.api("packages/helm/stable", "", "")}
	}
	s.refused(t, []string{"403 Forbidden: missing read_package"}, dir, nil, "helm", repo(s.stranger)...)
	s.works(t, "Basic", dir, nil, "helm", repo(s.reader)...)
	s.works(t, "Basic", dir, nil, "helm", "repo", "update")
	if out, err := s.client(dir, nil, "helm", "search", "repo", "gitlab/", "--versions"); err != nil || !strings.Contains(out, "1.1.0") ||
		!strings.Contains(out, "1.0.0") {
		t.Errorf("%v: %s", err, out)
	}
	s.works(t, "Basic", dir, nil, "helm", "pull", "gitlab/shop", "--version", "1.0.0", "--untar", "--untardir", "got")
	holds(t, filepath.Join(dir, "got", "shop", "Chart.yaml"), "version: 1.0.0")
	if out := s.works(t, "Basic", dir, nil, "helm", "template", "app", "gitlab/shop"); !strings.Contains(out, "helm.sh/chart: shop-1.1.0") {
		t.Error(out)
	}
	here("create", "all")
	chart := s.file(t, "helm/all/Chart.yaml", []byte("apiVersion: v2\nname: all\nversion: 1.0.0\ndependencies:\n"+
		"- {name: shop, version: ~1.0, repository: \"@gitlab\"}\n"))
	s.works(t, "Basic", dir, nil, "helm", "dependency", "update", filepath.Dir(chart))
	if _, err := os.Stat(filepath.Join(filepath.Dir(chart), "charts", "shop-1.0.0.tgz")); err != nil {
		t.Error(err)
	}
	s.works(t, "Basic", s.home, nil, "helm", "show", "chart", "shop", "--username", "ci", "--password", s.reader, "--repo",
		s.api("packages/helm/stable", "", "")) // without a repository that was added
	s.refused(t, []string{"403 Forbidden: missing read_package"}, s.home, nil, "helm", "show", "chart", "shop", "--username", "ci",
		"--password", s.stranger, "--repo", s.api("packages/helm/stable", "", ""))
}
