package load

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
)

// quickActions reads `quick_actions:` of all files, when the rows are complete: commands, and the parameters read for them.
type quickActions struct {
	table *assembly
	rows  []row
	list  []*routes.Command
	files map[fieldKey]string // where a field was declared
}

// fieldKey is one parameter of one row; with an empty name, the row itself.
type fieldKey struct {
	row   int
	param string
}

// readQuickActions gives the commands of the table and marks the rows whose texts carry them.
func (a *assembly) readQuickActions(rows []row) *routes.Commands {
	q := &quickActions{table: a, rows: rows, files: map[fieldKey]string{}}
	fields, templates := map[*document.Document]*yaml.Node{}, map[*document.Document]*yaml.Node{}
	for _, d := range a.documents {
		if d.Root == nil {
			continue
		}
		n := document.Value(d.Root, "quick_actions")
		if n == nil {
			continue
		}
		s := &section{Document: d, table: a}
		s.Fields(n, "quick_actions",
			document.On("commands", func(v *yaml.Node) { q.commands(s, v) }),
			document.On("fields", func(v *yaml.Node) { fields[d] = v }),
			document.On("templates", func(v *yaml.Node) { templates[d] = v }))
	}
	commands := routes.NewCommands(q.list, func(c *routes.Command, name string, earlier *routes.Command) {
		a.problemAt(c.Source, "remove one of them",
			"the name %q of command %q belongs to command %q already", name, c.Name, earlier.Name)
	})
	withCommands := func(s *section, n *yaml.Node, key string, f routes.TextField) {
		f.Commands = commands
		q.textField(s, n, key, f)
	}
	for _, d := range a.documents {
		if n := fields[d]; n != nil {
			q.textFields(&section{Document: d, table: a}, n, "fields", withCommands)
		}
	}
	for _, d := range a.documents {
		if n := templates[d]; n != nil {
			q.textFields(&section{Document: d, table: a}, n, "templates", q.template)
		}
	}
	return commands
}

// commands reads `commands:` of one file. An overlay's command takes the place of the one of that name.
func (q *quickActions) commands(s *section, n *yaml.Node) {
	s.Each(n, "commands", func(key, value *yaml.Node) {
		if !s.commandName(key) {
			return
		}
		c, unsafe := s.command(key, value)
		at := slices.IndexFunc(q.list, func(o *routes.Command) bool { return o.Name == c.Name })
		switch {
		case at < 0 && unsafe:
			s.Problem(value, "remove `unsafe`", "command %q says unsafe, but replaces none", c.Name)
		case at >= 0 && !s.Overlay:
			s.Problem(key, "merge the two", "command %q appears twice, first at %s", c.Name, q.list[at].Source)
			return
		case at >= 0:
			s.replacedCommand(value, q.list[at], c, unsafe)
		}
		if at >= 0 {
			q.list[at] = c
			return
		}
		q.list = append(q.list, c)
	})
}

// command reads one command.
func (s *section) command(key, n *yaml.Node) (c *routes.Command, unsafe bool) {
	c = &routes.Command{Name: key.Value, Source: s.Source(key)}
	some := false
	needs := func(k routes.CommandKind) document.Field {
		return document.On(k.String(), func(v *yaml.Node) {
			needs := s.permissions(v, k.String()+" of command "+c.Name, nil)
			c.SetNeeds(k, needs)
			some = some || len(needs) > 0
		})
	}
	s.Fields(n, "command "+c.Name,
		needs(routes.CommandsWorkItem), needs(routes.CommandsMergeRequest), needs(routes.CommandsCommit),
		document.On("aliases", func(v *yaml.Node) {
			for _, item := range s.Items(v, "aliases") {
				if s.commandName(item) {
					c.Aliases = append(c.Aliases, item.Value)
				}
			}
		}),
		document.On("elsewhere", func(v *yaml.Node) { c.Elsewhere = s.Flag(v, "elsewhere") }),
		document.On("harmless", func(v *yaml.Node) { c.Harmless = s.Flag(v, "harmless") }),
		document.On("unsafe", func(v *yaml.Node) { unsafe = s.unsafe(v) }))
	switch {
	case c.Harmless && (some || c.Elsewhere):
		s.Problem(n, "remove `harmless`, or the permissions and `elsewhere`",
			"command %q is harmless and needs something", c.Name)
	case !c.Harmless && !some:
		s.Problem(n, "add `work_item: permission`, merge_request or commit, or `harmless: true`",
			"command %q needs nothing", c.Name)
	}
	return c, unsafe
}

// commandName reports a name that cannot be a command's.
func (s *section) commandName(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Value == "" || len(n.Value) > routes.MaxCommandName ||
		strings.Trim(n.Value, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		s.Problem(n, "write it in small letters, without the slash: close",
			"%s is not the name of a command", document.Describe(n))
		return false
	}
	return true
}

// replacedCommand reports a command of an overlay that asks for less than the one it replaces and does not say so.
func (s *section) replacedCommand(n *yaml.Node, old, c *routes.Command, unsafe bool) {
	var lost []string
	if c.Harmless && !old.Harmless {
		lost = append(lost, "that it needs permissions")
	}
	for _, name := range routes.CommandKindNames() {
		k, _ := routes.ParseCommandKind(name)
		needs := c.NeedSet(k)
		if before := old.NeedSet(k); before != nil && (needs == nil || !needs.Contains(before)) {
			lost = append(lost, "permissions for "+name)
		}
	}
	for _, alias := range old.Aliases {
		if !slices.Contains(c.Aliases, alias) {
			lost = append(lost, "alias "+alias)
		}
	}
	if old.Elsewhere && !c.Elsewhere {
		lost = append(lost, "elsewhere")
	}
	switch {
	case len(lost) > 0 && !unsafe:
		s.Problem(n, "add them to the command, or say `unsafe: true` in it",
			"command %q replaces the one at %s and drops what protects: %s", c.Name, old.Source, strings.Join(lost, ", "))
	case len(lost) == 0 && unsafe:
		s.Problem(n, "remove `unsafe`", "command %q says unsafe, but drops nothing of the one at %s", c.Name, old.Source)
	}
}

// textFields reads `fields:` or `templates:` of one file: kind, parameter, rows.
func (q *quickActions) textFields(
	s *section, n *yaml.Node, name string, use func(*section, *yaml.Node, string, routes.TextField),
) {
	s.Each(n, name, func(key, value *yaml.Node) {
		kind, known := routes.ParseCommandKind(key.Value)
		if !known {
			s.UnknownKey(key, name, routes.CommandKindNames())
			return
		}
		s.Each(value, "the "+name+" of "+key.Value, func(key, value *yaml.Node) {
			param, ok := s.Line(key, "a parameter")
			if !ok {
				return
			}
			for _, item := range s.Items(value, "the rows of "+param) {
				if text, ok := s.Text(item, "a row"); ok {
					use(s, item, strings.Join(splitWords(text), " "), routes.TextField{Param: param, Kind: kind})
				}
			}
		})
	})
}

// textField marks a parameter of one row. An overlay may say again what the table says.
func (q *quickActions) textField(s *section, n *yaml.Node, key string, f routes.TextField) {
	i, found := q.table.index[key]
	if !found {
		s.Problem(n, q.table.nearRow(key),
			"there is no row %s whose %s could carry commands", key, f.Param)
		return
	}
	r, k := q.rows[i].Route, fieldKey{i, f.Param}
	first, twice := q.files[k]
	switch {
	case len(r.Body.Stream) > 0:
		s.Problem(n, "remove `stream` from its body", "row %s streams its body: commands in it would not be seen", key)
	case twice && (first == s.File || !s.Overlay || !slices.Contains(r.Texts, f)):
		s.Problem(n, "remove one of them", "%s of row %s appears twice under fields", f.Param, key)
	case !twice:
		r.Texts = append(r.Texts, f)
	}
	q.files[k] = s.File
}

// template marks a text that the forge takes from a template when the request has none.
func (q *quickActions) template(s *section, n *yaml.Node, key string, f routes.TextField) {
	if i, found := q.table.index[key]; found {
		for j := range q.rows[i].Route.Texts {
			if t := &q.rows[i].Route.Texts[j]; t.Param == f.Param && t.Kind == f.Kind {
				t.Template = true
				return
			}
		}
	}
	s.Problem(n, "list it under fields too", "%s of row %s is not a text that is read for commands", f.Param, key)
}
