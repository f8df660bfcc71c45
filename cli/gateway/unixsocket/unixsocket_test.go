//go:build unix

package unixsocket

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"patgate/config"
)

// shortDir gives a directory whose path leaves room for that of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestAUnixSocket(t *testing.T) {
	as := config.Socket{Mode: 0o600}
	open := func(t *testing.T, path string, as config.Socket) (*Listener, error) {
		t.Helper()
		s, err := Listen(t.Context(), "listen", path, as)
		if s != nil {
			t.Cleanup(func() { _ = s.Close() })
		}
		return s, err
	}
	takes := func(path string) bool {
		c, err := net.Dial("unix", path)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}
	t.Run("has the mode and group that were asked for, whatever the mask, and ends with its listener", func(t *testing.T) {
		for _, mask := range []int{0, 0o077} {
			path := filepath.Join(shortDir(t), "p.sock")
			old := syscall.Umask(mask)
			s, err := open(t, path, config.Socket{Mode: 0o620, Group: strconv.Itoa(os.Getgid())})
			syscall.Umask(old)
			if err != nil {
				t.Fatal(err)
			}
			there, err := os.Lstat(path)
			if err != nil || there.Mode() != fs.ModeSocket|0o620 {
				t.Errorf("%v %v", there.Mode(), err)
			}
			if !takes(path) || s.Addr().String() != path {
				t.Errorf("it is %s, and nobody can connect", s.Addr())
			}
			_ = s.Close()
			if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		}
	})
	t.Run("takes the place of one that a killed process left", func(t *testing.T) {
		path := filepath.Join(shortDir(t), "p.sock")
		for _, name := range []string{path} {
			l, err := net.Listen("unix", name)
			if err != nil {
				t.Fatal(err)
			}
			l.(*net.UnixListener).SetUnlinkOnClose(false)
			_ = l.Close()
		}
		if _, err := open(t, path, as); err != nil || !takes(path) {
			t.Error(err)
		}
	})
	t.Run("leaves one alone that another process listens on", func(t *testing.T) {
		path := filepath.Join(shortDir(t), "p.sock")
		if _, err := open(t, path, as); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, path, as); err == nil || !strings.Contains(err.Error(), "is in use") {
			t.Errorf("a second one: %v", err)
		}
		if !takes(path) {
			t.Error("the first is gone")
		}
	})
	t.Run("does not take what another process has put there since", func(t *testing.T) {
		path := filepath.Join(shortDir(t), "p.sock")
		first, err := open(t, path, as)
		if err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(path)
		if _, err := open(t, path, as); err != nil {
			t.Fatal(err)
		}
		_ = first.Close()
		if !takes(path) {
			t.Error("the end of the first took the second with it")
		}
	})
	for name, lay := range map[string]func(path string) error{
		"a file":           func(path string) error { return os.WriteFile(path, []byte("kept"), 0o600) },
		"a directory":      func(path string) error { return os.Mkdir(path, 0o700) },
		"a link to a file": func(path string) error { return os.Symlink("/etc/passwd", path) },
	} {
		t.Run("never removes "+name, func(t *testing.T) {
			path := filepath.Join(shortDir(t), "p.sock")
			if err := lay(path); err != nil {
				t.Fatal(err)
			}
			if _, err := open(t, path, as); err == nil || !strings.Contains(err.Error(), "is there and no socket") {
				t.Error(err)
			}
			if _, err := os.Lstat(path); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("says what is wrong", func(t *testing.T) {
		dir := shortDir(t)
		for want, try := range map[string]func() error{
			"there is no directory": func() error { _, err := open(t, dir+"/none/p.sock", as); return err },
			"socket.group": func() error {
				_, err := open(t, dir+"/p.sock", config.Socket{Mode: 0o600, Group: "no-such-group"})
				return err
			},
		} {
			if err := try(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	})
}
