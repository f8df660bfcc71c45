package cli_test

import (
	"bytes"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// halfCopies gives what a directory holds of copies that are being made.
func halfCopies(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, ".patgate-*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestCopiesOfKilledBackupsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	store, backups := filepath.Join(dir, "data", "db"), filepath.Join(dir, "backups")
	if err := os.Mkdir(backups, 0o700); err != nil {
		t.Fatal(err)
	}
	patgate := func(args ...string) *exec.Cmd {
		cmd := exec.Command("patgate", append([]string{"store"}, args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "PATGATE_DATA_DIR=" + filepath.Join(dir, "data")}
		return cmd
	}
	run := func(args ...string) {
		t.Helper()
		if out, err := patgate(args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	run("migrate")
	db, err := sql.Open("sqlite", "file:"+filepath.Join(store, "patgate.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE filler AS SELECT randomblob(100000000) AS bytes"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	// copying begins a command and waits until it copies.
	copying := func(in string, args ...string) *exec.Cmd {
		t.Helper()
		before := halfCopies(t, in)
		cmd := patgate(args...)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			for _, name := range halfCopies(t, in) {
				if info, err := os.Stat(name); err == nil && info.Size() > 1_000_000 && !slices.Contains(before, name) {
					return cmd
				}
			}
			if time.Now().After(end) {
				_ = cmd.Process.Kill()
				t.Fatalf("%v: it does not copy: %v\n%s", args, cmd.Wait(), said.String())
			}
		}
	}
	kill := func(in string, args ...string) {
		t.Helper()
		cmd := copying(in, args...)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if len(halfCopies(t, in)) == 0 {
			t.Fatal("the kill left nothing: it came too late")
		}
	}

	// What is not patgate's, or is being written, stays.
	users := map[string]string{".patgate-copy-notes.db": "mine", ".patgate-copy-12.db": "notes of mine", ".patgate-copy-12.db.held": "",
		".patgate-copy-13.db": "no one held it"}
	for name, text := range users {
		if err := os.WriteFile(filepath.Join(backups, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kill(backups, "backup", filepath.Join(backups, "killed.db"))
	under := copying(backups, "backup", filepath.Join(backups, "one.db"))
	run("backup", filepath.Join(backups, "two.db"))
	if err := under.Wait(); err != nil {
		t.Errorf("a backup that was being written was not: %v", err)
	}
	for _, name := range halfCopies(t, backups) {
		text, err := os.ReadFile(name)
		if want, is := users[filepath.Base(name)]; err != nil || !is || string(text) != want {
			t.Errorf("%s is left: %v", name, err)
		}
		delete(users, filepath.Base(name))
	}
	if len(users) > 0 {
		t.Errorf("files of the user's are gone: %v", users)
	}

	// A start removes what a killed restore left.
	kill(store, "restore", "--replace", filepath.Join(backups, "one.db"))
	run("check")
	if names := halfCopies(t, store); len(names) > 0 {
		t.Errorf("%v are left", names)
	}
}
