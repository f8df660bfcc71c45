package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/seal"
)

// sealedElsewhere seals to another owner's binding, as if a row had been copied.
func sealedElsewhere(g *gateway) store.SealFunc {
	return func(b seal.Binding) (string, []byte, error) {
		b.OwnerUserID++
		return g.ring.Seal(b, []byte(upstream))
	}
}

func TestOpenKeyring(t *testing.T) {
	g := newGateway(t, nil)
	ctx := t.Context()
	key, err := os.ReadFile(g.source.File)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a second start finds the same key", func(t *testing.T) {
		ring, err := store.OpenKeyring(ctx, g.db, g.source, time.Now())
		if err != nil || ring.Active() != g.ring.Active() {
			t.Errorf("key %v, %v", ring, err)
		}
	})
	t.Run("a missing key file is not replaced while credentials are sealed", func(t *testing.T) {
		if err := os.Remove(g.source.File); err != nil {
			t.Fatal(err)
		}
		_, err := store.OpenKeyring(ctx, g.db, g.source, time.Now())
		if !errors.Is(err, seal.ErrKeyMissing) || !strings.Contains(err.Error(), g.ring.Active().ID()) || !strings.Contains(err.Error(), "put that file back") {
			t.Errorf("error %v", err)
		}
		if _, err := os.Stat(g.source.File); !errors.Is(err, os.ErrNotExist) {
			t.Error("a key file was made")
		}
	})
	t.Run("a wrong key is told from damage", func(t *testing.T) {
		if _, err := seal.Create(g.source); err != nil {
			t.Fatal(err)
		}
		if _, err := store.OpenKeyring(ctx, g.db, g.source, time.Now()); !errors.Is(err, seal.ErrWrongKey) {
			t.Errorf("error %v, want ErrWrongKey", err)
		}
	})
	t.Run("the right file put back works again", func(t *testing.T) {
		if err := os.WriteFile(g.source.File, key, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.OpenKeyring(ctx, g.db, g.source, time.Now()); err != nil {
			t.Error(err)
		}
	})
	t.Run("without sealed credentials a new key is made", func(t *testing.T) {
		if err := os.Remove(g.source.File); err != nil {
			t.Fatal(err)
		}
		if _, err := g.db.RemoveOwner(ctx, g.owner.ID, store.Cause{Reason: "owner removed", By: "cli:test", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.OpenKeyring(ctx, g.db, g.source, time.Now()); err != nil {
			t.Error(err)
		}
	})
}

func TestRotateKey(t *testing.T) {
	g := newGateway(t, nil)
	ctx := t.Context()
	old := g.ring.Active()
	r := g.token(t)
	command, err := seal.Open(g.source)
	if err != nil {
		t.Fatal(err)
	}
	// opens tells whether the store's credential opens with the ring.
	opens := func(ring *seal.Keyring) error {
		c, err := g.db.Credential(ctx, g.cred.ID)
		if err != nil {
			return err
		}
		_, err = ring.Unseal(c.Binding(&g.owner), c.KeyID, c.Sealed)
		return err
	}
	t.Run("a crash before the store was changed leaves both keys, and the old one opens", func(t *testing.T) {
		fresh, err := seal.NewKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Replace([]seal.Key{fresh, old}); err != nil { // the first step alone
			t.Fatal(err)
		}
		ring, err := store.OpenKeyring(ctx, g.db, g.source, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := opens(ring); err != nil {
			t.Error(err)
		}
	})
	t.Run("rotating again finishes it and drops the old key", func(t *testing.T) {
		ring, err := store.OpenKeyring(ctx, g.db, g.source, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		pending := ring.Active()
		n, err := store.RotateKey(ctx, g.db, ring, time.Now())
		if err != nil || n != 1 {
			t.Fatalf("resealed %d, %v", n, err)
		}
		again, err := store.OpenKeyring(ctx, g.db, g.source, time.Now())
		if err != nil || len(again.Keys()) != 1 || again.Active() != pending || opens(again) != nil {
			t.Errorf("keys %v, %v, %v", again.Keys(), err, opens(again))
		}
	})
	t.Run("a running gateway takes the new key up by itself", func(t *testing.T) {
		if err := g.sessions.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		if s, err := g.sessions.Get(ctx, r.Hash); err != nil || s.Credential.Reveal() != upstream {
			t.Errorf("%v", err)
		}
	})
	t.Run("a rotation from one key makes another", func(t *testing.T) {
		ring, err := store.OpenKeyring(ctx, g.db, g.source, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		before := ring.Active()
		if _, err := store.RotateKey(ctx, g.db, ring, time.Now()); err != nil {
			t.Fatal(err)
		}
		if ring.Active() == before || len(ring.Keys()) != 1 {
			t.Errorf("keys %v", ring.Keys())
		}
	})
	t.Run("a configured key needs a second one beside it", func(t *testing.T) {
		single, err := seal.Open(seal.Source{Text: strings.Repeat("ab", 32), Name: "PATGATE_STORE_KEY"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.RotateKey(ctx, g.db, single, time.Now()); err == nil || !strings.Contains(err.Error(), "PATGATE_STORE_KEY") {
			t.Errorf("error %v", err)
		}
	})
}

func TestNoSecretIsInTheStoresFiles(t *testing.T) {
	g := newGateway(t, nil)
	g.token(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := g.db.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(g.source.File)
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(key))
	secrets := map[string]string{"the owner's credential": upstream, "half of it": upstream[6:], "the sealing key": fields[len(fields)-1]}
	found := 0
	for _, path := range []string{g.db.Path(), g.db.Path() + "-wal", backup} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("alice")) {
			found++ // the search can find something
		}
		for what, secret := range secrets {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s is in %s", what, filepath.Base(path))
			}
		}
	}
	if found == 0 {
		t.Error("not even the owner's name was found: the test proves nothing")
	}
}

func TestAnErasedCredentialLeavesNoSealedBytes(t *testing.T) {
	g := newGateway(t, nil)
	if _, err := g.db.RemoveOwner(t.Context(), g.owner.ID, store.Cause{Reason: "owner removed", By: "cli:test", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{g.db.Path(), g.db.Path() + "-wal"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, g.cred.Sealed) {
			t.Errorf("the sealed bytes are still in %s", filepath.Base(path))
		}
	}
}

func TestCheckOrigin(t *testing.T) {
	g := newGateway(t, nil)
	if err := store.CheckOrigin(t.Context(), g.db, "https://gitlab.example.com"); err != nil {
		t.Error(err)
	}
	err := store.CheckOrigin(t.Context(), g.db, "https://evil.example.com")
	if !errors.Is(err, store.ErrOriginChanged) || !strings.Contains(err.Error(), "patgate store move-upstream https://gitlab.example.com") {
		t.Errorf("error %v", err)
	}
}
