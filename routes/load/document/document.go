// Package document reads one YAML file strictly, and notes every problem that is in it with its line.
package document

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/nearest"
)

// Document is one YAML file while it is read: its tree and the problems found in it. Reading never stops at the first.
type Document struct {
	File     string
	Overlay  bool
	lines    int        // of the file: the parser puts what is missing at its end on a line behind
	Root     *yaml.Node // nil when the file could not be read as YAML
	Empty    bool       // nothing stands in the file, or comments alone
	Problems []routes.Problem
}

// yamlLine finds the line that the YAML parser complains of.
var yamlLine = regexp.MustCompile(`line (\d+): `)

// grammarError finds the errors whose line the YAML parser counts from 0 (its scanner counts from 1).
var grammarError = regexp.MustCompile(`^did not find expected (',' or|key|node content|'-' indicator|<)`)

// Parse reads a file's YAML: one document, no anchors, aliases or tags of its own.
func Parse(f routes.File, overlay bool) *Document {
	d := &Document{File: f.Name, Overlay: overlay, lines: bytes.Count(f.Data, []byte{'\n'}) + 1}
	if len(bytes.TrimSpace(f.Data)) == 0 {
		d.ProblemAt(1, "write at least one key, or remove the file", "the file is empty")
		return d
	}
	defer func() {
		if p := recover(); p != nil { // the parser's: a file must not take a running server down
			d.Root = nil
			d.ProblemAt(1, "report this with the file", "the YAML parser failed: %v", p)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(f.Data))
	var root, second yaml.Node
	if err := decoder.Decode(&root); err == io.EOF || err == nil && len(root.Content) == 0 {
		d.ProblemAt(1, "write at least one key, or remove the file", "the file is empty")
		return d
	} else if err != nil {
		d.syntax(err, f.Data)
		return d
	}
	if err := decoder.Decode(&second); err != io.EOF {
		if err != nil {
			d.syntax(err, f.Data)
		} else {
			d.Problem(&second, "split it into two files", "the file has a second YAML document")
		}
	}
	d.Root = root.Content[0]
	d.plain(d.Root)
	return d
}

// ParseAll reads a file of several YAML documents, each as one of its own. What is wrong with the YAML is a problem of the last.
func ParseAll(f routes.File) (all []*Document) {
	add := func() *Document {
		all = append(all, &Document{File: f.Name, lines: bytes.Count(f.Data, []byte{'\n'}) + 1})
		return all[len(all)-1]
	}
	defer func() {
		if p := recover(); p != nil { // as in Parse
			add().ProblemAt(1, "report this with the file", "the YAML parser failed: %v", p)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(f.Data))
	for {
		var root yaml.Node
		switch err := decoder.Decode(&root); {
		case err == io.EOF && len(all) == 0:
			add().Empty = true
			all[0].ProblemAt(1, "write at least one key, or remove the file", "the file is empty")
			return all
		case err == io.EOF:
			return all
		case err != nil:
			add().syntax(err, f.Data)
			return all
		case len(root.Content) == 0 || root.Content[0].Kind == yaml.ScalarNode && root.Content[0].Tag == "!!null":
			continue // nothing stands between two lines of dashes
		}
		d := add()
		d.Root = root.Content[0]
		d.plain(d.Root)
	}
}

// syntax reports an error of the YAML parser.
func (d *Document) syntax(err error, data []byte) {
	line, text := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatchIndex(text); m != nil {
		line, _ = strconv.Atoi(text[m[2]:m[3]])
		text = text[:m[0]] + text[m[1]:]
		if grammarError.MatchString(text) {
			line++
		}
	}
	fix := "correct the YAML: keys are indented by spaces, lists start with a dash"
	switch {
	case strings.Contains(text, "mapping values"):
		fix = "put rows that have `: ` in them, such as {name: class}, between double quotes"
	case strings.Contains(text, "did not find expected ',' or"):
		fix = "put rows that stand between braces or brackets between quotes: {route: 'GET /projects/{project}'}"
	}
	lines := bytes.Count(bytes.TrimRight(data, "\n"), []byte("\n")) + 1
	d.ProblemAt(min(line, lines), fix, "%s", text) // an end that comes too soon is counted as a line of its own
}

// plain reports anchors, aliases and tags: a table is read by people, who should find a row's meaning where it stands.
func (d *Document) plain(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		d.Problem(n, "write out what it stands for", "aliases are not read: *%s", n.Value)
		return
	case n.Anchor != "":
		d.Problem(n, "remove it", "anchors are not read: &%s", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		d.Problem(n, "remove it", "tags are not read: %s", n.Tag)
	}
	for _, c := range n.Content {
		d.plain(c)
	}
}

// Source is the place of a node.
func (d *Document) Source(n *yaml.Node) routes.Source {
	return routes.Source{File: d.File, Line: d.within(n.Line)}
}

func (d *Document) within(line int) int { return max(1, min(line, d.lines)) }

func (d *Document) Problem(n *yaml.Node, fix, format string, args ...any) {
	d.ProblemAt(n.Line, fix, format, args...)
}

func (d *Document) ProblemAt(line int, fix, format string, args ...any) {
	d.Problems = append(d.Problems, routes.Problem{
		Source: routes.Source{File: d.File, Line: d.within(line)}, Message: fmt.Sprintf(format, args...), Fix: fix,
	})
}

// Each calls read for every key of a mapping, in order. Keys that appear twice are problems. It returns false when n is
// no mapping; what names it in messages.
func (d *Document) Each(n *yaml.Node, what string, read func(key, value *yaml.Node)) bool {
	if n.Kind != yaml.MappingNode {
		d.Problem(n, "write `key: value` pairs", "%s must be a mapping, not %s", what, Describe(n))
		return false
	}
	if len(n.Content) == 0 {
		d.Problem(n, "fill it, or remove the key", "%s is empty", what)
	}
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			d.Problem(key, "write a plain name", "a key of %s must be a name, not %s", what, Describe(key))
			continue
		}
		if line, twice := seen[key.Value]; twice {
			d.Problem(key, "merge the two", "key %q of %s appears twice, first in line %d", key.Value, what, line)
			continue
		}
		seen[key.Value] = key.Line
		read(key, value)
	}
	return true
}

// Field is a key that a mapping may have, with the reader of its value.
type Field struct {
	Key  string
	Read func(value *yaml.Node)
}

// On gives a key with the reader of its value.
func On(key string, read func(value *yaml.Node)) Field { return Field{key, read} }

// Fields reads a mapping that has only the given keys.
func (d *Document) Fields(n *yaml.Node, what string, fields ...Field) bool {
	return d.Each(n, what, func(key, value *yaml.Node) {
		for i := range fields {
			if fields[i].Key == key.Value {
				fields[i].Read(value)
				return
			}
		}
		d.UnknownKey(key, what, fieldNames(fields))
	})
}

// UnknownKey notes a key that a mapping must not have.
func (d *Document) UnknownKey(key *yaml.Node, what string, known []string) {
	fix := nearest.DidYouMean(key.Value, known, "use one of "+strings.Join(known, ", "))
	d.Problem(key, fix, "unknown key %q in %s", key.Value, what)
}

func fieldNames(fields []Field) []string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Key
	}
	return names
}

// Text reads a scalar that is not empty, as it is written: true, 5 and "5" are texts too.
func (d *Document) Text(n *yaml.Node, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		d.Problem(n, "write a text", "%s must be a text, not %s", what, Describe(n))
		return "", false
	}
	return n.Value, true
}

// Line reads a text of one line without control characters, for names and reasons that are shown to people.
func (d *Document) Line(n *yaml.Node, what string) (string, bool) {
	s, ok := d.Text(n, what)
	if ok && strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		d.Problem(n, "write it on one line", "%s must be one line of text", what)
		return "", false
	}
	return s, ok
}

// Flag reads true or false.
func (d *Document) Flag(n *yaml.Node, what string) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		d.Problem(n, "write true or false", "%s must be true or false, not %s", what, Describe(n))
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

// Number reads a whole number from 1 to limit.
func (d *Document) Number(n *yaml.Node, what string, limit int) int {
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || v < 1 || v > limit {
		d.Problem(n, fmt.Sprintf("write a whole number from 1 to %d", limit), "%s is %s", what, Describe(n))
		return 0
	}
	return v
}

// Items reads a list that is not empty, or a single value in place of a list of one.
func (d *Document) Items(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		return []*yaml.Node{n}
	}
	return d.List(n, what)
}

// List reads a list that is not empty.
func (d *Document) List(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		d.Problem(n, "write a list, one `- ` a line", "%s must be a list, not %s", what, Describe(n))
		return nil
	}
	if len(n.Content) == 0 {
		d.Problem(n, "fill it, or remove the key", "%s is empty", what)
	}
	return n.Content
}

// Describe names a node's value in a message, shortened.
func Describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Tag == "!!null" || n.Value == "":
		return "empty"
	case len(n.Value) > 60:
		return strconv.Quote(n.Value[:60] + "...")
	}
	return strconv.Quote(n.Value)
}

// Value gives the value of a key of a mapping; nil when it has none.
func Value(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
