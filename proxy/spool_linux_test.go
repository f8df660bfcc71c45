package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A directory for long bodies that takes no more is said with a status of its own, and to the operator with its name.
func TestATemporaryDirectoryThatTakesNoMore(t *testing.T) {
	upstream := newEcho(t, nil)
	full := filepath.Join(t.TempDir(), "full")
	if err := os.Mkdir(full, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		dir     string
		prepare func(t *testing.T)
	}{
		"it is full": {full, func(t *testing.T) {
			if err := syscall.Mount("patgate", full, "tmpfs", 0, "size=64k"); err != nil {
				t.Skip("mounting is not permitted: ", err)
			}
			t.Cleanup(func() { _ = syscall.Unmount(full, 2) }) // MNT_DETACH
		}},
		"it is not there": {filepath.Join(t.TempDir(), "none"), func(*testing.T) {}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.prepare(t)
			var told []string
			g := newGateway(t, upstream.URL, func(o *Options) {
				o.TempDir = tc.dir
				o.Unkept = func(dir string, err error) { told = append(told, fmt.Sprint(dir, ": ", err)) }
			})
			body := `{"description":"` + strings.Repeat("x", 3<<20) + `"}`
			got := g.raw(t, request("PUT", "/api/v4/projects/7/issues/1", body, "PRIVATE-TOKEN: "+g.token, "Content-Type: application/json"))
			got.wants(t, 507)
			if !strings.Contains(string(got.body), "temporary directory") || strings.Contains(string(got.body), tc.dir) {
				t.Errorf("the client is told %s", got.body)
			}
			if len(told) != 1 || !strings.HasPrefix(told[0], tc.dir+": ") {
				t.Errorf("the operator is told %q", told)
			}
			if e := g.sink.after(t, 0); e.Reason != "temporary_directory" {
				t.Errorf("the log says %q", e.Reason)
			}
			if left, _ := filesIn(tc.dir); left != 0 {
				t.Errorf("%d files are left", left)
			}
		})
	}
}
