package depproxy

import (
	"testing"
	"time"
)

// TestTokensAreBounded fills the cache of the forge's tokens past its bound.
func TestTokensAreBounded(t *testing.T) {
	var p Tokens
	now := time.Now()
	keyed := func(i int) (k key) { k[0], k[1], k[2] = byte(i), byte(i>>8), byte(i>>16); return k }
	for i := range 3 * maxTokens {
		p.put(keyed(i), kept{[]byte("jwt"), now.Add(time.Minute)}, now)
		if len(p.by) > maxTokens {
			t.Fatalf("%d kept", len(p.by))
		}
	}
	last := keyed(3*maxTokens - 1)
	if p.find(last, now) == nil || p.find(last, now.Add(time.Minute)) != nil {
		t.Error("one is kept for too short or too long")
	}
	if p.drop(last); p.find(last, now) != nil {
		t.Error("a dropped one is kept")
	}
}
