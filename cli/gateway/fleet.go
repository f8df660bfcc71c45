package gateway

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"patgate/store"
)

// membership is this process in a fleet.
type membership struct {
	id    store.NodeID
	store store.Fleet // nil: no other node shares the store
	stays sync.WaitGroup
}

// join says for the first time that this node is there, so that it begins with its share of the limits. Of a store that no other
// node can share, it is the only one.
func (g *gateway) join(ctx context.Context) {
	shared, is := g.store.(store.Fleet)
	if !is {
		return
	}
	_, _ = rand.Read(g.node.id[:]) // never fails (crypto/rand)
	g.node.store = shared
	g.beat(ctx, g.reportStore())
}

// beat says that this node is there, and takes its share of the limits. When the store does not answer, that stays as it is.
func (g *gateway) beat(ctx context.Context, report func(error)) {
	nodes, err := g.node.store.Beat(ctx, g.node.id)
	if err == nil {
		g.size.Set(nodes)
	} else if ctx.Err() == nil {
		report(err)
	}
}

// stay goes on saying that this node is there, until the context is done.
func (g *gateway) stay(ctx context.Context) {
	if g.node.store == nil {
		return
	}
	report := g.reportStore()
	g.node.stays.Go(func() {
		tick := time.NewTicker(store.NodeBeat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				g.beat(ctx, report)
			}
		}
	})
}

// leave says that this node is there no more, so that the others take its share at once. They find it out by themselves else.
func (g *gateway) leave() {
	g.node.stays.Wait()
	if g.node.store != nil {
		_ = g.node.store.Leave(context.Background(), g.node.id)
	}
}
