package proxy

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
		if got, want := isVisible(b), single(b, visible); got != want {
			t.Fatalf("isVisible(%q) = %v", b, got)
		}
		if got, want := isFieldValue(b), single(b, value); got != want {
			t.Fatalf("isFieldValue(%q) = %v", b, got)
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

// An escape that cannot hide a token need not be decoded; every one that can is.
func TestEscapesThatHideTokens(t *testing.T) {
	const secret = "patgate_012345678901234567890123456789abcdef"
	for target, want := range map[string]bool{
		"/a%2Fb":                           false,
		"/a%2Fb?q=" + secret:               true,
		"/a%2Fb%20c%5B%5D%3D%3d":           false,
		"/%70atgate_" + secret[8:]:         true,
		"/patgate%5F" + secret[8:]:         true,
		"/patgate%5f" + secret[8:]:         true,
		"/patgate_" + "%30" + secret[9:]:   true,
		"/x%2F%2570atgate_" + secret[8:]:   true,
		"/x%25%37%30atgate_" + secret[8:]:  true,
		"/%%370atgate_" + secret[8:]:       true,
		"/%2F%" + secret[:43] + "%6":       false,
		"/%":                               false,
		"/%2":                              false,
		"/%zz%2F" + secret[:20]:            false,
		"/%2f" + secret[:20] + "%2f" + "x": false,
	} {
		if got := mentionsToken([]byte(target)); got != want {
			t.Errorf("%s: %v", target, got)
		}
	}
}
