package rows

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"patgate/admin/console/picker"
	"patgate/admin/console/words"
	"patgate/admin/names"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// Scope is a scope as tables and details show it.
type Scope struct {
	Access, AccessWords string
	Places, MorePlaces  []Place
	What                []picker.What
	More                []picker.What // what a table shows only when it is asked to
	Permissions         int
	Limits              []string // constraints in words
	// Uses are how often each permission was used, for details.
	Uses []Uses
}

// Long tells that a scope names so much that its permissions would be out of sight below it.
func (s *Scope) Long() bool { return len(s.Places)+len(s.MorePlaces) > placesTogether }

// Uses are permissions of a category, or with an empty one all of a short scope.
type Uses struct {
	Category string
	All      []Use
}

// Place is a project or group that a scope names.
type Place struct {
	Kind string // project or group
	ID   int64
	Path string // empty when it is not known
	Mark string // gone, as of 3 March
}

// Text gives the path, or the id when there is none.
func (p Place) Text() string {
	if p.Path != "" {
		return p.Path
	}
	return fmt.Sprintf("%s %d", p.Kind, p.ID)
}

// PlaceOf shows a place.
func PlaceOf(p store.Place, n names.Book) Place {
	return Place{Kind: names.Kind(p.Kind), ID: p.ID, Path: n.Path(p), Mark: n.Mark(p)}
}

// Use is a permission with its use.
type Use struct {
	Title, Label, Permission, About string
	Uses                            int64
	How                             string // what lets it reach the place that the table is narrowed to
	Last                            Moment
	Unused                          bool
	Dangers                         string
	category                        string
}

// Every gives each permission with its use.
func (s *Scope) Every() iter.Seq[*Use] {
	return func(yield func(*Use) bool) {
		for i := range s.Uses {
			for j := range s.Uses[i].All {
				if !yield(&s.Uses[i].All[j]) {
					return
				}
			}
		}
	}
}

// fewUses is how many permissions of a scope stand together. More are grouped by category.
const fewUses = 12

// grouped puts what is dangerous first: among the permissions of a category, and those categories that have some.
func grouped(all []Use) (groups []Uses) {
	dangerous := func(u Use) bool { return u.Dangers != "" }
	first := func(a, b Use) int { return before(dangerous(a), dangerous(b)) }
	if len(all) <= fewUses {
		slices.SortStableFunc(all, first)
		return []Uses{{All: all}}
	}
	for _, u := range all {
		i := slices.IndexFunc(groups, func(g Uses) bool { return g.Category == u.category })
		if i < 0 {
			i = len(groups)
			groups = append(groups, Uses{Category: u.category})
		}
		groups[i].All = append(groups[i].All, u)
	}
	for i := range groups {
		slices.SortStableFunc(groups[i].All, first)
	}
	slices.SortStableFunc(groups, func(a, b Uses) int {
		return before(slices.ContainsFunc(a.All, dangerous), slices.ContainsFunc(b.All, dangerous))
	})
	return groups
}

const (
	// placesShown is how many places of a scope a table shows at once.
	placesShown = 10
	// placesTogether is how many places of a scope a token's page shows at once. It shows few of more than that.
	placesTogether = 50
	// resourcesShown is how many resources of a scope a table shows at once.
	resourcesShown = 7
)

// places shows what a scope names.
func places(s *policy.ScopeSpec, n names.Book) (all []Place) {
	for _, id := range s.GroupIDs {
		all = append(all, PlaceOf(store.Place{Kind: routes.RefGroup, ID: id}, n))
	}
	for _, id := range s.ProjectIDs {
		all = append(all, PlaceOf(store.Place{Kind: routes.RefProject, ID: id}, n))
	}
	return all
}

// Scopes shows the scopes of a token, in words for its owner or for somebody else.
func Scopes(t *tokens.Inspected, own bool, k *picker.Catalogue, now time.Time) (rows []Scope) {
	said := words.TheirAccess
	if own {
		said = words.Access
	}
	n := names.Of(t.Names, now)
	uses := map[string]store.PermissionUse{}
	for _, u := range t.Used {
		uses[u.Permission] = u
	}
	for i := range t.Scopes {
		s := &t.Scopes[i]
		row := Scope{Access: s.Access, AccessWords: said(s.Access), Places: places(s, n), What: k.Group(s.Permissions),
			Permissions: len(s.Permissions), Limits: s.Constraints.Words()}
		var all []Use
		for _, w := range row.What {
			for j, name := range w.Permissions {
				u := Use{
					Title:      w.Title,
					category:   w.Category,
					Label:      w.Verbs[j],
					Permission: name,
					Uses:       uses[name].Uses,
					Last:       At(uses[name].LastUsedAt, now),
					Unused:     uses[name].Uses == 0,
					Dangers:    w.Dangers[j],
				}
				if v := k.Verbs[name]; v != nil {
					u.About = v.About
				}
				all = append(all, u)
			}
		}
		row.Uses = grouped(all)
		if len(row.Places) > placesShown+1 {
			row.Places, row.MorePlaces = row.Places[:placesShown], row.Places[placesShown:]
		}
		if len(row.What) > resourcesShown+1 { // what is dangerous is not among what is hidden
			slices.SortStableFunc(row.What, func(a, b picker.What) int { return before(a.Dangerous(), b.Dangerous()) })
			row.What, row.More = row.What[:resourcesShown], row.What[resourcesShown:]
		}
		rows = append(rows, row)
	}
	return rows
}

// before puts what is true first.
func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// Lines writes places by their ids.
func Lines(kind routes.RefKind, ids []int64, n names.Book) string {
	lines := make([]string, len(ids))
	for i, id := range ids {
		lines[i] = Line(store.Place{Kind: kind, ID: id}, n)
	}
	return strings.Join(lines, "\n")
}

// Line writes a place by its id, with its name behind it.
func Line(p store.Place, n names.Book) string {
	text := n.Path(p)
	if text == "" {
		text = fmt.Sprintf("id %d", p.ID)
	}
	if mark := n.Mark(p); mark != "" {
		text += " (" + mark + ")"
	}
	return strconv.FormatInt(p.ID, 10) + " " + text
}

// Within gives the kinds of places that hold what a permission is needed on, by the name of a boundary.
func Within(boundary string) []routes.RefKind {
	switch boundary {
	case routes.BoundaryProject.String():
		return []routes.RefKind{routes.RefProject, routes.RefGroup}
	case routes.BoundaryGroup.String():
		return []routes.RefKind{routes.RefGroup}
	}
	return nil
}

// Selected gives the ids of the projects or groups that a token's scopes name.
func Selected(t *tokens.Inspected, kind routes.RefKind) (ids []int64) {
	for i := range t.Scopes {
		named := t.Scopes[i].ProjectIDs
		if kind == routes.RefGroup {
			named = t.Scopes[i].GroupIDs
		}
		ids = append(ids, named...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
