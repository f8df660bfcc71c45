package manifest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"patgate/admin/terms"
	"patgate/policy"
	"patgate/routes"
	"patgate/token/limits"
)

// Token is a token that is kept as its file says. Its secret is no part of the file.
type Token struct {
	Owner   string  `json:"owner,omitempty" doc:"Forge user whom it acts for; left out: the only one."`
	Expires string  `json:"expires" doc:"How long it lives from when it is made (12h, 30d), or when it ends (2026-12-31)."`
	Scopes  []Scope `json:"scopes" doc:"What it may do where."`
	Limits  Limits  `json:"limits,omitzero" doc:"Under which conditions it may be used."`
}

// Limits are the limits of a token's use, as people write each on one line.
type Limits struct {
	Networks            []string `json:"networks,omitempty" doc:"Ranges of addresses that requests must come from: 10.0.0.0/8."`
	Windows             []string `json:"windows,omitempty" doc:"When it works: mon-fri 08:00-18:00 Europe/Berlin."`
	RequestsPerMinute   Number   `json:"requests_per_minute,omitempty" doc:"How many requests any minute may have."`
	RequestsAtOnce      Number   `json:"requests_at_once,omitempty" doc:"How many requests may be under way."`
	UpstreamConnections Number   `json:"upstream_connections,omitempty" doc:"How many of them may be at the forge."`
	BytesPerDay         Number   `json:"bytes_per_day,omitempty" doc:"How many bytes of bodies a day (UTC) may move."`
	MaxUses             Number   `json:"max_uses,omitempty" doc:"How many requests there may ever be."`
}

// Number is a number as people write it.
type Number string

// Spec reads the limits as the console's form does. What is wrong with them is told by limits.Compile.
func (l *Limits) Spec() limits.Spec {
	var lines strings.Builder
	for name, value := range map[limits.Name]string{
		limits.Networks:            strings.Join(l.Networks, ","),
		limits.Windows:             strings.Join(l.Windows, ";"),
		limits.RequestsPerMinute:   string(l.RequestsPerMinute),
		limits.RequestsAtOnce:      string(l.RequestsAtOnce),
		limits.UpstreamConnections: string(l.UpstreamConnections),
		limits.BytesPerDay:         string(l.BytesPerDay),
		limits.MaxUses:             string(l.MaxUses),
	} {
		if value != "" {
			fmt.Fprintf(&lines, "%s: %s\n", name, value)
		}
	}
	return limits.ParseLines(lines.String())
}

// Scope is one access with its permissions, as files write it.
type Scope struct {
	Access      string      `json:"access,omitempty" doc:"As of tokens; left out: selected_memberships."`
	Projects    []string    `json:"projects,omitempty" doc:"Ids, or paths that patgate.lock has."`
	Groups      []string    `json:"groups,omitempty" doc:"Ids, or paths that patgate.lock has; each with everything below it."`
	Permissions []string    `json:"permissions,omitempty" doc:"Names; read_* stands for those of the day."`
	Template    string      `json:"template,omitempty" doc:"The permissions of a template, beside those that are listed."`
	Constraints Constraints `json:"constraints,omitzero" doc:"What narrows the scope further."`
}

// Constraints narrow a scope.
type Constraints struct {
	RefPatterns      []string `json:"ref_patterns,omitempty" doc:"Full names of the refs that may be pushed: refs/heads/bot/*."`
	ForbidRefDeletes bool     `json:"forbid_ref_deletes,omitempty" doc:"A push deletes no ref."`
	ForbidTagChanges bool     `json:"forbid_tag_changes,omitempty" doc:"A push neither moves nor deletes a tag."`
}

// secretName is what a token must be called, because its secret's file is called so.
var secretName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

func tokenKind() kind {
	return kind{"Token", func() any { return &Token{} }, func(c *checker, o *Object) { c.token(o) }}
}

func (c *checker) token(o *Object) {
	m := o.Spec.(*Token)
	if !secretName.MatchString(o.Name) {
		o.problem("name", "use small letters, digits, dots and dashes", "that cannot be the name of a token's file")
	}
	if _, ok := terms.ParseEnd(m.Expires, time.Time{}); !ok {
		o.problem("expires", "write expires: 30d, or a date", "%q is neither a length of time nor a date", m.Expires)
	}
	if len(m.Scopes) == 0 {
		o.problem("scopes", "write what it may do where", "it has no scope")
		return
	}
	var scopes []terms.Scope
	for i := range m.Scopes {
		// Places count as different ones: which they are is looked up only when the set is applied.
		next := int64(1) << 40
		s, err := c.set.scope(&m.Scopes[i], func(routes.RefKind, string) int64 { next++; return next + int64(i)<<20 })
		if err != nil {
			o.problem(fmt.Sprintf("scopes[%d].template", i), "use one of the set, or one that patgate brings", "%v", err)
			return
		}
		scopes = append(scopes, s)
	}
	c.scopes(o, "scopes", scopes)
	_, err := limits.Compile(m.Limits.Spec())
	var wrong *limits.Error
	if errors.As(err, &wrong) {
		for _, p := range wrong.Problems {
			o.problem("limits."+p.Field, "", "%s", p.Message)
		}
	}
}

// scopes checks scopes by their own grammar; field is what they are called in the file.
func (c *checker) scopes(o *Object, field string, scopes []terms.Scope) {
	var invalid *terms.Invalid
	if _, err := terms.Specs(scopes, c.table); errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			o.problem(strings.Replace(p.Field, "granular_scopes", field, 1), "", "%s", p.Message)
		}
	}
}

// scope gives a scope as the token service takes it, with ids from wherever they are known.
func (s *Set) scope(m *Scope, id func(kind routes.RefKind, name string) int64) (terms.Scope, error) {
	out := terms.Scope{
		Access:      m.Access,
		Permissions: slices.Clone(m.Permissions),
		Constraints: policy.ConstraintSpec(m.Constraints),
	}
	if out.Access == "" && len(m.Projects)+len(m.Groups) > 0 {
		out.Access = policy.AccessSelectedMemberships.String()
	}
	for _, name := range m.Projects {
		out.ProjectIDs = append(out.ProjectIDs, id(routes.RefProject, name))
	}
	for _, name := range m.Groups {
		out.GroupIDs = append(out.GroupIDs, id(routes.RefGroup, name))
	}
	if m.Template != "" {
		more, ok := s.template(m.Template)
		if !ok {
			return out, errors.New("there is no template " + m.Template)
		}
		for _, name := range more {
			if !slices.Contains(out.Permissions, name) {
				out.Permissions = append(out.Permissions, name)
			}
		}
	}
	return out, nil
}

// Scopes gives the scopes of a token by the ids of the lock, which has all paths.
func (s *Set) Scopes(m *Token) (all []terms.Scope, err error) {
	for i := range m.Scopes {
		one, err := s.scope(&m.Scopes[i], func(kind routes.RefKind, name string) int64 {
			id, _ := s.Lock.ID(kind, name)
			return id
		})
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}
