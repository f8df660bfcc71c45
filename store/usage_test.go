package store_test

import "testing"

func TestAHitAllocatesNothing(t *testing.T) {
	g := newGateway(t, nil)
	r := g.token(t)
	ctx := t.Context()
	get := func() {
		if _, err := g.sessions.Get(ctx, r.Hash); err != nil {
			t.Fatal(err)
		}
	}
	get()
	if n := testing.AllocsPerRun(1000, get); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSessionHit(b *testing.B) {
	g := newGateway(b, nil)
	r := g.token(b)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.sessions.Get(ctx, r.Hash); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSessionMiss(b *testing.B) {
	g := newGateway(b, nil)
	r := g.token(b)
	ctx := b.Context()
	for b.Loop() {
		if _, err := g.db.TokenByHash(ctx, r.Hash); err != nil {
			b.Fatal(err)
		}
	}
}
