package cli_test

import (
	"strings"
	"testing"
)

// On a terminal what is dangerous is red; with NO_COLOR, on a dumb one and in a pipe it is not, and says the same in words.
func TestDangersAreRedOnATerminal(t *testing.T) {
	w, err := newWorld()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	env := []string{"PATGATE_UPSTREAM_URL=" + w.url, "PATGATE_DATA_DIR=" + t.TempDir() + "/data", "TERM=xterm",
		"PATGATE_OWNER_CREDENTIAL=" + w.alicePAT}
	at := func(more []string, args ...string) string {
		t.Helper()
		d := atTerminal(t, append(append([]string{}, env...), more...), args...)
		if code := d.ends(t); code != 0 {
			t.Fatalf("%v: exit %d: %s", args, code, d.text())
		}
		d.awaits(t, "push_code", true)
		return d.text()
	}
	const id, red, mark = "1000000000000", "\x1b[31m", "push_code (pushes, runs as owner)"
	made := at(nil, "token", "create", "--name", "ci", "--project", "shop/backend/api", "--allow", "read_job,push_code")
	if !strings.Contains(made, red+mark+"\x1b[0m, read_job") {
		t.Errorf("a new token: %q", made)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"token", "show", id}, red + mark},
		{[]string{"token", "list", "--wide"}, red + "DANGEROUS\x1b[0m (pushes, runs as owner): "},
		{[]string{"token", "can", id, "POST", "/shop/backend/api.git/git-receive-pack"}, red + mark},
		{[]string{"token", "edit", id, "--yes", "--project", "shop/my.web-site", "--add", "push_code"}, "+ " + red + mark},
	} {
		if text := at(nil, c.args...); !strings.Contains(text, c.says) {
			t.Errorf("%v: %q", c.args, text)
		}
	}
	for _, more := range []string{"NO_COLOR=1", "TERM=dumb"} {
		for _, args := range [][]string{{"token", "show", id}, {"token", "list", "--wide"}} {
			if text := at([]string{more}, args...); strings.Contains(text, "\x1b") || !strings.Contains(text, mark) {
				t.Errorf("%v with %s: %q", args, more, text)
			}
		}
	}
}
