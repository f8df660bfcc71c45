package load

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
)

// readCatalogue reads `categories:` of all files. Two files of the table may not declare a permission; an overlay may, anew.
func (a *assembly) readCatalogue(known *routes.Catalogue) {
	var infos []routes.PermissionInfo
	at := map[string]int{}
	declared := map[string]routes.Source{}
	var last *document.Document
	for _, d := range a.documents {
		if d.Root == nil {
			continue
		}
		categories := document.Value(d.Root, "categories")
		if categories == nil {
			continue
		}
		last = d
		readCategories(d, categories, func(n *yaml.Node, info routes.PermissionInfo) {
			first, twice := declared[info.Name]
			i, have := at[info.Name]
			switch {
			case twice && (!d.Overlay || first.File == d.File):
				d.Problem(n, "remove one of them", "permission %q is declared twice, first at %s", info.Name, first)
			case have:
				infos[i] = info
			default:
				at[info.Name] = len(infos)
				infos = append(infos, info)
			}
			declared[info.Name] = d.Source(n)
		})
	}
	c, fits := routes.NewCatalogue(infos, known)
	a.catalogue = c
	if !fits {
		last.Problem(document.Value(last.Root, "categories"), "remove permissions that no row needs",
			"a table holds at most %d permissions, those of earlier tables of this process included", routes.MaxPermissions-1)
	}
}

// categories reads `categories:` of one file: categories, resources, actions.
func readCategories(d *document.Document, n *yaml.Node, add func(*yaml.Node, routes.PermissionInfo)) {
	d.Each(n, "categories", func(key, value *yaml.Node) {
		category := key.Value
		d.Each(value, "category "+category, func(key, value *yaml.Node) {
			resource(d, category, key, value, add)
		})
	})
}

func resource(d *document.Document, category string, key, n *yaml.Node, add func(*yaml.Node, routes.PermissionInfo)) {
	info := routes.PermissionInfo{Category: category, Resource: key.Value, Title: titleCase(key.Value)}
	if !identifier(d, key, "resource") {
		return
	}
	var actions *yaml.Node
	ok := d.Fields(n, "resource "+key.Value,
		document.On("title", func(v *yaml.Node) { info.Title, _ = d.Line(v, "the title") }),
		document.On("abilities", func(v *yaml.Node) { info.Abilities, _ = d.Line(v, "the abilities") }),
		document.On("actions", func(v *yaml.Node) { actions = v }))
	if !ok {
		return
	}
	if actions == nil {
		d.Problem(n, "add `actions: {read: {boundaries: [project]}}`", "resource %q has no actions", key.Value)
		return
	}
	d.Each(actions, "actions", func(key, value *yaml.Node) {
		if !identifier(d, key, "action") {
			return
		}
		own := info
		own.Action, own.Name = key.Value, key.Value+"_"+info.Resource
		action(d, value, &own)
		add(key, own)
	})
}

func action(d *document.Document, n *yaml.Node, info *routes.PermissionInfo) {
	d.Fields(n, "action "+info.Name,
		document.On("boundaries", func(v *yaml.Node) {
			var names []string
			for _, item := range d.Items(v, "boundaries") {
				if name, ok := d.Text(item, "a boundary"); ok {
					names = append(names, name)
				}
			}
			info.Boundaries = parseBoundaries(d, v, names)
		}),
		document.On("abilities", func(v *yaml.Node) { info.Abilities, _ = d.Line(v, "the abilities") }),
		document.On("deprecated", func(v *yaml.Node) { info.Deprecated = d.Flag(v, "deprecated") }))
	if len(info.Boundaries) == 0 {
		d.Problem(n, "add `boundaries: [project]`, or group, user, instance", "permission %q has no boundaries", info.Name)
	}
}

// identifier reports a name that is not in snake case.
func identifier(d *document.Document, n *yaml.Node, what string) bool {
	s := n.Value
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == "" && !strings.HasPrefix(s, "_") &&
		!strings.HasSuffix(s, "_") {
		return true
	}
	d.Problem(n, "write it in snake case: merge_request", "%s %q is not an identifier", what, s)
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
