package store

import (
	"context"
	"time"
)

// NodeID names a process of a fleet for as long as it runs. It is made up at random.
type NodeID [16]byte

const (
	// NodeBeat is how often a node says that it is there.
	NodeBeat = 2 * time.Second
	// NodeDead is how long ago, by the clock of the server that keeps the store, a node that is not there any more last said so.
	NodeDead = 10 * time.Second
)

// Fleet is a Store that several nodes share.
type Fleet interface {
	// Beat says that a node is there, and gives the number of nodes, with this one. It forgets nodes that are long dead.
	Beat(ctx context.Context, id NodeID) (nodes int, err error)
	// Leave says that a node has gone.
	Leave(ctx context.Context, id NodeID) error
}
