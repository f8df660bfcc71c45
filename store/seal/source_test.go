package seal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "patgate.key")
	source := Source{File: path}
	if _, err := Open(source); !errors.Is(err, ErrKeyMissing) {
		t.Fatalf("opening a missing file: %v, want ErrKeyMissing", err)
	}
	made, err := Create(source)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("is made with mode 0600 in a directory of mode 0700", func(t *testing.T) {
		for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
			info, err := os.Stat(name)
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v; want %#o", name, info.Mode().Perm(), err, want)
			}
		}
	})
	t.Run("leaves nothing else behind", func(t *testing.T) {
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(entries) != 1 {
			t.Errorf("entries %v, %v", entries, err)
		}
	})
	t.Run("gives the same key when it is read", func(t *testing.T) {
		ring, err := Open(source)
		if err != nil || ring.Active() != made.Active() {
			t.Errorf("got %v, %v", ring, err)
		}
	})
	t.Run("is never written over", func(t *testing.T) {
		before, _ := os.ReadFile(path)
		if _, err := Create(source); err == nil {
			t.Error("a second Create succeeded")
		}
		if after, _ := os.ReadFile(path); string(after) != string(before) {
			t.Error("the file changed")
		}
	})
	t.Run("that others may read is refused with the command that helps", func(t *testing.T) {
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(path, 0o600)
		_, err := Open(source)
		if !errors.Is(err, ErrPermissions) || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("whose bytes and id do not belong together is refused with its line", func(t *testing.T) {
		other := newKey(t)
		text := fileHeader + "key " + made.Active().ID() + " " + other.reveal() + "\n"
		if _, err := parseFile("k", text); !errors.Is(err, ErrBadKey) || !strings.Contains(err.Error(), "k:3") {
			t.Errorf("error %v", err)
		}
	})
	for name, text := range map[string]string{
		"without a key":    fileHeader,
		"with a word more": "key " + made.Active().ID() + " " + made.Active().reveal() + " x\n",
		"with a key twice": made.Active().reveal() + "\n" + made.Active().reveal() + "\n",
		"of garbage":       "\x00\xff\n",
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if _, err := parseFile("k", text); !errors.Is(err, ErrBadKey) {
				t.Errorf("error %v, want ErrBadKey", err)
			}
		})
	}
}

func TestKeysFromText(t *testing.T) {
	first, second := newKey(t), newKey(t)
	ring, err := Open(Source{Text: first.reveal() + "\n" + second.reveal(), Name: "PATGATE_STORE_KEY"})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the first one seals", func(t *testing.T) {
		if ring.Active() != first {
			t.Error("another key is active")
		}
	})
	t.Run("all of them open", func(t *testing.T) {
		sealed, err := second.seal(binding, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ring.Unseal(binding, second.ID(), sealed); err != nil {
			t.Error(err)
		}
	})
	t.Run("an unknown key id is a wrong key", func(t *testing.T) {
		if _, err := ring.Unseal(binding, newKey(t).ID(), nil); !errors.Is(err, ErrWrongKey) {
			t.Errorf("error %v, want ErrWrongKey", err)
		}
	})
	t.Run("an error names the variable and not the key", func(t *testing.T) {
		_, err := Open(Source{Text: first.reveal()[:30], Name: "PATGATE_STORE_KEY"})
		if err == nil || !strings.Contains(err.Error(), "PATGATE_STORE_KEY") || strings.Contains(err.Error(), first.reveal()[:30]) {
			t.Errorf("error %v", err)
		}
	})
}

func TestAKeyThatAnotherProcessRotatedInIsFound(t *testing.T) {
	source := Source{File: filepath.Join(t.TempDir(), "patgate.key")}
	server, err := Create(source)
	if err != nil {
		t.Fatal(err)
	}
	command, err := Open(source)
	if err != nil {
		t.Fatal(err)
	}
	fresh := newKey(t)
	if err := command.Replace([]Key{fresh}); err != nil {
		t.Fatal(err)
	}
	keyID, sealed, err := command.Seal(binding, []byte("glpat-x"))
	if err != nil || keyID != fresh.ID() {
		t.Fatalf("sealed under %s, %v", keyID, err)
	}
	got, err := server.Unseal(binding, keyID, sealed)
	if err != nil || string(got) != "glpat-x" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOutside(t *testing.T) {
	for name, tc := range map[string]struct {
		file, dir string
		ok        bool
	}{
		"beside the directory":            {"/d/keys/k", "/d/db", true},
		"above it":                        {"/d/k", "/d/db", true},
		"a name that begins like it":      {"/d/db.key", "/d/db", true},
		"a name that begins with dots":    {"/d/db/..k", "/d/db", false},
		"in the directory":                {"/d/db/k", "/d/db", false},
		"below it":                        {"/d/db/keys/k", "/d/db", false},
		"in it by a path that is not one": {"/d/x/../db/k", "/d/db", false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := (Source{File: tc.file}).Outside(tc.dir); (err == nil) != tc.ok {
				t.Errorf("error %v", err)
			}
		})
	}
}
