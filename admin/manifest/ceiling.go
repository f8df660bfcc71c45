package manifest

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"patgate/admin/catalogue"
	"patgate/admin/terms"
	"patgate/policy"
	"patgate/routes"
	"patgate/token/limits"
)

// Ceiling is an operator's upper bound: what no token may do somewhere, whatever its scopes are.
type Ceiling struct {
	Groups      []string `json:"groups,omitempty" doc:"Where it holds, with everything below: ids, or paths of patgate.lock."`
	Projects    []string `json:"projects,omitempty" doc:"Where it holds besides. Without groups and projects: everywhere."`
	Deny        Deny     `json:"deny,omitzero" doc:"What no token may do there."`
	MaxLifetime string   `json:"max_lifetime,omitempty" doc:"A token that is older is refused there: 12h, 30d."`
	// Networks are what asks for a limit of use.
	Networks []string `json:"networks,omitempty" doc:"A token not limited to networks within these ranges is refused there."`
}

// Deny is what a limit denies.
type Deny struct {
	Permissions []string `json:"permissions,omitempty" doc:"Names; * stands for any text."`
	Categories  []string `json:"categories,omitempty" doc:"Headings of the catalogue: every permission below them."`
	Effects     []string `json:"effects,omitempty" doc:"Effects of permissions: exports, grants_rights, and so on."`
}

// effectMints is the effect of permissions with which a request is answered with another credential.
const effectMints = "mints"

func ceilingKind() kind {
	return kind{"Limit", func() any { return &Ceiling{} }, func(c *checker, o *Object) { c.ceiling(o) }}
}

// ceiling checks a limit, and whether the places that it names are known.
func (c *checker) ceiling(o *Object) {
	m := o.Spec.(*Ceiling)
	c.places(o, "groups", routes.RefGroup, m.Groups)
	c.places(o, "projects", routes.RefProject, m.Projects)
	c.compile(o)
}

// places reports places whose id, or whose groups above, are not in the lock.
func (c *checker) places(o *Object, field string, kind routes.RefKind, names []string) {
	for _, name := range names {
		if _, known := c.set.Lock.ID(kind, name); !known {
			o.problem(field, "have patgate apply look it up and write it into "+LockName,
				"the %s %q is not in %s: a name alone may mean another one tomorrow", kind, name, LockName)
		} else if _, whole := c.set.Lock.Locked(kind, name); !whole {
			o.problem(field, "have patgate apply look it up", "%s does not say which groups stand above the %s %q: what a token "+
				"does to one of these reaches it too", LockName, kind, name)
		}
	}
}

// compile makes the limit that is decided by.
func (c *checker) compile(o *Object) policy.Ceiling {
	m := o.Spec.(*Ceiling)
	out := policy.Ceiling{Name: o.Name}
	place := func(kind routes.RefKind, name string, into *[]int64) {
		p, _ := c.set.Lock.Locked(kind, name)
		*into, out.Above = append(*into, p.ID), append(out.Above, p.Above...)
	}
	for _, name := range m.Groups {
		place(routes.RefGroup, name, &out.Groups)
	}
	for _, name := range m.Projects {
		place(routes.RefProject, name, &out.Projects)
	}
	slices.Sort(out.Above)
	out.Above = slices.Compact(out.Above)
	all := catalogue.All(c.table)
	deny := func(field, what, fix string, takes func(*catalogue.Entry) bool) {
		found := false
		for i := range all {
			if e := &all[i]; takes(e) {
				found = true
				p, _ := c.table.Catalogue().Find(e.Name)
				out.Permissions.Add(p)
			}
		}
		if !found {
			o.problem(field, fix, "there is no such %s: %q", map[string]string{"deny.permissions": "permission",
				"deny.categories": "category", "deny.effects": "effect"}[field], what)
		}
	}
	for _, pattern := range m.Deny.Permissions {
		near := strings.Join(c.table.Catalogue().Nearest(pattern, 3), ", ")
		deny("deny.permissions", pattern, "write a name of the catalogue, such as "+near, func(e *catalogue.Entry) bool {
			return terms.Matches(pattern, e.Name)
		})
	}
	for _, name := range m.Deny.Categories {
		deny("deny.categories", name, "write a heading of docs/permissions.md", func(e *catalogue.Entry) bool {
			return e.Category == name
		})
	}
	for _, effect := range m.Deny.Effects {
		deny("deny.effects", effect, "write exports, runs_as_owner, grants_rights, changes_visibility, stores_secret, "+
			"skips_guard or mints", func(e *catalogue.Entry) bool {
			return slices.Contains(e.Effects, effect) || effect == effectMints && e.Mints
		})
	}
	if m.MaxLifetime != "" {
		span, ok := terms.ParseSpan(m.MaxLifetime)
		if !ok || span < time.Minute {
			o.problem("max_lifetime", "write 12h or 30d", "%q is not a length of time of a minute or more", m.MaxLifetime)
		}
		out.MaxAge = int64(span / time.Second)
	}
	c.networks(o, m, &out)
	if len(m.Deny.Permissions)+len(m.Deny.Categories)+len(m.Deny.Effects)+len(m.Networks) == 0 && m.MaxLifetime == "" {
		o.problem("deny", "write deny:, max_lifetime: or networks:", "it forbids nothing")
	}
	return out
}

// networks reads the ranges within which a token has to be used, as those of limits of use are read.
func (c *checker) networks(o *Object, m *Ceiling, out *policy.Ceiling) {
	l, err := limits.Compile(limits.Spec{Networks: m.Networks})
	var wrong *limits.Error
	if errors.As(err, &wrong) {
		for _, p := range wrong.Problems {
			o.problem(p.Field, "", "%s", p.Message)
		}
	}
	if l == nil {
		return
	}
	out.Networks = []netip.Prefix{}
	for _, text := range l.Spec.Networks {
		out.Networks = append(out.Networks, netip.MustParsePrefix(text)) // it was written from one
	}
}

// Ceilings gives the limits of a set that was read without problems, by the numbers of a table's permissions. There may be
// problems when that is another table than the set was read with.
func (s *Set) Ceilings(t *routes.Table) (ceilings policy.Ceilings, problems []routes.Problem) {
	c := &checker{table: t, set: s}
	for _, o := range Of[Ceiling](s) {
		known := len(o.document.Problems)
		ceilings = append(ceilings, c.compile(o))
		problems = append(problems, o.document.Problems[known:]...)
		o.document.Problems = o.document.Problems[:known]
	}
	return ceilings, problems
}
