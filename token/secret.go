package token

import (
	"crypto/subtle"
	"fmt"
	"io"
)

// mask is what a secret prints as.
const mask = "[masked]"

// Secret is text that must not be seen: a token or a credential of the forge. Whatever prints, formats, encodes or logs
// it gets a mask; Reveal is the only way out. The zero value is no secret. Compare with Equal, not with ==.
//
// The text is kept behind a pointer because fmt does not call methods on unexported fields of other types: it prints
// them by reflection, and then an address is all there is to see.
type Secret struct{ text *string }

// NewSecret makes a secret of the text; empty text is the zero Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal gives the text itself. The caller answers for where the text goes.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty tells whether there is no secret.
func (s Secret) Empty() bool { return s.text == nil }

// Equal compares two secrets in a time that depends on their lengths only.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// String gives the mask, or nothing for the zero value.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return mask
}

// GoString gives the mask.
func (s Secret) GoString() string { return s.String() }

// Format writes the mask for every verb.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// MarshalText gives the mask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON gives the mask as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalYAML gives the mask.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }
