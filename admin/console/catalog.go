package console

import (
	"slices"
	"strings"
	"sync"

	"patgate/admin/catalogue"
	"patgate/admin/console/words"
	"patgate/routes"
)

// category is a heading of the catalogue with its resources.
type category struct {
	Name      string
	Resources []resource
}

// resource is what permissions are about.
type resource struct {
	ID, Title, About string
	// Words are those by which people look for it, separated by spaces.
	Words string
	Verbs []verb
}

// verb is one permission on a resource.
type verb struct {
	Permission, Label, About string
	Boundaries               string // separated by spaces
	Deprecated, Mints        bool
	// Escapes say what the credentials that it yields can do past patgate; none is handed out otherwise.
	Escapes []string
	// Effects say in words what of it no boundary contains.
	Effects   []string
	Endpoints int
	Rows      []string // the endpoints
}

// catalog keeps the catalogue of the present route table in the form that the picker shows.
type catalog struct {
	mu      sync.Mutex
	table   *routes.Table
	all     []category
	verbs   map[string]*verb
	of      map[string]*resource
	ordered []string
}

// effectWords say what an effect of a row means.
func effectWords(effect string) string {
	switch effect {
	case "runs_as_owner":
		return "What these start runs with your own rights, wherever you have them"
	case "exports":
		return "These can have whole copies sent elsewhere"
	case routes.EffectChangesVisibility:
		return "These can show to everybody what only members saw"
	case routes.EffectGrantsRights:
		return "These can give rights to others"
	case routes.EffectStoresSecret:
		return "These put a secret of the caller's choice where the forge uses it"
	case "mints":
		return "The answer hands out another credential"
	case routes.EffectSkipsGuard:
		return "With these a push switches off a guard of the forge"
	}
	return strings.ReplaceAll(effect, "_", " ")
}

// load gives the catalogue of the present table.
func (k *catalog) load(t *routes.Table) *catalog {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.table == t {
		return &catalog{table: t, all: k.all, verbs: k.verbs, of: k.of, ordered: k.ordered}
	}
	fresh := &catalog{table: t, verbs: map[string]*verb{}, of: map[string]*resource{}}
	place := map[string]int{}
	for _, e := range catalogue.All(t) {
		i, known := place[e.Category]
		if !known {
			i = len(fresh.all)
			place[e.Category] = i
			fresh.all = append(fresh.all, category{Name: e.Category})
		}
		c := &fresh.all[i]
		j := slices.IndexFunc(c.Resources, func(r resource) bool { return r.ID == e.Resource })
		if j < 0 {
			j = len(c.Resources)
			c.Resources = append(c.Resources, resource{ID: e.Resource, Title: e.Title, About: e.Description})
		}
		v := verb{Permission: e.Name, Label: words.Title(e.Action), About: e.Description, Boundaries: strings.Join(e.Boundaries, " "),
			Deprecated: e.Deprecated, Mints: e.Mints, Escapes: e.Escapes, Endpoints: len(e.Endpoints), Rows: e.Endpoints}
		for _, effect := range e.Effects {
			v.Effects = append(v.Effects, effectWords(effect))
		}
		c.Resources[j].Verbs = append(c.Resources[j].Verbs, v)
		if len(e.Words) > 0 {
			c.Resources[j].Words += strings.Join(e.Words, " ") + " "
		}
	}
	for i := range fresh.all {
		for j := range fresh.all[i].Resources {
			r := &fresh.all[i].Resources[j]
			slices.SortStableFunc(r.Verbs, func(a, b verb) int { return words.ByVerb(strings.ToLower(a.Label), strings.ToLower(b.Label)) })
			for n := range r.Verbs {
				fresh.verbs[r.Verbs[n].Permission], fresh.of[r.Verbs[n].Permission] = &r.Verbs[n], r
				fresh.ordered = append(fresh.ordered, r.Verbs[n].Permission)
			}
		}
	}
	k.table = t
	k.all = fresh.all
	k.verbs = fresh.verbs
	k.of = fresh.of
	k.ordered = fresh.ordered
	return fresh
}

// what is a resource with the verbs that somebody holds on it.
type what struct {
	Title string
	Verbs []string
	// Permissions are the names, in the order of Verbs.
	Permissions []string
}

// group puts permissions together by resource, in the catalogue's order. What the catalogue does not know stands alone.
func (k *catalog) group(names []string) (all []what) {
	held := map[string]bool{}
	for _, name := range names {
		held[name] = true
	}
	var last *resource
	for _, name := range k.ordered {
		if !held[name] {
			continue
		}
		delete(held, name)
		r := k.of[name]
		if r != last {
			all = append(all, what{Title: r.Title})
			last = r
		}
		w := &all[len(all)-1]
		w.Verbs = append(w.Verbs, k.verbs[name].Label)
		w.Permissions = append(w.Permissions, name)
	}
	for _, name := range names {
		if held[name] {
			all = append(all, what{Title: name, Verbs: []string{"no longer known"}, Permissions: []string{name}})
		}
	}
	return all
}
