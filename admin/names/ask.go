package names

import (
	"context"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// Forge is what is asked.
type Forge interface {
	Resolve(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (policy.Container, error)
}

// askedWithin is how old an answer of the forge's may be.
const askedWithin = time.Minute

// Ask asks a forge what a place is called, as a user sees it: a Name that is gone, without a path, where there is none, or
// not for that user. ok is false where it could not be asked or does not say. It is for people to read and decides nothing.
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
