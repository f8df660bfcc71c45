package store_test

import (
	"testing"

	"patgate/store"
)

func TestUsesAreCountedAndFlushed(t *testing.T) {
	g := newGateway(t, nil)
	ctx := t.Context()
	r := g.token(t)
	for range 7 {
		if _, err := g.sessions.Get(ctx, r.Hash); err != nil {
			t.Fatal(err)
		}
	}
	uses := func() int64 {
		l, err := g.db.Token(ctx, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		return l.Uses
	}
	if n := uses(); n != 0 {
		t.Errorf("%d uses before a flush", n)
	}
	if err := g.sessions.FlushUses(ctx); err != nil || uses() != 7 {
		t.Errorf("%d uses, %v", uses(), err)
	}
	_, _ = g.sessions.Get(ctx, r.Hash)
	if err := g.change(ctx, r.ID, store.Store.RevokeToken); err != nil {
		t.Fatal(err)
	}
	_, _ = g.sessions.Get(ctx, r.Hash) // refused: no use
	if err := g.sessions.Close(); err != nil || uses() != 8 {
		t.Errorf("%d uses after Close, %v", uses(), err)
	}
}

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
