package api

import (
	"fmt"
	"math"
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"patgate/admin/tokens"
	"patgate/policy"
)

// params are the parameters of a request, from query and body, as a tree of objects, lists and plain values. Reading one
// that has the wrong form notes a problem.
type params struct {
	values   object
	problems *tokens.Invalid
}

// query reads the parameters of the query.
func (q *call) query() *params {
	p := &params{values: object{}, problems: &tokens.Invalid{}}
	p.form("query", q.URL.RawQuery)
	return p
}

// params reads query and body; the body counts where both name a parameter.
func (q *call) params() *params {
	p := q.query()
	if len(q.body) == 0 {
		return p
	}
	// null is what clients send that have nothing to say.
	media, _, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	switch {
	case err == nil && media == "application/json":
		var body object
		if err := json.Unmarshal(q.body, &body); err != nil {
			p.problems.Add("body", "is not one JSON object, without doubled names")
			return p
		}
		for name, v := range body {
			p.values[name] = v
		}
	case err == nil && media == "application/x-www-form-urlencoded":
		p.form("body", string(q.body))
	default:
		p.problems.Add("body", "send application/json or application/x-www-form-urlencoded")
	}
	return p
}

// form reads a query or form in Rack's spelling of nested values: a[b]=1, a[]=1, a[][b]=1.
func (p *params) form(where, text string) {
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		head, rest, nested := strings.Cut(name, "[")
		if nameErr != nil || valueErr != nil || head == "" || nested && !strings.HasSuffix(rest, "]") {
			p.problems.Add(where, "has a parameter that cannot be read")
			return
		}
		var path []string
		if nested {
			path = strings.Split(strings.TrimSuffix(rest, "]"), "][")
		}
		if v, ok := put(p.values[head], path, value); ok {
			p.values[head] = v
		} else {
			p.problems.Add(head, "is given in two forms")
		}
	}
}

// put puts a value at a path below what is there, and gives the whole.
func put(at any, path []string, value string) (any, bool) {
	if len(path) == 0 {
		return value, true
	}
	if path[0] == "" || isIndex(path[0]) {
		list, ok := at.([]any)
		if !ok && at != nil {
			return nil, false
		}
		// A new element begins where the last one has this member already (Rack::QueryParser).
		last := len(list) - 1
		if last >= 0 && len(path) > 1 && (path[0] == strconv.Itoa(last) || path[0] == "" && !has(list[last], path[1:])) {
			v, ok := put(list[last], path[1:], value)
			list[last] = v
			return list, ok
		}
		v, ok := put(nil, path[1:], value)
		return append(list, v), ok
	}
	o, ok := at.(object)
	if at == nil {
		o, ok = object{}, true
	}
	if !ok {
		return nil, false
	}
	v, ok := put(o[path[0]], path[1:], value)
	o[path[0]] = v
	return o, ok
}

func isIndex(s string) bool { _, err := strconv.ParseUint(s, 10, 16); return err == nil }

// has tells whether a plain value stands at the path already; a list below may always grow.
func has(v any, path []string) bool {
	for _, name := range path {
		if name == "" {
			return false
		}
		o, ok := v.(object)
		if !ok {
			return false
		}
		if v, ok = o[name]; !ok {
			return false
		}
	}
	return true
}

// has tells whether a parameter was given.
func (p *params) has(name string) bool { v, ok := p.values[name]; return ok && v != nil }

// text reads a parameter as text; numbers and truth values are taken as they are written.
func (p *params) text(name string) string {
	s, ok := plain(p.values[name])
	if !ok {
		p.problems.Add(name, "must be plain text")
	}
	return s
}

func plain(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// optional reads text that may be left out.
func (p *params) optional(name string) *string {
	if _, given := p.values[name]; !given {
		return nil
	}
	s := p.text(name)
	return &s
}

// truth reads a truth value.
func (p *params) truth(name string) (value, given bool) {
	switch s := p.text(name); s {
	case "":
		return false, false
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	default:
		p.problems.Add(name, "%q is neither true nor false", s)
		return false, false
	}
}

// number reads a number that is not negative.
func (p *params) number(name string, standard int64) int64 {
	s := p.text(name)
	if s == "" {
		return standard
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		p.problems.Add(name, "%q is not a number", s)
		return standard
	}
	return n
}

// only notes every parameter that is not among the known ones.
func (p *params) only(known ...string) {
	for name := range p.values {
		if !slices.Contains(known, name) {
			p.problems.Add(name, "is not a parameter here: %s are", strings.Join(known, ", "))
		}
	}
}

// scopes reads granular_scopes. An unknown member is a problem: a misspelt constraint must not be no constraint.
func (p *params) scopes() []tokens.Scope {
	v, given := p.values["granular_scopes"]
	if !given {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		p.problems.Add("granular_scopes", "must be a list of objects with access and permissions")
		return nil
	}
	scopes := make([]tokens.Scope, len(list))
	for i, item := range list {
		at := fmt.Sprintf("granular_scopes[%d]", i)
		o, ok := item.(object)
		if !ok {
			p.problems.Add(at, "must be an object with access and permissions")
			continue
		}
		p.scope(at, o, &scopes[i])
	}
	return scopes
}

func (p *params) scope(at string, o object, s *tokens.Scope) {
	for name, v := range o {
		field := at + "." + name
		switch name {
		case "access":
			var ok bool
			if s.Access, ok = plain(v); !ok {
				p.problems.Add(field, "must be plain text")
			}
		case "permissions":
			s.Permissions = p.list(field, v)
		case "project_ids":
			s.ProjectIDs = p.ids(field, v)
		case "group_ids":
			s.GroupIDs = p.ids(field, v)
		case "project_id": // as answers write it
			s.ProjectIDs = append(s.ProjectIDs, p.ids(field, v)...)
		case "group_id":
			s.GroupIDs = append(s.GroupIDs, p.ids(field, v)...)
		case "projects":
			s.Projects = p.list(field, v)
		case "groups":
			s.Groups = p.list(field, v)
		case "constraints":
			s.Constraints = p.constraints(field, v)
		default:
			p.problems.Add(field, "is not known: access, permissions, project_ids, group_ids, projects, groups and constraints are")
		}
	}
}

// constraints reads what narrows a scope further. What cannot be read is a problem, and so is an empty list of patterns: it
// would narrow nothing.
func (p *params) constraints(field string, v any) (c policy.ConstraintSpec) {
	o, ok := v.(object)
	if !ok {
		p.problems.Add(field, "must be an object with ref_patterns, forbid_ref_deletes or forbid_tag_changes")
		return c
	}
	truth := func(field string, v any) bool {
		s, ok := plain(v)
		if !ok || s != "true" && s != "false" {
			p.problems.Add(field, "must be true or false")
		}
		return s == "true"
	}
	for name, v := range o {
		at := field + "." + name
		switch name {
		case "ref_patterns":
			if c.RefPatterns = p.list(at, v); len(c.RefPatterns) == 0 {
				p.problems.Add(at, "names no pattern: leave it out when pushes are not limited to some refs")
			}
		case "forbid_ref_deletes":
			c.ForbidRefDeletes = truth(at, v)
		case "forbid_tag_changes":
			c.ForbidTagChanges = truth(at, v)
		default:
			p.problems.Add(at, "is no constraint: ref_patterns, forbid_ref_deletes and forbid_tag_changes are")
		}
	}
	return c
}

// list reads a list of texts; a text is a list separated by commas, as Grape takes it.
func (p *params) list(field string, v any) []string {
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
			s, ok := plain(item)
			if !ok || item == nil {
				p.problems.Add(field, "must be a list of texts")
				return nil
			}
			out = append(out, s)
		}
		return out
	}
	p.problems.Add(field, "must be a list of texts")
	return nil
}

// ids reads a list of ids: numbers, texts of numbers, or one text separated by commas.
func (p *params) ids(field string, v any) []int64 {
	var out []int64
	if n, ok := v.(float64); ok {
		v = []any{n}
	}
	if list, ok := v.([]any); ok {
		for _, item := range list {
			if n, ok := item.(float64); ok && (n != math.Trunc(n) || math.Abs(n) > 1<<53) {
				p.problems.Add(field, "must be a list of ids")
				return nil
			}
		}
	}
	for _, s := range p.list(field, v) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			p.problems.Add(field, "%q is no id", s)
			continue
		}
		out = append(out, n)
	}
	return out
}
