package load

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
)

// readCatalogue reads `categories:` of all files into the catalogue. An overlay may add permissions and describe known
// ones anew; two files of the table may not declare the same one.
func (a *assembly) readCatalogue(known *routes.Catalogue) {
	var infos []routes.PermissionInfo
	at := map[string]int{}
	declared := map[string]routes.Source{}
	var last *document
	for _, d := range a.documents {
		if d.root == nil {
			continue
		}
		categories := valueOf(d.root, "categories")
		if categories == nil {
			continue
		}
		last = d
		d.categories(categories, func(n *yaml.Node, info routes.PermissionInfo) {
			first, twice := declared[info.Name]
			i, have := at[info.Name]
			switch {
			case twice && (!d.overlay || first.File == d.file):
				d.problem(n, "remove one of them", "permission %q is declared twice, first at %s", info.Name, first)
			case have:
				infos[i] = info
			default:
				at[info.Name] = len(infos)
				infos = append(infos, info)
			}
			declared[info.Name] = d.source(n)
		})
	}
	c, fits := routes.NewCatalogue(infos, known)
	a.catalogue = c
	if !fits {
		last.problem(valueOf(last.root, "categories"), "remove permissions that no row needs",
			"a table holds at most %d permissions, those of earlier tables of this process included", routes.MaxPermissions-1)
	}
}

// categories reads `categories:` of one file: categories, resources, actions.
func (d *document) categories(n *yaml.Node, add func(*yaml.Node, routes.PermissionInfo)) {
	d.each(n, "categories", func(key, value *yaml.Node) {
		category := key.Value
		d.each(value, "category "+category, func(key, value *yaml.Node) {
			d.resource(category, key, value, add)
		})
	})
}

func (d *document) resource(category string, key, n *yaml.Node, add func(*yaml.Node, routes.PermissionInfo)) {
	info := routes.PermissionInfo{Category: category, Resource: key.Value, Title: titleCase(key.Value)}
	if !d.identifier(key, "resource") {
		return
	}
	var actions *yaml.Node
	ok := d.fields(n, "resource "+key.Value,
		field{"title", func(v *yaml.Node) { info.Title, _ = d.line(v, "the title") }},
		field{"abilities", func(v *yaml.Node) { info.Abilities, _ = d.line(v, "the abilities") }},
		field{"actions", func(v *yaml.Node) { actions = v }})
	if !ok {
		return
	}
	if actions == nil {
		d.problem(n, "add `actions: {read: {boundaries: [project]}}`", "resource %q has no actions", key.Value)
		return
	}
	d.each(actions, "actions", func(key, value *yaml.Node) {
		if !d.identifier(key, "action") {
			return
		}
		own := info
		own.Action, own.Name = key.Value, key.Value+"_"+info.Resource
		d.action(value, &own)
		add(key, own)
	})
}

func (d *document) action(n *yaml.Node, info *routes.PermissionInfo) {
	d.fields(n, "action "+info.Name,
		field{"boundaries", func(v *yaml.Node) {
			var names []string
			for _, item := range d.items(v, "boundaries") {
				if name, ok := d.text(item, "a boundary"); ok {
					names = append(names, name)
				}
			}
			info.Boundaries = d.parseBoundaries(v, names)
		}},
		field{"abilities", func(v *yaml.Node) { info.Abilities, _ = d.line(v, "the abilities") }},
		field{"deprecated", func(v *yaml.Node) { info.Deprecated = d.flag(v, "deprecated") }})
	if len(info.Boundaries) == 0 {
		d.problem(n, "add `boundaries: [project]`, or group, user, instance", "permission %q has no boundaries", info.Name)
	}
}

// identifier reports a name that is not in snake case.
func (d *document) identifier(n *yaml.Node, what string) bool {
	s := n.Value
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == "" && !strings.HasPrefix(s, "_") &&
		!strings.HasSuffix(s, "_") {
		return true
	}
	d.problem(n, "write it in snake case: merge_request", "%s %q is no identifier", what, s)
	return false
}

// titleCase makes a heading of an identifier: merge_request becomes Merge Request.
func titleCase(s string) string {
	words := strings.Split(s, "_")
	for i, w := range words {
		if w != "" && !slices.Contains(smallWords[:], w) {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}

// smallWords stay in lower case within a heading.
var smallWords = [...]string{"of", "to", "in", "for", "and"}
