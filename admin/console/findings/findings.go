// Package findings puts what was found of a token's use into the rows that pages show.
package findings

import (
	"fmt"
	"strings"

	"patgate/admin/console/words"
	"patgate/admin/learning"
	"patgate/learn/propose"
)

// Rows are rights of one scope.
type Rows struct {
	Number int
	Whole  bool // all of the scope
	Places []Place
	Rights []Row
}

// Place is a project or group that goes or stays.
type Place struct {
	Kind string // project or group
	ID   int64
}

// Row is a permission that goes or stays.
type Row struct {
	Title, Label, Permission string
	Requests                 int64
	Last                     string
}

// Rights puts rights together by scope. words gives the title and the label of a permission, size how many rights a scope has.
func Rights(all []propose.Right, words func(permission string) (title, label string), size func(scope int) int) (rows []Rows) {
	for _, one := range all {
		if last := len(rows) - 1; last < 0 || rows[last].Number != one.Scope {
			rows = append(rows, Rows{Number: one.Scope})
		}
		row := &rows[len(rows)-1]
		switch {
		case one.GroupID != 0:
			row.Places = append(row.Places, Place{"group", one.GroupID})
		case one.ProjectID != 0:
			row.Places = append(row.Places, Place{"project", one.ProjectID})
		default:
			r := Row{Permission: one.Permission, Requests: one.Requests, Last: one.Last}
			r.Title, r.Label = words(one.Permission)
			row.Rights = append(row.Rights, r)
		}
	}
	for i := range rows {
		rows[i].Whole = len(rows[i].Rights)+len(rows[i].Places) == size(rows[i].Number)
	}
	return rows
}

// Tried says which of the token's requests the scopes of a form would have denied.
type Tried struct {
	*learning.Simulated
	Rows []Lost
	More int // kinds beyond those that are shown
	// Seen stands for the scopes that were tried: the form brings it back.
	Seen string
	// Asking: the form was to be saved, and is not before that is said once more.
	Asking bool
}

// Lost is a kind of request that would have been denied.
type Lost struct {
	Endpoint, Where, Why, Day string
	Requests                  int64
}

// Shown is how many kinds of requests are shown.
const Shown = 20

// Try makes the rows of a trial. where names a project or group.
func Try(s *learning.Simulated, where func(kind string, id int64) string) *Tried {
	p := &Tried{Simulated: s}
	shown := s.Denied[:min(len(s.Denied), Shown)]
	for i := range shown {
		l := &shown[i]
		row := Lost{Endpoint: l.Method + " " + l.Route, Day: l.Date, Requests: l.Requests,
			Why: strings.TrimSpace(strings.ReplaceAll(l.Reason, "_", " ") + " " + strings.Join(l.Missing, ", "))}
		if l.Container != 0 {
			row.Where = where(l.Boundary, l.Container)
		}
		p.Rows = append(p.Rows, row)
	}
	p.More = len(s.Denied) - len(shown)
	return p
}

// EndedBelow says how many tokens ended with an edit of the one that made them; empty when none did.
func EndedBelow(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" %s made by this one held more than it, and %s revoked.", words.Plural(n, "token", "tokens"),
		map[bool]string{true: "is", false: "are"}[n == 1])
}
