package routes

import "slices"

// Place is where in a request a credential stands. Many of the forge's package routes look in some places only, and
// answer as to a stranger when it stands in another.
type Place uint8

const (
	// PlaceNone: there is none.
	PlaceNone Place = iota
	// PlacePrivateToken is the header PRIVATE-TOKEN.
	PlacePrivateToken
	// PlaceBearer is Authorization: Bearer.
	PlaceBearer
	// PlaceBasic is the password of Authorization: Basic, with the owner's username.
	PlaceBasic
	// PlaceToken is Authorization: Token.
	PlaceToken
	// PlaceRaw is Authorization without a scheme (RubyGems).
	PlaceRaw
	// PlaceNugetKey is the header X-NuGet-ApiKey.
	PlaceNugetKey
	// PlaceTicket is the query's token, with what the forge itself named in an answer: the client gets it sealed, and comes
	// back with that.
	PlaceTicket
)

var placeNames = [...]string{"none", "private_token", "bearer", "basic", "token", "raw", "nuget_key", "ticket"}

// String gives the place as it stands in the route table.
func (p Place) String() string {
	if int(p) < len(placeNames) {
		return placeNames[p]
	}
	return "place"
}

// PlaceNames are the places by name, without PlaceNone. The caller must not change the slice.
func PlaceNames() []string { return placeNames[1:] }

// ParsePlace reads a place's name; ok is false for unknown text, "none" included.
func ParsePlace(name string) (p Place, ok bool) {
	i := slices.Index(placeNames[1:], name)
	return Place(i + 1), i >= 0
}
