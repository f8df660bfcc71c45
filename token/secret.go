// Package token is what a patgate token is: its text form, its hash, its record and whether it is valid. It is pure: no
// clock, no I/O.
package token

import (
	"fmt"
	"log/slog"
)

// mask is what a secret prints as.
const mask = "[secret]"

// Secret is text that must never be printed: a token, or an owner's credential. Every way of formatting or encoding it
// gives a mask; Reveal is the only way to the text. The zero value is the empty secret.
type Secret struct{ text string }

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal gives the text. Whoever calls it answers for where the text goes.
func (s Secret) Reveal() string { return s.text }

// IsZero tells whether there is no text.
func (s Secret) IsZero() bool { return s.text == "" }

// String gives the mask.
func (s Secret) String() string { return mask }

// GoString gives the mask, for %#v.
func (s Secret) GoString() string { return mask }

// Format writes the mask, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, mask) }

// MarshalText gives the mask, also for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// MarshalYAML gives the mask.
func (s Secret) MarshalYAML() (any, error) { return mask, nil }

// LogValue gives the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(mask) }
