package gateway

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheAuditFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "audit.log")
	if _, err := openAudit(path); err == nil || !strings.Contains(err.Error(), "log.audit") {
		t.Fatalf("without its directory: %v", err)
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("of a run before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openAudit(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write := func(line string) error {
		_, err := f.Write([]byte(line))
		return err
	}
	holds := func(path, want string) {
		t.Helper()
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Errorf("%s holds %q, want %q", filepath.Base(path), got, want)
		}
	}
	if err := write("one\n"); err != nil {
		t.Fatal(err)
	}
	holds(path, "of a run before\none\n")

	// logrotate renames it; the next line makes a new one.
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := write("two\n"); err != nil {
		t.Fatal(err)
	}
	holds(path+".1", "of a run before\none\n")
	holds(path, "two\n")
	if is, err := os.Stat(path); err != nil || is.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", is.Mode(), err)
	}

	// It is removed, and there is nowhere to make a new one: nothing is written, and nothing is said to be.
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := write("three\n"); err == nil {
			t.Error("a line went nowhere")
		}
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := write("three\n"); err != nil {
		t.Error(err)
	}
	holds(path, "three\n")
}
