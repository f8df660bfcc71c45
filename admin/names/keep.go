package names

import (
	"context"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// placeOf gives the place that a container is.
func placeOf(c *policy.Container) (p store.Place, ok bool) {
	switch c.Boundary {
	case routes.BoundaryProject:
		return store.Place{Kind: routes.RefProject, ID: c.ID}, true
	case routes.BoundaryGroup:
		return store.Place{Kind: routes.RefGroup, ID: c.ID}, true
	}
	return store.Place{}, false
}

// Seen gives the names of containers that were seen at an instant.
func Seen(all []policy.Container, at time.Time) store.Named {
	named := make(store.Named, len(all))
	for i := range all {
		if p, ok := placeOf(&all[i]); ok && all[i].Path != "" {
			named[p] = store.Name{Path: Clean(all[i].Path), Seen: at}
		}
	}
	return named
}

// Keep stores what places are called that a token was just given, as its owner saw them. It does not wait for long.
type Keep func(ctx context.Context, seen []store.Sighting) error

// Put puts the names of its places, as the owner has just seen them, into a token that was just made or edited, and has the names
// kept. The token works without them: warnings say that they could not be kept.
func Put(ctx context.Context, keep Keep, l *store.Listed, seen []policy.Container, at time.Time) (warnings []string) {
	if l.Names == nil {
		l.Names = store.Named{}
	}
	var all []store.Sighting
	named := Seen(seen, at)
	for _, p := range store.PlacesOf(l.Scopes) {
		if n, ok := named[p]; ok {
			l.Names[p] = n
			all = append(all, store.Sighting{UserID: l.Owner.UserID, Place: p, Path: n.Path, At: at})
		}
	}
	if len(all) == 0 || keep(ctx, all) == nil {
		return nil
	}
	return []string{"the names of its projects and groups could not be stored: lists show their ids until they are seen again"}
}

// directWithin bounds how long the answer about a token waits for the names of its places.
const directWithin = 500 * time.Millisecond

// Direct keeps names in a store at once, where no Keeper does in the background, and gives up after half a second.
func Direct(st store.Names, origin string) Keep {
	return func(ctx context.Context, seen []store.Sighting) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), directWithin)
		defer cancel()
		_, err := st.SeePlaces(ctx, origin, seen)
		return err
	}
}
