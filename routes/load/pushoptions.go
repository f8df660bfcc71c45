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

// pushOptions reads `push_options:` of all files, in their order. It runs when the rows are complete and the commands known.
type pushOptions struct {
	table    *assembly
	rows     []row
	commands *routes.Commands
	list     []*routes.PushOption // in the order of the table
	names    map[string]*routes.PushOption
	refs     []routes.PushRef
	ownName  string // see routes.PushOptions.Own
	carried  []*routes.Route
	filled   map[*routes.PushOption]*yaml.Node // where filled_by stands
}

// maxOptionName bounds the name of a push option, in bytes.
const maxOptionName = 80

// readPushOptions gives the push options of the table and marks the rows whose pushes may carry them.
func (a *assembly) readPushOptions(rows []row, commands *routes.Commands) *routes.PushOptions {
	p := &pushOptions{
		table:    a,
		rows:     rows,
		commands: commands,
		names:    map[string]*routes.PushOption{},
		filled:   map[*routes.PushOption]*yaml.Node{},
	}
	for _, d := range a.documents {
		if d.Root == nil {
			continue
		}
		n := document.Value(d.Root, "push_options")
		if n == nil {
			continue
		}
		s := &section{Document: d, table: a}
		s.Fields(n, "push_options",
			document.On("rows", func(v *yaml.Node) { p.carriers(s, v) }),
			document.On("own", func(v *yaml.Node) { p.own(s, v) }),
			document.On("options", func(v *yaml.Node) { p.options(s, v) }),
			document.On("refs", func(v *yaml.Node) { p.pushRefs(s, v) }))
		for option, at := range p.filled {
			if p.names[option.FilledBy] == nil {
				fix := nearest.DidYouMean(option.FilledBy, slices.Collect(maps.Keys(p.names)), "name an option of the table")
				s.Problem(at, fix,
					"filled_by of push option %q names %q, which is not a push option", option.Name, option.FilledBy)
			}
		}
		clear(p.filled)
	}
	all := routes.NewPushOptions(p.list, p.refs, p.ownName)
	for _, r := range p.carried {
		r.PushOptions = all
	}
	return all
}

// carriers reads `rows:`, the rows whose pushes may carry options.
func (p *pushOptions) carriers(s *section, n *yaml.Node) {
	for _, item := range s.Items(n, "rows") {
		text, ok := s.Text(item, "a row")
		if !ok {
			continue
		}
		key := strings.Join(splitWords(text), " ")
		i, found := p.table.index[key]
		switch {
		case !found:
			s.Problem(item, p.table.nearRow(key),
				"there is no row %s whose pushes could carry options", key)
		case p.rows[i].Refs != routes.RefsListed:
			s.Problem(item, "name a row with refs=listed", "row %s is not a push: its options would not be seen", key)
		default:
			p.carried = append(p.carried, p.rows[i].Route)
		}
	}
}

// own reads `own:`, the option that is sent with the project's own path.
func (p *pushOptions) own(s *section, n *yaml.Node) {
	name, ok := s.optionName(n)
	switch {
	case !ok:
	case p.ownName != "" && p.ownName != name:
		s.Problem(n, "remove it", "`own` is %s already", p.ownName)
	default:
		p.ownName = name
	}
}

// options reads `options:` of one file. An overlay's option takes the place of the one of that name.
func (p *pushOptions) options(s *section, n *yaml.Node) {
	s.Each(n, "options", func(key, value *yaml.Node) {
		if _, ok := s.optionName(key); !ok {
			return
		}
		o, unsafe := p.option(s, key, value)
		old := p.names[o.Name]
		switch {
		case old == nil && unsafe:
			s.Problem(value, "remove `unsafe`", "push option %q says unsafe, but replaces none", o.Name)
		case old != nil && !s.Overlay:
			s.Problem(key, "merge the two", "push option %q appears twice, first at %s", o.Name, old.Source)
			return
		case old != nil:
			s.replacedOption(value, old, o, unsafe)
			p.list[slices.Index(p.list, old)] = o
			p.names[o.Name] = o
			return
		}
		p.list = append(p.list, o)
		p.names[o.Name] = o
	})
}

// option reads one option.
func (p *pushOptions) option(s *section, key, n *yaml.Node) (o *routes.PushOption, unsafe bool) {
	o = &routes.PushOption{Name: key.Value, Source: s.Source(key)}
	value := false
	s.Fields(n, "push option "+o.Name,
		document.On("value", func(v *yaml.Node) { value, o.Value = true, s.optionValue(v) }),
		document.On("needs", func(v *yaml.Node) { o.Needs, o.NeedSet = s.permissionSet(v, "push option "+o.Name) }),
		document.On("harmless", func(v *yaml.Node) { o.Harmless = s.Flag(v, "harmless") }),
		document.On("guard", func(v *yaml.Node) { o.Guard = s.Flag(v, "guard") }),
		document.On("upstream", func(v *yaml.Node) { o.Upstream = s.Flag(v, "upstream") }),
		document.On("text", func(v *yaml.Node) { o.Text = p.text(s, v, o.Name) }),
		document.On("filled_by", func(v *yaml.Node) { o.FilledBy, p.filled[o] = v.Value, v }),
		document.On("refuse", func(v *yaml.Node) { o.Refused, _ = s.Line(v, "the reason") }),
		document.On("unsafe", func(v *yaml.Node) { unsafe = s.unsafe(v) }))
	needs, only := len(o.Needs) > 0, 0
	for _, is := range [...]bool{needs, o.Harmless, o.Refused != ""} {
		if is {
			only++
		}
	}
	switch {
	case only != 1:
		s.Problem(n, "write `needs: [permission]`, `harmless: true` or `refuse: why`",
			"push option %q must say one of what it needs, that it is harmless, and why it is refused", o.Name)
	case o.Guard && !needs:
		s.Problem(n, "give it a permission of its own", "push option %q switches off a guard and needs nothing", o.Name)
	case !value && o.Refused == "":
		s.Problem(n, "add `value: text`, or none, bool, list", "push option %q does not say what its value is", o.Name)
	case o.Text != nil && o.Value != routes.OptionText, o.FilledBy != "" && o.Text == nil:
		s.Problem(n, "write `value: text` and `text: merge_request`",
			"push option %q is not a text that is read for commands", o.Name)
	}
	return o, unsafe
}

// permissionSet reads permissions, as a list and as a set.
func (s *section) permissionSet(n *yaml.Node, what string) (list []routes.Permission, set routes.PermissionSet) {
	list = s.permissions(n, what, nil)
	for _, p := range list {
		set.Add(p)
	}
	return list, set
}

// optionName reports a name that cannot be a push option's.
func (s *section) optionName(n *yaml.Node) (name string, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Value == "" || len(n.Value) > maxOptionName ||
		strings.Trim(n.Value, "abcdefghijklmnopqrstuvwxyz0123456789_.-") != "" {
		s.Problem(n, "write it in small letters, without a value: merge_request.create", "%s is not the name of a push option",
			document.Describe(n))
		return "", false
	}
	return n.Value, true
}

func (s *section) optionValue(n *yaml.Node) routes.OptionValue {
	name, ok := s.Text(n, "the value")
	value, known := routes.ParseOptionValue(name)
	if ok && !known {
		s.Problem(n, "write none, bool, text or list", "unknown kind of value %q", name)
	}
	return value
}

// text reads `text:`, which commands the forge carries out in the value.
func (p *pushOptions) text(s *section, n *yaml.Node, option string) *routes.TextField {
	name, ok := s.Text(n, "the kind of text")
	kind, known := routes.ParseCommandKind(name)
	if !known {
		if ok {
			s.Problem(n, "write one of "+strings.Join(routes.CommandKindNames(), ", "), "unknown kind of text %q", name)
		}
		return nil
	}
	return &routes.TextField{Param: option, Kind: kind, Commands: p.commands}
}

// replacedOption reports an option of an overlay that asks for less than the one it replaces and does not say so.
func (s *section) replacedOption(n *yaml.Node, old, o *routes.PushOption, unsafe bool) {
	var lost []string
	drops := func(had, has bool, what string) {
		if had && !has {
			lost = append(lost, what)
		}
	}
	drops(old.Refused != "", o.Refused != "", "refuse")
	if o.Refused == "" {
		drops(!old.Harmless, !o.Harmless, "that it needs permissions")
		drops(true, o.NeedSet.Contains(&old.NeedSet), "permissions")
		drops(old.Guard, o.Guard, "guard")
		drops(old.Upstream, o.Upstream, "upstream")
		drops(old.Text != nil, o.Text != nil && o.Text.Kind == old.Text.Kind, "text")
		drops(old.FilledBy != "", o.FilledBy == old.FilledBy, "filled_by")
	}
	switch {
	case len(lost) > 0 && !unsafe:
		s.Problem(n, "add them to the option, or say `unsafe: true` in it",
			"push option %q replaces the one at %s and drops what protects: %s", o.Name, old.Source, strings.Join(lost, ", "))
	case len(lost) == 0 && unsafe:
		s.Problem(n, "remove `unsafe`", "push option %q says unsafe, but drops nothing of the one at %s", o.Name, old.Source)
	}
}

// isThere tells whether refs stand there already, and need the same: an overlay that says so is a copy.
func (p *pushOptions) isThere(one *routes.PushRef) bool {
	return slices.ContainsFunc(p.refs, func(r routes.PushRef) bool { return r.Prefix == one.Prefix && r.NeedSet == one.NeedSet })
}

// pushRefs reads `refs:`, the kinds of refs whose push is more than new commits. An overlay may add to them.
func (p *pushOptions) pushRefs(s *section, n *yaml.Node) {
	s.Each(n, "refs", func(key, value *yaml.Node) {
		prefix := key.Value
		switch {
		case !strings.HasPrefix(prefix, "refs/") || !strings.HasSuffix(prefix, "/") || strings.ContainsAny(prefix, " *\\"):
			s.Problem(key, "write the beginning of full names, up to a slash: refs/for/", "%s is not the beginning of refs",
				document.Describe(key))
			return
		case slices.ContainsFunc(p.refs, func(r routes.PushRef) bool { return r.Prefix == prefix }):
			needs, set := s.permissionSet(value, "refs "+prefix)
			if same := (routes.PushRef{Prefix: prefix, Needs: needs, NeedSet: set}); !s.Overlay || !p.isThere(&same) {
				s.Problem(key, "remove one of them", "refs %q appear twice", prefix)
			}
			return
		}
		needs, set := s.permissionSet(value, "refs "+prefix)
		p.refs = append(p.refs, routes.PushRef{Prefix: prefix, Source: s.Source(key), Needs: needs, NeedSet: set})
	})
}
