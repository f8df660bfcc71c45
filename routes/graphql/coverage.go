package graphql

import (
	"iter"
	"slices"
)

// Types gives the types of the schema that have fields, without pages, and the names of their fields.
func (r *Reader) Types() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for name, t := range r.schema.types {
			if t.kind != objectKind && t.kind != abstractKind || t.page != nil {
				continue
			}
			var fields []string
			for field := range t.fields {
				fields = append(fields, field)
			}
			if !yield(name, fields) {
				return
			}
		}
	}
}

// Reads tells whether objects of a type, or of one of those that it stands for, can be asked for.
func (r *Reader) Reads(name string) bool {
	t := r.schema.types[name]
	return t != nil && r.reads(t)
}

func (r *Reader) reads(t *typ) bool {
	switch {
	case t == r.schema.query, t == r.schema.mutation, t.payload, t.name == "PageInfo":
		return true
	case t.page != nil:
		return r.reads(t.page)
	case t.kind == abstractKind:
		return slices.ContainsFunc(t.possible, r.reads)
	case t.row != nil:
		return t.row.Refused == ""
	}
	return r.rules.Inherits[t.name]
}

// Gives tells whether a field of a type that can be read can be asked for.
func (r *Reader) Gives(of, name string) bool {
	t := r.schema.types[of]
	f := t.fields[name]
	switch {
	case f == nil, r.rules.Refused[of+"."+name] != "", f.row != nil && f.row.Refused != "":
		return false
	case t == r.schema.mutation, t == r.schema.query && f.of.kind == scalarKind:
		return f.row != nil
	}
	return f.of.kind == scalarKind || r.reads(f.of)
}
