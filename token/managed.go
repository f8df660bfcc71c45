package token

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"patgate/policy"
	"patgate/token/limits"
)

// Managed says which file a token is kept by. The zero value is none: the token was made by hand.
type Managed struct {
	// Set is the set of files, wherever these lie, and Name what the token is called in it. File is where in the set it stands.
	Set  string `json:"set"`
	Name string `json:"name"`
	File string `json:"file"`
	// Spec is what the file said when it was applied last, and Scopes and Applied are what that came to, by which changes by hand
	// are told.
	Spec    string             `json:"spec"`
	Scopes  []policy.ScopeSpec `json:"scopes"`
	Applied *Applied           `json:"applied,omitempty"` // nil: it was applied before more than scopes was written down
	// Undelivered: the token was made, and nobody has said that its secret arrived where it was to be written.
	Undelivered bool `json:"undelivered,omitempty"`
}

// Applied is what an apply made of a token besides its scopes.
type Applied struct {
	Name        string      `json:"name"`
	Description string      `json:"description"`
	ExpiresAt   time.Time   `json:"expires_at"`
	Limits      limits.Spec `json:"limits,omitzero"`
}

// With gives it with what the token is now; nil stays nil.
func (m *Managed) With(r *Record) *Managed {
	if m == nil {
		return nil
	}
	out := *m
	out.Scopes = r.Scopes
	out.Applied = &Applied{Name: r.Name, Description: r.Description, ExpiresAt: r.ExpiresAt, Limits: r.Limits}
	return &out
}

// Renewed gives it for the token that takes the place of another by a rotation, which gives it an end of its own: that is no
// change by hand. Nil stays nil.
func (m *Managed) Renewed(end time.Time) *Managed {
	if m == nil || m.Applied == nil {
		return m
	}
	out, applied := *m, *m.Applied
	applied.ExpiresAt, out.Applied = end, &applied
	return &out
}

// Difference is something that was changed by hand since a token was applied.
type Difference struct {
	Field   string `json:"field"`   // name, description, expires_at, scopes, limits
	Applied string `json:"applied"` // what the last apply made it, as people read it
	Now     string `json:"now"`
}

// String says a difference on one line.
func (d Difference) String() string { return d.Field + " was " + d.Applied + ", is " + d.Now }

// Differences gives what was changed by hand since the token was applied last; none for one that no file keeps.
func (r *Record) Differences() (all []Difference) {
	m := r.Managed
	if m == nil {
		return nil
	}
	differ := func(field, applied, now string) {
		if applied != now {
			all = append(all, Difference{field, said(applied), said(now)})
		}
	}
	if a := m.Applied; a != nil {
		differ("name", a.Name, r.Name)
		differ("description", a.Description, r.Description)
		differ("expires_at", a.ExpiresAt.UTC().Format(time.RFC3339), r.ExpiresAt.UTC().Format(time.RFC3339))
		differ("limits", a.Limits.String(), r.Limits.String())
	}
	if !SameScopes(r.Scopes, m.Scopes) {
		applied, now := permissionsOf(m.Scopes), permissionsOf(r.Scopes)
		lost := slices.DeleteFunc(slices.Clone(applied), func(p string) bool { return slices.Contains(now, p) })
		more := slices.DeleteFunc(now, func(p string) bool { return slices.Contains(applied, p) })
		d := Difference{"scopes", strings.Join(lost, ", "), strings.Join(more, ", ")}
		switch {
		case len(lost)+len(more) == 0:
			d.Applied, d.Now = "for these permissions elsewhere, or with other constraints", "as it stands"
		case len(lost) == 0:
			d.Applied = "without that"
		case len(more) == 0:
			d.Now = "without that"
		}
		all = append(all, d)
	}
	return all
}

// said gives a text that may be empty.
func said(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// permissionsOf gives the permissions of scopes, each once.
func permissionsOf(scopes []policy.ScopeSpec) (all []string) {
	for i := range scopes {
		all = append(all, scopes[i].Permissions...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// SameScopes compares scopes as they are stored.
func SameScopes(a, b []policy.ScopeSpec) bool {
	one, err := json.Marshal(a)
	other, otherErr := json.Marshal(b)
	return err == nil && otherErr == nil && bytes.Equal(one, other)
}
