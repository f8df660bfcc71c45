package storage

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"patgate/fleet"
	"patgate/store"
)

// node is this process as one of the nodes that share a store; nil when the store cannot be shared.
type node struct {
	id    store.NodeID
	store store.Fleet
	size  *fleet.Size
	stays sync.WaitGroup
}

// join makes this process known as a node for the first time, so that it begins with its share of the limits.
func join(ctx context.Context, s store.Store, size *fleet.Size, report func(error)) *node {
	shared, is := s.(store.Fleet)
	if !is {
		return nil
	}
	n := &node{store: shared, size: size}
	_, _ = rand.Read(n.id[:]) // never fails (crypto/rand)
	n.beat(ctx, report)
	return n
}

// beat says that this node is there, and takes its share of the limits. When the store does not answer, the share stays.
func (n *node) beat(ctx context.Context, report func(error)) {
	nodes, err := n.store.Beat(ctx, n.id)
	if err == nil {
		n.size.Set(nodes)
	} else if ctx.Err() == nil {
		report(err)
	}
}

// stay goes on saying that this node is there, until the context is done.
func (n *node) stay(ctx context.Context, report func(error)) {
	if n == nil {
		return
	}
	n.stays.Go(func() {
		tick := time.NewTicker(store.NodeBeat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				n.beat(ctx, report)
			}
		}
	})
}

// leave says that this node goes, so that the others take its share at once. Without it they find that out by themselves.
func (n *node) leave() {
	if n != nil {
		n.stays.Wait()
		_ = n.store.Leave(context.Background(), n.id)
	}
}
