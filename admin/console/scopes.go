package console

import (
	"context"
	"fmt"
	"sync"
	"time"

	"patgate/admin/console/words"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// scopeRow is a scope as tables and details show it.
type scopeRow struct {
	Access, AccessWords string
	Places, MorePlaces  []placeRow
	What                []what
	More                []what // what a table shows only when it is asked to
	Permissions         int
	Limits              []string // constraints in words
	// Uses are how often each permission was used, for details.
	Uses []usedRow
}

// placeRow is a project or group that a scope names.
type placeRow struct {
	Kind string // project or group
	ID   int64
	Path string // empty when it is not known
}

// Text gives the path, or the id when there is none.
func (p placeRow) Text() string {
	if p.Path != "" {
		return p.Path
	}
	return fmt.Sprintf("%s %d", p.Kind, p.ID)
}

// usedRow is a permission with its use.
type usedRow struct {
	Title, Label, Permission, About string
	Uses                            int64
	Last                            moment
	Unused                          bool
}

const (
	// scopesShown and placesShown are how many scopes of a token, and places of a scope, a table shows at once.
	scopesShown = 5
	placesShown = 10
	// resourcesShown is how many resources of a scope a table shows at once.
	resourcesShown = 7
	// nameAge is how old a path may be that is only shown.
	nameAge = 10 * time.Minute
	// namesAsked bounds how many paths the forge is asked for one page, and namesWait for how long.
	namesAsked = 25
	namesWait  = 3 * time.Second
)

// names are paths of places.
type names map[tokens.Place]string

// names finds the paths of what tokens name, as the signed-in owner sees it. What the forge does not tell in time is
// shown by its id.
func (q *request) names(list []tokens.Inspected) names {
	var wanted []tokens.Place
	for i := range list {
		if list[i].Owner.UserID != q.caller.UserID() {
			continue // not this person's business
		}
		wanted = append(wanted, placesOf(list[i].Scopes)...)
	}
	return q.paths(wanted)
}

// placesOf gives the places that scopes name.
func placesOf(scopes []policy.ScopeSpec) (all []tokens.Place) {
	for i := range scopes {
		for _, id := range scopes[i].ProjectIDs {
			all = append(all, tokens.Place{Kind: routes.RefProject, ID: id})
		}
		for _, id := range scopes[i].GroupIDs {
			all = append(all, tokens.Place{Kind: routes.RefGroup, ID: id})
		}
	}
	return all
}

// paths gives the paths of places, as far as whoever is signed in sees them and the forge answers in time.
func (q *request) paths(places []tokens.Place) names {
	found, wanted := names{}, []tokens.Place{}
	now := q.o.Now()
	for _, p := range places {
		if _, have := found[p]; have {
			continue
		}
		found[p] = ""
		q.session.mu.Lock()
		known, ok := q.session.names[p]
		q.session.mu.Unlock()
		if ok && now.Sub(known.at) < nameAge {
			found[p] = known.path
			continue
		}
		wanted = append(wanted, p)
	}
	ctx, cancel := context.WithTimeout(q.ctx(), namesWait)
	defer cancel()
	var mu sync.Mutex
	var group sync.WaitGroup
	turns := make(chan struct{}, 4)
	for _, p := range wanted[:min(len(wanted), namesAsked)] {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			path, err := q.o.Tokens.Path(ctx, q.caller, p)
			if err != nil || path == "" {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			found[p] = path
			q.session.remember(p, path, now)
		})
	}
	group.Wait()
	return found
}

// remember keeps a path for a while.
func (s *session) remember(p tokens.Place, path string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.names) >= namesKept {
		clear(s.names)
	}
	s.names[p] = named{path, now}
}

// places shows what a scope names.
func (n names) places(s *policy.ScopeSpec) (all []placeRow) {
	for _, id := range s.GroupIDs {
		all = append(all, placeRow{"group", id, n[tokens.Place{Kind: routes.RefGroup, ID: id}]})
	}
	for _, id := range s.ProjectIDs {
		all = append(all, placeRow{"project", id, n[tokens.Place{Kind: routes.RefProject, ID: id}]})
	}
	return all
}

// limitWords say what constraints a scope has.
func limitWords(c *policy.ConstraintSpec) (all []string) {
	for _, pattern := range c.RefPatterns {
		all = append(all, "pushes only to "+pattern)
	}
	if c.ForbidRefDeletes {
		all = append(all, "pushes delete nothing")
	}
	if c.ForbidTagChanges {
		all = append(all, "pushes change no tags")
	}
	return all
}

// scopes shows the scopes of a token.
func (q *request) scopes(t *tokens.Inspected, n names) (rows []scopeRow) {
	catalog := q.catalog.load(q.o.Tokens.Table())
	uses := map[string]store.PermissionUse{}
	for _, u := range t.Used {
		uses[u.Permission] = u
	}
	for i := range t.Scopes {
		s := &t.Scopes[i]
		row := scopeRow{Access: s.Access, AccessWords: words.Access(s.Access), Places: n.places(s), What: catalog.group(s.Permissions),
			Permissions: len(s.Permissions), Limits: limitWords(&s.Constraints)}
		for _, w := range row.What {
			for j, name := range w.Permissions {
				u := usedRow{
					Title:      w.Title,
					Label:      w.Verbs[j],
					Permission: name,
					Uses:       uses[name].Uses,
					Last:       q.instant(uses[name].LastUsedAt),
					Unused:     uses[name].Uses == 0,
				}
				if v := catalog.verbs[name]; v != nil {
					u.About = v.About
				}
				row.Uses = append(row.Uses, u)
			}
		}
		if len(row.Places) > placesShown+1 {
			row.Places, row.MorePlaces = row.Places[:placesShown], row.Places[placesShown:]
		}
		if len(row.What) > resourcesShown+1 {
			row.What, row.More = row.What[:resourcesShown], row.What[resourcesShown:]
		}
		rows = append(rows, row)
	}
	return rows
}
