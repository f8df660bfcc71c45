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

// Keep stores what the places of a token that was just made or edited are called, as its owner saw them, and puts the names into
// the token. The token is as good without them: warnings say that they could not be stored.
func Keep(ctx context.Context, st store.Names, l *store.Listed, seen []policy.Container, at time.Time) (warnings []string) {
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
	if st.SeePlaces(context.WithoutCancel(ctx), l.Owner.Origin, all) == nil {
		return nil
	}
	return []string{"what its projects and groups are called could not be stored: lists show their ids until they are seen again"}
}
