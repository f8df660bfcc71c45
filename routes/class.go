package routes

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"patgate/routes/pattern"
)

// class is what a capture accepts, in two parts: the shape decides which row matches, as in the forge's own router; the
// value rule is checked afterwards and refuses.
type class struct {
	name  string
	shape pattern.Shape
	value func([]byte) bool // on the decoded value; nil accepts
	want  string            // what the value must be, for the message
	ref   RefKind
	named bool // the reference is a name, never an id; a project's is "owner/name", two raw segments
}

// pair tells whether a capture of the class takes exactly two raw segments, the owner and the name of a project.
func (c *class) pair() bool { return c.named && c.ref == RefProject }

// builtinClasses are the classes by name. It is never written to.
var builtinClasses = map[string]*class{
	"word": {name: "word", shape: pattern.ShapeWord},
	"text": {name: "text", shape: pattern.ShapeText},
	"int": {name: "int", shape: pattern.ShapeWord, want: "a whole number without sign or leading zero",
		value: func(v []byte) bool { _, ok := parseID(v); return ok || string(v) == "0" }},
	"hex":       {name: "hex", shape: pattern.ShapeText, want: "1 to 64 hexadecimal digits", value: isHex},
	"project":   {name: "project", shape: pattern.ShapeText, ref: RefProject},
	"group":     {name: "group", shape: pattern.ShapeText, ref: RefGroup},
	"namespace": {name: "namespace", shape: pattern.ShapeText, ref: RefNamespace},
	"user":      {name: "user", shape: pattern.ShapeText, ref: RefUser},
	// What follows /raw/ where the ref in front of it takes slashes (GitLab 19.3, lib/api/job_artifacts.rb): the router takes
	// as much as it can for the ref, up to the last /raw/ of the path.
	"raw_path": {
		name:  "raw_path",
		shape: pattern.ShapeText,
		want:  "a path without a folder named raw, which the forge would take for the end of the ref",
		value: func(v []byte) bool {
			return !bytes.HasPrefix(v, []byte("raw/")) && !bytes.Contains(v, []byte("/raw/"))
		},
	},
	// The path of a Go module, which GitLab decodes once more than its router (19.3, lib/api/go_proxy.rb).
	"module": {name: "module", shape: pattern.ShapeText, want: "the path of a Go module, encoded once",
		value: func(v []byte) bool { return bytes.IndexByte(v, '%') < 0 }},
	// A namespace where the forge's router takes no dots: what follows a dot would be a format. A user's namespace would be sent
	// by its path, because it has no id to send.
	"numeric_namespace": {name: "numeric_namespace", shape: pattern.ShapeWord, ref: RefNamespace,
		want: "the numeric id of a namespace", value: func(v []byte) bool { _, ok := parseID(v); return ok }},
	// GitLab's users by id alone ([0-9]*): with a username its router goes on to other routes.
	"numeric_user": {name: "numeric_user", shape: pattern.ShapeWord, ref: RefUser, want: "the numeric id of a user",
		value: func(v []byte) bool { _, ok := parseID(v); return ok }},
}

// namedClasses take the place of classes above in a table whose header says `projects: owner/name`. It is never written to.
var namedClasses = map[string]*class{
	"project": {
		name:  "project",
		shape: pattern.ShapeText,
		ref:   RefProject,
		named: true,
		want:  "owner/name of a project, in two plain parts of the path",
	},
	"group": {name: "group", shape: pattern.ShapeText, ref: RefGroup, named: true, want: "the name of an organization"},
	"namespace": {
		name:  "namespace",
		shape: pattern.ShapeText,
		ref:   RefNamespace,
		named: true,
		want:  "the name of an organization or a user",
	},
	"user": {name: "user", shape: pattern.ShapeText, ref: RefUser, named: true, want: "the name of a user"},
	// A project by id alone; its id is sent, as it was checked.
	"project_id": {name: "project_id", shape: pattern.ShapeWord, ref: RefProject, want: "the numeric id of a project",
		value: func(v []byte) bool { _, ok := parseID(v); return ok }},
}

// ClassNames gives the names of the classes that captures may have, sorted.
func ClassNames() []string { return slices.Sorted(maps.Keys(builtinClasses)) }

// classNamed gives the class of that name; nil when there is none.
func classNamed(name string, named bool) *class {
	if c := namedClasses[name]; c != nil && named {
		return c
	}
	return builtinClasses[name]
}

// IsReferenceClass tells whether a class of that name is that of references.
func IsReferenceClass(name string, named bool) bool {
	c := classNamed(name, named)
	return c != nil && c.ref != RefNone
}

// CheckClass gives the error with which a class, a name or /regex/, cannot be read; nil when it can. named is for a table
// that names its containers.
func CheckClass(name string, named bool) error {
	_, _, err := parseClass(name, named)
	return err
}

// parseClass reads a class name or /regex/. named is for a table that names its containers.
func parseClass(name string, named bool) (*class, *regexp.Regexp, error) {
	if c := classNamed(name, named); c != nil {
		return c, nil, nil
	}
	if len(name) > 2 && name[0] == '/' && name[len(name)-1] == '/' {
		re, err := regexp.Compile("^(?:" + name[1:len(name)-1] + ")$")
		if err != nil {
			return nil, nil, fmt.Errorf("reading the expression %s: %w", name, err)
		}
		return &class{name: name, shape: pattern.ShapePattern}, re, nil
	}
	return nil, nil, fmt.Errorf("unknown class %q: use %s or /expression/", name, strings.Join(ClassNames(), ", "))
}

func isHex(v []byte) bool {
	if len(v) == 0 || len(v) > 64 {
		return false
	}
	for _, c := range v {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}

// describe gives the sentence of a value refusal.
func (c *class) describe(name string) string {
	if c.ref != RefNone && c.want == "" {
		switch c.ref {
		case RefUser:
			return name + " must be the numeric id of a user, or a username without a dot"
		case RefProject:
			return name + " must be the numeric id or the URL-encoded full path of a project"
		default:
			return name + " must be the numeric id or the URL-encoded full path " +
				"of a " + strings.ReplaceAll(c.ref.String(), "_", " ")
		}
	}
	return name + " must be " + c.want
}
