package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A copy that fails leaves no empty store, which a gateway would take for the right one.
func TestACopyThatFailsLeavesNoStore(t *testing.T) {
	r := startRunning(t)
	r.make(t, creation("mine", on(r.world.api, "read_project")))
	r.alter(t, "ALTER TABLE units RENAME TO elsewhere")
	to := filepath.Join(t.TempDir(), "copy.db")
	cmd := exec.Command("patgate", "store", "copy", "--from", filepath.Join(r.dir, "data", "db", "patgate.db"), "--to", to)
	cmd.Env, cmd.Dir = r.env, r.dir
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "units") {
		t.Fatalf("%v %s", err, out)
	}
	entries, err := os.ReadDir(filepath.Dir(to))
	if err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
