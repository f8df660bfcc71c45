package token

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"patgate/policy"
	"patgate/token/limits"
)

// Managed says which file manages a token. The zero value: none, the token was made by hand.
type Managed struct {
	// Set is the set of files, wherever these lie, and Name what the token is called in it. File is where in the set it stands.
	Set  string `json:"set"`
	Name string `json:"name"`
	File string `json:"file"`
	// Spec is what the file said when it was applied last. Scopes and Applied are the outcome of that: where the token differs
	// from them, it was changed by hand.
	Spec    string             `json:"spec"`
	Scopes  []policy.ScopeSpec `json:"scopes"`
	Applied *Applied           `json:"applied,omitempty"` // nil: it was applied before more than scopes was written down
	// Told are the differences that a running patgate has reported; nil: they are found here, by what was applied.
	Told []Difference `json:"-"`
	// Undelivered: the token was made, and nobody has said that its secret arrived where it was to be written.
	Undelivered bool `json:"undelivered,omitempty"`
}

// Applied is what an apply made of a token besides its scopes.
type Applied struct {
	Name        string      `json:"name"`
	Description string      `json:"description"`
	ExpiresAt   time.Time   `json:"expires_at"`
	RenewUntil  time.Time   `json:"renew_until"`
	ReportUntil time.Time   `json:"report_until,omitzero"`
	Limits      limits.Spec `json:"limits,omitzero"`
}

// With gives it with what the token is now; nil stays nil.
func (m *Managed) With(r *Record) *Managed {
	if m == nil {
		return nil
	}
	out := *m
	out.Scopes = r.Scopes
	out.Applied = &Applied{Name: r.Name, Description: r.Description, ExpiresAt: r.ExpiresAt, RenewUntil: r.RenewUntil,
		ReportUntil: r.ReportUntil, Limits: r.Limits}
	if out.Applied.RenewUntil.Before(r.ExpiresAt) { // as it is stored
		out.Applied.RenewUntil = r.ExpiresAt
	}
	return &out
}

// Renewed gives m for a token that was rotated by itself and so has another end: within the renewal that was applied, that is
// no change by hand. Nil stays nil.
func (m *Managed) Renewed(end time.Time) *Managed {
	if m == nil || m.Applied == nil || end.After(m.Applied.RenewUntil) {
		return m
	}
	out, applied := *m, *m.Applied
	applied.ExpiresAt, out.Applied = end, &applied
	return &out
}

// Difference is something that was changed by hand since a token was applied.
type Difference struct {
	Field   string `json:"field"`   // name, description, expires_at, renew_until, report_until, scopes, limits
	Applied string `json:"applied"` // what the last apply made it, as people read it
	Now     string `json:"now"`
}

// String says a difference on one line.
func (d Difference) String() string { return d.Field + " was " + d.Applied + ", is " + d.Now }

// Differences gives what was changed by hand since the token was applied last. A token that no file keeps, or that was rotated,
// has none.
func (r *Record) Differences() (all []Difference) {
	m := r.Managed
	if m == nil || r.RotatedTo != 0 {
		return nil
	}
	if m.Told != nil {
		return m.Told
	}
	differ := func(field, applied, now string) {
		if applied != now {
			all = append(all, Difference{field, said(applied), said(now)})
		}
	}
	if a := m.Applied; a != nil {
		differ("name", a.Name, r.Name)
		differ("description", a.Description, r.Description)
		differ("expires_at", moment(a.ExpiresAt), moment(r.ExpiresAt))
		differ("renew_until", moment(a.RenewUntil), moment(r.RenewUntil))
		differ("report_until", moment(a.ReportUntil), moment(r.ReportUntil))
		differ("limits", a.Limits.String(), r.Limits.String())
	}
	if !SameScopes(r.Scopes, m.Scopes) {
		applied, now := rights(m.Scopes), rights(r.Scopes)
		d := Difference{"scopes", without(applied, now), without(now, applied)}
		switch {
		case d.Applied == "" && d.Now == "":
			d.Applied, d.Now = "the same in other words", "as it stands"
		case d.Applied == "":
			d.Applied = "without that"
		case d.Now == "":
			d.Now = "without that"
		}
		all = append(all, d)
	}
	return all
}

// moment writes a time; empty when there is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// said gives a text that may be empty.
func said(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// rights gives the permissions that scopes give, by place and by what narrows them there.
func rights(scopes []policy.ScopeSpec) map[string][]string {
	all := map[string][]string{}
	for i := range scopes {
		s := &scopes[i]
		var places []string
		for _, id := range s.ProjectIDs {
			places = append(places, "project "+strconv.FormatInt(id, 10))
		}
		for _, id := range s.GroupIDs {
			places = append(places, "group "+strconv.FormatInt(id, 10))
		}
		if places == nil {
			places = []string{s.Access}
		}
		within := ""
		if text, _ := json.Marshal(s.Constraints); string(text) != "{}" {
			within = " within " + string(text)
		}
		for _, place := range places {
			all[place+within] = append(all[place+within], s.Permissions...)
		}
	}
	return all
}

// without gives the rights that are not among others; empty when all are.
func without(rights, others map[string][]string) string {
	var told []string
	for _, place := range slices.Sorted(maps.Keys(rights)) {
		held := slices.Compact(slices.Sorted(slices.Values(rights[place])))
		held = slices.DeleteFunc(held, func(p string) bool { return slices.Contains(others[place], p) })
		if len(held) > 0 {
			told = append(told, strings.Join(held, ", ")+" on "+place)
		}
	}
	return strings.Join(told, "; ")
}

// SameScopes compares scopes as they are stored.
func SameScopes(a, b []policy.ScopeSpec) bool {
	one, err := json.Marshal(a)
	other, otherErr := json.Marshal(b)
	return err == nil && otherErr == nil && bytes.Equal(one, other)
}
