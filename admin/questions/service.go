package questions

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"patgate/admin/sight"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/policy/proof"
	"patgate/routes"
	"patgate/store"
)

// Find finds the operation of a method and a raw target on any surface; found is false for what no surface has, which may
// be a path below the API's base.
type Find func(t *routes.Table, op *routes.Operation, method string, target []byte) (found bool, err error)

// Service answers questions. It is safe for concurrent use.
type Service struct {
	tokens *tokens.Service
	find   Find
	names  func(netip.Addr) bool
}

// New makes a service. Without find only paths of the REST API are known. names tells whether an address is a proxy's that is
// believed when it names its clients: a request from there that names no client has no address.
func New(t *tokens.Service, find Find, names func(netip.Addr) bool) *Service {
	return &Service{t, find, names}
}

// subject is a token that is asked about.
type subject struct {
	store.Listed
	grant   *policy.Grant
	reports *policy.Grant // of all that passes, in report mode; nil: its own is enforced
	sight   *sight.Sight
}

// subject reads a token that the caller may read, and what it names.
func (s *Service) subject(ctx context.Context, c tokens.Caller, id int64) (*subject, error) {
	l, err := s.tokens.Show(ctx, c, id)
	if err != nil {
		return nil, err
	}
	x := &subject{Listed: l}
	if x.grant, err = s.tokens.GrantOf(&l); err != nil {
		return nil, err
	}
	x.reports = s.inReportMode(&l, x.grant)
	x.sight, err = s.tokens.SeenBy(ctx, c, &l)
	return x, err
}

// inReportMode gives the grant of all that passes with a token that is in report mode now; nil for every other one.
func (s *Service) inReportMode(l *store.Listed, own *policy.Grant) *policy.Grant {
	if !s.tokens.ReportsNow(l) {
		return nil
	}
	return own.ReportMode(terms.InReportMode(s.tokens.Table()))
}

// reportMode notes that a token may do more than its grant allows.
func (x *subject) reportMode() string {
	return fmt.Sprintf("the token is in report mode until %s, in which it may do what its owner may, but for what would "+
		"outlast it", x.ReportEnd().UTC().Format(time.RFC3339))
}

// facts asks the forge for all that the tokens name.
func facts(ctx context.Context, subjects ...*subject) (proof.Facts, error) {
	known := map[routes.Boundary]map[int64]policy.Container{routes.BoundaryProject: {}, routes.BoundaryGroup: {}}
	for _, x := range subjects {
		for i := range x.grant.Scopes {
			for b, ids := range map[routes.Boundary][]int64{routes.BoundaryProject: x.grant.Scopes[i].Projects,
				routes.BoundaryGroup: x.grant.Scopes[i].Groups} {
				for _, id := range ids {
					if _, have := known[b][id]; have {
						continue
					}
					c, err := x.sight.Resolve(ctx, routes.Reference{Kind: kindOf(b), ID: id})
					if err != nil {
						return nil, fmt.Errorf("%s %d: %w", b, id, err)
					}
					known[b][id] = c
				}
			}
		}
	}
	return func(b routes.Boundary, id int64) policy.Container { return known[b][id] }, nil
}

func kindOf(b routes.Boundary) routes.RefKind {
	if b == routes.BoundaryGroup {
		return routes.RefGroup
	}
	return routes.RefProject
}

// Place names a project or a group, by its id or its full path.
type Place struct {
	Boundary routes.Boundary
	Name     string
}

// container finds a place. What a token asks about and does not reach itself is not found: it learns of nothing else.
func (s *Service) container(ctx context.Context, c tokens.Caller, x *subject, p Place) (policy.Container, error) {
	table := s.tokens.Table()
	ref, ok := table.ParseReference(kindOf(p.Boundary), []byte(p.Name))
	if !ok {
		return policy.Container{}, invalid(p.Boundary.String(), "%q is neither an id nor a full path", p.Name)
	}
	found, err := x.sight.Resolve(ctx, ref)
	if err != nil {
		return found, err
	}
	if found.Boundary != p.Boundary || found.Access == policy.OwnerNone || !s.mayKnow(c, &found) {
		x.sight.Denied()
		return policy.Container{}, invalid(p.Boundary.String(), "%q is not found, or not visible", p.Name)
	}
	return found, nil
}

// mayKnow tells whether the caller may be told about a container.
func (s *Service) mayKnow(c tokens.Caller, found *policy.Container) bool {
	own, isToken := tokens.OwnGrant(c)
	if !isToken {
		return true
	}
	for p := range s.tokens.Table().Catalogue().All() {
		if proof.Held(own, p, found).Held {
			return true
		}
	}
	return false
}

func invalid(field, format string, args ...any) error {
	problems := &terms.Invalid{}
	problems.Add(field, format, args...)
	return problems
}

// permission finds a permission by its name.
func (s *Service) permission(field, name string) (routes.Permission, error) {
	catalogue := s.tokens.Table().Catalogue()
	if p, ok := catalogue.Find(name); ok {
		return p, nil
	}
	hint := ""
	if near := catalogue.Nearest(name, 1); len(near) > 0 {
		hint = ", nearest: " + near[0]
	}
	return 0, invalid(field, "unknown permission %q%s", name, hint)
}

// errNoRow: no row of the table has the request.
var errNoRow = errors.New("no route of the table")
