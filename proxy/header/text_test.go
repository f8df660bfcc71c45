package header

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// The tests of whole words say what the tests of single bytes do, wherever the byte stands.
func TestBytesOfWords(t *testing.T) {
	single := func(b []byte, ok func(c byte) bool) bool {
		for _, c := range b {
			if !ok(c) {
				return false
			}
		}
		return true
	}
	visible := func(c byte) bool { return c > ' ' && c < 0x7f }
	value := func(c byte) bool { return c == '\t' || c >= ' ' && c != 0x7f }
	check := func(b []byte) {
		t.Helper()
		if got, want := IsVisible(b), single(b, visible); got != want {
			t.Fatalf("IsVisible(%q) = %v", b, got)
		}
		if got, want := IsValue(b), single(b, value); got != want {
			t.Fatalf("IsValue(%q) = %v", b, got)
		}
	}
	check(nil)
	for _, fill := range []byte{'a', '!', '~', ' ', '\t', 0x80, 0xff, 0x7f, 0} {
		for length := 1; length <= 19; length++ {
			for at := range length {
				for c := range 256 {
					b := bytes.Repeat([]byte{fill}, length)
					b[at] = byte(c)
					check(b)
				}
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		b := make([]byte, random.IntN(30))
		for i := range b {
			b[i] = byte(random.IntN(256))
		}
		check(b)
	}
}
