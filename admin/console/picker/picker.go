package picker

import (
	"slices"
	"strings"
	"sync"

	"patgate/admin/catalogue"
	"patgate/admin/console/words"
	"patgate/admin/marks"
	"patgate/routes"
)

// Category is a heading of the catalogue with its resources.
type Category struct {
	Name      string
	Resources []Resource
}

// Resource is what permissions are about.
type Resource struct {
	ID, Title, About string
	Category         string
	// Words are those by which people look for it, separated by spaces.
	Words string
	Verbs []Verb
}

// Verb is one permission on a resource.
type Verb struct {
	Permission, Label, About string
	Boundaries               string // separated by spaces
	Deprecated, Mints        bool
	// Escapes say what the credentials that it yields can do past patgate. It is empty when it yields none.
	Escapes []string
	// Effects say in words which of its effects no boundary contains.
	Effects []string
	// Dangers say in two words each what is dangerous about it.
	Dangers   string
	Endpoints int
	Rows      []string // the endpoints
}

// Catalogue keeps the catalogue of the present route table in the form that the picker shows.
type Catalogue struct {
	mu      sync.Mutex
	table   *routes.Table
	All     []Category
	Verbs   map[string]*Verb
	Of      map[string]*Resource
	ordered []string
}

// Load gives the catalogue of the present table.
func (k *Catalogue) Load(t *routes.Table) *Catalogue {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table == t {
		return &Catalogue{table: t, All: k.All, Verbs: k.Verbs, Of: k.Of, ordered: k.ordered}
	}
	fresh := &Catalogue{table: t, Verbs: map[string]*Verb{}, Of: map[string]*Resource{}}
	place := map[string]int{}
	judge := marks.NewJudge(t)
	for _, e := range catalogue.All(t) {
		i, known := place[e.Category]
		if !known {
			i = len(fresh.All)
			place[e.Category] = i
			fresh.All = append(fresh.All, Category{Name: e.Category})
		}
		c := &fresh.All[i]
		j := slices.IndexFunc(c.Resources, func(r Resource) bool { return r.ID == e.Resource })
		if j < 0 {
			j = len(c.Resources)
			c.Resources = append(c.Resources, Resource{ID: e.Resource, Title: e.Title, About: e.Description,
				Category: e.Category})
		}
		v := Verb{
			Permission: e.Name,
			Label:      words.Title(e.Action),
			About:      e.Description,
			Boundaries: strings.Join(e.Boundaries, " "),
			Deprecated: e.Deprecated,
			Mints:      e.Mints,
			Escapes:    e.Escapes,
			Endpoints:  len(e.Endpoints),
			Rows:       e.Endpoints,
			Dangers:    strings.Join(judge.Dangers(e.Name), ", "),
		}
		for _, effect := range e.Effects {
			v.Effects = append(v.Effects, words.Effect(effect))
		}
		c.Resources[j].Verbs = append(c.Resources[j].Verbs, v)
		if len(e.Words) > 0 {
			c.Resources[j].Words += strings.Join(e.Words, " ") + " "
		}
	}
	for i := range fresh.All {
		for j := range fresh.All[i].Resources {
			r := &fresh.All[i].Resources[j]
			slices.SortStableFunc(r.Verbs, func(a, b Verb) int {
				return words.ByVerb(strings.ToLower(a.Label), strings.ToLower(b.Label))
			})
			for n := range r.Verbs {
				fresh.Verbs[r.Verbs[n].Permission], fresh.Of[r.Verbs[n].Permission] = &r.Verbs[n], r
				fresh.ordered = append(fresh.ordered, r.Verbs[n].Permission)
			}
		}
	}
	k.table = t
	k.All = fresh.All
	k.Verbs = fresh.Verbs
	k.Of = fresh.Of
	k.ordered = fresh.ordered
	return fresh
}

// What is a resource with the verbs that somebody holds on it.
type What struct {
	Title, Category string // Category is empty for what the catalogue does not know
	Verbs           []string
	// Permissions are the names, in the order of Verbs, and Dangers what is dangerous about each; empty for most.
	Permissions, Dangers []string
}

// Dangerous tells whether one of them is.
func (w *What) Dangerous() bool {
	return slices.ContainsFunc(w.Dangers, func(s string) bool { return s != "" })
}

// Plainly says it in a sentence: "Read and start jobs".
func (w *What) Plainly() string {
	if w.Category == "" {
		return w.Title + ": " + strings.Join(w.Verbs, ", ")
	}
	return words.Plainly(w.Title, w.Verbs)
}

// Dangers say what is dangerous about a permission; empty for most.
func (k *Catalogue) Dangers(permission string) string {
	if v := k.Verbs[permission]; v != nil {
		return v.Dangers
	}
	return ""
}

// Group puts permissions together by resource, in the catalogue's order. What the catalogue does not know stands alone.
func (k *Catalogue) Group(names []string) (all []What) {
	held := map[string]bool{}
	for _, name := range names {
		held[name] = true
	}
	var last *Resource
	for _, name := range k.ordered {
		if !held[name] {
			continue
		}
		delete(held, name)
		r := k.Of[name]
		if r != last {
			all = append(all, What{Title: r.Title, Category: r.Category})
			last = r
		}
		w := &all[len(all)-1]
		w.Verbs = append(w.Verbs, k.Verbs[name].Label)
		w.Permissions = append(w.Permissions, name)
		w.Dangers = append(w.Dangers, k.Verbs[name].Dangers)
	}
	for _, name := range names {
		if held[name] {
			all = append(all, What{Title: name, Verbs: []string{"no longer " +
				"known"}, Permissions: []string{name}, Dangers: []string{""}})
		}
	}
	return all
}
