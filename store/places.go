package store

import (
	"context"
	"time"
)

// FillPlaces notes what the tokens of an older schema name, a few at a time with a pause between, so that changes of tokens do
// not wait for it. It goes on with what another process, or an earlier run, has begun.
func FillPlaces(ctx context.Context, st Names, pause time.Duration) error {
	for {
		more, err := st.FillPlaces(ctx)
		if err != nil || !more {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
