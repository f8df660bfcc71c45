package desk

import (
	"slices"
	"strings"

	"patgate/admin/names"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// Differences says, one line each, what the new scopes hold that the old did not, and the other way round, such as
// "+ read_job on project 6". Scopes that mean the same have none. For a permission that is taken away at a project or group, a
// further line says at which wider places it stays. New permissions are listed with their dangers.
func Differences(before, after []policy.ScopeSpec, book names.Book, dangers *Dangers) (lines []string) {
	held, holds := heldAt(before, book), heldAt(after, book)
	places := slices.Clone(held.order)
	for _, at := range holds.order {
		if !slices.Contains(places, at) {
			places = append(places, at)
		}
	}
	for _, side := range []struct {
		sign       string
		from, less map[string][]string
	}{{"+ ", holds.names, held.names}, {"- ", held.names, holds.names}} {
		for _, at := range places {
			var more []string
			for _, name := range side.from[at] {
				if !slices.Contains(side.less[at], name) {
					more = append(more, name)
				}
			}
			told := more
			if side.sign == "+ " {
				told = dangers.Told(more)
			}
			if len(more) > 0 {
				lines = append(lines, side.sign+strings.Join(told, ", ")+" on "+at)
			}
			if side.sign == "- " {
				lines = append(lines, holds.stay(more, at)...)
			}
		}
	}
	return lines
}

// holding are the permissions that scopes hold at each place, with the constraints there.
type holding struct {
	order []string
	names map[string][]string
	wide  map[string]bool // places that projects and groups can lie in
}

// stay says which permissions are held at a wider place than one.
func (h *holding) stay(names []string, at string) (lines []string) {
	if !strings.HasPrefix(at, "project ") && !strings.HasPrefix(at, "group ") {
		return nil
	}
	for _, wider := range h.order {
		if wider == at || !h.wide[wider] {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(h.names[wider], name) })
		if len(kept) > 0 {
			lines = append(lines, "  "+strings.Join(kept, ", ")+" stays on "+wider+", also for "+at+" if that lies in it")
		}
	}
	return lines
}

func heldAt(scopes []policy.ScopeSpec, book names.Book) holding {
	h := holding{names: map[string][]string{}, wide: map[string]bool{}}
	add := func(at string, s *policy.ScopeSpec) {
		if _, there := h.names[at]; !there {
			h.order = append(h.order, at)
		}
		h.names[at] = append(h.names[at], s.Permissions...)
	}
	for i := range scopes {
		s := &scopes[i]
		limits := limitsOf(&s.Constraints)
		if len(s.ProjectIDs)+len(s.GroupIDs) == 0 {
			where := place(s, book, true) + limits
			add(where, s)
			h.wide[where] = s.Access != policy.AccessUser.String() && s.Access != policy.AccessInstance.String()
		}
		for _, id := range s.ProjectIDs {
			add("project "+book.Full(store.Place{Kind: routes.RefProject, ID: id})+limits, s)
		}
		for _, id := range s.GroupIDs {
			at := "group " + book.Full(store.Place{Kind: routes.RefGroup, ID: id}) + limits
			add(at, s)
			h.wide[at] = true
		}
	}
	return h
}
