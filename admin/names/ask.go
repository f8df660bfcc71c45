package names

import (
	"context"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// Forge answers what a place is called.
type Forge interface {
	Resolve(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (policy.Container, error)
}

// askedWithin is how old an answer of the forge's may be.
const askedWithin = time.Minute

// Ask asks a forge what a place is called, as a user sees it. A place that does not exist, or not for that user, gives a Name
// that is gone and has no path. ok is false where the forge could not be asked or does not say. It decides nothing.
func Ask(ctx context.Context, f Forge, as *token.Session, p store.Place, now time.Time) (n store.Name, ok bool) {
	if p.ID <= 0 {
		return n, false
	}
	c, err := f.Resolve(ctx, as, routes.Reference{Kind: p.Kind, ID: p.ID}, askedWithin)
	switch at, found := placeOf(&c); {
	case err != nil:
		return n, false
	case c.Boundary == routes.BoundaryNone:
		return store.Name{Gone: now}, true
	case !found || at != p || c.Path == "" || c.Access == policy.OwnerNone:
		return n, false
	}
	return store.Name{Path: Clean(c.Path), Seen: now}, true
}
