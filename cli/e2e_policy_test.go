package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestAnApplyIsKilled: whenever an apply is killed (SIGKILL), the next one ends right: each token is there once, and its secret in its
// file works.
func TestAnApplyIsKilled(t *testing.T) {
	const tokens = 12
	r := startRunning(t)
	policies, secrets := filepath.Join(r.dir, "policies"), filepath.Join(t.TempDir(), "secrets") // apart from what may hold none
	for _, dir := range []string{policies, secrets} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	name := func(n int) string { return fmt.Sprintf("job-%02d", n) }
	for n := range tokens {
		text := "kind: Token\nname: " + name(n) +
			"\nexpires: 30d\nscopes:\n  - projects: [shop/backend/api]\n    permissions: [read_project]\n"
		if err := os.WriteFile(filepath.Join(policies, name(n)+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	apply := func() *exec.Cmd {
		cmd := exec.Command("patgate", "apply", "-f", policies, "--secrets-dir", secrets)
		cmd.Env, cmd.Dir = append(r.env, "PATGATE_OWNER_CREDENTIAL="+r.world.alicePAT), r.dir
		return cmd
	}
	written := func() int {
		files, err := os.ReadDir(secrets)
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	kills := 0
	for last := -1; kills < 20 && written() < tokens; {
		cmd := apply()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		// It is killed when it has got one file further, or at some other moment: between two steps, and within one.
		for deadline := time.Now().Add(10 * time.Second); written() <= last && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(kills%7) * 3 * time.Millisecond)
		last = written()
		_ = cmd.Process.Kill()
		if err := <-ended; err != nil {
			kills++
		}
	}
	if kills < 3 {
		t.Fatalf("only %d were killed in their middle", kills)
	}
	if out, err := apply().CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := apply().CombinedOutput(); err != nil || !strings.Contains(string(out), "nothing to change") {
		t.Fatalf("after that: %v\n%s", err, out)
	}
	list := exec.Command("patgate", "token", "list", "--json")
	list.Env, list.Dir = r.env, r.dir
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ Name, State string }
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	active := map[string]int{}
	for _, l := range all {
		if l.State == "active" {
			active[l.Name]++
		}
	}
	for n := range tokens {
		if active[name(n)] != 1 {
			t.Errorf("%s is there %d times", name(n), active[name(n)])
		}
		secret, err := os.ReadFile(filepath.Join(secrets, name(n)))
		if err != nil {
			t.Fatal(err)
		}
		r.secret("a secret that apply wrote", strings.TrimSpace(string(secret)))
		r.want(t, 200, strings.TrimSpace(string(secret)), http.MethodGet, fmt.Sprintf("/api/v4/projects/%d", r.world.api), nil)
	}
	t.Logf("%d were killed", kills)

	// A running patgate tells the file too, and what was changed by hand since.
	remote := func(args ...string) string {
		cmd := exec.Command("patgate", append([]string{"token"}, args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "PATGATE_SERVER=" + r.gate,
			"PATGATE_OWNER_CREDENTIAL=" + r.world.alicePAT}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("patgate token %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	told := remote("list")
	if !strings.Contains(told, "FILE (job-00.yaml): ") || strings.Contains(told, "CHANGED BY HAND") {
		t.Errorf("with --server:\n%s", told)
	}
	id := regexp.MustCompile(`(?m)^(\d+)\tjob-00\t`).FindStringSubmatch(told)
	if id == nil {
		t.Fatalf("no job-00 in\n%s", told)
	}
	remote("edit", id[1], "--description", "by hand")
	if told := remote("list"); !strings.Contains(told, "CHANGED BY HAND (job-00.yaml): ") {
		t.Errorf("after an edit, with --server:\n%s", told)
	}
	if told := remote("show", id[1]); !strings.Contains(told, "from job-00.yaml: description was none, is by hand") {
		t.Errorf("after an edit, with --server:\n%s", told)
	}
}
