package facts

import (
	"context"
	"fmt"
	"time"

	"patgate/cache"
	"patgate/forge"
	"patgate/routes"
	"patgate/token"
)

// node is something that facts rest on: a group above a container, the user that a credential belongs to.
type node[N any] struct {
	value N
	at    time.Time
	seq   uint64
}

// Node reads a node that facts rest on, by its id. It comes from the cache when it is at most half of maxAge old, so facts that
// rest on it stay usable for the other half. f becomes as old as the node. read asks the forge; found is false, and the value
// zero, for a node that is not there or not visible.
func (k *Keeper[N]) Node(ctx context.Context, s *token.Session, f *Fact, id int64, maxAge time.Duration,
	read func(context.Context) (value N, found bool, err error)) (value N, found bool, err error) {
	key := idKey{k.seed.eyeOf(s), id, routes.RefGroup}
	for range 2 {
		n, found, err := k.nodes.GetBy(ctx, key, s.TokenID, maxAge/2, func(ctx context.Context) (*node[N], bool, error) {
			ctx, cancel := k.Bound(ctx)
			defer cancel()
			n := &node[N]{at: k.now(), seq: k.dropped.last.Load()}
			var found bool
			var err error
			n.value, found, err = read(ctx)
			return n, found, err
		})
		if err != nil {
			return value, false, err
		}
		if n.seq == k.dropped.last.Load() || found && k.dropped.all.Load() <= n.seq {
			f.olderOf(n.at, n.seq)
			return n.value, found, nil
		}
		k.nodes.Invalidate(key)
	}
	return value, false, fmt.Errorf("reading what stands above: it is forgotten faster than read: %w", forge.ErrUnavailable)
}

// Mark is the moment at which a read for KeepNode began.
type Mark struct{ began cache.Mark }

// MarkNode must be called before the read whose answer is given to KeepNode.
func (k *Keeper[N]) MarkNode() Mark { return Mark{k.nodes.Mark()} }

// KeepNode keeps a node that was read together with the fact f, and as f's first read.
func (k *Keeper[N]) KeepNode(s *token.Session, f *Fact, m Mark, id int64, value N) {
	k.nodes.Put(idKey{k.seed.eyeOf(s), id, routes.RefGroup}, m.began, &node[N]{value: value, at: f.at, seq: f.seq}, true)
}
