package trust

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/admin/terms"
)

// place is a project or group of a grant: an id, or the claim that has it.
type place struct {
	id    int64
	claim string
}

// id reads an id of a container; 0 when it is none.
func id(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != text {
		return 0
	}
	return n
}

// idsOf gives the ids that places are for claims that matched.
func (p *Policy) idsOf(places []place, c Claims) (ids []int64, ok bool) {
	for _, at := range places {
		n := at.id
		if at.claim != "" {
			text := c[at.claim].Text()
			if n = id(text); n == 0 || !p.lists(at.claim, text) {
				return nil, false
			}
		}
		if !slices.Contains(ids, n) {
			ids = append(ids, n)
		}
	}
	return ids, true
}

// grant reads what a policy grants. Projects and groups are ids, or claims that match compares with ids by equality.
func (l *loader) grant(n *yaml.Node, p *Policy) {
	scopes := l.list(n, "grant")
	tree := make([]any, 0, len(scopes))
	for _, s := range scopes {
		var at [2][]place
		scope := map[string]any{}
		l.entries(s, "the scope", func(key, value *yaml.Node) {
			switch key.Value {
			case "projects", "project_ids":
				at[0] = append(at[0], l.places(key.Value, value, p)...)
			case "groups", "group_ids":
				at[1] = append(at[1], l.places(key.Value, value, p)...)
			default:
				var v any
				if err := value.Decode(&v); err != nil {
					l.problem(value.Line, "see a token's scopes", "%s cannot be read", key.Value)
				}
				if holdsTemplate(value) {
					l.problem(value.Line, "claims stand for projects and groups alone", "%s has a template in it", key.Value)
				}
				scope[key.Value] = v
			}
		})
		for i, name := range []string{"project_ids", "group_ids"} {
			if ids := p.all(at[i]); len(ids) > 0 {
				scope[name] = ids
			}
		}
		tree, p.places = append(tree, scope), append(p.places, at)
	}
	if len(tree) == 0 {
		return
	}
	problems := &terms.Invalid{}
	read := problems.ReadScopes("grant", tree)
	err := problems.Err()
	if err == nil {
		p.Power, err = terms.Specs(read, l.Table)
	}
	var invalid *terms.Invalid
	switch {
	case errors.As(err, &invalid):
		for _, x := range invalid.Problems {
			l.problem(n.Line, "write it as the scopes of a "+
				"token", "%s: %s", strings.Replace(x.Field, "granular_scopes", "grant", 1),
				x.Message)
		}
	case err != nil:
		l.problem(n.Line, "write it as the scopes of a token", "grant: %v", err)
	}
}

// holdsTemplate tells whether some text below a node looks like one with a claim in it.
func holdsTemplate(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && strings.ContainsAny(n.Value, "{}") || slices.ContainsFunc(n.Content, holdsTemplate)
}

// places reads projects or groups.
func (l *loader) places(what string, n *yaml.Node, p *Policy) (all []place) {
	for _, item := range l.list(n, what) {
		text := item.Value
		claim, isClaim := strings.CutPrefix(text, "{")
		claim, closed := strings.CutSuffix(claim, "}")
		switch {
		case item.Kind != yaml.ScalarNode:
			l.problem(item.Line, "write an id", "%s has something that is not plain text", what)
		case isClaim && closed:
			if l.equalsIDs(claim, item.Line, p) {
				all = append(all, place{claim: claim})
			}
		case id(text) == 0:
			l.problem(item.Line, "write its id, or a claim that has it, such as {project_id}",
				"%s: %q is not an id: names are used again", what, text)
		default:
			all = append(all, place{id: id(text)})
		}
	}
	return all
}

// equalsIDs tells whether match compares a claim with ids, by equality alone.
func (l *loader) equalsIDs(claim string, line int, p *Policy) bool {
	for i := range p.Match {
		m := &p.Match[i]
		if m.Claim != claim {
			continue
		}
		if len(m.Globs) > 0 || slices.ContainsFunc(m.Equal, func(text string) bool { return id(text) == 0 }) {
			break
		}
		return true
	}
	l.problem(line, "match "+claim+" by equality with ids",
		"{%s} stands in the grant, and match does not hold it to ids by equality", claim)
	return false
}

// all gives every id that places may be.
func (p *Policy) all(places []place) (ids []any) {
	add := func(n int64) {
		if !slices.Contains(ids, any(int(n))) {
			ids = append(ids, int(n))
		}
	}
	for _, at := range places {
		if at.claim == "" {
			add(at.id)
			continue
		}
		for i := range p.Match {
			if p.Match[i].Claim != at.claim {
				continue
			}
			for _, text := range p.Match[i].Equal {
				add(id(text))
			}
		}
	}
	return ids
}
