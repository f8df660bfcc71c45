package store

import (
	"context"
	"time"
)

// FillPlaces notes what all tokens name that were there before it was noted, a few at a time with a pause between, so that
// changes of tokens do not wait for it. What was begun elsewhere or before is gone on with.
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
