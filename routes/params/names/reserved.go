package names

// reservation says how far a name is kept from clients.
type reservation uint8

const (
	NotReserved reservation = iota
	// ReservedUnlessDeclared: a row may declare it by its exact name.
	ReservedUnlessDeclared
	// ReservedAtTop: never as a parameter of its own, because the forge reads it there whatever the endpoint declares;
	// inside an object a row may declare it (configuration.access_token of an import).
	ReservedAtTop
)

// Reserve gives the reservation of one component of a name. GitLab reads the credentials of the first group from query
// and body on every API endpoint, `sudo` changes the user, Rack's method override and the Go middleware read `_method`
// and `go-get`, Rails exposes a top-level JSON list as `_json`, and Grape chooses the answer's form by `format`.
func Reserve(component []byte) reservation {
	switch string(component) {
	case "private_token", "access_token", "bearer_token", "job_token", "feed_token", "rss_token",
		"sudo", "_method", "_json", "authenticity_token", "go-get":
		return ReservedAtTop
	case "token", "format":
		return ReservedUnlessDeclared
	}
	return NotReserved
}
