package trust

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
)

// Options say what policies are read with.
type Options struct {
	Files []routes.File
	// Documents are policies that stand by themselves among other documents, each with a kind.
	Documents []Document
	Issuers   []Issuer
	Table     *routes.Table
}

// Document is a policy that was found in a file of policy as code.
type Document struct {
	File string
	Node *yaml.Node
}

// Same tells whether two documents say the same, wherever they stand and whatever is said beside in comments.
func (d Document) Same(o Document) bool { return same(d.Node, o.Node) }

func same(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Tag == b.Tag && a.Value == b.Value && slices.EqualFunc(a.Content, b.Content, same)
}

// Load reads policies, all or none: it gives every problem at once, in the order of files and lines. A policy whose own tests
// fail is a problem.
func Load(o Options) (*Set, []routes.Problem) {
	l := loader{Options: o, set: &Set{byName: map[string]*Policy{}}}
	for _, f := range o.Files {
		l.file(f)
	}
	for _, d := range o.Documents {
		l.name = d.File
		if p := l.policy(d.Node, "kind"); p != nil {
			p.node = d.Node
		}
	}
	if len(l.problems) > 0 {
		names := make([]string, len(o.Files), len(o.Files)+len(o.Documents))
		for i, f := range o.Files {
			names[i] = f.Name
		}
		for _, d := range o.Documents {
			names = append(names, d.File)
		}
		routes.SortProblems(l.problems, names)
		return nil, l.problems
	}
	slices.Sort(l.set.names)
	return l.set, nil
}

// loader gathers policies and problems.
type loader struct {
	Options
	set      *Set
	name     string // of the file that is read
	problems []routes.Problem
}

// problem notes what is wrong at a line.
func (l *loader) problem(line int, fix, format string, args ...any) {
	l.problems = append(l.problems, routes.Problem{Source: routes.Source{File: l.name, Line: max(line, 1)},
		Message: fmt.Sprintf(format, args...), Fix: fix})
}

// ofYAML takes the line out of the YAML package's message.
var ofYAML = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func (l *loader) file(f routes.File) {
	l.name = f.Name
	decoder := yaml.NewDecoder(bytes.NewReader(f.Data))
	var doc yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		l.problem(1, "write version: 1 and trusts:", "the file is empty")
		return
	case err != nil:
		m := ofYAML.FindStringSubmatch(err.Error())
		line := 1
		if m != nil {
			line, _ = strconv.Atoi(m[1])
		}
		l.problem(line, "check indentation, quotes and colons on this line and the one before", "is not YAML: %s",
			ofYAML.ReplaceAllString(err.Error(), ""))
		return
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		l.problem(1, "remove the --- and what follows", "has more than one YAML document")
	}
	top := l.mapping(doc.Content[0], "the file", "version", "trusts")
	if v := top["version"]; v == nil || v.Value != "1" {
		l.problem(doc.Content[0].Line, "write version: 1", "the file says no version that this patgate reads")
	}
	trusts := top["trusts"]
	if trusts == nil {
		l.problem(doc.Content[0].Line, "write trusts: with a list of policies below it", "the file has no trusts")
		return
	}
	if trusts.Kind == yaml.SequenceNode && len(trusts.Content) == 0 {
		return // the last one was taken out
	}
	for _, item := range l.list(trusts, "trusts") {
		l.policy(item)
	}
}

// mapping reads the entries of a mapping, which are all among the known ones and stand once.
func (l *loader) mapping(n *yaml.Node, what string, known ...string) map[string]*yaml.Node {
	all := map[string]*yaml.Node{}
	l.entries(n, what, func(key, value *yaml.Node) {
		if !slices.Contains(known, key.Value) {
			l.problem(key.Line, "one of "+strings.Join(known, ", "), "%s has the unknown key %q", what, key.Value)
			return
		}
		all[key.Value] = value
	})
	return all
}

// entries calls f with the entries of a mapping. A name that appears twice, an alias and an empty value are problems.
func (l *loader) entries(n *yaml.Node, what string, f func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		l.problem(n.Line, "write key: value lines", "%s is not a mapping, or is empty", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
			l.problem(key.Line, "write a plain name", "%s has a key that is not plain text", what)
		case seen[key.Value]:
			l.problem(key.Line, "remove one", "%s has %q twice", what, key.Value)
		case value.Kind == yaml.AliasNode:
			l.problem(value.Line, "write the value itself", "%q is a YAML alias", key.Value)
		case value.Kind == yaml.ScalarNode && value.Tag == "!!null":
			l.problem(value.Line, "leave it out, or give it a value", "%q is empty", key.Value)
		default:
			f(key, value)
		}
		seen[key.Value] = true
	}
}

// list reads a list that has entries.
func (l *loader) list(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		l.problem(n.Line, "write a list: - value", "%s is not a list, or is empty", what)
		return nil
	}
	return n.Content
}

// text reads plain text that is not empty.
func (l *loader) text(n *yaml.Node, what string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "" || n.Tag == "!!null" {
		l.problem(n.Line, "write "+what+": value", "%s is not plain text, or is empty", what)
		return ""
	}
	return n.Value
}

// truth reads a truth value.
func (l *loader) truth(n *yaml.Node, what string, standard bool) bool {
	if n == nil {
		return standard
	}
	if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" {
		l.problem(n.Line, "write true or false", "%s is neither true nor false", what)
		return standard
	}
	return n.Value == "true"
}

// number reads a number within bounds.
func (l *loader) number(n *yaml.Node, what string, standard, most int) int {
	if n == nil {
		return standard
	}
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || v < 1 || v > most {
		l.problem(n.Line, fmt.Sprintf("write a number from 1 to %d", most), "%s is %q", what, n.Value)
		return standard
	}
	return v
}
