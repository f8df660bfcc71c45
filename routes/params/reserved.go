package params

import "bytes"

// reservation says how far a name is kept from clients.
type reservation uint8

const (
	notReserved reservation = iota
	// reservedUnlessDeclared: a row may declare it by its exact name.
	reservedUnlessDeclared
	// reservedAtTop: never as a parameter of its own, because the forge reads it there whatever the endpoint declares;
	// inside an object a row may declare it (configuration.access_token of an import).
	reservedAtTop
)

// reserve gives the reservation of one component of a name. GitLab reads the credentials of the first group from query
// and body on every API endpoint, `sudo` changes the user, Rack's method override and the Go middleware read `_method`
// and `go-get`, Rails exposes a top-level JSON list as `_json`, and Grape chooses the answer's form by `format`.
func reserve(component []byte) reservation {
	switch string(component) {
	case "private_token", "access_token", "bearer_token", "job_token", "feed_token", "rss_token",
		"sudo", "_method", "_json", "authenticity_token", "go-get":
		return reservedAtTop
	case "token", "format":
		return reservedUnlessDeclared
	}
	return notReserved
}

// Reserved tells whether a canonical name has a component that is reserved: a credential, an impersonation, a method.
// A row can only declare "token" and "format", and the other names inside an object.
func Reserved(name string) bool {
	for rest := []byte(name); len(rest) > 0; {
		var word []byte
		if word, rest = nextWord(rest); reserve(word) != notReserved {
			return true
		}
	}
	return false
}

// tokenPrefix and minTokenTail tell patgate's own tokens: what looks like one never passes through unread.
const (
	tokenPrefix  = "patgate_"
	minTokenTail = 20
)

// holdsToken tells whether text holds tokenPrefix followed by at least minTokenTail characters of a token.
func holdsToken(text []byte) bool {
	for {
		i := bytes.Index(text, []byte(tokenPrefix))
		if i < 0 {
			return false
		}
		text = text[i+len(tokenPrefix):]
		n := 0
		for n < len(text) && n < minTokenTail && tokenByte(text[n]) {
			n++
		}
		if n == minTokenTail {
			return true
		}
	}
}

func tokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}
