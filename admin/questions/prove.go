package questions

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/policy/proof"
	"patgate/routes"
	"patgate/store"
)

// Proof answers whether a token never uses a permission in a place.
type Proof struct {
	TokenID    int64  `json:"token_id"`
	Permission string `json:"permission"`
	// In is where it is asked; empty: anywhere.
	In string `json:"in,omitempty"`
	// Never: no request that the grant allows uses it there, now or in what is made there later.
	Never bool `json:"never"`
	// Witness is where it does; nil where it never does.
	Witness *Witness `json:"witness,omitempty"`
	Note    string   `json:"note,omitempty"`
}

// Witness is a place where a token holds a permission.
type Witness struct {
	Where Where `json:"where"`
	// Route is a row that uses the permission there; empty when the permission is held and no row uses it by itself.
	Route string `json:"route,omitempty"`
}

// Prove tells whether a token never uses a permission in a place; nil is everywhere.
func (s *Service) Prove(ctx context.Context, c tokens.Caller, id int64, permission string, in *Place) (*Proof, error) {
	x, err := s.subject(ctx, c, id)
	if err != nil {
		return nil, err
	}
	p, err := s.permission("never", permission)
	if err != nil {
		return nil, err
	}
	out := &Proof{TokenID: id, Permission: permission}
	var within *policy.Container
	if in != nil {
		found, err := s.container(ctx, c, x, *in)
		if err != nil {
			return nil, err
		}
		within, out.In = &found, found.Path
	}
	if passes := terms.InReportMode(s.tokens.Table()); x.reports != nil && passes.Has(p) {
		out.Note = x.reportMode()
		return out, nil
	}
	known, err := facts(ctx, x)
	if err != nil {
		return nil, err
	}
	w, never := proof.Never(x.grant, s.tokens.Table(), p, within, known)
	out.Never = never
	if w != nil {
		out.Witness = &Witness{Where: where(&w.Where, withOne(known, within)), Route: rowName(w.Row)}
	}
	return out, nil
}

// withOne gives facts with one container more.
func withOne(known proof.Facts, more *policy.Container) proof.Facts {
	return func(b routes.Boundary, id int64) policy.Container {
		if more != nil && more.Boundary == b && more.ID == id {
			return *more
		}
		return known(b, id)
	}
}

// Difference is what one token opens somewhere that another does not.
type Difference struct {
	Where       Where    `json:"where"`
	Permissions []string `json:"permissions,omitempty"`
	// Loosened are permissions that both hold there, and it with fewer constraints.
	Loosened []string `json:"loosened,omitempty"`
	Routes   []string `json:"routes,omitempty"`
}

// Differences answers what the token With opens that the token TokenID does not.
type Differences struct {
	TokenID int64        `json:"token_id"`
	With    int64        `json:"with"`
	Opens   []Difference `json:"opens"`
	Notes   []string     `json:"notes,omitempty"`
}

// Diff tells what the token b opens that the token a does not. Both are of one owner: grants do not tell what two owners may do
// at the forge.
func (s *Service) Diff(ctx context.Context, c tokens.Caller, a, b int64) (*Differences, error) {
	x, err := s.subject(ctx, c, a)
	if err != nil {
		return nil, err
	}
	y, err := s.subject(ctx, c, b)
	if err != nil {
		return nil, err
	}
	if x.Owner.ID != y.Owner.ID {
		return nil, invalid("with", "the tokens act for different owners, who may do different things at the forge: only "+
			"tokens of one owner can be compared")
	}
	known, err := facts(ctx, x, y)
	if err != nil {
		return nil, err
	}
	table := s.tokens.Table()
	out := &Differences{TokenID: a, With: b, Opens: []Difference{}}
	for _, one := range []*subject{x, y} {
		if one.reports != nil {
			out.Notes = append(out.Notes, fmt.Sprintf("token %d: %s", one.ID, one.reportMode()))
		}
	}
	for _, d := range proof.Differences(x.grant, y.grant, table, known) {
		one := Difference{Where: where(&d.Where, known), Permissions: table.Catalogue().Names(d.Permissions),
			Loosened: table.Catalogue().Names(d.Loosened)}
		for _, row := range d.Rows {
			one.Routes = append(one.Routes, rowName(row))
		}
		out.Opens = append(out.Opens, one)
	}
	return out, nil
}

// Able is a token that holds a permission somewhere.
type Able struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Username string `json:"username"`
	// Constrained: refs that it changes are limited.
	Constrained bool `json:"constrained,omitempty"`
	// ReportMode: its grant does not hold it, and it passes while the token is in report mode.
	ReportMode bool `json:"report_mode,omitempty"`
}

// Ables answers who can.
type Ables struct {
	Permission string `json:"permission"`
	On         string `json:"on"`
	Tokens     []Able `json:"tokens"`
	// Unknown are tokens whose owner's forge credential no longer works, so it is not known what they see. For an administrator
	// they are also the tokens of others, whose credentials are not used for the administrator's questions.
	Unknown []Able `json:"unknown,omitempty"`
}

// WhoCan lists the active tokens that hold a permission on a project or group, among those that the caller may list. Each token
// is judged by what its own owner sees.
func (s *Service) WhoCan(ctx context.Context, c tokens.Caller, permission string, on Place, all bool) (*Ables, error) {
	p, err := s.permission("permission", permission)
	if err != nil {
		return nil, err
	}
	if _, ok := s.tokens.Table().ParseReference(kindOf(on.Boundary), []byte(on.Name)); !ok {
		return nil, invalid(on.Boundary.String(), "%q is neither an id nor a full path", on.Name)
	}
	out := &Ables{Permission: permission, On: on.Name, Tokens: []Able{}}
	seen := map[int64]*eyes{}
	const page = 500
	may := func(f store.Filter) ([]store.Listed, int, error) { return s.tokens.List(ctx, c, 0, all, f) }
	err = store.Filter{State: store.StateActive, Limit: page}.Walk(may, func(list []store.Listed) error {
		for i := range list {
			if err := s.able(ctx, c, &list[i], p, on, seen, out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(out.Tokens) // the newest first
	slices.Reverse(out.Unknown)
	for _, sight := range seen {
		if sight.known {
			return out, nil
		}
	}
	if len(seen) > 0 && len(out.Unknown) == 0 {
		return nil, invalid(on.Boundary.String(), "%q is not found, or not visible", on.Name)
	}
	return out, nil
}

// eyes are how an owner's credential sees the place.
type eyes struct {
	container policy.Container
	known     bool // it is there, and the caller may be told
	err       error
}

// able puts a token into the answer if it belongs there.
func (s *Service) able(ctx context.Context, c tokens.Caller, l *store.Listed, p routes.Permission, on Place, seen map[int64]*eyes,
	out *Ables) error {
	one := Able{ID: l.ID, Name: l.Name, Username: l.Owner.Username}
	sight := seen[l.CredentialID]
	if sight == nil {
		sight = &eyes{}
		as, err := s.tokens.SeenBy(ctx, c, l)
		switch {
		case errors.Is(err, tokens.ErrForbidden):
			sight.err = err
		case err != nil:
			return err
		default:
			ref, _ := s.tokens.Table().ParseReference(kindOf(on.Boundary), []byte(on.Name))
			sight.container, sight.err = as.Resolve(ctx, ref)
			sight.known = sight.err == nil && sight.container.Boundary == on.Boundary && s.mayKnow(c, &sight.container)
			if !sight.known {
				as.Denied()
			}
		}
		seen[l.CredentialID] = sight
	}
	switch {
	case isCredential(sight.err), errors.Is(sight.err, tokens.ErrForbidden):
		out.Unknown = append(out.Unknown, one)
		return nil
	case sight.err != nil:
		return sight.err
	case !sight.known:
		return nil
	}
	grant, err := s.tokens.GrantOf(l)
	if err != nil {
		return err
	}
	reports := s.inReportMode(l, grant)
	h := proof.Held(grant, p, &sight.container)
	one.Constrained = h.Constrained
	if !h.Held && reports != nil {
		h, one.ReportMode = proof.Held(reports, p, &sight.container), true
	}
	if h.Held {
		out.Tokens = append(out.Tokens, one)
	}
	return nil
}
