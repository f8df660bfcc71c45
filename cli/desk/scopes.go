package desk

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"patgate/admin/names"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// summary tells in a few words where a token reaches and how much it may do there.
func summary(scopes []policy.ScopeSpec, book names.Book) string {
	var parts []string
	for i := range scopes {
		s := &scopes[i]
		what := strconv.Itoa(len(s.Permissions)) + " permissions"
		if len(s.Permissions) <= 2 {
			what = strings.Join(s.Permissions, ",")
		}
		parts = append(parts, what+" on "+place(s, book, false))
	}
	return strings.Join(parts, "; ")
}

// Describe gives one line for each scope, with all its permissions. Places are named by path and id.
func Describe(scopes []policy.ScopeSpec, book names.Book) []string {
	return described(scopes, book, func(names []string) []string { return names })
}

// described is Describe with permissions as they are told.
func described(scopes []policy.ScopeSpec, book names.Book, told func([]string) []string) []string {
	var lines []string
	for i := range scopes {
		s := &scopes[i]
		lines = append(lines, place(s, book, true)+": "+strings.Join(told(s.Permissions), ", ")+limitsOf(&s.Constraints))
	}
	return lines
}

// limitsOf says in parentheses which pushes constraints leave.
func limitsOf(c *policy.ConstraintSpec) (text string) {
	for _, w := range c.Words() {
		text += " (" + w + ")"
	}
	return text
}

// mostPlaces is how many projects or groups of a scope are named in a summary.
const mostPlaces = 5

// place tells where a scope reaches.
func place(s *policy.ScopeSpec, book names.Book, full bool) string {
	var parts []string
	switch s.Access {
	case policy.AccessPersonalProjects.String():
		return "all personal projects"
	case policy.AccessAllMemberships.String():
		return "everything the owner is a member of"
	case policy.AccessUser.String():
		return "the owner's account"
	case policy.AccessInstance.String():
		return "the instance"
	}
	called := func(kind routes.RefKind, ids []int64) {
		if len(ids) == 0 {
			return
		}
		ids = slices.Clone(ids)
		slices.Sort(ids)
		text := make([]string, len(ids))
		for i, id := range ids {
			text[i] = book.Full(store.Place{Kind: kind, ID: id})
			if p := (store.Place{Kind: kind, ID: id}); !full && book.Path(p) != "" {
				text[i] = book.Short(p)
			}
		}
		if more := len(text) - mostPlaces; !full && more > 1 {
			text = append(text[:mostPlaces], fmt.Sprintf("%d more", more))
		}
		what := names.Kind(kind)
		if len(ids) > 1 {
			what += "s"
		}
		parts = append(parts, what+" "+strings.Join(text, ", "))
	}
	called(routes.RefProject, s.ProjectIDs)
	called(routes.RefGroup, s.GroupIDs)
	return strings.Join(parts, " and ")
}
