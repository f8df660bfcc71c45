package seal

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// jointRing makes a ring with one key.
func jointRing(t *testing.T) *Keyring {
	t.Helper()
	r, err := Create(Source{File: filepath.Join(t.TempDir(), "patgate.key")})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Threat: somebody has the database and the sealing key, or the secret, or moves what is sealed to another place.
func TestJointlySealedOpensWithBothAlone(t *testing.T) {
	ring, other := jointRing(t), jointRing(t)
	secret, about, plain := []byte(strings.Repeat("s", JointSecret)), []byte("row 1"), []byte("glpat-credential")
	keyID, sealed, err := ring.Joint("a").Seal(secret, about, plain)
	if err != nil || keyID != ring.Active().ID() || bytes.Contains(sealed, plain) {
		t.Fatalf("%s, %q, %v", keyID, sealed, err)
	}
	if got, err := ring.Joint("a").Open(keyID, secret, about, sealed); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("positive control: %q, %v", got, err)
	}
	key, another := ring.Active(), []byte(strings.Repeat("t", JointSecret))
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	for name, c := range map[string]struct {
		j                     *Joint
		keyID                 string
		secret, about, sealed []byte
		want                  error
	}{
		"another secret":         {ring.Joint("a"), keyID, another, about, sealed, ErrDamaged},
		"the key as the secret":  {ring.Joint("a"), keyID, key.bytes[:], about, sealed, ErrDamaged},
		"another use":            {ring.Joint("b"), keyID, secret, about, sealed, ErrDamaged},
		"about something else":   {ring.Joint("a"), keyID, secret, []byte("row 2"), sealed, ErrDamaged},
		"changed":                {ring.Joint("a"), keyID, secret, about, flipped, ErrDamaged},
		"cut off":                {ring.Joint("a"), keyID, secret, about, sealed[:20], ErrDamaged},
		"nothing":                {ring.Joint("a"), keyID, secret, about, nil, ErrDamaged},
		"a key that is not held": {other.Joint("a"), keyID, secret, about, sealed, ErrWrongKey},
		"another key":            {other.Joint("a"), other.Active().ID(), secret, about, sealed, ErrDamaged},
	} {
		if got, err := c.j.Open(c.keyID, c.secret, c.about, c.sealed); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := ring.Unseal(Binding{}, keyID, sealed); !errors.Is(err, ErrDamaged) {
		t.Errorf("it opens as a credential of the store: %v", err)
	}
	if _, _, err := ring.Joint("a").Seal(secret[1:], about, plain); err == nil {
		t.Error("a short secret seals")
	}
	if _, err := ring.Joint("a").Open(keyID, nil, about, sealed); err == nil {
		t.Error("no secret opens")
	}
}
