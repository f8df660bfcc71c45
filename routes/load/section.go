package load

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
	"patgate/routes/nearest"
)

// section is what a file, a resource and an action say for every row below them.
type section struct {
	*document.Document
	table *assembly

	kind       routes.Kind
	surface    string // empty: the REST API
	category   string
	classes    map[string]string           // class by capture name
	used       map[string]bool             // classes that a row used
	parameters map[string]routes.ParamRule // for every row of the file
	credential string                      // for KindOtherCredential

	resource, action string
	defaults         []routes.Boundary // the resource's own `boundary:`
	redirects        bool              // the resource's own `redirects:`, of the rows that are GET
	needs            []routes.Permission
}

// row is a route while its table is put together.
type row struct {
	*routes.Route
	unsafe  bool
	removed *routes.Route // the row as it was before an overlay removed it
}

// key is what a row is known by in overlays and in `after`.
func (r row) key() string { return r.Method + " " + r.Path }

// rows reads the rows of a file, whatever its kind.
func (s *section) rows() []row {
	var out []row
	s.used = map[string]bool{}
	var head, body []*yaml.Node // body is read when captures and parameters are known
	s.Each(s.Root, "the file", func(key, value *yaml.Node) {
		switch key.Value {
		case "kind", "category", "captures", "parameters", "surface":
			head = append(head, key, value)
		case "resources", "routes", "credentials":
			body = append(body, key, value)
		case "remove", "categories", "quick_actions", "push_options", "rendered", "addresses", "entries", "forge",
			"version", "base", "projects", "graphql", "wide": // read by assembly
		default:
			s.UnknownKey(key, "the file", fileKeys[:])
		}
	})
	s.kind = routes.KindPermission
	var captures *yaml.Node
	for i := 0; i < len(head); i += 2 {
		value := head[i+1]
		switch head[i].Value {
		case "kind":
			s.kind = s.fileKind(value)
		case "category":
			s.category, _ = s.Line(value, "the category")
		case "surface":
			s.surface = s.surfaceName(value)
		case "captures":
			captures = value
			s.classes = s.captureClasses(value)
		case "parameters":
			s.parameters = s.paramRules(value, "parameters")
		}
	}
	for i := 0; i < len(body); i += 2 {
		key, value := body[i], body[i+1]
		if want := bodyKey[s.kind]; key.Value != want {
			s.Problem(key, "write "+want+", or another kind", "key %q does not belong to a file of kind %s", key.Value, s.kind)
			continue
		}
		switch s.kind {
		case routes.KindPermission:
			out = append(out, s.resources(value)...)
		case routes.KindOpen:
			out = append(out, s.rowList(value, "routes")...)
		case routes.KindOtherCredential:
			s.Each(value, "credentials", func(key, value *yaml.Node) {
				s.credential, _ = s.Line(key, "a credential")
				out = append(out, s.rowList(value, "the rows of "+key.Value)...)
			})
		}
	}
	if captures != nil && len(out) > 0 {
		s.unusedClasses(captures)
	}
	return out
}

// fileKeys are the keys that a file may have.
var fileKeys = [...]string{"category", "surface", "captures", "parameters", "resources", "kind", "routes", "credentials",
	"remove", "categories", "quick_actions", "push_options", "rendered", "addresses", "entries", "forge", "version", "base",
	"projects", "graphql", "wide"}

// bodyKey is the key that holds the rows of a file, by its kind.
var bodyKey = [...]string{
	routes.KindPermission:      "resources",
	routes.KindOpen:            "routes",
	routes.KindOtherCredential: "credentials",
}

// fileKind reads `kind:`, which says that the rows of a file need no permission.
func (s *section) fileKind(n *yaml.Node) routes.Kind {
	name, _ := s.Text(n, "the kind")
	for k := routes.KindPermission; k <= routes.KindOtherCredential; k++ {
		if name == k.String() {
			return k
		}
	}
	s.Problem(n, "use permission, open or other-credential", "unknown kind %q", name)
	return routes.KindPermission
}

// surfaceNames are the surfaces besides the REST API that have rows.
var surfaceNames = [...]string{"git", "registry", "web", routes.SurfaceGraphQL}

// surfaceName reads `surface:`, which says that the rows of a file are found by another classifier.
func (s *section) surfaceName(n *yaml.Node) string {
	name, _ := s.Text(n, "the surface")
	if slices.Contains(surfaceNames[:], name) {
		return name
	}
	s.Problem(n, "use git, registry, web or graphql, or remove the key for rows of the REST API", "unknown surface %q", name)
	return ""
}

func (s *section) captureClasses(n *yaml.Node) map[string]string {
	classes := map[string]string{}
	s.Each(n, "captures", func(key, value *yaml.Node) {
		name, ok := s.Text(value, "the class of "+key.Value)
		if !ok {
			return
		}
		if routes.IsReferenceClass(key.Value, s.table.named) && name != key.Value {
			s.Problem(key, "call the capture something else", "a capture called %q is always a reference", key.Value)
			return
		}
		if err := routes.CheckClass(name, s.table.named); err != nil {
			s.Problem(value, "use "+strings.Join(routes.ClassNames(), ", ")+" or /expression/", "capture %q: %v",
				key.Value, err)
			return
		}
		classes[key.Value] = name
	})
	return classes
}

// unusedClasses reports classes of captures that no row has: most likely a mistyped name, and the capture has another class.
func (s *section) unusedClasses(n *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if _, valid := s.classes[key.Value]; valid && !s.used[key.Value] {
			s.Problem(key, nearest.DidYouMean(key.Value, slices.Collect(maps.Keys(s.used)), "remove it"),
				"no row of the file has a capture %q", key.Value)
		}
	}
}

// resources reads `resources:`: the rows of each action of each resource.
func (s *section) resources(n *yaml.Node) []row {
	var out []row
	s.Each(n, "resources", func(key, value *yaml.Node) {
		s.resource, s.defaults, s.redirects = key.Value, nil, false
		for i := 0; value.Kind == yaml.MappingNode && i+1 < len(value.Content); i += 2 {
			switch value.Content[i].Value {
			case "boundary":
				s.defaults = s.boundaryList(value.Content[i+1])
			case "redirects":
				s.redirects = s.Flag(value.Content[i+1], "redirects")
			}
		}
		s.Each(value, "resource "+key.Value, func(key, value *yaml.Node) {
			switch key.Value {
			case "title", "abilities":
				s.Problem(key, "move it to the resource under `categories:`",
					"key %q describes a permission, not rows", key.Value)
			case "boundary", "redirects":
			default:
				s.action = key.Value
				if s.permissionOf(key) {
					out = append(out, s.rowList(value, "the rows of "+s.action)...)
				}
			}
		})
	})
	return out
}

// permissionOf looks up the permission of an action; it returns false when the catalogue has none.
func (s *section) permissionOf(key *yaml.Node) bool {
	name := s.action + "_" + s.resource
	p, ok := s.table.catalogue.Find(name)
	if ok {
		s.needs = []routes.Permission{p}
		return true
	}
	near := s.table.catalogue.Nearest(name, 3)
	fix := "declare it under `categories:`"
	if len(near) > 0 {
		fix = "did you mean " + strings.Join(near, ", ") + "?"
	}
	s.Problem(key, fix, "unknown permission %q (action %q of resource %q)", name, s.action, s.resource)
	return false
}

// boundaryList reads `boundary:`: one name or a list.
func (s *section) boundaryList(n *yaml.Node) []routes.Boundary {
	var names []string
	for _, item := range s.Items(n, "the boundary") {
		if name, ok := s.Text(item, "a boundary"); ok {
			names = append(names, name)
		}
	}
	return parseBoundaries(s.Document, n, names)
}
