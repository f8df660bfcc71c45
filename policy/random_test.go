package policy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"patgate/routes"
)

// randomCases is how many questions the deciders are compared on.
const randomCases = 250_000

// dice makes small random worlds, in which ids and permissions collide often.
type dice struct {
	*rand.Rand
	catalogue *catalogue
}

func newDice(seed uint64) *dice {
	var everywhere []routes.PermissionInfo
	for _, name := range []string{"", "p1", "p2", "p3", "p4"} {
		everywhere = append(everywhere, routes.PermissionInfo{Name: name,
			Boundaries: []routes.Boundary{onAProject, onAGroup, onAccount, onInstance}})
	}
	return &dice{rand.New(rand.NewPCG(seed, 1)), &catalogue{infos: everywhere}}
}

// in is true in one of n throws.
func (d *dice) in(n int) bool { return d.IntN(n) == 0 }

func (d *dice) id() int64 { return int64(d.IntN(6) + 1) }

func (d *dice) ids(most int) (ids []int64) {
	for range d.IntN(most + 1) {
		ids = append(ids, d.id())
	}
	return ids
}

// some gives up to three permissions, at least one unless empty is true now and then.
func (d *dice) some(empty bool) []string {
	if empty && d.in(30) {
		return nil
	}
	all := []string{"p1", "p2", "p3", "p4"}
	d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+min(d.IntN(4), d.IntN(4))]
}

func (d *dice) set(empty bool) routes.PermissionSet { return d.catalogue.set(d.some(empty)...) }

func (d *dice) specs() []ScopeSpec {
	specs := make([]ScopeSpec, 1+d.IntN(5))
	for i := range specs {
		s := ScopeSpec{Access: accessNames[1+d.IntN(5)], Permissions: append(d.some(false), d.some(false)...)}
		slices.Sort(s.Permissions)
		s.Permissions = slices.Compact(s.Permissions)
		if s.Access == "selected_memberships" {
			s.ProjectIDs, s.GroupIDs = d.ids(4), d.ids(3)
			if len(s.ProjectIDs)+len(s.GroupIDs) == 0 {
				s.GroupIDs = []int64{d.id()}
			}
		}
		if s.Access != "user" && s.Access != "instance" && d.in(2) {
			s.Constraints.RefPatterns = []string{fmt.Sprintf("refs/heads/%d", d.IntN(2))}
			if d.in(3) {
				s.Constraints.RefPatterns = []string{"refs/*/0"}
			}
			s.Constraints.ForbidRefDeletes, s.Constraints.ForbidTagChanges = d.in(4), d.in(4)
		}
		specs[i] = s
	}
	return specs
}

// grant throws specs until they compile: what is refused is only what appears twice.
func (d *dice) grant(t *testing.T) (*Grant, []ScopeSpec) {
	t.Helper()
	for {
		specs := d.specs()
		g, err := Compile(d.id(), d.IntN(3), specs, d.catalogue)
		if err == nil {
			return g, specs
		}
		if e := new(SpecError); !errors.As(err, &e) {
			t.Fatalf("compiling %+v: %v", specs, err)
		}
	}
}

func (d *dice) boundaries() []routes.Boundary {
	all := []routes.Boundary{onAProject, onAGroup, onAccount, onInstance}
	if d.in(40) {
		return nil
	}
	var chosen []routes.Boundary
	for len(chosen) == 0 {
		for _, b := range all {
			if d.in(3) {
				chosen = append(chosen, b)
			}
		}
	}
	return chosen
}

func (d *dice) route() *routes.Route {
	r := &routes.Route{Kind: routes.KindPermission, Method: "GET", NeedSet: d.set(true), Boundaries: d.boundaries(),
		Public: d.in(3), Since: d.IntN(2) * d.IntN(4), Spans: d.in(8), Find: routes.Find{From: routes.FindFrom(d.IntN(4))}}
	if d.in(2) {
		r.Method = "POST"
		r.Reads = d.in(10)
		r.Refs = routes.RefRule(d.IntN(3))
	}
	switch d.IntN(60) {
	case 0:
		r.Kind = routes.KindNone
	case 1:
		r.Kind = routes.KindOpen
	case 2:
		r.Kind = routes.KindOtherCredential
	case 3:
		r.Refused = "refused"
	case 4:
		r.Mints = "a token"
	case 5:
		r.Mints, r.Escapes = "a token", "it works past patgate"
	}
	for d.in(5) {
		r.Targets = append(r.Targets, routes.Target{NeedSet: d.set(true), Required: d.in(2)})
	}
	return r
}

func (d *dice) entries() *routes.Entries {
	e := &routes.Entries{}
	for range 1 + d.IntN(2) {
		name := routes.EntryName{Ref: routes.RefProject, ID: "id", Row: row(onAProject)}
		if d.in(2) {
			name.Ref, name.Row = routes.RefGroup, row(onAGroup)
		}
		e.Of = append(e.Of, name)
	}
	return e
}

func (d *dice) container(b routes.Boundary) *Container {
	if d.in(10) {
		return nil
	}
	if d.in(6) {
		return &Container{}
	}
	c := &Container{Boundary: b, ID: d.id(), Ancestors: d.ids(3), Visibility: Visibility(d.IntN(4)), Access: OwnerAccess(d.IntN(3))}
	if d.in(30) {
		c.Boundary = routes.Boundary(d.IntN(4))
	}
	if b == onAProject && d.in(3) {
		c.PersonalOf = d.id()
	}
	return c
}

func (d *dice) reference() routes.Reference {
	ref := routes.Reference{Kind: routes.RefKind(d.IntN(5))}
	if d.in(2) {
		ref.ID = d.id()
	}
	return ref
}

func (d *dice) own(alternatives []routes.Boundary) Act {
	a := Act{Kind: ActOwn, Boundary: routes.Boundary(d.IntN(5)), Reference: d.reference()}
	if len(alternatives) > 0 && !d.in(15) {
		a.Boundary = alternatives[d.IntN(len(alternatives))]
	}
	if a.Boundary.InContainer() || d.in(5) {
		a.Container = d.container(a.Boundary)
	}
	a.Self = d.in(2)
	if !a.Boundary.InContainer() && d.in(3) {
		a.Named = d.container([]routes.Boundary{onAProject, onAGroup}[d.IntN(2)])
	}
	if d.in(10) {
		set := d.set(true)
		a.Needs = &set
	}
	return a
}

func (d *dice) question() *Question {
	q := &Question{Route: d.route()}
	if d.in(200) {
		q.Route = nil
		return q
	}
	if q.Route.Method == "GET" && d.in(4) {
		q.Route.Spans = q.Route.Spans || d.in(2)
		q.Entries = d.entries()
		q.Route.Entries = []*routes.Entries{q.Entries}
		if d.in(10) {
			q.Entries = nil
		}
	}
	for range 1 + d.IntN(2)*d.IntN(2) - d.IntN(40)/39 {
		q.Acts = append(q.Acts, d.own(q.Route.Boundaries))
	}
	for i := range q.Route.Targets {
		if d.in(8) {
			continue
		}
		a := d.own([]routes.Boundary{onAProject, onAGroup, onAGroup, onAccount})
		a.Kind, a.Needs = ActTarget, &q.Route.Targets[i].NeedSet
		if d.in(10) {
			a.Needs = nil
		}
		q.Acts = append(q.Acts, a)
	}
	for d.in(5) {
		set := d.set(true)
		a := Act{Kind: ActQuickAction, Needs: &set, Elsewhere: d.in(3)}
		if d.in(30) {
			a.Needs = nil
		}
		q.Acts = append(q.Acts, a)
	}
	if d.in(100) {
		q.Acts = append(q.Acts, Act{Kind: d.noKind(), Boundary: onAProject, Container: d.container(onAProject)})
	}
	if d.in(3) {
		d.mix(q.Acts)
	}
	for !d.in(3) {
		names := []string{"refs/heads/0", "refs/heads/1", "refs/tags/0", "refs/tags/1"}
		u := RefUpdate{Name: []byte(names[d.IntN(4)])}
		u.Create, u.Delete = d.in(3), false
		u.Delete = !u.Create && d.in(3)
		a := Act{Kind: ActRef, Update: &u}
		if d.in(50) {
			a.Update = nil
		}
		q.Acts = append(q.Acts, a)
	}
	if d.in(10) {
		d.mix(q.Acts)
	}
	return q
}

// noKind gives a kind that no act has.
func (d *dice) noKind() ActKind {
	if d.in(2) {
		return ActNone
	}
	return ActRef + 1
}

// mix puts acts in any order.
func (d *dice) mix(acts []Act) {
	d.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })
}

// TestDecideAgreesWithTheNaiveDecider compares every part of the answer, and sees every reason often.
func TestDecideAgreesWithTheNaiveDecider(t *testing.T) {
	const seed = 20240611
	d := newDice(seed)
	seen := map[Reason]int{}
	for n := range randomCases {
		g, specs := d.grant(t)
		q := d.question()
		got := Decide(g, q)
		want := naiveDecide(d.catalogue, g.Owner, g.TableVersion, specs, q)
		seen[want.reason]++
		same := got.Verdict == Allow == want.allow && got.Reason == want.reason && got.Anonymous == want.anonymous &&
			got.Scope == want.scope && got.Act == want.act && got.Boundary == want.boundary && len(d.catalogue.names(got.Missing)) == len(want.missing)
		for _, name := range d.catalogue.names(got.Missing) {
			same = same && want.missing[name]
		}
		if !same {
			t.Fatalf("case %d of seed %d:\ngot  %+v\nwant %+v\nscopes %+v\nowner %d version %d\nroute %+v\nacts %s",
				n, seed, got, want, specs, g.Owner, g.TableVersion, q.Route, describe(q))
		}
	}
	for _, r := range Reasons() {
		if seen[r] < randomCases/1000 && r != ReasonCeiling { // see TestCeilingsAgreeWithTheNaiveOnes
			t.Errorf("%v was decided %d times in %d cases: too seldom to have been compared", r, seen[r], randomCases)
		}
	}
	t.Logf("decided: %v", seen)
}

func describe(q *Question) (text string) {
	for _, a := range q.Acts {
		text += fmt.Sprintf("\n  %v %v elsewhere=%v needs=%v ref=%+v container=%+v update=%+v",
			a.Kind, a.Boundary, a.Elsewhere, a.Needs, a.Reference, a.Container, a.Update)
	}
	return text
}

// TestPlanNeverDeniesWhatDecideAllows also sees the plan deny, and allow what is then denied.
func TestPlanNeverDeniesWhatDecideAllows(t *testing.T) {
	d := newDice(7)
	denied, undecided := 0, 0
	for n := range randomCases / 3 {
		g, specs := d.grant(t)
		q := d.question()
		plan, decision := Plan(g, q.Route), Decide(g, q)
		if plan.Verdict == Deny {
			denied++
			if decision.Verdict == Allow {
				t.Fatalf("case %d: the plan denies (%v), the decision allows (%v)\nscopes %+v\nroute %+v\nacts %s",
					n, plan.Reason, decision.Reason, specs, q.Route, describe(q))
			}
			continue
		}
		if plan.Reason != ReasonNone && plan.Reason != ReasonOpen {
			t.Fatalf("case %d: the plan allows with %v", n, plan.Reason)
		}
		if (plan.Reason == ReasonOpen) != (decision.Reason == ReasonOpen) || plan.Anonymous != (plan.Reason == ReasonOpen) {
			t.Fatalf("case %d: the plan says %v, the decision %v", n, plan.Reason, decision.Reason)
		}
		if decision.Verdict == Deny {
			undecided++
		}
	}
	if denied < 1000 || undecided < 1000 {
		t.Errorf("the plan denied %d times and left %d denials to Decide: too few to prove anything", denied, undecided)
	}
}

// TestMoreScopesNeverDeny adds a scope to a grant and expects what was allowed to stay allowed.
func TestMoreScopesNeverDeny(t *testing.T) {
	d := newDice(8)
	widened := 0
	for n := range randomCases / 3 {
		g, specs := d.grant(t)
		more, err := Compile(g.Owner, g.TableVersion, append(slices.Clone(specs), d.specs()...), d.catalogue)
		if err != nil {
			continue
		}
		q := d.question()
		before, after := Decide(g, q), Decide(more, q)
		if before.Verdict == Allow && after.Verdict == Deny {
			t.Fatalf("case %d: %v became %v", n, before.Reason, after.Reason)
		}
		if before.Verdict == Deny && after.Verdict == Allow {
			widened++
		}
	}
	if widened < 1000 {
		t.Errorf("only %d grants allowed more with more scopes: too few to prove anything", widened)
	}
}

// TestNoExistenceOracle replaces a container that no scope reaches by one that is not there: what an answer may show stays
// the same. Public containers, and all_memberships, which covers what is not there too, are the documented exceptions.
func TestNoExistenceOracle(t *testing.T) {
	d := newDice(9)
	compared := 0
	for n := range randomCases / 2 {
		g, specs := d.grant(t)
		q := d.question()
		if q.Route == nil || len(q.Acts) == 0 || len(d.catalogue.names(g.all)) > 0 {
			continue
		}
		a := &q.Acts[d.IntN(len(q.Acts))]
		if !a.Boundary.InContainer() || a.Kind == ActOwn && !offers(q.Route, a.Boundary) || !seen(*a) || a.Container.Visibility == VisibilityPublic ||
			selects(specs, a.Reference) || a.Container.ID == a.Reference.ID {
			continue
		}
		want := d.set(false)
		o := reach{first: -1}
		if g.reach(&o, a.Boundary, a.Container, &want, look{}); o.touched {
			continue
		}
		there := Decide(g, q)
		a.Container = &Container{}
		gone := Decide(g, q)
		if there.Verdict != gone.Verdict || there.Reason != gone.Reason || there.Boundary != gone.Boundary || there.Missing != gone.Missing {
			t.Fatalf("case %d: there %+v, gone %+v\nscopes %+v\nroute %+v\nacts %s", n, there, gone, specs, q.Route, describe(q))
		}
		compared++
	}
	if compared < 1000 {
		t.Errorf("only %d containers were taken away: too few to prove anything", compared)
	}
}

// TestNoOracleOfKinds lets a namespace reference and a lookup stand for a group or for a project that no scope reaches.
func TestNoOracleOfKinds(t *testing.T) {
	d := newDice(10)
	compared := 0
	for n := range randomCases / 4 {
		g, _ := d.grant(t)
		if len(d.catalogue.names(g.all)) > 0 {
			continue
		}
		r := with(d.route(), func(r *routes.Route) {
			r.Boundaries = []routes.Boundary{onAProject, onAGroup}
			r.Public, r.Find.From = false, routes.FindInPath
		})
		ref := routes.Reference{Kind: routes.RefNamespace, Path: []byte("a/b")}
		if d.in(2) {
			r.Find.From, ref = routes.FindByLookup, routes.Reference{}
		}
		want := r.NeedSet
		ask := func(b routes.Boundary) (Decision, bool) {
			c := Container{Boundary: b, ID: 100 + d.id(), Ancestors: d.ids(2), Visibility: VisibilityInternal, Access: OwnerPublicRead}
			o := reach{first: -1}
			g.reach(&o, b, &c, &want, look{})
			return Decide(g, &Question{Route: r, Acts: []Act{{Kind: ActOwn, Boundary: b, Container: &c, Reference: ref}}}), o.touched
		}
		asGroup, reached := ask(onAGroup)
		asProject, alsoReached := ask(onAProject)
		if reached || alsoReached {
			continue
		}
		if asGroup.Reason != asProject.Reason || asGroup.Boundary != asProject.Boundary || asGroup.Missing != asProject.Missing {
			t.Fatalf("case %d: as a group %+v, as a project %+v", n, asGroup, asProject)
		}
		compared++
	}
	if compared < 1000 {
		t.Errorf("only %d namespaces were compared: too few to prove anything", compared)
	}
}

// selects tells whether a spec names the very id of the reference.
func selects(specs []ScopeSpec, ref routes.Reference) bool {
	for _, s := range specs {
		if slices.Contains(s.ProjectIDs, ref.ID) || slices.Contains(s.GroupIDs, ref.ID) {
			return true
		}
	}
	return false
}
