package token

import "patgate/policy"

// Managed says which file a token is kept by. The zero value is none: the token was made by hand.
type Managed struct {
	// Set is the set of files, wherever these lie, and Name what the token is called in it. File is where in the set it stands.
	Set  string `json:"set"`
	Name string `json:"name"`
	File string `json:"file"`
	// Spec is what the file said when it was applied last, and Scopes are what that came to, by which changes by hand are told.
	Spec   string             `json:"spec"`
	Scopes []policy.ScopeSpec `json:"scopes"`
	// Undelivered: the token was made, and nobody has said that its secret arrived where it was to be written.
	Undelivered bool `json:"undelivered,omitempty"`
}

// With gives it with what the token's scopes came to; nil stays nil.
func (m *Managed) With(scopes []policy.ScopeSpec) *Managed {
	if m == nil {
		return nil
	}
	out := *m
	out.Scopes = scopes
	return &out
}
