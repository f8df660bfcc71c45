package graphql

import (
	"strings"

	"patgate/routes"
	"patgate/routes/commands"
)

// reference adds what a value names to the containers of a place. kind says what a plain text names; RefNone is an object's id.
//
// Where a path is meant, digits are a path and no id, and the other way round.
func (d *reading) reference(p *place, arg *field, kind routes.RefKind, v value) error {
	if v.absent() {
		return nil
	}
	if v.kind == unsetValue {
		p.refs = append(p.refs, Reference{Kind: kind, Class: arg.of.model, Variable: v.variable})
		return nil
	}
	if v.kind != textValue && v.kind != otherValue {
		return d.refuse(p.frame, CodeReference, "a list or an object stands where one path or id is meant")
	}
	byPath := namesPath(arg.name)
	if strings.HasPrefix(v.text, "gid:") && !byPath || kind == routes.RefNone {
		ref, known, err := d.object(p, arg.of, v.text)
		if err == nil && !known {
			err = d.refuse(p.frame, CodeReference, "it is not known which project or group the object with this id belongs to")
		}
		if err == nil && ref != (Reference{}) {
			p.refs = append(p.refs, ref)
		}
		return err
	}
	ref, ok := routes.ParseReference(kind, []byte(v.text))
	if !ok || byPath != (ref.ID == 0) || v.kind == otherValue && byPath {
		return d.refuse(p.frame, CodeReference, "the argument "+arg.name+" names no "+kind.String()+
			": it takes a full path if it is called one, and else an id")
	}
	p.refs = append(p.refs, Reference{Kind: ref.Kind, ID: ref.ID, Path: string(ref.Path)})
	return nil
}

// object reads a global id. known is false when the container of such an object cannot be looked up. The zero Reference is for an
// object that belongs to no container, or stays inside.
func (d *reading) object(p *place, of *typ, text string) (ref Reference, known bool, err error) {
	class, id, ok := objectID(text)
	if !ok {
		return Reference{}, false, d.refuse(p.frame, CodeReference, "a global id is not written as gid://gitlab/Class/1")
	}
	if of.model != "" && !d.fits(of.model, class) {
		return Reference{}, false, d.refuse(p.frame, CodeReference,
			"the id of a "+of.model+" is meant, and that of another class is given")
	}
	switch class {
	case "Project":
		return Reference{Kind: routes.RefProject, ID: id}, true, nil
	case "Group":
		return Reference{Kind: routes.RefGroup, ID: id}, true, nil
	case "Namespace":
		return Reference{Kind: routes.RefNamespace, ID: id}, true, nil
	}
	if _, can := d.rules.Objects[kindOf(class)]; can {
		return Reference{Class: class, Object: id}, true, nil
	}
	kind := kindOf(class)
	return Reference{}, d.rules.Inside[kind] && (of.model == kind || of.model == ""), nil
}

// kindOf gives the class by which objects of a class are known: GitLab writes the id of a note on a diff, of a label of a project
// and of a status by the class that it has among its own kind (19.3, app/models).
func kindOf(class string) string {
	switch class {
	case "DiffNote", "DiscussionNote", "LegacyDiffNote":
		return "Note"
	case "ProjectLabel", "GroupLabel":
		return "Label"
	case "WorkItems::Statuses::SystemDefined::Status", "WorkItems::Statuses::Custom::Status":
		return "WorkItems::Statuses::Status"
	}
	return class
}

// namesPath tells by an argument's name whether it takes a full path.
func namesPath(name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(strings.ToLower(name), "s"), "path")
}

// fits tells whether an id of a class may stand where one of a model is meant. A model whose name no id has, such as Noteable, is
// one of several; issues, epics and work items are told apart by name alone (19.3, app/models/work_item.rb).
func (d *reading) fits(model, class string) bool {
	if model == kindOf(class) {
		return true
	}
	_, own := d.rules.Objects[model]
	own = own || d.rules.Inside[model] || model == "Project" || model == "Group"
	return !own || model == "Namespace" && class == "Group" || model == "WorkItem" && class == "Issue" ||
		model == "Issue" && class == "WorkItem"
}

// input reads the arguments of a mutation for what they name.
type input struct {
	*reading
	place   *place
	texts   []Text
	unset   string // a variable without a value that may name a container
	unknown bool   // an object whose container is not known
	inside  bool   // an object that is kept within the container that others name
	thread  bool   // a thread of notes
	about   string // the class of the object that a note is on
	depth   int
}

// inMergeRequest tells whether an argument names a merge request.
func (in *input) inMergeRequest() bool {
	for i := range in.place.refs {
		if in.place.refs[i].Class == "MergeRequest" {
			return true
		}
	}
	return false
}

// describes tells whether there is a description, and each leaves a mark on a page: of two descriptions the forge takes one.
func (in *input) describes() (described bool) {
	for i := range in.texts {
		t := &in.texts[i]
		if !strings.HasSuffix(t.Name, ".description") {
			continue
		}
		if commands.Blank([]byte(t.Text)) {
			return false
		}
		described = true
	}
	return described
}

// read reads an argument or an input field. path is its name from the root.
func (in *input) read(f *field, v value, path string) error {
	switch {
	case v.absent():
		return nil
	case f.of.kind == inputKind:
		return in.object(f.of, v, path)
	case f.of.model != "" || f.of.name == "GlobalID": // an id of one class, or of any
		for _, item := range v.each() {
			if class, _, ok := objectID(item.text); ok && path == "input.noteableId" {
				in.about = class
			}
			if err := in.id(f.of, item); err != nil {
				return err
			}
		}
		return nil
	case f.of.name != "ID" && f.of.name != "String" && f.of.name != "Int":
		return nil
	}
	kind, listed := in.rules.Arguments[f.name]
	if !listed {
		if identifies(f.name) {
			return in.refuse(in.place.frame, CodeIdentifier,
				"the argument "+path+" may name a project or group, and the route table does not say which")
		}
		in.text(f, v, path)
		return nil
	}
	if kind == routes.RefNone {
		in.text(f, v, path)
		return nil
	}
	for _, item := range v.each() {
		if err := in.reference(in.place, f, kind, item); err != nil {
			return err
		}
	}
	return nil
}

// object reads an input object, or a list of them.
func (in *input) object(t *typ, v value, path string) error {
	if in.depth++; in.depth > maxValueDepth*maxValueDepth*maxValueDepth {
		return in.refuse(in.place.frame, CodeLimit, "the arguments hold too many objects")
	}
	switch v.kind {
	case unsetValue:
		if in.unset == "" {
			in.unset = in.naming(t, v.variable)
		}
		return nil
	case listValue:
		for _, item := range v.each() {
			if item.kind == listValue {
				return in.refuse(in.place.frame, CodeArgument, path+" is a list of lists")
			}
			if item.absent() {
				continue
			}
			if err := in.object(t, item, path); err != nil {
				return err
			}
		}
		return nil
	case objectValue:
	default:
		return in.refuse(in.place.frame, CodeArgument, path+" is not an object")
	}
	for i, name := range v.names {
		f := t.fields[name]
		if f == nil {
			return in.refuse(in.place.frame, CodeArgument, "the schema of GitLab 19.3 has no "+path+"."+shown(name))
		}
		if why := in.rules.Refused[t.name+"."+name]; why != "" {
			return in.refuse(in.place.frame, CodeRefused, path+"."+name+" is not taken from fine-grained tokens: "+why)
		}
		for _, other := range v.names[:i] {
			if other == name {
				return in.refuse(in.place.frame, CodeDocument, path+"."+name+" appears twice")
			}
		}
		if err := in.read(f, v.at(i), path+"."+name); err != nil {
			return err
		}
	}
	return nil
}

// shown keeps texts that are not names out of messages.
func shown(name string) string {
	if len(name) > 60 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return "(name not shown)"
	}
	return name
}

// naming gives the field of a type by which a container is named, below the variable that has no value.
func (in *input) naming(t *typ, variable string) string {
	best := ""
	for name, f := range t.fields {
		names := f.of.model != "" && !in.rules.Inside[f.of.model]
		if f.of.kind == scalarKind && in.rules.Arguments[name].IsContainer() {
			names = true
		}
		if names && (best == "" || name < best) {
			best = name
		}
	}
	if best == "" {
		return variable
	}
	return variable + "." + best
}

// id reads a global id.
func (in *input) id(of *typ, v value) error {
	switch v.kind {
	case nullValue:
		return nil
	case unsetValue:
		if !in.rules.Inside[of.model] {
			in.place.refs = append(in.place.refs, Reference{Class: of.model, Variable: v.variable})
		}
		return nil
	case textValue:
	default:
		return in.refuse(in.place.frame, CodeReference, "a global id is not written as gid://gitlab/Class/1")
	}
	if isThread(v.text) && (of.model == "Discussion" || of.model == "") {
		in.thread = true
		return nil
	}
	ref, known, err := in.reading.object(in.place, of, v.text)
	if err != nil {
		return err
	}
	in.unknown = in.unknown || !known
	in.inside = in.inside || known && ref == (Reference{}) && of.model != "User"
	if ref != (Reference{}) {
		in.place.refs = append(in.place.refs, ref)
	}
	return nil
}

// isThread tells whether a text is the global id of a thread of notes, which has 40 hexadecimal digits in the place of a number.
func isThread(text string) bool {
	rest, is := strings.CutPrefix(text, "gid://gitlab/")
	class, digits, cut := strings.Cut(rest, "/")
	return is && cut && strings.HasSuffix(class, "Discussion") && strings.Trim(class, letters) == "" && len(digits) == 40 &&
		strings.Trim(digits, "0123456789abcdef") == ""
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// text notes a text that the forge may read for commands: those of notes, and descriptions.
func (in *input) text(f *field, v value, path string) {
	if v.kind == textValue && f.of.name == "String" && (f.name == "body" || f.name == "description" || f.name == "note") {
		in.texts = append(in.texts, Text{Name: path, Text: v.text})
	}
}

// identifierEnds are what names of arguments end with that may name something.
var identifierEnds = [...]string{"id", "path", "ref", "reference", "namespace", "project", "group", "gid", "uuid", "url", "uri"}

// identifies tells whether an argument may name a container. An iid counts within one.
func identifies(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), "s")
	if strings.HasSuffix(name, "iid") {
		return false
	}
	for _, end := range identifierEnds {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}
