package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

var binding = Binding{Origin: "https://gitlab.example.com", OwnerUserID: 42, CredentialID: 7}

func newKey(t *testing.T) Key {
	t.Helper()
	k, err := NewKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatIsSealedOpensOnlyWhereItWasSealedTo(t *testing.T) {
	k := newKey(t)
	plain := []byte("glpat-the-owners-own-token")
	sealed, err := k.seal(binding, plain)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("under the same binding it opens", func(t *testing.T) {
		got, err := k.open(binding, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("open: %q, %v", got, err)
		}
	})
	t.Run("the sealed bytes do not show the text", func(t *testing.T) {
		if bytes.Contains(sealed, plain[:8]) {
			t.Error("plain text in the sealed bytes")
		}
	})
	t.Run("sealing twice gives different bytes", func(t *testing.T) {
		again, err := k.seal(binding, plain)
		if err != nil || bytes.Equal(again, sealed) {
			t.Errorf("same bytes, %v", err)
		}
	})
	for name, other := range map[string]Binding{
		"another forge":      {Origin: "https://gitlab.example.org", OwnerUserID: 42, CredentialID: 7},
		"another owner":      {Origin: binding.Origin, OwnerUserID: 43, CredentialID: 7},
		"another credential": {Origin: binding.Origin, OwnerUserID: 42, CredentialID: 8},
		"ids exchanged":      {Origin: binding.Origin, OwnerUserID: 7, CredentialID: 42},
	} {
		t.Run("bound to "+name+" it is damaged", func(t *testing.T) {
			if _, err := k.open(other, sealed); !errors.Is(err, ErrDamaged) {
				t.Errorf("error %v, want ErrDamaged", err)
			}
		})
	}
	t.Run("a change of any byte is damage", func(t *testing.T) {
		for i := range sealed {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1
			if _, err := k.open(binding, changed); !errors.Is(err, ErrDamaged) {
				t.Fatalf("byte %d: error %v, want ErrDamaged", i, err)
			}
		}
	})
	t.Run("a cut is damage", func(t *testing.T) {
		for n := range sealed {
			if _, err := k.open(binding, sealed[:n]); !errors.Is(err, ErrDamaged) {
				t.Fatalf("%d bytes: error %v, want ErrDamaged", n, err)
			}
		}
	})
}

func TestTheKeyIDIsPartOfTheBinding(t *testing.T) {
	k := newKey(t)
	sealed, err := k.seal(binding, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	renamed := k
	renamed.id = "0000000000000000"
	if _, err := renamed.open(binding, sealed); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v, want ErrDamaged", err)
	}
}

func TestACheckValueTellsKeysApart(t *testing.T) {
	k, other := newKey(t), newKey(t)
	if !k.Matches(k.CheckValue()) {
		t.Error("a key does not match its own check value")
	}
	if other.Matches(k.CheckValue()) || k.Matches(nil) {
		t.Error("another check value matches")
	}
}

func TestAKeyDoesNotPrintItself(t *testing.T) {
	k := newKey(t)
	hexadecimal := fmt.Sprintf("%x", k.bytes)
	text, err := json.Marshal(struct{ K Key }{k})
	if err != nil {
		t.Fatal(err)
	}
	printed := string(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed += fmt.Sprintf(verb, k) + fmt.Sprintf(verb, &k) + fmt.Sprintf(verb, []Key{k})
	}
	if strings.Contains(printed, k.reveal()) || strings.Contains(strings.ToLower(printed), hexadecimal) {
		t.Errorf("the key is in %s", printed)
	}
}

func TestParseKey(t *testing.T) {
	k := newKey(t)
	for name, text := range map[string]string{
		"base64":                 k.reveal(),
		"base64 without padding": strings.TrimRight(k.reveal(), "="),
		"hexadecimal":            fmt.Sprintf("%x", k.bytes[:]),
	} {
		t.Run(name+" is read", func(t *testing.T) {
			if got, err := ParseKey(text); err != nil || got != k {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	for name, text := range map[string]string{
		"nothing":    "",
		"short":      k.reveal()[:40],
		"long":       k.reveal() + "AAAA",
		"no base64":  strings.Repeat("!", 44),
		"no hex":     strings.Repeat("z", 64),
		"two in one": k.reveal() + k.reveal(),
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if _, err := ParseKey(text); !errors.Is(err, ErrBadKey) {
				t.Errorf("error %v, want ErrBadKey", err)
			}
		})
	}
}
