package desk

import (
	"slices"
	"strconv"
	"strings"

	"patgate/policy"
)

// summary tells in a few words where a token reaches and how much it may do there.
func summary(scopes []policy.ScopeSpec) string {
	var parts []string
	for i := range scopes {
		s := &scopes[i]
		what := strconv.Itoa(len(s.Permissions)) + " permissions"
		if len(s.Permissions) <= 2 {
			what = strings.Join(s.Permissions, ",")
		}
		parts = append(parts, what+" on "+place(s))
	}
	return strings.Join(parts, "; ")
}

// Describe gives one line for each scope, with all its permissions.
func Describe(scopes []policy.ScopeSpec) []string {
	var lines []string
	for i := range scopes {
		lines = append(lines, place(&scopes[i])+": "+strings.Join(scopes[i].Permissions, ", ")+limitsOf(&scopes[i].Constraints))
	}
	return lines
}

// limitsOf says in parentheses which pushes constraints leave.
func limitsOf(c *policy.ConstraintSpec) (text string) {
	if len(c.RefPatterns) > 0 {
		text += " (pushes only to " + strings.Join(c.RefPatterns, ", ") + ")"
	}
	if c.ForbidRefDeletes {
		text += " (pushes delete no refs)"
	}
	if c.ForbidTagChanges {
		text += " (pushes change no tags)"
	}
	return text
}

// place tells where a scope reaches.
func place(s *policy.ScopeSpec) string {
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
	numbered := func(one, many string, ids []int64) {
		if len(ids) == 0 {
			return
		}
		ids = slices.Clone(ids)
		slices.Sort(ids)
		text := make([]string, len(ids))
		for i, id := range ids {
			text[i] = strconv.FormatInt(id, 10)
		}
		if len(ids) > 1 {
			one = many
		}
		parts = append(parts, one+" "+strings.Join(text, ","))
	}
	numbered("project", "projects", s.ProjectIDs)
	numbered("group", "groups", s.GroupIDs)
	return strings.Join(parts, " and ")
}
