package postgres

import (
	"context"
	"fmt"
	"time"

	"patgate/store"
)

// beatPatience bounds how long a node waits until the server has taken its sign of life.
const beatPatience = 1500 * time.Millisecond

// nodesForgotten is how long ago a node was last seen that is forgotten, in seconds.
const nodesForgotten = 60

// beat is one statement, so a node waits once. After a clock was set back, nodes have last been seen in the future: those that
// are there say so anew. It passes over nodes that another node is just forgetting.
const beat = `WITH there AS (
		INSERT INTO nodes (id, seen_at) VALUES ($1, clock_timestamp())
			ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
	), forgotten AS (
		DELETE FROM nodes WHERE id IN (SELECT id FROM nodes
			WHERE id <> $1 AND abs(extract(epoch FROM clock_timestamp() - seen_at)) > $3 LIMIT 100 FOR UPDATE SKIP LOCKED)
	) SELECT count(*) + 1 FROM nodes WHERE id <> $1 AND abs(extract(epoch FROM clock_timestamp() - seen_at)) < $2`

var _ store.Fleet = (*DB)(nil)

// Beat implements store.Fleet.
func (db *DB) Beat(ctx context.Context, id store.NodeID) (nodes int, err error) {
	ctx, cancel := context.WithTimeout(ctx, beatPatience)
	defer cancel()
	err = db.beats.QueryRow(ctx, beat, id[:], store.NodeDead.Seconds(), nodesForgotten).Scan(&nodes)
	if err != nil {
		return 0, fmt.Errorf("saying that this node is there: %w", db.mean(err))
	}
	return nodes, nil
}

// Leave implements store.Fleet.
func (db *DB) Leave(ctx context.Context, id store.NodeID) error {
	ctx, cancel := context.WithTimeout(ctx, beatPatience)
	defer cancel()
	if _, err := db.beats.Exec(ctx, "DELETE FROM nodes WHERE id = $1", id[:]); err != nil {
		return fmt.Errorf("saying that this node leaves: %w", db.mean(err))
	}
	return nil
}
