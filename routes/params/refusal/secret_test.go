package refusal

import (
	"strings"
	"testing"
)

func TestHoldsToken(t *testing.T) {
	secret := "patgate_" + strings.Repeat("aZ0_", 5)
	for text, want := range map[string]bool{
		secret: true, "x " + secret + " y": true, "patgate_patgate_" + strings.Repeat("a", 12): true,
		secret[:27]: false, "patgate_": false, "": false, "Patgate_" + strings.Repeat("a", 20): false,
		"patgate_aaaa-" + strings.Repeat("a", 20): false, "patgate_short " + secret: true,
	} {
		if HoldsToken([]byte(text)) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}
