package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"patgate/forge"
	"patgate/routes"
)

// FillIn replaces the captures of a template: /vulnerabilities/{id}. Each becomes one path segment, but for a project that is
// named "owner/name" (routes.Capture.Named), which becomes two. A capture that is absent or unfit for a segment is an error.
func FillIn(template string, captures []routes.Capture) (string, error) {
	var out strings.Builder
	for {
		before, rest, more := strings.Cut(template, "{")
		out.WriteString(before)
		if !more {
			return out.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		i := slices.IndexFunc(captures, func(c routes.Capture) bool { return c.Name == name })
		if !closed || i < 0 {
			return "", fmt.Errorf("filling in %q: no value for {%s}: %w", template, name, forge.ErrUnavailable)
		}
		parts := [][]byte{captures[i].Value}
		if c := &captures[i]; c.Named && c.Ref == routes.RefProject {
			parts = bytes.Split(c.Value, []byte("/"))
		}
		for n, part := range parts {
			if len(part) == 0 || string(part) == "." || string(part) == ".." {
				return "", fmt.Errorf("filling in %q: no usable value for {%s}: %w", template, name, forge.ErrUnavailable)
			}
			if n > 0 {
				out.WriteByte('/')
			}
			out.WriteString(Escape(part))
		}
		template = after
	}
}

// ReadLookup picks out of an answer what the row names.
func ReadLookup(l *routes.Lookup, body []byte) (forge.LookupResult, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var root map[string]any
	if err := decoder.Decode(&root); err != nil {
		return forge.LookupResult{}, fmt.Errorf("reading the answer: not a JSON object: %w", forge.ErrUnavailable)
	}
	result := forge.LookupResult{Found: true, Instance: matches(root, l.Instance), User: matches(root, l.User)}
	var err error
	if result.Projects, err = idsAt(root, l.Project, "Project"); err != nil {
		return forge.LookupResult{}, err
	}
	if result.Groups, err = idsAt(root, l.Group, "Group"); err != nil {
		return forge.LookupResult{}, err
	}
	if l.Send != "" {
		values := valuesAt(root, l.Send)
		if len(values) != 1 || scalar(values[0]) == "" {
			return forge.LookupResult{}, fmt.Errorf("reading the answer: no single %q: %w", l.Send, forge.ErrUnavailable)
		}
		result.Send = scalar(values[0])
	}
	return result, nil
}

// valuesAt follows a field path: "project.id", "projects[].id". Fields that are absent give nothing.
func valuesAt(value any, path string) []any {
	values := []any{value}
	for part := range strings.SplitSeq(path, ".") {
		name, each := strings.CutSuffix(part, "[]")
		var next []any
		for _, v := range values {
			fields, _ := v.(map[string]any)
			field, present := fields[name]
			items, isList := field.([]any)
			switch {
			case !present:
			case each && isList:
				next = append(next, items...)
			case !each:
				next = append(next, field)
			}
		}
		values = next
	}
	return values
}

// idsAt gives the ids at a field path, as numbers or as global ids of a class; null gives none. Any other value makes the answer
// unreadable.
func idsAt(root any, path, class string) ([]int64, error) {
	if path == "" {
		return nil, nil
	}
	var ids []int64
	for _, v := range valuesAt(root, path) {
		if v == nil {
			continue
		}
		if gid, is := v.(string); is { // of GraphQL
			v = numberOf(gid, class)
		}
		if v == nil {
			continue
		}
		n, isNumber := v.(json.Number)
		id, err := strconv.ParseInt(string(n), 10, 64)
		if !isNumber || err != nil || id <= 0 {
			return nil, fmt.Errorf("reading the answer: %q is not an id: %w", path, forge.ErrUnavailable)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// numberOf gives the number in the global id of a container of a class. The namespace of a project, and that of a user, are
// neither project nor group.
func numberOf(gid, class string) any {
	if number, is := strings.CutPrefix(gid, "gid://gitlab/"+class+"/"); is {
		return json.Number(number)
	}
	if strings.HasPrefix(gid, "gid://gitlab/Namespaces::") || strings.HasPrefix(gid, "gid://gitlab/Namespace/") {
		return nil
	}
	return gid
}

// matches tests "field=value" and "field=null". A field that is absent matches nothing.
func matches(root any, condition string) bool {
	path, want, ok := strings.Cut(condition, "=")
	if !ok {
		return false
	}
	values := valuesAt(root, path)
	if len(values) != 1 {
		return false
	}
	if values[0] == nil {
		return want == "null"
	}
	text := scalar(values[0])
	return text != "" && text == want
}

// scalar is the text of a string, number or truth value; empty for anything else.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
