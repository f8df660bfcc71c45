package learn

import (
	"crypto/sha256"
	"net/netip"
	"time"
)

// Subject is a credential of the forge's own that was seen at work. It is known by a keyed hash; the credential itself is kept
// nowhere. Units are of subjects or of tokens: the ids of tokens are the higher ones.
type Subject struct {
	ID int64
	// Hash is a hash of the credential under a key that is not in the store. For an OAuth access token, which lasts for hours, it
	// is a hash of the application and user instead.
	Hash [sha256.Size]byte
	// Origin is the forge's, UserID and Username whose credential it is, as the forge says.
	Origin   string
	UserID   int64
	Username string // empty where the forge did not say
	Kind     string // personal, granular or oauth
	// ForgeID is the id of the credential at the forge, 0 where it shows none, and Name its name there.
	ForgeID int64
	Name    string
	Scopes  []string
	First   time.Time // when it was identified
	Last    time.Time // when it was last seen
}

// Summary is what is known about a subject or a token in few words. What was denied is not counted.
type Summary struct {
	Requests int64
	Units    int
	First    time.Time // of all requests
	Last     time.Time
	Fresh    time.Time // when something was needed for the first time
	Suspect  int       // units that are set apart
}

const (
	// MostSubjects is how many subjects are kept in all, and MostSubjectsOfUser how many of one user. For one more of a user, the
	// one that was not seen for longest goes, if that is at least QuietDays ago.
	MostSubjects       = 100_000
	MostSubjectsOfUser = 64
	QuietDays          = 7
	// FirstDays is for how many days from the first request the networks of a subject or token are learned, and MostNetworks how
	// many networks are learned.
	FirstDays    = 7
	MostNetworks = 64
	// LeakDays is how many days before the report of a leak count as a thief's, because it is not known when the token leaked:
	// what it first did in these days, from any network, is set apart. The report ends the token.
	LeakDays = 7
)

// NetworkOf gives the network of a client, which is all that is kept of its address: the /16 of IPv4, the /32 of IPv6. The zero
// Prefix is none.
func NetworkOf(client netip.Addr) netip.Prefix {
	client = client.Unmap().WithZone("")
	bits := 32
	if client.Is4() {
		bits = 16
	}
	network, err := client.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}
