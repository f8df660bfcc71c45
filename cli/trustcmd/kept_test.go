package trustcmd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/token"
)

// Threat: another job of the same user, on a shared runner, finds a token in the cache folder; a revoked one is handed out again.
func TestWhatIsKeptIsOneJobs(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	mine, others := token.NewSecret("a.b.c"), token.NewSecret("d.e.f")
	open := func(id token.Secret) kept {
		t.Helper()
		k, err := keptFor("https://patgate.test", "release", id)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	k := open(mine)
	if _, ok := k.read(); ok {
		t.Fatal("there is something before anything was kept")
	}
	want := traded{Token: "patgate_secret", Expires: time.Now().Add(time.Hour).Truncate(time.Second), Trust: "release"}
	if err := k.write(&want); err != nil {
		t.Fatal(err)
	}
	again := open(mine)
	if got, ok := again.read(); !ok || got.Token != want.Token || !got.Expires.Equal(want.Expires) {
		t.Errorf("it is %v %v", got, ok)
	}
	other := open(others)
	if _, ok := other.read(); ok {
		t.Error("another ID token finds it")
	}
	data, err := os.ReadFile(k.file)
	if err != nil || bytes.Contains(data, []byte("patgate_secret")) {
		t.Errorf("it lies there to be read: %v", err)
	}
	other.file = k.file // taken for its own
	if _, ok := other.read(); ok {
		t.Error("another ID token opens it")
	}
	if info, err := os.Stat(k.file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if err := again.drop(); err != nil {
		t.Error(err)
	}
	if _, ok := again.read(); ok || again.drop() != nil {
		t.Error("what was dropped is there")
	}

	over := traded{Token: "patgate_old", Expires: time.Now().Add(-time.Second)}
	if err := k.write(&over); err != nil {
		t.Fatal(err)
	}
	open(others)
	if left, _ := filepath.Glob(filepath.Join(cache, "patgate", "*")); len(left) > 0 {
		t.Errorf("what has ended is left: %q", left)
	}

	for name, spoil := range map[string]func(dir string) error{
		"others may read it": func(dir string) error { return os.Chmod(dir, 0o755) },
		"it is a link": func(dir string) error {
			if err := os.Rename(dir, dir+".real"); err != nil {
				return err
			}
			return os.Symlink(dir+".real", dir)
		},
	} {
		dir := filepath.Join(cache, "patgate")
		_ = os.RemoveAll(dir)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := keptFor("https://patgate.test", "release", mine); err == nil || !strings.Contains(err.Error(),
			"not a folder of yours alone") {
			t.Errorf("%s: %v", name, err)
		}
		_ = os.Remove(dir)
	}
}
