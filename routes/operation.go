package routes

import "patgate/routes/pattern"

// Capture is one named part of a matched path, decoded once.
type Capture struct {
	Name  string
	Value []byte // decoded; points into the target or into the operation's own buffer
	Ref   RefKind
	ID    int64 // the numeric id that AppendPath writes instead; 0: none was sent and none was set
	Named bool  // Value is a name, never an id, and so is what AppendPath writes: see SetPath

	raw  []byte
	sent string // what AppendPath writes instead
}

// Reference gives what a capture with a Ref names.
func (c *Capture) Reference() Reference {
	if c.ID != 0 {
		return Reference{Kind: c.Ref, ID: c.ID}
	}
	return Reference{Kind: c.Ref, Path: c.Value}
}

// Operation is what a request asks for, read once from its method and raw target. Nothing after Classify looks at the
// path again. An Operation may be reused; its slices are valid until the next Classify and as long as the target's bytes.
type Operation struct {
	Route *Route
	Head  bool   // the method was HEAD
	Query []byte // raw query, without '?'; nil when there is none

	slash     bool
	format    string // of the row, cut off a splat that takes several segments
	form      *form  // that matched
	captures  [pattern.MaxCaptures]Capture
	n         int
	buf       []byte // decoded values
	canonical []byte
}

// Set makes op an operation of another surface than the REST API, whose classifier has found the row. Such an operation
// has no path of its own: AppendPath writes none. Query is empty; there are at most pattern.MaxCaptures captures.
func (op *Operation) Set(route *Route, head bool, captures ...Capture) {
	op.Route = route
	op.form = nil
	op.Query = nil
	op.Head = head
	op.slash = false
	op.format = ""
	op.n = copy(op.captures[:], captures)
}

// HasPath tells whether the operation has a path of its own, which AppendPath writes: it was made by Classify, not by Set.
func (op *Operation) HasPath() bool { return op.form != nil }

// Captures gives the captures in path order.
func (op *Operation) Captures() []Capture { return op.captures[:op.n] }

// InPath gives the reference by which the path names the container of a row's own boundary; its zero value where it names none.
func (op *Operation) InPath(row *Route) (ref Reference) {
	for i := range op.captures[:op.n] {
		if c := &op.captures[i]; row.Find.From == FindInPath && c.Name == row.Find.Name && c.Value != nil {
			ref = c.Reference()
		}
	}
	return ref
}

// Capture gives the value of a capture by its name in the row; nil when the row has none or an optional part is absent.
func (op *Operation) Capture(name string) []byte {
	for i := range op.captures[:op.n] {
		if op.captures[i].Name == name {
			return op.captures[i].Value
		}
	}
	return nil
}
