package rest

import (
	"encoding/json"
	"fmt"

	"patgate/forge"
)

// Members reads what a user has access to: each is an object with an id, and is kept as it is.
func Members(all []json.RawMessage) ([]forge.Membership, error) {
	out := make([]forge.Membership, len(all))
	for i, body := range all {
		named, err := Decode[struct {
			ID int64 `json:"id"`
		}](Reply{Body: body})
		if err != nil {
			return nil, err
		}
		if named.ID <= 0 {
			return nil, fmt.Errorf("reading the forge's answer: an entry without an id: %w", forge.ErrUnavailable)
		}
		out[i] = forge.Membership{ID: named.ID, Body: body}
	}
	return out, nil
}
