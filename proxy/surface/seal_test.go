package surface

import (
	"bytes"
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/store/seal"
	"patgate/token"
)

// newSeals gives seals with a key of their own.
func newSeals(t *testing.T) *Seals {
	t.Helper()
	ring, err := seal.Create(seal.Source{File: filepath.Join(t.TempDir(), "key")})
	if err != nil {
		t.Fatal(err)
	}
	return &Seals{By: ring.Texts("tests")}
}

// TestSeals makes sealed texts and opens them: only whole, in time, as what they were made for, and where they were made.
func TestSeals(t *testing.T) {
	s, other := newSeals(t), newSeals(t)
	var hash token.Hash
	_, _ = rand.Read(hash[:])
	now := time.Unix(1_800_000_000, 0)
	for name, inner := range map[string]string{"alone": "", "with a token of the forge's": "header.payload.signature"} {
		t.Run(name, func(t *testing.T) {
			text := s.Seal(SealConan, hash, now.Add(time.Minute), inner)
			got, ok := s.Open(SealConan, []byte(text), now)
			if !ok || got.Kind != SealConan || got.Hash != hash || !got.Until.Equal(now.Add(time.Minute)) || string(got.Inner) != inner {
				t.Fatalf("%+v %v", got, ok)
			}
			if strings.Contains(text, "payload") || bytes.Contains([]byte(text), hash[:]) || KindOf([]byte(text)) != SealConan {
				t.Errorf("%s", text)
			}
			if again := s.Seal(SealConan, hash, now.Add(time.Minute), inner); again == text {
				t.Error("two are the same")
			}
			for name, open := range map[string]func() bool{
				"when it is over": func() bool { _, ok := s.Open(SealConan, []byte(text), now.Add(time.Minute)); return ok },
				"as another kind": func() bool { _, ok := s.Open(SealRegistry, []byte(text), now); return ok },
				"with another prefix": func() bool {
					_, ok := s.Open(SealRegistry, []byte(string(SealRegistry)+text[len(SealConan):]), now)
					return ok
				},
				"cut short":   func() bool { _, ok := s.Open(SealConan, []byte(text[:len(text)-1]), now); return ok },
				"longer":      func() bool { _, ok := s.Open(SealConan, []byte(text+"A"), now); return ok },
				"elsewhere":   func() bool { _, ok := other.Open(SealConan, []byte(text), now); return ok },
				"of nothing":  func() bool { _, ok := s.Open(SealConan, []byte(SealConan), now); return ok },
				"of garbage":  func() bool { _, ok := s.Open(SealConan, []byte(SealConan+"%%%"), now); return ok },
				"with spaces": func() bool { _, ok := s.Open(SealConan, []byte(text[:9]+"\n"+text[9:]), now); return ok },
			} {
				if open() {
					t.Errorf("it opens %s", name)
				}
			}
			long := s.Seal(SealConan, hash, now.Add(SealLife+2*time.Minute), inner)
			if _, ok := s.Open(SealConan, []byte(long), now); ok {
				t.Error("it opens although it would hold for longer than any")
			}
			if _, ok := s.Open(SealConan, []byte(s.Seal(SealConan, hash, now.Add(time.Minute), "a\r\nb")), now); ok {
				t.Error("it opens with what is no JWT in it")
			}
			for i := range text[len(SealConan):] {
				changed := []byte(text)
				changed[len(SealConan)+i] ^= 1
				if got, ok := s.Open(SealConan, changed, now); ok {
					t.Errorf("it opens with letter %d changed: %x", i, got)
				}
			}
		})
	}
}

// TestFileTickets: a ticket is for one file of one project, for one token, and for a day.
func TestFileTickets(t *testing.T) {
	s, other := newSeals(t), newSeals(t)
	hash, now := token.Hash{1}, time.Unix(1_800_000_000, 0)
	file := FileTicket{Project: 7, Folder: "issues", UUID: []byte("0b9b8f1c-3c8e-4d7b-9a55-5d9a5bb0c001")}
	text := s.SealFile(file, hash, now)
	if KindOf([]byte(text)) != SealFile || !s.IsFile(file, hash, []byte(text), now.Add(SealLife-time.Second)) {
		t.Fatalf("%s is no ticket", text)
	}
	release := FileTicket{Project: 7, Folder: "releases", UUID: file.UUID}
	for name, is := range map[string]bool{
		"of another project": s.IsFile(FileTicket{Project: 8, Folder: "issues", UUID: file.UUID}, hash, []byte(text), now),
		"of another folder":  s.IsFile(release, hash, []byte(text), now),
		"of another file":    s.IsFile(FileTicket{Project: 7, Folder: "issues", UUID: []byte("x")}, hash, []byte(text), now),
		"of another token":   s.IsFile(file, token.Hash{2}, []byte(text), now),
		"once it is over":    s.IsFile(file, hash, []byte(text), now.Add(SealLife)),
		"elsewhere":          other.IsFile(file, hash, []byte(text), now),
		"of none":            s.IsFile(file, hash, nil, now),
		"a registry's": s.IsFile(file, hash, []byte(string(SealFile)+strings.TrimPrefix(s.Seal(SealRegistry, hash, now.Add(time.Hour), ""),
			string(SealRegistry))), now),
	} {
		if is {
			t.Errorf("it is the ticket %s", name)
		}
	}
	if _, ok := s.Open(SealRegistry, []byte(string(SealRegistry)+text[len(SealFile):]), now); ok {
		t.Error("it opens as what stands for a token")
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
		if got := ExpiryOf(text); !got.Equal(want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}
