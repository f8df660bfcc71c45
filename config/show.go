package config

import (
	_ "embed"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

//go:embed example.yaml
var example string

// Example gives the documented example file.
func Example() string { return example }

// Show writes the whole configuration as a YAML file, with secrets masked and unset keys as comments. Behind each value stands
// where it comes from.
func (c Config) Show() string {
	var b strings.Builder
	var section string // the section that the keys belong to
	var written bool   // its heading is written
	for _, f := range schema() {
		head, name, nested := strings.Cut(f.key, ".")
		if !nested {
			head, name = "", f.key
		}
		if head != section {
			section, written = head, false
		}
		v := reflect.ValueOf(c).FieldByIndex(f.index)
		list := v.Kind() == reflect.Slice
		if list && v.Len() == 0 || !list && text(v) == "" {
			fmt.Fprintf(&b, "# %s: not set\n", f.key)
			continue
		}
		indent := ""
		if nested {
			indent = "  "
			if !written {
				fmt.Fprintf(&b, "%s:\n", head)
				written = true
			}
		}
		from := c.sources[f.key].String()
		if !list {
			fmt.Fprintf(&b, "%s%s: %s # %s\n", indent, name, quoted(v), from)
			continue
		}
		fmt.Fprintf(&b, "%s%s: # %s\n", indent, name, from)
		for i := range v.Len() {
			fmt.Fprintf(&b, "%s  - %s\n", indent, quoted(v.Index(i)))
		}
	}
	return b.String()
}

// quoted writes a value so that YAML reads the same text again.
func quoted(v reflect.Value) string {
	s := text(v)
	if v.Kind() != reflect.String && v.Kind() != reflect.Struct {
		return s
	}
	out, err := yaml.Marshal(s)
	if err != nil {
		return strconv.Quote(s)
	}
	return strings.TrimSuffix(string(out), "\n")
}
