package logs

import (
	"io"
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
	defer f.close()
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

// Threat: what was done to a token is in no log, because the disk was full at that moment, or stands in the middle of another line.
func TestWhatIsDoneIsNotLostBetweenDecisions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	f, err := openAudit(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	deeds := deedWriter{f}
	write := func(w io.Writer, text string) {
		t.Helper()
		if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("%q: %d %v", text, n, err)
		}
	}
	holds := func(want string) {
		t.Helper()
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Errorf("it holds %q, want %q", got, want)
		}
	}
	write(f, "decision one\ndecision tw")
	write(deeds, "revoked 1\n")
	holds("decision one\ndecision tw")
	if err := os.Rename(path, path+".1"); err != nil { // the line is made whole where it began
		t.Fatal(err)
	}
	write(f, "o\n")
	write(deeds, "revoked 2\n")
	if got, _ := os.ReadFile(path + ".1"); string(got) != "decision one\ndecision two\n" {
		t.Errorf("the old file holds %q", got)
	}
	holds("revoked 1\nrevoked 2\n")

	dir := filepath.Dir(path)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	write(deeds, "revoked 3\n")
	if n, err := f.Write([]byte("decision three\n")); n > 0 || err == nil {
		t.Errorf("a decision is written beside what cannot be: %d %v", n, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(f, "decision three\n")
	holds("revoked 3\ndecision three\n")
	if n, err := deeds.Write(make([]byte, mostDeeds+1)); n > 0 || err == nil {
		t.Error("it keeps without a bound")
	}
}

// TestTheAuditFileIsAFile: a line that a killed process left half is ended, and nothing waits for the reader of a pipe.
func TestTheAuditFileIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte("whole\nhal"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openAudit(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("next\n")); err != nil {
		t.Fatal(err)
	}
	f.close()
	if got, _ := os.ReadFile(path); string(got) != "whole\nhal\nnext\n" {
		t.Errorf("it holds %q", got)
	}
	if _, err := openAudit(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a directory: %v", err)
	}
}
