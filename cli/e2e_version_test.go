package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every build says which commit it is made of: by make, by the Go tool, of the Dockerfile, and of an archive without git.
func TestVersionOfEveryBuild(t *testing.T) {
	needs(t, "git", "apt-get install git")
	needs(t, "make", "apt-get install make")
	head, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		t.Skip("these sources are no checkout of git's")
	}
	commit := strings.TrimSpace(string(head))
	clone, archive := filepath.Join(t.TempDir(), "clone"), t.TempDir()
	run := func(dir string, line string) string {
		t.Helper()
		cmd := exec.Command("sh", "-ec", line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false", "VERSION=", "COMMIT=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		return string(out)
	}
	run("..", "git clone -q . "+clone)
	run(clone, "git archive -o "+archive+"/it.tar HEAD && tar -xf "+archive+"/it.tar -C "+archive)
	image := strings.ReplaceAll(readDockerfile(t).build, "/out/", "./")
	for _, c := range []struct{ name, dir, build, want string }{
		{"make", clone, "unset VERSION COMMIT; make build", commit},
		{"the Dockerfile", clone, image, commit},
		{"the Go tool", clone, "go build -buildvcs=true -o patgate .", commit},
		{"an archive", archive, "go build -o patgate .", commit},
		{"files that were changed", clone, "unset VERSION COMMIT; echo >> README.md; make build", commit + "+changes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(c.dir, c.build)
			form := regexp.MustCompile(`^patgate v?\d+\.\d+\.\d+\S* \(commit ` + regexp.QuoteMeta(c.want) + `, go\S+, \w+/\w+\)\n$`)
			if got := run(c.dir, "./patgate version"); !form.MatchString(got) {
				t.Errorf("it says %q, and the commit is %s", got, c.want)
			}
		})
	}
}
