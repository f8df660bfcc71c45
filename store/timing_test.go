package store_test

import (
	"errors"
	"testing"
	"time"

	"patgate/store"
	"patgate/token"
)

// What a token that is not known costs must not tell how close it comes to one that is: it is found by its SHA-256, so
// one that shares all but a bit with a real token is looked up as any other, once, and never compared with the real one.
func TestUnknownTokensCostTheSame(t *testing.T) {
	g := newGateway(t, func(o *store.SessionOptions) { o.UnknownTTL = time.Nanosecond })
	real := g.token(t)
	near := real.Hash
	near[31] ^= 1
	head := token.Hash{}
	copy(head[:16], real.Hash[:16])
	for _, c := range []struct {
		name string
		hash token.Hash
	}{
		{"nothing in common", token.Hash{1, 2, 3}},
		{"the first half in common", head},
		{"all but one bit in common", near},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 3 {
				before := g.fault.reads.Load()
				if _, err := g.sessions.Get(t.Context(), c.hash); !errors.Is(err, store.ErrUnknownToken) {
					t.Errorf("the error is %v", err)
				}
				if reads := g.fault.reads.Load() - before; reads != 1 {
					t.Errorf("the store was read %d times", reads)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}

// BenchmarkUnknownTokens measures unknown tokens that are near to a real one and far from it, in turn, and reports the
// time of the near ones in that of the far ones: 1 is no difference.
func BenchmarkUnknownTokens(b *testing.B) {
	g := newGateway(b, func(o *store.SessionOptions) { o.UnknownTTL = time.Nanosecond })
	real := g.token(b)
	var took [2]time.Duration
	for i := 0; b.Loop(); i++ {
		for which := range took {
			hash := real.Hash
			hash[31], hash[30], hash[29] = byte(i), byte(i>>8), byte(i>>16)|0x80
			if which == 1 {
				hash[0], hash[1] = ^hash[0], ^hash[1]
			}
			start := time.Now()
			_, _ = g.sessions.Get(b.Context(), hash)
			took[which] += time.Since(start)
		}
	}
	b.ReportMetric(float64(took[0])/float64(took[1]), "near/far")
}
