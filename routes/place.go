package routes

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

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

// anyPlace stands for the places that GitLab reads on every row, and Basic credentials.
const anyPlace = "any"

// parsePlaces reads the value of the flag auth=.
func (d *document) parsePlaces(n *yaml.Node, value string) []Place {
	if value == anyPlace {
		return []Place{PlacePrivateToken, PlaceBearer, PlaceBasic}
	}
	var out []Place
	for name := range strings.SplitSeq(value, ",") {
		i := slices.Index(placeNames[:], name)
		switch {
		case i < 1:
			d.problem(n, "use any alone, or some of "+strings.Join(placeNames[1:], ", "), "unknown place %q in auth=", name)
		case slices.Contains(out, Place(i)):
			d.problem(n, "write it once", "place %q stands twice in auth=", name)
		default:
			out = append(out, Place(i))
		}
	}
	if len(out) > 1 && slices.Contains(out, PlaceTicket) {
		d.problem(n, "write auth=ticket alone", "a row with auth=ticket takes nothing else")
	}
	return out
}
