package terms

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"patgate/policy"
)

// The grammar of scopes is read here, whether they come as JSON, as YAML or as a form: from a tree of objects, lists and plain
// values. A value that cannot be read is a problem, and so is an unknown member: a misspelt constraint must not be dropped.

// ReadScopes reads a list of scopes; field is its name.
func (e *Invalid) ReadScopes(field string, v any) []Scope {
	list, ok := v.([]any)
	if !ok {
		e.Add(field, "must be a list of objects with access and permissions")
		return nil
	}
	scopes := make([]Scope, len(list))
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		o, ok := item.(map[string]any)
		if !ok {
			e.Add(at, "must be an object with access and permissions")
			continue
		}
		e.scope(at, o, &scopes[i])
	}
	return scopes
}

func (e *Invalid) scope(at string, o map[string]any, s *Scope) {
	for name, v := range o {
		field := at + "." + name
		switch name {
		case "access":
			var ok bool
			if s.Access, ok = Text(v); !ok {
				e.Add(field, "must be a string")
			}
		case "permissions":
			s.Permissions = e.List(field, v)
		case "project_ids", "project_id": // the latter as answers write it
			s.ProjectIDs = append(s.ProjectIDs, e.ids(field, v)...)
		case "group_ids", "group_id":
			s.GroupIDs = append(s.GroupIDs, e.ids(field, v)...)
		case "projects":
			s.Projects = e.List(field, v)
		case "groups":
			s.Groups = e.List(field, v)
		case "constraints":
			s.Constraints = e.constraints(field, v)
		default:
			e.Add(field, "is not known: use access, permissions, project_ids, group_ids, projects, groups or constraints")
		}
	}
}

// constraints reads what narrows a scope further. An empty list of patterns is a problem: it would narrow nothing.
func (e *Invalid) constraints(field string, v any) (c policy.ConstraintSpec) {
	o, ok := v.(map[string]any)
	if !ok {
		e.Add(field, "must be an object with ref_patterns, forbid_ref_deletes or forbid_tag_changes")
		return c
	}
	truth := func(field string, v any) bool {
		s, ok := Text(v)
		if !ok || s != "true" && s != "false" {
			e.Add(field, "must be true or false")
		}
		return s == "true"
	}
	for name, v := range o {
		at := field + "." + name
		switch name {
		case "ref_patterns":
			if c.RefPatterns = e.List(at, v); len(c.RefPatterns) == 0 {
				e.Add(at, "names no pattern: leave it out if pushes are not limited to some refs")
			}
		case "forbid_ref_deletes":
			c.ForbidRefDeletes = truth(at, v)
		case "forbid_tag_changes":
			c.ForbidTagChanges = truth(at, v)
		default:
			e.Add(at, "is not a constraint: use ref_patterns, forbid_ref_deletes or forbid_tag_changes")
		}
	}
	return c
}

// Text gives a plain value as text; numbers and truth values as they are written.
func Text(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// List reads a list of texts; a text is a list separated by commas, as Grape takes it.
func (e *Invalid) List(field string, v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		var out []string
		for s := range strings.SplitSeq(v, ",") {
			out = append(out, strings.TrimSpace(s))
		}
		return out
	case []any:
		out := make([]string, 0, len(v))
		for _, item := range v {
			s, ok := Text(item)
			if !ok || item == nil {
				e.Add(field, "must be a list of strings")
				return nil
			}
			out = append(out, s)
		}
		return out
	}
	e.Add(field, "must be a list of strings")
	return nil
}

// ids reads a list of ids: numbers, texts of numbers, or one text separated by commas.
func (e *Invalid) ids(field string, v any) []int64 {
	list, ok := v.([]any)
	switch v.(type) {
	case float64, int:
		list, ok = []any{v}, true
	}
	if ok {
		v = list
	}
	for _, item := range list {
		if n, ok := item.(float64); ok && (n != math.Trunc(n) || math.Abs(n) > 1<<53) {
			e.Add(field, "must be a list of ids")
			return nil
		}
	}
	var out []int64
	for _, s := range e.List(field, v) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			e.Add(field, "%q is not an id", s)
			continue
		}
		out = append(out, n)
	}
	return out
}
