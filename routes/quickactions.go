package routes

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// quickActions reads `quick_actions:` of all files, in their order: the commands, and the parameters of rows whose text is
// read for them. It runs when the rows are complete.
type quickActions struct {
	table *assembly
	rows  []row
	list  []*Command
	files map[fieldKey]string // where a field was declared
}

// fieldKey is one parameter of one row; with an empty name, the row itself.
type fieldKey struct {
	row   int
	param string
}

// readQuickActions gives the commands of the table and marks the rows whose texts carry them.
func (a *assembly) readQuickActions(rows []row) *Commands {
	q := &quickActions{table: a, rows: rows, files: map[fieldKey]string{}}
	fields, templates := map[*document]*yaml.Node{}, map[*document]*yaml.Node{}
	for _, d := range a.documents {
		if d.root == nil {
			continue
		}
		n := valueOf(d.root, "quick_actions")
		if n == nil {
			continue
		}
		s := &section{document: d, table: a}
		s.fields(n, "quick_actions",
			field{"commands", func(v *yaml.Node) { q.commands(s, v) }},
			field{"fields", func(v *yaml.Node) { fields[d] = v }},
			field{"templates", func(v *yaml.Node) { templates[d] = v }})
	}
	commands := &Commands{list: q.list, names: q.names()}
	commands.addAny()
	for _, d := range a.documents {
		if n := fields[d]; n != nil {
			q.textFields(&section{document: d, table: a}, n, "fields", func(s *section, n *yaml.Node, key string, f TextField) {
				f.Commands = commands
				q.textField(s, n, key, f)
			})
		}
	}
	for _, d := range a.documents {
		if n := templates[d]; n != nil {
			q.textFields(&section{document: d, table: a}, n, "templates", q.template)
		}
	}
	return commands
}

// commands reads `commands:` of one file. An overlay's command takes the place of the one of that name.
func (q *quickActions) commands(s *section, n *yaml.Node) {
	s.each(n, "commands", func(key, value *yaml.Node) {
		if !s.commandName(key) {
			return
		}
		c, unsafe := s.command(key, value)
		at := slices.IndexFunc(q.list, func(o *Command) bool { return o.Name == c.Name })
		switch {
		case at < 0 && unsafe:
			s.problem(value, "remove `unsafe`", "command %q says unsafe, but replaces none", c.Name)
		case at >= 0 && !s.overlay:
			s.problem(key, "merge the two", "command %q stands twice, first at %s", c.Name, q.list[at].Source)
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
func (s *section) command(key, n *yaml.Node) (c *Command, unsafe bool) {
	c = &Command{Name: key.Value, Source: s.source(key)}
	needs := func(k CommandKind) field {
		return field{k.String(), func(v *yaml.Node) {
			c.needs[k] = s.permissions(v, k.String()+" of command "+c.Name, nil)
			for _, p := range c.needs[k] {
				c.needSet[k].Add(p)
			}
		}}
	}
	s.fields(n, "command "+c.Name,
		needs(CommandsWorkItem), needs(CommandsMergeRequest), needs(CommandsCommit),
		field{"aliases", func(v *yaml.Node) {
			for _, item := range s.items(v, "aliases") {
				if s.commandName(item) {
					c.Aliases = append(c.Aliases, item.Value)
				}
			}
		}},
		field{"elsewhere", func(v *yaml.Node) { c.Elsewhere = s.flag(v, "elsewhere") }},
		field{"harmless", func(v *yaml.Node) { c.Harmless = s.flag(v, "harmless") }},
		field{"unsafe", func(v *yaml.Node) { unsafe = s.unsafe(v) }})
	some := slices.ContainsFunc(c.needs[:], func(p []Permission) bool { return len(p) > 0 })
	switch {
	case c.Harmless && (some || c.Elsewhere):
		s.problem(n, "remove `harmless`, or the permissions and `elsewhere`", "command %q is harmless and needs something", c.Name)
	case !c.Harmless && !some:
		s.problem(n, "add `work_item: permission`, merge_request or commit, or `harmless: true`", "command %q needs nothing", c.Name)
	}
	return c, unsafe
}

// commandName reports a name that cannot be a command's.
func (s *section) commandName(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Value == "" || len(n.Value) > maxCommandName ||
		strings.Trim(n.Value, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		s.problem(n, "write it in small letters, without the slash: close", "%s is no name of a command", describe(n))
		return false
	}
	return true
}

// replacedCommand reports a command of an overlay that asks for less than the one it replaces and does not say so.
func (s *section) replacedCommand(n *yaml.Node, old, c *Command, unsafe bool) {
	var lost []string
	if c.Harmless && !old.Harmless {
		lost = append(lost, "that it needs permissions")
	}
	for k := range old.needs {
		if len(old.needs[k]) > 0 && !c.needSet[k].Contains(&old.needSet[k]) {
			lost = append(lost, "permissions for "+CommandKind(k).String())
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
		s.problem(n, "add them to the command, or say `unsafe: true` in it",
			"command %q replaces the one at %s and drops what protects: %s", c.Name, old.Source, strings.Join(lost, ", "))
	case len(lost) == 0 && unsafe:
		s.problem(n, "remove `unsafe`", "command %q says unsafe, but drops nothing of the one at %s", c.Name, old.Source)
	}
}

// names indexes the commands by name and alias, and reports a name that two of them have.
func (q *quickActions) names() map[string]namedCommand {
	names := make(map[string]namedCommand, 2*len(q.list))
	for _, c := range q.list {
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			if other, taken := names[name]; taken {
				q.table.problemAt(c.Source, "remove one of them", "the name %q of command %q belongs to command %q already", name, c.Name,
					other.command.Name)
				continue
			}
			names[name] = namedCommand{name: name, command: c}
		}
	}
	return names
}

// problemAt reports a problem at a place in one of the files.
func (a *assembly) problemAt(at Source, fix, format string, args ...any) {
	for _, d := range a.documents {
		if d.file == at.File {
			d.problemAt(at.Line, fix, format, args...)
			return
		}
	}
}

// textFields reads `fields:` or `templates:` of one file: kind, parameter, rows.
func (q *quickActions) textFields(s *section, n *yaml.Node, name string, use func(*section, *yaml.Node, string, TextField)) {
	s.each(n, name, func(key, value *yaml.Node) {
		kind := slices.Index(commandKindNames[:], key.Value)
		if kind <= int(CommandsNone) {
			s.unknownKey(key, name, commandKindNames[CommandsNone+1:])
			return
		}
		s.each(value, "the "+name+" of "+key.Value, func(key, value *yaml.Node) {
			param, ok := s.line(key, "a parameter")
			if !ok {
				return
			}
			for _, item := range s.items(value, "the rows of "+param) {
				if text, ok := s.text(item, "a row"); ok {
					use(s, item, strings.Join(splitWords(text), " "), TextField{Param: param, Kind: CommandKind(kind)})
				}
			}
		})
	})
}

// textField marks a parameter of one row. An overlay may say again what the table says.
func (q *quickActions) textField(s *section, n *yaml.Node, key string, f TextField) {
	i, found := q.table.index[key]
	if !found {
		s.problem(n, DidYouMean(key, slices.Collect(maps.Keys(q.table.index)),
			"write METHOD PATH exactly as `patgate routes list` prints it"),
			"there is no row %s whose %s could carry commands", key, f.Param)
		return
	}
	r, k := q.rows[i].Route, fieldKey{i, f.Param}
	first, twice := q.files[k]
	switch {
	case len(r.Body.Stream) > 0:
		s.problem(n, "remove `stream` from its body", "row %s streams bodies, whose commands nobody would see", key)
	case twice && (first == s.file || !s.overlay || !slices.Contains(r.Texts, f)):
		s.problem(n, "remove one of them", "%s of row %s stands twice under fields", f.Param, key)
	case !twice:
		r.Texts = append(r.Texts, f)
	}
	q.files[k] = s.file
}

// template marks a text that the forge takes from a template when the request has none.
func (q *quickActions) template(s *section, n *yaml.Node, key string, f TextField) {
	if i, found := q.table.index[key]; found {
		for j := range q.rows[i].Route.Texts {
			if t := &q.rows[i].Route.Texts[j]; t.Param == f.Param && t.Kind == f.Kind {
				t.Template = true
				return
			}
		}
	}
	s.problem(n, "list it under fields too", "%s of row %s is no text that is read for commands", f.Param, key)
}
