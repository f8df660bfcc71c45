package graphql

import (
	"strconv"
	"strings"

	"patgate/routes"
)

// Reach says how far an act goes from what its reference names.
type Reach uint8

// The reaches. The zero value is the container itself, with what lies below it.
const (
	ReachContainer Reach = iota
	// ReachAbove is the groups above it, all of them.
	ReachAbove
	// ReachAnywhere is a container that cannot be known before: it may be any. It has no reference.
	ReachAnywhere
)

// Reference is what a document names.
type Reference struct {
	Kind     routes.RefKind // of a container; RefNone: an object
	ID       int64          // of a container; 0: by its path
	Path     string
	Class    string // of an object, as in its global id; empty: a container
	Object   int64  // and its number
	Variable string // that names it and has no value: input.projectPath; empty: it has
}

// Act is one thing that a document does: the permissions of a row, on what a reference names.
type Act struct {
	Row       *routes.Route
	Boundary  routes.Boundary // of an act without a reference: user, instance, or one of the row's own under ReachAnywhere
	Reach     Reach
	Reference Reference

	at frame
}

// Text is a text of a mutation which the forge reads for commands.
type Text struct {
	Name  string // of the argument: input.body
	Text  string
	Path  []string // of the mutation in the answer
	Field string   // the mutation's name
	About string   // the class, as in its global id, of the object that a note is on; empty: it is not a note, or not known
	// Template: there is no text, and the forge takes a template's, which nobody has seen.
	Template bool
}

// Path gives the path of the field in the answer.
func (a *Act) Path() []string { return a.at.path() }

// Beside tells whether another act is about the same field of the answer.
func (a *Act) Beside(o *Act) bool {
	f, g := &a.at, &o.at
	for f != nil && g != nil && f.key == g.key && f.above != g.above {
		f, g = f.above, g.above
	}
	return f == g || f != nil && g != nil && f.key == g.key
}

// Field gives the path of the field by the schema's names: project.mergeRequests.nodes.
func (a *Act) Field() string {
	var names []string
	for f := &a.at; f != nil && f.name != ""; f = f.above {
		names = append(names, f.name)
	}
	reverse(names)
	return strings.Join(names, ".")
}

// frame is a field on the way from the root.
type frame struct {
	name, key string // in the schema and in the answer
	above     *frame
}

func (f *frame) path() []string {
	var keys []string
	for ; f != nil && f.name != ""; f = f.above {
		keys = append(keys, f.key)
	}
	reverse(keys)
	return keys
}

func reverse(s []string) {
	for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {
		s[i], s[j] = s[j], s[i]
	}
}

// String gives a reference as a document writes it: a full path, an id, a global id, or the variable that has no value.
func (r *Reference) String() string {
	switch {
	case r.Variable != "":
		return "$" + r.Variable
	case r.Class != "":
		return "gid://gitlab/" + r.Class + "/" + strconv.FormatInt(r.Object, 10)
	case r.ID != 0:
		return strconv.FormatInt(r.ID, 10)
	}
	return r.Path
}
