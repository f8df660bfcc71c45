package exchange

import "testing"

// TestUsesOfOtherIssuersDiffer: no issuer and id together come to what another issuer and id do, whatever stands in them.
func TestUsesOfOtherIssuersDiffer(t *testing.T) {
	seen := map[[32]byte][]string{}
	for _, parts := range [][]string{
		{"2", "xyz.......9"}, {"2xyz.......", "9"}, {"https://a", "\x00b"}, {"https://a\x00", "b"}, {"https://a\x00b",
			""}, {"", "https://a\x00b"},
		{"https://a", "b"}, {"https://ab", ""}, {"a", "b", "c"}, {"a", "bc"}, {"ab", "c"}, {"direct", "a",
			"b"}, {"directa", "b"}, {"b", "a"},
	} {
		use := useOf(parts...)
		if other := seen[use]; other != nil {
			t.Errorf("%q is as %q", parts, other)
		}
		seen[use] = parts
	}
	if seen[useOf("a", "b")] != nil || seen[useOf("a", "bc")] == nil {
		t.Error("control: one is not found as itself")
	}
}
