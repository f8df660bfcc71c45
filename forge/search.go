package forge

import (
	"time"

	"patgate/routes"
)

// Found is a project or group that a search found.
type Found struct {
	Kind routes.RefKind // RefProject or RefGroup
	ID   int64
	Path string // full
	Name string
}

// OwnToken is a token of the forge's own, as its owner sees it: never its secret.
type OwnToken struct {
	ID                int64
	Name, Description string
	Scopes            []string
	CreatedAt         time.Time
	LastUsedAt        time.Time // zero: never, or the forge does not tell
	ExpiresAt         time.Time // zero: never
	Active            bool
	// Granular: it is a fine-grained token of the forge.
	Granular bool
}
