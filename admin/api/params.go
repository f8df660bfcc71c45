package api

import (
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"patgate/admin/terms"
)

// params are the parameters of a request, from query and body, as a tree of objects, lists and plain values. Reading one
// that has the wrong form notes a problem.
type params struct {
	values   object
	problems *terms.Invalid
}

// query reads the parameters of the query.
func (q *call) query() *params {
	p := &params{values: object{}, problems: &terms.Invalid{}}
	p.form("query", q.URL.RawQuery)
	return p
}

// params reads query and body; the body counts where both name a parameter.
func (q *call) params() *params {
	p := q.query()
	if len(q.body) == 0 {
		return p
	}
	// Clients that have nothing to say send null.
	media, _, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	switch {
	case err == nil && media == "application/json":
		var body object
		if err := json.Unmarshal(q.body, &body); err != nil {
			p.problems.Add("body", "must be one JSON object without duplicate names")
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

// put puts a value into a tree at a path, and gives the tree.
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
	s, ok := terms.Text(p.values[name])
	if !ok {
		p.problems.Add(name, "must be a string")
	}
	return s
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

// scopes reads granular_scopes.
func (p *params) scopes() []terms.Scope {
	if v, given := p.values["granular_scopes"]; given {
		return p.problems.ReadScopes("granular_scopes", v)
	}
	return nil
}
