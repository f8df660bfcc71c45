package manifest

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
	"patgate/trust/issuer"
)

// kind is one kind of objects.
type kind struct {
	name string
	spec func() any // a pointer to what its documents hold, without kind, name and description
	// check looks at one that could be read.
	check func(*checker, *Object)
}

// kinds are all there are.
func kinds() []kind {
	return []kind{ceilingKind(), issuerKind(), templateKind(), tokenKind(), trustKind()}
}

// Object is one document.
type Object struct {
	Kind, Name, Description string
	Source                  routes.Source
	// Spec is a *Ceiling, an *Issuer, a *Template, a *Token or a *Trust.
	Spec any

	document *document.Document
	nodes    map[string]*yaml.Node // by the path of the field, as scopes[0].permissions
}

// problem notes what is wrong with a field of the object; the nearest field around it that stands in the file tells the line.
func (o *Object) problem(field, fix, format string, args ...any) {
	message := fmt.Sprintf("%s %q: ", o.Kind, o.Name) + fmt.Sprintf(format, args...)
	for at := field; ; {
		if n := o.nodes[at]; n != nil {
			o.document.Problem(n, fix, "%s", message)
			return
		}
		cut := strings.LastIndexAny(at, ".[")
		if cut < 0 {
			o.document.ProblemAt(o.Source.Line, fix, "%s", message)
			return
		}
		at = at[:cut]
	}
}

// checker looks at the objects of a set together.
type checker struct {
	table   *routes.Table
	issuers []issuer.Issuer // of the configuration
	set     *Set
	names   map[string]map[string]routes.Source // by kind
}

// Set is what a directory holds.
type Set struct {
	Objects []*Object
	Lock    Lock
	// partial: a file is not YAML, so it is not known what the files lack.
	partial bool
}

// Of gives the objects of a kind, by the type of their specs; nil has none.
func Of[T any](s *Set) (all []*Object) {
	if s == nil {
		return nil
	}
	for _, o := range s.Objects {
		if _, is := o.Spec.(*T); is {
			all = append(all, o)
		}
	}
	return all
}

// Read reads files into a set. The table says which permissions there are, and issuers are those of the configuration.
func Read(files []routes.File, t *routes.Table, issuers ...issuer.Issuer) (*Set, []routes.Problem) {
	s := &Set{}
	var problems []routes.Problem
	c := &checker{table: t, issuers: issuers, set: s, names: map[string]map[string]routes.Source{}}
	var documents []*document.Document
	for _, f := range files {
		if IsLock(f.Name) {
			lock, found := readLock(f)
			s.Lock, problems = lock, append(problems, found...)
			continue
		}
		documents = append(documents, document.ParseAll(f)...)
	}
	for _, d := range documents {
		if d.Root != nil {
			c.read(d)
		} else if !d.Empty {
			s.partial = true
		}
	}
	for _, o := range s.Objects {
		for _, k := range kinds() {
			if k.name == o.Kind {
				k.check(c, o)
			}
		}
	}
	for _, d := range documents {
		problems = append(problems, d.Problems...)
	}
	return s, problems
}

// read reads one document into an object, where it has a kind and a name.
func (c *checker) read(d *document.Document) {
	o := &Object{Source: d.Source(d.Root), document: d, nodes: map[string]*yaml.Node{}}
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	of := document.Value(d.Root, "kind")
	if of == nil {
		d.Problem(d.Root, "write kind: and one of "+strings.Join(names, ", "), "the document has no kind")
		return
	}
	for _, k := range kinds() {
		if k.name == of.Value {
			o.Kind, o.Spec = k.name, k.spec()
		}
	}
	if o.Spec == nil {
		d.Problem(of, "use one of "+strings.Join(names, ", "), "unknown kind %q", of.Value)
		return
	}
	decode(o, o.Spec)
	at := document.Value(d.Root, "name")
	if at == nil {
		d.Problem(d.Root, "write name: and what it is called", "the %s has no name", o.Kind)
		return
	}
	if first, taken := c.names[o.Kind][o.Name]; taken {
		d.Problem(at, "give it another name", "the %s %q is in %s already", o.Kind, o.Name, first)
		return
	}
	if c.names[o.Kind] == nil {
		c.names[o.Kind] = map[string]routes.Source{}
	}
	c.names[o.Kind][o.Name] = o.Source
	c.set.Objects = append(c.set.Objects, o)
}
