package session

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/store/seal"
)

// Threat: somebody who can write to the database, and holds a cookie of his own or one that is over, makes of it a session that
// he was not given.
func TestRowsThatWereChanged(t *testing.T) {
	w := newWorld(t)
	a := w.node(t, nil)
	mine, other := begin(t, a, 42), begin(t, a, 7)
	hour := time.Hour.Milliseconds()
	idMine, idOther := idOf(mine), idOf(other)
	for name, c := range map[string]struct {
		change string
		args   []any
	}{
		"another user": {"UPDATE sign_ins SET user_id = 7 WHERE id = ?", []any{idMine[:]}},
		"made later":   {"UPDATE sign_ins SET made_at = made_at + ? WHERE id = ?", []any{hour, idMine[:]}},
		"used later":   {"UPDATE sign_ins SET used_at = used_at + ? WHERE id = ?", []any{hour, idMine[:]}},
		"ends later":   {"UPDATE sign_ins SET ends_at = ends_at + ? WHERE id = ?", []any{hour, idMine[:]}},
		"the other's credential": {"UPDATE sign_ins SET sealed = (SELECT sealed FROM sign_ins WHERE id = ?) WHERE id = ?",
			[]any{idOther[:], idMine[:]}},
		"the other's row, under my cookie": {"UPDATE sign_ins SET (user_id, sealed, made_at, used_at, ends_at) = " +
			"(SELECT user_id, sealed, made_at, used_at, ends_at FROM sign_ins WHERE id = ?) WHERE id = ?", []any{idOther[:], idMine[:]}},
		"cut off":        {"UPDATE sign_ins SET sealed = x'01' WHERE id = ?", []any{idMine[:]}},
		"nothing sealed": {"UPDATE sign_ins SET sealed = x'' WHERE id = ?", []any{idMine[:]}},
	} {
		t.Run(name, func(t *testing.T) {
			w.do(t, "CREATE TABLE before AS SELECT * FROM sign_ins")
			w.do(t, c.change, c.args...)
			if s := find(t, a, mine); s != nil {
				t.Errorf("it is a session of %d", s.UserID)
			}
			if said := w.faults(); len(said) != 1 || !errors.Is(said[0], seal.ErrDamaged) {
				t.Errorf("reported: %v", said)
			}
			w.do(t, "UPDATE sign_ins SET (user_id, sealed, made_at, used_at, ends_at) = "+
				"(SELECT user_id, sealed, made_at, used_at, ends_at FROM before WHERE before.id = sign_ins.id)")
			w.do(t, "DROP TABLE before")
			if s := find(t, a, mine); s == nil || s.UserID != 42 {
				t.Fatal("positive control: it is no session")
			}
		})
	}
	t.Run("for another forge", func(t *testing.T) {
		elsewhere := w.node(t, func(o *Options) { o.Origin = "https://evil.example.com" })
		if s := find(t, elsewhere, mine); s != nil {
			t.Error("its credential is sent there")
		}
		w.faults()
	})
	t.Run("a cookie of a session that has ended", func(t *testing.T) {
		if err := a.End(t.Context(), mine); err != nil || find(t, a, mine) != nil {
			t.Errorf("it is a session, %v", err)
		}
	})
	t.Run("what the database shows, as a cookie", func(t *testing.T) {
		for _, made := range []string{string(idOther[:]), strings.Repeat("A", 43)} {
			if find(t, a, made) != nil {
				t.Errorf("%q is a session", made)
			}
		}
	})
}

// Threat: somebody has a dump of the database and the sealing key. Without the cookie he has no credential, and no form token.
func TestADumpAndTheSealingKeyOpenNothing(t *testing.T) {
	w := newWorld(t)
	a := w.node(t, nil)
	cookie := begin(t, a, 42)
	csrf := find(t, a, cookie).CSRF
	row, err := w.store.SignIn(t.Context(), idOf(cookie))
	if err != nil {
		t.Fatal(err)
	}
	w.do(t, "PRAGMA wal_checkpoint(FULL)")
	for _, name := range []string{w.file, w.file + "-wal"} {
		data, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			t.Fatal(err)
		}
		for what, text := range map[string]string{"the cookie": cookie, "the credential": secret, "the form token": csrf,
			"its user's name": "alice"} {
			if bytes.Contains(data, []byte(text)) {
				t.Errorf("%s is in %s", what, name)
			}
		}
	}
	ring := w.ring(t)
	key := ring.Active()
	hash := key.Hash(row.ID[:])
	for name, guess := range map[string][]byte{"its id": row.ID[:], "zeros": make([]byte, 32), "a hash under the key": hash[:],
		"the key's check value": key.CheckValue(), "what is sealed": row.Sealed} {
		if plain, err := a.joint.Open(row.KeyID, guess, a.about(&row), row.Sealed); !errors.Is(err, seal.ErrDamaged) || plain != nil {
			t.Errorf("%s opens it: %v", name, err)
		}
	}
	if plain, err := ring.Unseal(seal.Binding{Origin: origin, OwnerUserID: 42}, row.KeyID, row.Sealed); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("it opens as a credential: %q", plain)
	}
	if plain, ok := ring.Texts("console sign-ins").Open(row.Sealed[1:], a.about(&row)); ok {
		t.Errorf("it opens as a text: %q", plain)
	}
	if _, _, err := a.open(&row, cookie); err != nil {
		t.Errorf("positive control: %v", err)
	}
	// The cookie alone, without the key, opens as little.
	t.Run("the cookie without the key", func(t *testing.T) {
		other, err := seal.Create(seal.Source{File: filepath.Join(t.TempDir(), "other.key")})
		if err != nil {
			t.Fatal(err)
		}
		b := w.node(t, func(o *Options) { o.Keyring = other })
		if find(t, b, cookie) != nil {
			t.Error("it is a session")
		}
		row.KeyID = other.Active().ID()
		if _, _, err := b.open(&row, cookie); !errors.Is(err, seal.ErrDamaged) {
			t.Error(err)
		}
	})
}
