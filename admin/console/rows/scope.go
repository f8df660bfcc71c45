package rows

import (
	"fmt"
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
	Uses []Use
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
	How                             string // by what it reaches the place that the table is narrowed to
	Last                            Moment
	Unused                          bool
	Dangers                         string
}

const (
	// placesShown is how many places of a scope a table shows at once.
	placesShown = 10
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

// Scopes shows the scopes of a token.
func Scopes(t *tokens.Inspected, k *picker.Catalogue, now time.Time) (rows []Scope) {
	n := names.Of(t.Names, now)
	uses := map[string]store.PermissionUse{}
	for _, u := range t.Used {
		uses[u.Permission] = u
	}
	for i := range t.Scopes {
		s := &t.Scopes[i]
		row := Scope{Access: s.Access, AccessWords: words.Access(s.Access), Places: places(s, n), What: k.Group(s.Permissions),
			Permissions: len(s.Permissions), Limits: s.Constraints.Words()}
		for _, w := range row.What {
			for j, name := range w.Permissions {
				u := Use{
					Title:      w.Title,
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
				row.Uses = append(row.Uses, u)
			}
		}
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

// Line writes a place by its id, with what it is called behind it.
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
