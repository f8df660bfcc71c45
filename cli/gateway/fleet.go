package gateway

import (
	"context"
	"errors"
	"fmt"

	"patgate/admin"
	"patgate/proxy/surface"
	"patgate/store"
)

// sealKeys derives keys from the sealing keys: what one process gave to a client holds at another node, and after a restart.
func (g *gateway) sealKeys() (keys [][surface.SealKeySize]byte) {
	for _, k := range g.keyring.Keys() {
		keys = append(keys, k.Subkey("patgate client seals v1"))
	}
	return keys
}

// storePolled polls the store; within its grace requests are served although it cannot be.
func (g *gateway) storePolled(ctx context.Context) error {
	err := g.sessions.Ready(ctx)
	if errors.Is(err, store.ErrGrace) {
		return fmt.Errorf("%w: %w", admin.ErrGoesOn, err)
	}
	return err
}
