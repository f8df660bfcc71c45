package forge

import "encoding/json"

// Memberships are groups and projects that a user has access to, in the forge's own form.
type Memberships struct{ Groups, Projects []Membership }

// Membership is one of them.
type Membership struct {
	ID   int64
	Body json.RawMessage
}
