package questions

import (
	"context"
	"errors"
	"strings"

	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/policy"
	"patgate/policy/proof"
	"patgate/routes"
	"patgate/routes/params"
)

// Verdict is the answer to whether a token may make a request.
type Verdict struct {
	TokenID int64  `json:"token_id"`
	Method  string `json:"method"`
	Path    string `json:"path"`
	// State is what the token is now: only an active one may do anything.
	State string `json:"state"`
	// Answer is yes, no, or depends: on what only the request itself would tell.
	Answer string `json:"answer"`
	// Reason is that of policy.Decision, or why the request is none.
	Reason string `json:"reason"`
	Route  string `json:"route,omitempty"`
	// Permissions are those that the row needs, Missing those that the token lacks there.
	Permissions []string `json:"permissions,omitempty"`
	Missing     []string `json:"missing,omitempty"`
	Boundary    string   `json:"boundary,omitempty"`
	// Ceiling is the operator's limit that forbids it, and Forbidden which permissions it forbids there.
	Ceiling   string   `json:"limit,omitempty"`
	Forbidden []string `json:"forbidden,omitempty"`
	// Where are the places on which it may, when it depends on the place.
	Where []Where  `json:"where,omitempty"`
	Notes []string `json:"notes,omitempty"`
}

func isCredential(err error) bool { return errors.Is(err, forge.ErrCredential) }

// Can tells whether a token may make a request, by its method and target. There is no body to look at: notes say what it may
// add, such as containers that it names, texts with commands, and refs that are pushed.
func (s *Service) Can(ctx context.Context, c tokens.Caller, id int64, method, target string) (*Verdict, error) {
	x, err := s.subject(ctx, c, id)
	if err != nil {
		return nil, err
	}
	table := s.tokens.Table()
	v := &Verdict{TokenID: id, Method: strings.ToUpper(method), Path: target}
	v.State, _ = x.State(s.tokens.Now())
	var op routes.Operation
	if err := s.classify(table, &op, v.Method, target); err != nil || op.Route == nil {
		v.Answer, v.Reason = "no", errNoRow.Error()
		if err != nil {
			v.Reason = err.Error()
		}
		return v, nil
	}
	row := op.Route
	v.Route, v.Permissions = rowName(row), table.Catalogue().Names(row.Needs)
	// The limits of the operator apply to what a request does. All other questions are about the grant alone.
	x.grant = s.tokens.Held(&x.Listed, x.grant)
	if x.reports != nil {
		x.reports = s.inReportMode(&x.Listed, x.grant)
	}
	d := policy.Plan(x.grant, row)
	passes := d.Verdict != policy.Allow && x.reports != nil && policy.Plan(x.reports, row).Verdict == policy.Allow
	if d.Verdict != policy.Allow && !passes || d.Reason == policy.ReasonOpen {
		v.decided(table, &d)
		return v, nil
	}
	q, missing, err := s.question(ctx, x, &op)
	if err != nil {
		return nil, err
	}
	v.remark(row)
	if missing {
		return v, s.depends(ctx, x, row, v)
	}
	d = policy.Decide(x.grant, q)
	v.decided(table, &d)
	if d.Verdict != policy.Allow {
		x.sight.Denied()
	}
	if d.Verdict != policy.Allow && x.reports != nil && policy.Decide(x.reports, q).Verdict == policy.Allow {
		v.Answer = "yes"
		v.Notes = append(v.Notes, "the grant denies it, but it passes: "+x.reportMode())
	}
	if d.Reason == policy.ReasonTargetDenied && d.Act < 0 {
		v.Answer = "depends"
	}
	return v, nil
}

// classify finds the row of a request, on whatever surface it is.
func (s *Service) classify(table *routes.Table, op *routes.Operation, method, target string) error {
	if s.find != nil {
		if found, err := s.find(table, op, method, []byte(target)); found {
			return err
		}
	}
	if !strings.HasPrefix(target, "/api/") && strings.HasPrefix(target, "/") {
		target = table.Base() + target
	}
	return table.Classify(op, method, []byte(target))
}

// decided writes a decision down.
func (v *Verdict) decided(t *routes.Table, d *policy.Decision) {
	v.Answer, v.Reason = "no", d.Reason.String()
	if d.Verdict == policy.Allow {
		v.Answer = "yes"
		return
	}
	if d.Boundary != routes.BoundaryNone {
		v.Boundary = d.Boundary.String()
	}
	if d.Ceiling != nil {
		v.Ceiling = d.Ceiling.Name
		for p, info := range t.Catalogue().All() {
			if d.Missing.Has(p) {
				v.Forbidden = append(v.Forbidden, info.Name)
			}
		}
		return
	}
	for p, info := range t.Catalogue().All() {
		if d.Missing.Has(p) {
			v.Missing = append(v.Missing, info.Name)
		}
	}
}

// remark notes what only a request's body tells.
func (v *Verdict) remark(row *routes.Route) {
	for i := range row.Targets {
		if t := &row.Targets[i]; t.Param != "" && t.Required {
			v.Notes = append(v.Notes, "the request must name a "+t.Ref.String()+" in "+t.Param+", which is decided too")
		}
	}
	if row.Refs == routes.RefsListed {
		v.Notes = append(v.Notes, "each ref that is pushed is decided too, where a scope is limited to some")
	}
	for _, f := range row.Texts {
		v.Notes = append(v.Notes, "commands in the text of "+f.Param+" need the permissions for what they do")
	}
}

// question builds what a request asks, from its path and query. missing tells that they do not name the row's own container.
func (s *Service) question(ctx context.Context, x *subject, op *routes.Operation) (q *policy.Question, missing bool, err error) {
	row := op.Route
	set := params.Set{}
	set.Reset(row, op.Captures())
	if err := set.Query(op.Query); err != nil {
		return nil, false, invalid("path", "%v", err)
	}
	q = &policy.Question{Route: row}
	if row.Asked {
		q.Entries = row.Spanned(set.QueryValue)
	}
	act := func(a policy.Act, ref routes.Reference) error {
		if ref.Kind == routes.RefUser && a.Kind == policy.ActOwn { // a user is no container
			a.Boundary, a.Reference = routes.BoundaryUser, ref
			q.Acts = append(q.Acts, a)
			return nil
		}
		found, err := x.sight.Resolve(ctx, ref)
		if err != nil {
			return err
		}
		a.Boundary, a.Container, a.Reference = found.Boundary, &found, ref
		if a.Boundary == routes.BoundaryNone { // what is not there is told as what is out of reach
			a.Boundary = ref.Kind.Boundary()
		}
		q.Acts = append(q.Acts, a)
		return nil
	}
	own := len(q.Acts)
	switch row.Find.From {
	case routes.FindInPath:
		for i := range op.Captures() {
			if k := &op.Captures()[i]; k.Name == row.Find.Name && k.Value != nil {
				err = act(policy.Act{Kind: policy.ActOwn}, k.Reference())
			}
		}
	case routes.FindInParam:
		for i := range set.Targets {
			if set.Targets[i].Find && err == nil {
				err = act(policy.Act{Kind: policy.ActOwn}, set.Targets[i].Ref)
			}
		}
		for _, b := range row.Boundaries {
			if len(q.Acts) == own && err == nil && !b.InContainer() && !row.Writes() {
				q.Acts = append(q.Acts, policy.Act{Kind: policy.ActOwn, Boundary: b})
			}
		}
	case routes.FindNowhere:
		if len(row.Boundaries) > 0 {
			a := policy.Act{Kind: policy.ActOwn, Boundary: row.Boundaries[0]}
			x.nameUser(op, &a)
			q.Acts = append(q.Acts, a)
		}
	}
	if err != nil || len(q.Acts) == own {
		return q, true, err
	}
	onAccount(row, &q.Acts[own])
	for i := range row.Targets {
		t := &row.Targets[i]
		for j := range op.Captures() {
			if k := &op.Captures()[j]; t.Capture != "" && k.Name == t.Capture && k.Value != nil && err == nil {
				ref := k.Reference()
				if ref.Kind == routes.RefNone {
					ref.Kind = t.Ref
				}
				err = act(policy.Act{Kind: policy.ActTarget, Needs: &t.NeedSet}, ref)
			}
		}
	}
	for i := range set.Targets {
		if t := set.Targets[i].Target; t != nil && !set.Targets[i].Find && err == nil {
			err = act(policy.Act{Kind: policy.ActTarget, Needs: &t.NeedSet}, set.Targets[i].Ref)
		}
	}
	return q, false, err
}

// nameUser notes which user the path names, and whether that is the token's owner.
func (x *subject) nameUser(op *routes.Operation, a *policy.Act) {
	for i := range op.Captures() {
		if k := &op.Captures()[i]; k.Ref == routes.RefUser {
			a.Reference = k.Reference()
			a.Self = a.Reference.ID == x.Owner.UserID && a.Reference.ID != 0 ||
				a.Reference.ID == 0 && strings.EqualFold(string(a.Reference.Path), x.Owner.Username)
			return
		}
	}
}

// onAccount moves the act of a row that has no project or group among its boundaries to the boundary that it has.
func onAccount(row *routes.Route, a *policy.Act) {
	if a.Container == nil || a.Container.Boundary == routes.BoundaryNone || len(row.Boundaries) == 0 {
		return
	}
	for _, b := range row.Boundaries {
		if b.InContainer() {
			return
		}
	}
	*a = policy.Act{Kind: policy.ActOwn, Boundary: row.Boundaries[0]}
}

// depends answers for a request that does not name its container: on every representative.
func (s *Service) depends(ctx context.Context, x *subject, row *routes.Route, v *Verdict) error {
	known, err := facts(ctx, x)
	if err != nil {
		return err
	}
	v.Answer, v.Reason = "no", policy.ReasonOutOfBounds.String()
	if x.reports != nil {
		v.Notes = append(v.Notes, x.reportMode())
	}
	on := proof.Openings(x.grant, row, known)
	for i := range on {
		v.Where = append(v.Where, where(&on[i], known))
	}
	if len(on) > 0 {
		v.Answer, v.Reason = "depends", "the path does not tell what the request is about: "+row.Find.String()
	}
	return nil
}
