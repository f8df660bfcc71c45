package store

import (
	"context"
	"time"

	"patgate/policy"
	"patgate/routes"
)

// Place is a project or group by its kind, RefProject or RefGroup, and its id at the forge.
type Place struct {
	Kind routes.RefKind
	ID   int64
}

// PlacesOf gives the places that scopes name, projects first in each.
func PlacesOf(scopes []policy.ScopeSpec) (all []Place) {
	for i := range scopes {
		for _, id := range scopes[i].ProjectIDs {
			all = append(all, Place{routes.RefProject, id})
		}
		for _, id := range scopes[i].GroupIDs {
			all = append(all, Place{routes.RefGroup, id})
		}
	}
	return all
}

// Name is what a place was called when a credential of a token's owner saw it last. It is for people to read and decides nothing.
type Name struct {
	Path string    // full path; empty: it was never seen
	Seen time.Time // zero: never
	Gone time.Time // since when it is not there, or not for this owner; zero: it is there as far as is known
}

// Named are the names of places that are known. Nil is of a reader who is not told any.
type Named map[Place]Name

// Sighting is what a credential of a forge user's was answered about a place. Without a path the place is gone.
type Sighting struct {
	UserID int64 // at the forge
	Place  Place
	Path   string
	At     time.Time
}

// Naming selects the tokens that name a place. The zero value selects all.
type Naming struct {
	Kind routes.RefKind // RefNone is both kinds
	ID   int64          // the place's id; 0: not by id
	// Path is a full path, in upper or lower case: it selects places that the token's owner last saw there, or below it. Below a
	// group are groups and projects, for each Kind. Empty: not by path. With an ID, either will do.
	Path string
}

// Empty tells whether all tokens are kept.
func (n Naming) Empty() bool { return n.ID == 0 && n.Path == "" }

// Names is the part of a Store that keeps the names of the places in tokens. What the credentials of an owner saw is kept for
// that owner alone, and only for places that a token of that owner's names.
type Names interface {
	// SeePlaces keeps how owners of a forge saw places. A sighting that is older than the kept one changes nothing: late gives
	// the indices in seen of those that differ from a newer one.
	SeePlaces(ctx context.Context, origin string, seen []Sighting) (late []int, err error)
	// NamesOf gives the names of places as an owner of a forge last saw them.
	NamesOf(ctx context.Context, origin string, userID int64, places []Place) (Named, error)
	// FillPlaces notes what some tokens of an older schema name and hold, and tells whether more are left. Until it has noted
	// all, these tokens are not found by what they name and hold, and the names of their places are not known.
	FillPlaces(ctx context.Context) (more bool, err error)
	// Unfilled tells whether some tokens are left whose places, permissions and networks FillPlaces has yet to note.
	Unfilled(ctx context.Context) (bool, error)
	// Above gives a place of a forge, by its id, by its full path, or both, and the groups above it, as an owner saw them last; 0
	// is any owner of that forge. It leaves out places that are gone.
	Above(ctx context.Context, origin string, n Naming, ownerID int64) ([]Place, error)
	// ForgetPlaces drops the names of places that no token names any more and that were last seen before an instant, and those of
	// owners that were removed.
	ForgetPlaces(ctx context.Context, before time.Time) error
}
