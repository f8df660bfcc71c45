package proxy

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"patgate/token"
)

// TestSeals makes sealed texts and opens them: only whole, in time, as what they were made for, and where they were made.
func TestSeals(t *testing.T) {
	s, err := newSeals()
	if err != nil {
		t.Fatal(err)
	}
	other, err := newSeals()
	if err != nil {
		t.Fatal(err)
	}
	var hash token.Hash
	_, _ = rand.Read(hash[:])
	now := time.Unix(1_800_000_000, 0)
	for name, inner := range map[string]string{"alone": "", "with a token of the forge's": "header.payload.signature"} {
		t.Run(name, func(t *testing.T) {
			text := s.seal(sealConan, hash, now.Add(time.Minute), inner)
			got, gave, ok := s.open(sealConan, []byte(text), now)
			if !ok || got != hash || string(gave) != inner {
				t.Fatalf("%x %q %v", got, gave, ok)
			}
			if strings.Contains(text, "payload") || bytes.Contains([]byte(text), hash[:]) || sealKindOf([]byte(text)) != sealConan {
				t.Errorf("%s", text)
			}
			if again := s.seal(sealConan, hash, now.Add(time.Minute), inner); again == text {
				t.Error("two are the same")
			}
			for name, open := range map[string]func() bool{
				"when it is over": func() bool { _, _, ok := s.open(sealConan, []byte(text), now.Add(time.Minute)); return ok },
				"as another kind": func() bool { _, _, ok := s.open(sealRegistry, []byte(text), now); return ok },
				"with another prefix": func() bool {
					_, _, ok := s.open(sealRegistry, []byte(string(sealRegistry)+text[len(sealConan):]), now)
					return ok
				},
				"cut short":   func() bool { _, _, ok := s.open(sealConan, []byte(text[:len(text)-1]), now); return ok },
				"longer":      func() bool { _, _, ok := s.open(sealConan, []byte(text+"A"), now); return ok },
				"elsewhere":   func() bool { _, _, ok := other.open(sealConan, []byte(text), now); return ok },
				"of nothing":  func() bool { _, _, ok := s.open(sealConan, []byte(sealConan), now); return ok },
				"of garbage":  func() bool { _, _, ok := s.open(sealConan, []byte(sealConan+"%%%"), now); return ok },
				"with spaces": func() bool { _, _, ok := s.open(sealConan, []byte(text[:9]+"\n"+text[9:]), now); return ok },
			} {
				if open() {
					t.Errorf("it opens %s", name)
				}
			}
			for i := range text[len(sealConan):] {
				changed := []byte(text)
				changed[len(sealConan)+i] ^= 1
				if got, _, ok := s.open(sealConan, changed, now); ok {
					t.Errorf("it opens with letter %d changed: %x", i, got)
				}
			}
		})
	}
}

// TestProxyTokensAreBounded fills the cache of the forge's tokens past its bound.
func TestProxyTokensAreBounded(t *testing.T) {
	var p proxyTokens
	now := time.Now()
	key := func(i int) (k proxyTokenKey) { k[0], k[1], k[2] = byte(i), byte(i>>8), byte(i>>16); return k }
	for i := range 3 * maxProxyTokens {
		p.put(key(i), proxyToken{[]byte("jwt"), now.Add(time.Minute)}, now)
		if len(p.by) > maxProxyTokens {
			t.Fatalf("%d kept", len(p.by))
		}
	}
	last := key(3*maxProxyTokens - 1)
	if p.get(last, now) == nil || p.get(last, now.Add(time.Minute)) != nil {
		t.Error("one is kept for too short or too long")
	}
	if p.drop(last); p.get(last, now) != nil {
		t.Error("a dropped one is kept")
	}
}

// TestExpiryOf reads when tokens end.
func TestExpiryOf(t *testing.T) {
	for text, want := range map[string]time.Time{
		"e30.eyJleHAiOjE4MDAwMDAwMDB9.c2ln": time.Unix(1_800_000_000, 0),
		"e30.e30.c2ln":                      {},
		"e30.eyJleHAiOi0xfQ.c2ln":           {},
		"e30.!.c2ln":                        {},
		"opaque":                            {},
	} {
		if got := expiryOf(text); !got.Equal(want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}
