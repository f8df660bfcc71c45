package routes

import "slices"

// Auth is where in a request a credential stands. Many of the forge's package routes look in some places only, and
// answer as to a stranger when it stands in another.
type Auth uint8

const (
	// AuthNone: there is none.
	AuthNone Auth = iota
	// AuthPrivateToken is the header PRIVATE-TOKEN.
	AuthPrivateToken
	// AuthBearer is Authorization: Bearer.
	AuthBearer
	// AuthBasic is the password of Authorization: Basic, with the owner's username.
	AuthBasic
	// AuthToken is Authorization: Token.
	AuthToken
	// AuthRaw is Authorization without a scheme (RubyGems).
	AuthRaw
	// AuthNugetKey is the header X-NuGet-ApiKey.
	AuthNugetKey
	// AuthTicket is the query's token, with what the forge itself named in an answer: the client gets it sealed, and comes
	// back with that.
	AuthTicket
)

var authNames = [...]string{"none", "private_token", "bearer", "basic", "token", "raw", "nuget_key", "ticket"}

// String gives the name that the route table has for it.
func (p Auth) String() string {
	if int(p) < len(authNames) {
		return authNames[p]
	}
	return "auth"
}

// AuthNames are all by name, without AuthNone. The caller must not change the slice.
func AuthNames() []string { return authNames[1:] }

// ParseAuth reads such a name; ok is false for unknown text, "none" included.
func ParseAuth(name string) (p Auth, ok bool) {
	i := slices.Index(authNames[1:], name)
	return Auth(i + 1), i >= 0
}
