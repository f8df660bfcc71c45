package seal

import (
	"bytes"
	"path/filepath"
	"testing"
)

// TestTexts seals for clients: what one process sealed opens in another with the key, and nowhere else.
func TestTexts(t *testing.T) {
	source := Source{File: filepath.Join(t.TempDir(), "key")}
	ring, err := Create(source)
	if err != nil {
		t.Fatal(err)
	}
	open := func(r *Keyring, use string, sealed []byte, about string) bool {
		plain, ok := r.Texts(use).Open(sealed, []byte(about))
		if ok && string(plain) != "plain" {
			t.Errorf("%q", plain)
		}
		return ok
	}
	sealed := ring.Texts("a").Seal([]byte("plain"), []byte("about"))
	if bytes.Contains(sealed, []byte("plain")) || bytes.Equal(sealed, ring.Texts("a").Seal([]byte("plain"), []byte("about"))) {
		t.Errorf("%q", sealed)
	}
	again, err := Open(source)
	if err != nil || !open(again, "a", sealed, "about") {
		t.Fatalf("it does not open in another process: %v", err)
	}
	other, err := Create(Source{File: filepath.Join(t.TempDir(), "other")})
	if err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{
		"under another key":     open(other, "a", sealed, "about"),
		"for another use":       open(again, "b", sealed, "about"),
		"as something else":     open(again, "a", sealed, "another"),
		"cut short":             open(again, "a", sealed[:len(sealed)-1], "about"),
		"shorter than its head": open(again, "a", sealed[:10], "about"),
		"empty":                 open(again, "a", nil, "about"),
	} {
		if ok {
			t.Errorf("it opens %s", name)
		}
	}
	t.Run("a rotation of the key by another process", func(t *testing.T) {
		fresh, err := NewKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		texts := ring.Texts("a")
		if err := again.Replace([]Key{fresh, ring.Active()}); err != nil {
			t.Fatal(err)
		}
		renewed := again.Texts("a").Seal([]byte("plain"), []byte("about"))
		if _, ok := texts.Open(renewed, []byte("about")); ok {
			t.Error("the old key opens what the new one sealed")
		}
		if err := ring.Reload(); err != nil {
			t.Fatal(err)
		}
		if _, ok := texts.Open(sealed, []byte("about")); ok {
			t.Error("what a key sealed that is no longer the active one opens")
		}
		if _, ok := texts.Open(renewed, []byte("about")); !ok {
			t.Error("what the new key sealed does not open")
		}
	})
}
