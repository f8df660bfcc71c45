package config

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// file reads the YAML file.
func (p *reader) file(name string, data []byte) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		p.problem(Source{File: name}, "", "", "is empty", "write `upstream: {url: https://gitlab.example.com}`")
		return
	case err != nil:
		line, message := syntaxError(err)
		p.problem(Source{File: name, Line: line}, "", "", "is not YAML: "+message,
			"check indentation, quotes and colons on this line and the one before")
		return
	}
	var more yaml.Node
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		p.problem(Source{File: name, Line: more.Line}, "", "", "has more than one YAML document", "remove the `---` and "+
			"what follows")
	}
	p.section(name, doc.Content[0], "", make(map[string]int))
}

// syntaxError takes the line out of the YAML package's message.
func syntaxError(err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
	}
	return line, message
}

// section reads a mapping whose keys begin with prefix. seen holds the line of every key that was read.
func (p *reader) section(file string, node *yaml.Node, prefix string, seen map[string]int) {
	at := Source{File: file, Line: node.Line}
	name := strings.TrimSuffix(prefix, ".")
	if node.Kind != yaml.MappingNode {
		if empty(node) {
			p.problem(at, name, "", "is empty", "leave it out for the defaults, or write keys below it")
		} else {
			p.problem(at, name, node.Value, "is not a mapping", "write `key: value` lines")
		}
		return
	}
	if len(node.Content) == 0 {
		p.problem(at, name, "", "is empty", "leave it out for the defaults, or write keys below it")
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		p.entry(file, node.Content[i], node.Content[i+1], prefix, seen)
	}
}

// entry reads one key and what it holds.
func (p *reader) entry(file string, keyNode, node *yaml.Node, prefix string, seen map[string]int) {
	at := Source{File: file, Line: keyNode.Line}
	key := prefix + keyNode.Value
	if line, twice := seen[key]; twice {
		p.problem(at, key, "", "appears twice, first on line "+strconv.Itoa(line), "remove one")
		return
	}
	seen[key] = keyNode.Line
	if node.Kind == yaml.AliasNode {
		p.problem(at, key, "", "is a YAML alias", "write the value itself")
		return
	}
	f, ok := p.find(key)
	switch {
	case ok:
		p.leaf(file, f, node)
	case p.hasSection(key):
		p.section(file, node, key+".", seen)
	default:
		p.problem(at, key, "", "is not a setting of patgate", didYouMean(key, p.names(), "remove the line"))
	}
}

// hasSection tells whether keys begin with this section.
func (p *reader) hasSection(name string) bool {
	for _, f := range p.fields {
		if strings.HasPrefix(f.key, name+".") {
			return true
		}
	}
	return false
}

// names gives every key and section, for suggestions.
func (p *reader) names() []string {
	var names []string
	for _, f := range p.fields {
		if section, _, ok := strings.Cut(f.key, "."); ok {
			names = append(names, section)
		}
		names = append(names, f.key)
	}
	return names
}

// leaf reads a value or a list of values.
func (p *reader) leaf(file string, f field, node *yaml.Node) {
	at := Source{File: file, Line: node.Line}
	list := f.typ.Kind() == reflect.Slice
	switch {
	case empty(node):
		p.problem(at, f.key, "", "is empty", "leave it out for the default, or give it a value")
	case list && node.Kind == yaml.SequenceNode:
		sources, texts := make([]Source, 0, len(node.Content)), make([]string, 0, len(node.Content))
		for _, item := range node.Content {
			if item.Kind == yaml.MappingNode && f.typ.Elem() == reflect.TypeFor[Issuer]() {
				sources, texts = append(sources, Source{File: file, Line: item.Line}), append(texts, mappingText(item))
				continue
			}
			if item.Kind != yaml.ScalarNode {
				p.problem(Source{File: file, Line: item.Line}, f.key, "", "holds something that is not a plain "+
					"value", "write `- value`")
				return
			}
			sources, texts = append(sources, Source{File: file, Line: item.Line}), append(texts, item.Value)
		}
		p.assign(f, sources, texts)
	case list:
		p.problem(at, f.key, node.Value, "is not a list", "write `- "+orValue(node.Value)+"` on a line of its own below the key")
	case node.Kind != yaml.ScalarNode:
		p.problem(at, f.key, "", "is not a plain value", "write `"+f.key[strings.LastIndex(f.key, ".")+1:]+": value`")
	default:
		p.assign(f, []Source{at}, []string{node.Value})
	}
}

// empty tells whether a node holds nothing.
func empty(node *yaml.Node) bool {
	switch node.Kind {
	case yaml.ScalarNode:
		return node.Tag == "!!null" || strings.TrimSpace(node.Value) == ""
	case yaml.SequenceNode, yaml.MappingNode:
		return len(node.Content) == 0
	}
	return false
}

func orValue(s string) string {
	if s == "" {
		return "value"
	}
	return s
}
