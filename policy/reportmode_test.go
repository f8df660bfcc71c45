package policy

import (
	"slices"
	"testing"

	"patgate/routes"
)

// allOf gives every permission of a catalogue.
func allOf(c *catalogue) (set routes.PermissionSet) {
	for i := range c.infos[1:] {
		set.Add(routes.Permission(i + 1))
	}
	return set
}

// inReportMode says of each reason for which a grant denies, or leaves entries out, what becomes of it in report mode: true passes.
var inReportMode = map[Reason]bool{
	ReasonPermissionMissing: true,
	ReasonOutOfBounds:       true,
	ReasonTargetDenied:      true,
	ReasonSpans:             true,
	ReasonNotFindable:       true,
	ReasonConstrained:       true,
	ReasonQuickAction:       true,
	ReasonRef:               true,
	ReasonFiltered:          true,

	ReasonNone:            false,
	ReasonOtherCredential: false,
	ReasonMints:           false,
	ReasonRefused:         false,
	ReasonNewerThanToken:  false,
	ReasonHidden:          false,
	ReasonCeiling:         false,
}

// TestWhoseEachReasonIs decides every sentence about Decide once more, as in report mode.
func TestWhoseEachReasonIs(t *testing.T) {
	passed := map[Reason]int{}
	for _, c := range slices.Concat(grantedCases(), deniedCases(), hiddenCases(), publicCases(), specialCases(), entryCases(),
		quickActionCases(), ceilingCases()) {
		if c.ceilings != nil && c.reason == ReasonFiltered {
			continue // the entries are left out because of the ceiling, which stays
		}
		g := grantOf(t, c.scopes...).Under(c.ceilings, c.bearer)
		q := &Question{Route: c.row, Acts: c.acts}
		if c.row != nil {
			q.Entries = c.row.Spanned(func(string) string { return "" })
		}
		before, after := Decide(g, q), Decide(g.ReportMode(allOf(newCatalogue())), q)
		passes, decides := inReportMode[before.Reason]
		switch {
		case before.Verdict == Allow && before.Reason != ReasonFiltered:
			if after.Verdict != Allow {
				t.Errorf("%s: %v became %v", c.name, before.Reason, after.Reason)
			}
		case !decides:
			t.Errorf("%s: nobody has said what becomes of %v", c.name, before.Reason)
		case !passes && after.Verdict == Allow:
			t.Errorf("%s: %v passes", c.name, before.Reason)
		case passes && after.Verdict == Allow && after.Reason != ReasonFiltered:
			passed[before.Reason]++
		case passes && inReportMode[after.Reason] && !unseen(q) && !malformed(q):
			t.Errorf("%s: %v became %v %v", c.name, before.Reason, after.Verdict, after.Reason)
		}
	}
	for reason, passes := range inReportMode {
		if passes && passed[reason] == 0 {
			t.Errorf("no sentence has %v pass", reason)
		}
	}
}

// unseen tells whether a question is about something that the owner does not see, or about the instance.
func unseen(q *Question) bool {
	return slices.ContainsFunc(q.Acts, func(a Act) bool {
		foreign := a.Boundary == onAccount && a.Container != nil && a.Container.ID != alice
		return foreign || a.Boundary == onInstance || a.Boundary.InContainer() && !visible(a.Boundary, a.Container)
	})
}

// malformed tells whether a question lacks what every question has.
func malformed(q *Question) bool {
	own := false
	for i := range q.Acts {
		a := &q.Acts[i]
		own = own || a.Kind == ActOwn && (offers(q.Route, a.Boundary) || q.Route.Find.From == routes.FindNowhere)
		if a.Kind == ActTarget && a.Container == nil {
			return true
		}
		if a.Kind != ActOwn && a.Kind != ActRef && (a.Needs == nil || a.Needs.Empty()) || a.Boundary == routes.BoundaryNone &&
			a.Kind != ActQuickAction && a.Kind != ActRef {
			return true
		}
	}
	for i := range q.Route.Targets {
		if t := &q.Route.Targets[i]; t.Required && !q.targeted(&t.NeedSet) {
			return true
		}
	}
	return !own
}

// TestReportModeOnRandomQuestions compares grants with what passes in report mode.
func TestReportModeOnRandomQuestions(t *testing.T) {
	d := newDice(16)
	all, passed, kept := allOf(d.catalogue), 0, 0
	for n := range randomCases / 5 {
		g, specs := d.grant(t)
		q := d.question()
		set := d.set(true)
		own, none, some, whole := Decide(g, q), Decide(g.ReportMode(routes.PermissionSet{}), q), Decide(g.ReportMode(set), q),
			Decide(g.ReportMode(all), q)
		fail := func(why string) {
			t.Fatalf("case %d: %s: %v, %v, %v, %v\nscopes %+v\nroute %+v\nacts %s", n, why, own, none, some, whole, specs, q.Route,
				describe(q))
		}
		switch {
		case own.Verdict == Allow && some.Verdict != Allow:
			fail("what the grant allows is denied")
		case some.Verdict == Allow && whole.Verdict != Allow:
			fail("more permissions deny")
		case none.Verdict != own.Verdict:
			fail("report mode without permissions differs from the grant")
		case whole.Verdict == Allow && whole.Reason != ReasonFiltered && own.Verdict != Allow && !inReportMode[own.Reason]:
			fail("what is not the grant's passes")
		}
		if own.Verdict != Deny {
			continue
		}
		if some.Verdict == Deny || some.Reason == ReasonFiltered { // which does not pass
			kept++
			continue
		}
		passed++
		if q.Route.Withheld() || q.Route.Refused != "" || q.Route.Kind != routes.KindPermission ||
			some.Reason != ReasonPublic && q.Route.Writes() && q.Route.Since > g.TableVersion {
			fail("the row alone decides")
		}
		for i := range q.Acts {
			a := &q.Acts[i]
			named := a.Kind == ActOwn && q.Route.Find.From != routes.FindNowhere || a.Kind == ActTarget
			if some.Reason != ReasonPublic && named && a.Boundary.InContainer() && !visible(a.Boundary, a.Container) {
				fail("the owner does not see it")
			}
		}
		need := q.Route.NeedSet
		for _, p := range []string{"p1", "p2", "p3", "p4"} {
			number, _ := d.catalogue.Find(p)
			if some.Reason != ReasonPublic && need.Has(number) && !set.Has(number) && !g.any.Has(number) {
				fail("a permission passes that neither holds")
			}
		}
	}
	if passed < 1000 || kept < 1000 {
		t.Errorf("%d passed, %d did not: too few to prove anything", passed, kept)
	}
}

// TestReportModeOfNothing: a grant that is not there passes nothing.
func TestReportModeOfNothing(t *testing.T) {
	var g *Grant
	if g.ReportMode(allOf(newCatalogue())) != nil {
		t.Error("a grant was made of none")
	}
}

// TestReportModeStopsAtTheInstance: what administrators do is the grant's alone, whatever passes.
func TestReportModeStopsAtTheInstance(t *testing.T) {
	q := &Question{Route: row(onInstance, "update_setting"), Acts: acts(theInstance())}
	g := grantOf(t).ReportMode(allOf(newCatalogue()))
	if d := Decide(g, q); d.Verdict == Allow {
		t.Errorf("it passes: %v", d.Reason)
	}
	if d := Plan(g, q.Route); d.Verdict == Allow {
		t.Errorf("its row passes: %v", d.Reason)
	}
	own := ScopeSpec{Access: "instance", Permissions: []string{"update_setting"}}
	if d := Decide(grantOf(t, own).ReportMode(allOf(newCatalogue())), q); d.Verdict != Allow {
		t.Errorf("what the grant holds is denied: %v", d.Reason)
	}
}
