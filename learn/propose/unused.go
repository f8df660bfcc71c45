package propose

import (
	"cmp"
	"slices"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

// Holding is the grant of a token, and what it did, in which unused rights are looked for.
type Holding struct {
	// Scopes are what a token holds, made or last confirmed under that version of the table.
	Scopes       []policy.ScopeSpec
	Owner        int64 // forge user id
	TableVersion int
	Observations []learn.Observation
	// Since is the first day that counts.
	Since learn.Day
	// Over, when it is not nil, is asked again and again: an error of it ends the work.
	Over func() error
}

// Unused says which rights of a token can go without denying anything that it was seen to do, and which stay. The rights that
// stay have the form of the scopes: fewer permissions, fewer places, the same constraints, and never more.
type Unused struct {
	Counts `json:"-"`
	// Goes and Stays are all permissions and places, scope by scope.
	Goes  []Right `json:"goes"`
	Stays []Right `json:"stays"`
	// Scopes are what stays; none when nothing was used.
	Scopes []policy.ScopeSpec `json:"scopes"`
	// Requests and Kinds count the seen requests that the remaining rights allow.
	Requests int64 `json:"requests"`
	Kinds    int   `json:"kinds"`
	// Unclear are kinds of requests whose projects and groups are no longer known. What they need stays, and so do all places.
	Unclear int      `json:"unclear_kinds,omitempty"`
	Notes   []string `json:"notes,omitempty"`
}

// Counts are how many rights there are, and how many of them are unused.
type Counts struct {
	Permissions Share `json:"permissions"` // counted in each scope
	Projects    Share `json:"projects"`
	Groups      Share `json:"groups"`
}

// Share is how many of some rights are unused.
type Share struct {
	Unused int `json:"unused"`
	Of     int `json:"of"`
}

// Add adds another share.
func (s *Share) Add(more Share) {
	s.Unused += more.Unused
	s.Of += more.Of
}

// Right is a permission of a scope, or a place of it.
type Right struct {
	Scope      int    `json:"scope"` // from 1, as people count
	Permission string `json:"permission,omitempty"`
	ProjectID  int64  `json:"project_id,omitempty"`
	GroupID    int64  `json:"group_id,omitempty"`
	// Requests is how many of the seen requests would be denied without it, and Last the last day with one. A request that each
	// of two rights allows needs neither.
	Requests int64  `json:"requests,omitempty"`
	Last     string `json:"last_day,omitempty"`
}

// holding is a Holding on its way to Unused.
type holding struct {
	*Replay
	Holding
	gone    map[Right]bool
	events  []event
	unclear map[string]bool // permissions that unclear requests need
	kinds   int             // of them
	touched map[routes.Permission][]*event
	at      map[Right][]*event // by place, without its scope
	lists   []*event           // that any place may decide on: their entries are those of places
}

// Unused finds the unused rights of a token. A permission of a scope, or a place of it, is unused when everything that was seen
// is allowed without it. Where a wider place and a narrower one would both do, the wider one goes.
func (r *Replay) Unused(q Holding) (*Unused, error) {
	if q.Over == nil {
		q.Over = func() error { return nil }
	}
	h := &holding{Replay: r, Holding: q, gone: map[Right]bool{}, unclear: map[string]bool{}, at: map[Right][]*event{}}
	h.dropUnknown()
	present, err := h.compile(nil)
	if err != nil {
		return nil, err
	}
	h.read(present)
	for _, one := range h.order() {
		if err := h.Over(); err != nil {
			return nil, err
		}
		needed, err := h.needed(one)
		if err != nil {
			return nil, err
		}
		if len(needed) == 0 {
			h.gone[one] = true
		}
	}
	return h.tell()
}

// dropUnknown leaves out what the table does not know any more, or does not let be granted there: it grants nothing.
func (h *holding) dropUnknown() {
	c := h.table.Catalogue()
	for i := range h.Scopes {
		for _, name := range h.Scopes[i].Permissions {
			one := h.Scopes[i]
			one.Permissions = []string{name}
			if _, known := c.Find(name); known {
				if _, err := policy.Compile(h.Owner, h.TableVersion, []policy.ScopeSpec{one}, c); err == nil {
					continue
				}
			}
			h.gone[Right{Scope: i + 1, Permission: name}] = true
		}
	}
}

// read reads what was seen in the window and is allowed by the present grant.
func (h *holding) read(present *policy.Grant) {
	for i := range h.Observations {
		o := &h.Observations[i]
		if n, _ := countSince(o, h.Since); n == 0 || o.Unit.Denied != "" {
			continue
		}
		if o.Unit.Collapsed {
			h.kinds++
			for _, name := range o.Unit.Needs {
				h.unclear[name] = true
			}
			continue
		}
		if e, ok := h.Replay.read(o); ok && e.allows(present) {
			h.events = append(h.events, e)
		}
	}
	h.touched = touching(h.events)
	for i := range h.events {
		e := &h.events[i]
		if e.question.Entries != nil {
			h.lists = append(h.lists, e)
		}
		for _, at := range e.places() {
			h.at[at] = append(h.at[at], e)
		}
	}
}

// places gives the projects and groups that an event is about, and the groups above them.
func (e *event) places() (all []Right) {
	add := func(at Right) {
		if !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	for i := range e.question.Acts {
		c := e.question.Acts[i].Container
		if c == nil {
			continue
		}
		switch c.Boundary {
		case routes.BoundaryProject:
			add(Right{ProjectID: c.ID})
		case routes.BoundaryGroup:
			add(Right{GroupID: c.ID})
		}
		for _, above := range c.Ancestors {
			add(Right{GroupID: above})
		}
	}
	return all
}

// rights gives all permissions and places, in the order of the scopes.
func (h *holding) rights() (all []Right) {
	for i := range h.Scopes {
		s := &h.Scopes[i]
		for _, id := range s.GroupIDs {
			all = append(all, Right{Scope: i + 1, GroupID: id})
		}
		for _, id := range s.ProjectIDs {
			all = append(all, Right{Scope: i + 1, ProjectID: id})
		}
		for _, name := range s.Permissions {
			all = append(all, Right{Scope: i + 1, Permission: name})
		}
	}
	return all
}

// order gives the rights that may go in the order in which they are best done without: permissions, those of the widest scope
// first, then groups, then projects.
func (h *holding) order() []Right {
	all := slices.DeleteFunc(h.rights(), func(one Right) bool {
		if one.Permission == "" {
			return h.kinds > 0
		}
		return h.gone[one] || h.unclear[one.Permission]
	})
	kind := func(one Right) int {
		switch {
		case one.Permission != "":
			return 0
		case one.GroupID != 0:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b Right) int {
		return cmp.Or(cmp.Compare(kind(a), kind(b)), cmp.Compare(h.width(b), h.width(a)))
	})
	return all
}

// width tells how far the scope of a right reaches.
func (h *holding) width(one Right) int {
	s := &h.Scopes[one.Scope-1]
	switch access, _ := policy.ParseAccess(s.Access); {
	case access == policy.AccessAllMemberships, access == policy.AccessInstance:
		return 3
	case access != policy.AccessSelectedMemberships:
		return 2
	case len(s.GroupIDs) > 0:
		return 1
	}
	return 0
}

// without gives the scopes less what is gone, and less one more right.
func (h *holding) without(more *Right) (scopes []policy.ScopeSpec) {
	lost := func(one Right) bool { return h.gone[one] || more != nil && *more == one }
	for i := range h.Scopes {
		s := h.Scopes[i]
		n := i + 1
		s.Permissions = slices.DeleteFunc(slices.Clone(s.Permissions), func(name string) bool {
			return lost(Right{Scope: n, Permission: name})
		})
		s.ProjectIDs = slices.DeleteFunc(slices.Clone(s.ProjectIDs), func(id int64) bool {
			return lost(Right{Scope: n, ProjectID: id})
		})
		s.GroupIDs = slices.DeleteFunc(slices.Clone(s.GroupIDs), func(id int64) bool {
			return lost(Right{Scope: n, GroupID: id})
		})
		nowhere := s.Access == policy.AccessSelectedMemberships.String() && len(s.ProjectIDs)+len(s.GroupIDs) == 0
		if len(s.Permissions) > 0 && !nowhere {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

func (h *holding) compile(more *Right) (*policy.Grant, error) {
	return h.grant(h.without(more))
}

// grant compiles scopes that the table knows. None is a grant that allows nothing.
func (h *holding) grant(scopes []policy.ScopeSpec) (*policy.Grant, error) {
	if len(scopes) == 0 {
		return &policy.Grant{Owner: h.Owner, TableVersion: h.TableVersion}, nil
	}
	return policy.Compile(h.Owner, h.TableVersion, scopes, h.table.Catalogue())
}

// needed gives the events that are denied without a right.
func (h *holding) needed(one Right) (lost []*event, err error) {
	events := slices.Concat(h.at[Right{ProjectID: one.ProjectID, GroupID: one.GroupID}], h.lists)
	if one.Permission != "" {
		p, _ := h.table.Catalogue().Find(one.Permission)
		events = h.touched[p]
	}
	if len(events) == 0 {
		return nil, nil
	}
	smaller, err := h.compile(&one)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		if !e.allows(smaller) {
			lost = append(lost, e)
		}
	}
	return lost, nil
}

// tell makes what is told, with the requests that need what stays.
func (h *holding) tell() (*Unused, error) {
	u := &Unused{Goes: []Right{}, Stays: []Right{}, Scopes: h.without(nil), Unclear: h.kinds}
	if u.Scopes == nil {
		u.Scopes = []policy.ScopeSpec{}
	}
	for i := range h.events {
		n, _ := countSince(h.events[i].Observation, h.Since)
		u.Requests += n
		u.Kinds++
		if h.events[i].Unit.Filtered {
			u.Notes = append(u.Notes, h.events[i].Unit.Method+" "+h.events[i].Unit.Route+" will list only what the token "+
				"still reaches")
		}
		if h.events[i].Suspect {
			u.Notes = append(u.Notes, h.events[i].Unit.Method+" "+h.events[i].Unit.Route+" was seen from a new network alone")
		}
	}
	slices.Sort(u.Notes)
	u.Notes = slices.Compact(u.Notes)
	empty := h.emptied()
	for _, one := range h.rights() {
		share := &u.Permissions
		switch {
		case one.ProjectID != 0:
			share = &u.Projects
		case one.GroupID != 0:
			share = &u.Groups
		}
		share.Of++
		if h.gone[one] || empty[one.Scope] {
			share.Unused++
			u.Goes = append(u.Goes, one)
			continue
		}
		if err := h.Over(); err != nil {
			return nil, err
		}
		events, err := h.needed(one)
		if err != nil {
			return nil, err
		}
		one.count(events, h.Since)
		u.Stays = append(u.Stays, one)
	}
	return u, nil
}

// emptied gives the scopes that are left with nothing, counted from 1.
func (h *holding) emptied() map[int]bool {
	empty := map[int]bool{}
	for i := range h.Scopes {
		stays := func(one Right) bool { return !h.gone[one] }
		s, n := &h.Scopes[i], i+1
		what := slices.ContainsFunc(s.Permissions, func(name string) bool { return stays(Right{Scope: n, Permission: name}) })
		where := s.Access != policy.AccessSelectedMemberships.String() ||
			slices.ContainsFunc(s.ProjectIDs, func(id int64) bool { return stays(Right{Scope: n, ProjectID: id}) }) ||
			slices.ContainsFunc(s.GroupIDs, func(id int64) bool { return stays(Right{Scope: n, GroupID: id}) })
		empty[n] = !what || !where
	}
	return empty
}

func (one *Right) count(events []*event, since learn.Day) {
	last := learn.Day(0)
	for _, e := range events {
		n, day := countSince(e.Observation, since)
		one.Requests += n
		last = max(last, day)
	}
	if last > 0 {
		one.Last = last.Start().Format("2006-01-02")
	}
}
