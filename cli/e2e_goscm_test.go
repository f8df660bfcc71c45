package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoSCM runs go-scm as it is published: lists, a repository, a file, and what its user sees of a denial. The Go module proxy may
// not have it, so that PATGATE_E2E_GOSCM names a checkout of github.com/drone/go-scm. What it needs itself are packages of its tests.
func TestGoSCM(t *testing.T) {
	checkout := os.Getenv("PATGATE_E2E_GOSCM")
	if checkout == "" {
		t.Skip("it needs go-scm: PATGATE_E2E_GOSCM=/path/to/a/checkout")
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "scm"), os.DirFS(filepath.Join(checkout, "scm"))); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "client"), os.DirFS(filepath.Join("testdata", "clients", "go-scm"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module github.com/drone/go-scm\n\ngo 1.24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "client.out")
	build := exec.Command("go", "build", "-o", program, "./client")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	r := startRunning(t)
	content(t, r.world)
	token := r.mint(t, "--name", "go-scm", "--project", "shop/backend/api", "--project", "shop/my.web-site", "--allow",
		"read_project,read_repository")
	client := exec.Command(program)
	client.Env = append(os.Environ(), "GATE="+r.gate, "CI="+token, "NO_PROXY=*")
	out, err := client.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\nthe server's log:\n%s", err, out, r.lastLines(5))
	}
	for _, want := range []string{"denied: Access denied: missing create_work_item (project permission).", "out of reach: Access denied"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("its user does not see %q:\n%s", want, out)
		}
	}
}
