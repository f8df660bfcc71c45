package rows

import (
	"strings"

	"patgate/token"
)

// Managed is the file that a token is kept by, as pages show it.
type Managed struct {
	File, Name, Set string
	Differs         []string // what was changed by hand since it was applied, a line each
}

// ManagedBy shows which file a token is kept by; nil for one that was made by hand.
func ManagedBy(r *token.Record) *Managed {
	if r.Managed == nil {
		return nil
	}
	m := &Managed{File: r.Managed.File, Name: r.Managed.Name, Set: r.Managed.Set}
	for _, d := range r.Differences() {
		d.Field = strings.ReplaceAll(strings.TrimSuffix(d.Field, "_at"), "_", " ")
		m.Differs = append(m.Differs, d.String())
	}
	return m
}

// Why says in a line what it means.
func (m *Managed) Why() string {
	text := "Managed by the document " + m.Name + " in " + m.File + ", of the set " + m.Set
	if len(m.Differs) > 0 {
		text += "; changed by hand since: " + strings.Join(m.Differs, "; ")
	}
	return text
}
