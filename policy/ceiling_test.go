package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"patgate/routes"
)

// noneBelow is a ceiling: no token has the permissions in the group or anything below it.
func noneBelow(group int64, permissions ...string) Ceilings {
	return Ceilings{{Name: "frozen", Groups: []int64{group}, Permissions: newCatalogue().set(permissions...)}}
}

// noneAtAll is a ceiling without a place.
func noneAtAll(permissions ...string) Ceilings {
	return Ceilings{{Name: "never", Permissions: newCatalogue().set(permissions...)}}
}

// besides is an act on the account for which the request names a project.
func besides(id int64) Act {
	a := account()
	a.Named = project(id).Container
	return a
}

// cut is a project of which the owner sees only the nearest group.
func cut(a Act) Act {
	c := *a.Container
	c.Ancestors, c.Partial = c.Ancestors[:1], true
	a.Container = &c
	return a
}

func TestDecideCeilings(t *testing.T) { runCases(t, ceilingCases()) }

func ceilingCases() []decideCase {
	run := writing(row(onAProject, "run_job"))
	both := writing(row(onAProject, "run_job", "read_job"))
	note := writing(row(onAProject, "create_work_item"))
	runner := nowhere(row(onAProject, "read_runner"))
	lists := func() *routes.Route { return entriesOf(onAProject, spanning(row(onAccount, "read_project"))) }
	whole := scopes(under("user", "read_project"), under("all_memberships", "read_project"))
	month := Ceilings{{Name: "month", Groups: []int64{acme}, MaxAge: 100}}
	inside := Ceilings{{Name: "inside", Groups: []int64{acme}, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	return []decideCase{
		{name: "a ceiling on a group above", ceilings: noneBelow(acme, "run_job"), scopes: scopes(onProject(hammer, "run_job")), row: run,
			acts: acts(project(hammer)), reason: ReasonCeiling, shown: onAProject, missing: []string{"run_job"}},
		{name: "a ceiling on one of two permissions", ceilings: noneBelow(acme, "run_job"), row: both, acts: acts(project(hammer)),
			scopes: scopes(onGroup(acme, "run_job", "read_job")), reason: ReasonCeiling, missing: []string{"run_job"}},
		{name: "a ceiling elsewhere", ceilings: noneBelow(tools, "run_job"), scopes: scopes(onGroup(acme, "run_job")), row: run,
			acts: acts(project(site)), verdict: Allow, reason: ReasonGranted},
		{name: "a ceiling on something else", ceilings: noneBelow(acme, "push_code"), scopes: scopes(onGroup(acme, "run_job", "push_code")),
			row: run, acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted},
		{name: "a ceiling on the group itself", ceilings: noneBelow(acme, "update_group"), scopes: scopes(onGroup(acme, "update_group")),
			row: writing(row(onAGroup, "update_group")), acts: acts(group(acme)), reason: ReasonCeiling, shown: onAGroup},
		{name: "a ceiling below a group", ceilings: Ceilings{{Name: "deep", Groups: []int64{tools}, Above: []int64{acme},
			Permissions: newCatalogue().set("read_work_item")}}, scopes: scopes(onGroup(acme, "read_work_item")),
			row: row(onAGroup, "read_work_item"), acts: acts(group(acme)), reason: ReasonCeiling, shown: onAGroup},
		{name: "a ceiling below a group, on a project beside it", ceilings: Ceilings{{Name: "deep", Groups: []int64{tools},
			Above: []int64{acme}, Permissions: newCatalogue().set("read_work_item")}}, row: row(onAProject, "read_work_item"),
			scopes: scopes(onGroup(acme, "read_work_item")), acts: acts(project(site)), verdict: Allow, reason: ReasonGranted},
		{name: "a ceiling below a group of which the entries can be judged", ceilings: Ceilings{{Name: "deep", Projects: []int64{hammer},
			Above: []int64{tools, acme}, Permissions: newCatalogue().set("read_project")}},
			scopes: scopes(onGroup(acme, "read_project"), under("all_memberships", "read_project")),
			row:    entriesOf(onAProject, spanning(row(onAGroup, "read_project"))),
			acts:   acts(group(acme)), verdict: Allow, reason: ReasonFiltered},
		{name: "a ceiling on what a request of the account names", ceilings: noneBelow(acme, "read_project"),
			row: row(onAccount, "read_project"), scopes: scopes(under("user",
				"read_project")), acts: acts(besides(hammer)), reason: ReasonCeiling, shown: onAccount},
		{name: "a ceiling elsewhere than what a request of the account names", ceilings: noneBelow(tools, "read_project"),
			scopes: scopes(under("user", "read_project")), row: row(onAccount, "read_project"), acts: acts(besides(site)), verdict: Allow,
			reason: ReasonGranted},
		{name: "a ceiling on one project", ceilings: Ceilings{{Name: "one", Projects: []int64{site},
			Permissions: newCatalogue().set("run_job")}},
			scopes: scopes(onGroup(acme, "run_job")), row: run, acts: acts(project(site)), reason: ReasonCeiling},
		{name: "what the grant denies is told as that", ceilings: noneBelow(acme, "run_job"), scopes: scopes(onProject(site, "run_job")),
			row: run, acts: acts(project(hammer)), reason: ReasonOutOfBounds},
		{name: "a ceiling holds where not all groups above are seen", ceilings: noneBelow(acme, "run_job"), row: run,
			scopes: scopes(onProject(hammer, "run_job")), acts: acts(cut(project(hammer))), reason: ReasonCeiling},
		{name: "a ceiling on what has no group above", ceilings: noneBelow(acme, "run_job"), scopes: scopes(onProject(dotfiles, "run_job")),
			row: run, acts: acts(project(dotfiles)), verdict: Allow, reason: ReasonGranted},
		{name: "a ceiling everywhere", ceilings: noneAtAll("run_job"), scopes: scopes(onProject(dotfiles, "run_job")), row: run,
			acts: acts(project(dotfiles)), reason: ReasonCeiling},
		{name: "a ceiling everywhere on the account", ceilings: noneAtAll("create_project"),
			scopes: scopes(under("user", "create_project")),
			row:    writing(row(onAccount, "create_project")), acts: acts(account()), reason: ReasonCeiling, shown: onAccount},
		{name: "a ceiling on a group does not hold on the account", ceilings: noneBelow(acme, "read_project"),
			scopes: scopes(under("user", "read_project")), row: row(onAccount, "read_project"), acts: acts(account()),
			verdict: Allow, reason: ReasonGranted},
		{name: "a ceiling on what nobody can find", ceilings: noneBelow(acme, "read_runner"), row: runner,
			scopes: scopes(under("all_memberships", "read_runner")), acts: acts(Act{Kind: ActOwn, Boundary: onAProject}),
			reason: ReasonCeiling},
		{name: "a ceiling on a further container", ceilings: noneBelow(tools, "create_work_item"), row: note,
			scopes: scopes(onGroup(acme, "create_work_item")), acts: acts(project(site), target(project(hammer), "create_work_item")),
			reason: ReasonCeiling, shown: onAProject},
		{name: "a ceiling on a quick action", ceilings: noneBelow(tools, "run_job"), row: note,
			acts:   acts(project(hammer), does("run_job")),
			scopes: scopes(onGroup(acme, "create_work_item", "run_job")), reason: ReasonCeiling, missing: []string{"run_job"}},
		{name: "a ceiling on a quick action that may act elsewhere", ceilings: noneBelow(tools, "run_job"), row: note,
			scopes: scopes(under("all_memberships", "create_work_item", "run_job")), acts: acts(project(site), anywhere("run_job")),
			reason: ReasonCeiling},
		{name: "a public read is everybody's", ceilings: noneBelow(oss, "read_job"), row: public(row(onAProject, "read_job")),
			scopes: scopes(onProject(hammer, "read_job")), acts: acts(project(lib)), verdict: Allow, reason: ReasonPublic},
		{name: "a public read that the token is granted and a ceiling forbids is everybody's", ceilings: noneBelow(oss, "read_job"),
			row: public(row(onAProject, "read_job")), scopes: scopes(onProject(lib, "read_job")), acts: acts(project(lib)),
			verdict: Allow, reason: ReasonPublic},
		{name: "a quick action on a public row is not everybody's", ceilings: noneBelow(oss, "run_job"), row: public(row(onAProject,
			"read_job")),
			acts: acts(project(lib), does("run_job")), scopes: scopes(onProject(lib, "read_job", "run_job")), reason: ReasonCeiling},
		{name: "a list is passed on without what a ceiling covers", ceilings: noneBelow(acme, "read_project"), scopes: whole, row: lists(),
			acts: acts(account()), verdict: Allow, reason: ReasonFiltered},
		{name: "a list of which the entries cannot be judged", ceilings: noneBelow(acme, "read_project"), scopes: whole,
			row: spanning(row(onAccount, "read_project")), acts: acts(account()), reason: ReasonCeiling},
		{name: "a list and a ceiling everywhere", ceilings: noneAtAll("read_project"), scopes: whole, row: lists(), acts: acts(account()),
			reason: ReasonCeiling},
		{name: "a token that is as old as it may be", ceilings: month, bearer: Bearer{Age: 100},
			scopes: scopes(onProject(hammer, "run_job")),
			row:    run, acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted},
		{name: "a token that is older", ceilings: month, bearer: Bearer{Age: 101}, scopes: scopes(onProject(hammer, "run_job")),
			row: run, acts: acts(project(hammer)), reason: ReasonCeiling},
		{name: "a token that is older, elsewhere", ceilings: month, bearer: Bearer{Age: 101},
			scopes: scopes(onProject(dotfiles, "run_job")),
			row:    run, acts: acts(project(dotfiles)), verdict: Allow, reason: ReasonGranted},
		{name: "a list of a public group is passed on without what a ceiling covers", ceilings: noneBelow(acme, "read_project"),
			scopes: scopes(under("all_memberships", "read_project"), onGroup(oss, "read_project")),
			row:    with(public(row(onAGroup, "read_project")), func(r *routes.Route) { r.Entries = lists().Entries }),
			acts:   acts(group(oss)), verdict: Allow, reason: ReasonFiltered},
		{name: "a token from networks within those of a ceiling", ceilings: inside, bearer: Bearer{Networks: []string{"10.1.0.0/16",
			"10.9.8.7/32"}}, scopes: scopes(onProject(hammer, "run_job")), row: run, acts: acts(project(hammer)), verdict: Allow,
			reason: ReasonGranted},
		{name: "a token from anywhere", ceilings: inside, scopes: scopes(onProject(hammer, "run_job")), row: run,
			acts: acts(project(hammer)), reason: ReasonCeiling},
		{name: "a token from one network too many", ceilings: inside, bearer: Bearer{Networks: []string{"10.1.0.0/16", "192.0.2.0/24"}},
			scopes: scopes(onProject(hammer, "run_job")), row: run, acts: acts(project(hammer)), reason: ReasonCeiling},
		{name: "a token from a wider network", ceilings: inside, bearer: Bearer{Networks: []string{"0.0.0.0/0"}},
			scopes: scopes(onProject(hammer, "run_job")), row: run, acts: acts(project(hammer)), reason: ReasonCeiling},
		{name: "a token from what is no network", ceilings: inside, bearer: Bearer{Networks: []string{"10.1.0.0"}},
			scopes: scopes(onProject(hammer, "run_job")), row: run, acts: acts(project(hammer)), reason: ReasonCeiling},
		{name: "a token from anywhere, elsewhere", ceilings: inside, scopes: scopes(onProject(dotfiles, "run_job")), row: run,
			acts: acts(project(dotfiles)), verdict: Allow, reason: ReasonGranted},
		{name: "a ceiling on one ref of a push", ceilings: noneBelow(acme, "push_code"), scopes: scopes(pushing(onProject(hammer,
			"push_code"))),
			row:  with(writing(row(onAProject, "push_code")), func(r *routes.Route) { r.Refs = routes.RefsListed }),
			acts: acts(project(hammer), Act{Kind: ActRef, Update: &RefUpdate{Name: []byte("refs/heads/bot/a")}}), reason: ReasonCeiling},
	}
}

// TestTheCeilingIsNamed looks at what a denial by a ceiling tells besides, and at the plan.
func TestTheCeilingIsNamed(t *testing.T) {
	run := writing(row(onAProject, "run_job"))
	ceilings := slices.Concat(noneBelow(globex, "run_job"), noneBelow(acme, "push_code", "run_job"))
	ceilings[1].Name = "second"
	g := grantOf(t, onGroup(acme, "run_job", "read_job")).Under(ceilings, Bearer{})
	d := Decide(g, &Question{Route: run, Acts: acts(project(hammer))})
	if d.Ceiling == nil || d.Ceiling.Name != "second" || d.Container != hammer || d.Act != 0 {
		t.Errorf("the denial is %+v", d)
	}
	if _, ok := d.Wanted(run); ok {
		t.Error("a scope is said to help")
	}
	if p := Plan(g, run); p.Verdict != Allow {
		t.Errorf("the plan denies (%v) what another project may be allowed", p.Reason)
	}
	never := grantOf(t, onGroup(acme, "run_job")).Under(noneAtAll("run_job"), Bearer{})
	if p := Plan(never, run); p.Reason != ReasonCeiling || p.Ceiling.Name != "never" {
		t.Errorf("the plan is %+v", p)
	}
	var none *Grant
	if none.Under(ceilings, Bearer{}) != nil {
		t.Error("no grant became one")
	}
	if free := grantOf(t, onGroup(acme, "read_job")); free.Under(ceilings, Bearer{}).bounds != nil {
		t.Error("a ceiling that could forbid nothing is asked about each request")
	}
}

func TestCeilingsTurn(t *testing.T) {
	ceilings := Ceilings{{MaxAge: 50}, {}, {MaxAge: 20}}
	for _, c := range []struct {
		age, at int64
		turns   bool
	}{{0, 21, true}, {20, 21, true}, {21, 51, true}, {50, 51, true}, {51, 0, false}} {
		if at, turns := ceilings.Turns(Bearer{Age: c.age}); at != c.at || turns != c.turns {
			t.Errorf("at %d: %d %v, want %d %v", c.age, at, turns, c.at, c.turns)
		}
	}
}

// naiveCapped says from the rules in words whether ceilings forbid a question that a grant allows: what it needs, and where.
func naiveCapped(c *catalogue, ceilings Ceilings, age int64, q *Question, seen map[string]int) bool {
	type thing struct {
		needs wordset
		on    routes.Boundary
		c     *Container
		else_ bool
	}
	words := func(set *routes.PermissionSet) wordset {
		out := wordset{}
		if set != nil {
			for _, name := range c.names(*set) {
				out[name] = true
			}
		}
		return out
	}
	var things []thing
	for i := range q.Acts {
		switch a := &q.Acts[i]; {
		case a.Kind == ActOwn && q.public(): // everybody's
		case a.Kind == ActOwn:
			things = append(things, thing{union(words(&q.Route.NeedSet), words(a.Needs)), a.Boundary, a.Container, a.Elsewhere})
			if a.Named != nil {
				things = append(things, thing{union(words(&q.Route.NeedSet), words(a.Needs)), a.Named.Boundary, a.Named, false})
			}
		case a.Kind == ActTarget:
			things = append(things, thing{words(a.Needs), a.Boundary, a.Container, false})
		case a.Kind == ActQuickAction:
			for j := range q.Acts {
				if on := &q.Acts[j]; on.Kind == ActOwn || on.Kind == ActTarget {
					things = append(things, thing{words(a.Needs), on.Boundary, on.Container, a.Elsewhere})
				}
			}
		}
	}
	if (q.Route.Spans || q.Entries != nil) && !q.public() {
		things = append(things, thing{words(&q.Route.NeedSet), onAProject, nil, true})
	}
	for i := range ceilings {
		m := &ceilings[i]
		for _, th := range things {
			forbidden := m.MaxAge > 0 && age > m.MaxAge
			for name := range words(&m.Permissions) {
				forbidden = forbidden || th.needs[name]
			}
			known := th.c != nil && (th.c.Boundary == onAProject || th.c.Boundary == onAGroup)
			place := len(m.Groups)+len(m.Projects) == 0 || th.else_ || !known && th.on.InContainer()
			if known {
				above := slices.Clone(th.c.Ancestors)
				if th.c.Boundary == onAGroup {
					above = append(above, th.c.ID)
				}
				below := th.c.Boundary == onAGroup && slices.Contains(m.Above, th.c.ID) // where it holds
				place = place || below
				if below && forbidden {
					seen["above"]++
				}
				for _, id := range above {
					place = place || slices.Contains(m.Groups, id)
				}
				place = place || th.c.Partial && len(m.Groups) > 0 ||
					th.c.Boundary == onAProject && slices.Contains(m.Projects, th.c.ID)
			}
			if forbidden && place {
				return true
			}
		}
	}
	return false
}

// publicOutside tells whether no ceiling holds on the row's own containers.
func publicOutside(ceilings Ceilings, age int64, q *Question) bool {
	for i := range ceilings {
		m := &ceilings[i]
		forbids := m.MaxAge > 0 && age > m.MaxAge
		for j := range q.Acts {
			a := &q.Acts[j]
			if a.Kind != ActOwn {
				continue
			}
			if (forbids || shares(&m.Permissions, &q.Route.NeedSet) || a.Needs != nil && shares(&m.Permissions, a.Needs)) &&
				m.Holds(a.Container) {
				return false
			}
		}
	}
	return true
}

// TestCeilingsAgreeWithTheNaiveOnes compares on random questions. Ceilings never allow what the grant denies, and what they leave of
// a list is judged by entry.
func TestCeilingsAgreeWithTheNaiveOnes(t *testing.T) {
	const seed = 11
	d := newDice(seed)
	seen := map[string]int{}
	for n := range randomCases / 2 {
		g, specs := d.grant(t)
		q := d.question()
		for i := range q.Acts {
			if c := q.Acts[i].Container; c != nil && d.in(5) {
				c.Partial = true
			}
		}
		ceilings := make(Ceilings, 1+d.IntN(2))
		for i := range ceilings {
			ceilings[i] = Ceiling{Name: fmt.Sprint(i), Permissions: d.set(true), Groups: d.ids(2), Projects: d.ids(2)}
			if !ceilings[i].Everywhere() {
				ceilings[i].Above = d.ids(3)
			}
			if d.in(3) {
				ceilings[i].MaxAge = 5
			}
		}
		age := int64(d.IntN(10))
		for p := routes.Permission(1); int(p) < len(d.catalogue.infos); p++ { // patgate's own token API asks that way
			asks := &Question{Route: row(onAccount), Acts: acts(account())}
			asks.Route.NeedSet.Add(p)
			under := g.Under(ceilings, Bearer{Age: age})
			if holds := under.Holds(onAccount, p); holds != (Decide(under, asks).Verdict == Allow) {
				t.Fatalf("case %d of seed %d: holds %v: %v\nceilings %+v\nscopes %+v", n, seed, p, holds, ceilings, specs)
			} else if g.Holds(onAccount, p) && !holds {
				seen["held back"]++
			}
		}
		free, held := Decide(g, q), Decide(g.Under(ceilings, Bearer{Age: age}), q)
		switch {
		case free.Verdict == Deny || free.Reason == ReasonOpen:
			seen["not for ceilings"]++
			if held != free {
				t.Fatalf("case %d: %+v became %+v", n, free, held)
			}
		case naiveCapped(d.catalogue, ceilings, age, q, seen):
			seen[held.Reason.String()]++
			if held.Reason != ReasonCeiling && (held.Reason != ReasonFiltered || q.Entries == nil) {
				t.Fatalf("case %d of seed %d: %+v, and a ceiling forbids it\nceilings %+v\nscopes %+v\nroute %+v\nacts %s", n, seed, held,
					ceilings, specs, q.Route, describe(q))
			}
		default:
			seen["kept"]++
			if held.Whole && free.Reason == ReasonGranted && q.public() && publicOutside(ceilings, age, q) {
				seen["left out"]++ // rather than everybody's
				break
			}
			if held != free && (held.Reason != ReasonPublic || free.Reason != ReasonGranted && free.Reason != ReasonFiltered) {
				t.Fatalf("case %d of seed %d: %+v became %+v\nceilings %+v\nroute %+v\nacts %s", n, seed, free, held, ceilings, q.Route,
					describe(q))
			}
		}
		if p := Plan(g.Under(ceilings, Bearer{Age: age}), q.Route); p.Verdict == Deny && held.Verdict == Allow {
			t.Fatalf("case %d: the plan denies (%v) what is allowed", n, p.Reason)
		}
	}
	for _, kind := range []string{"not for ceilings", "limit", "filtered", "kept", "held back", "above"} {
		if seen[kind] < 50 {
			t.Errorf("%s came %d times: too seldom", kind, seen[kind])
		}
	}
	t.Logf("decided: %v", seen)
}

func TestCeilingedDecisionsAllocateNothing(t *testing.T) {
	run := writing(row(onAProject, "run_job"))
	ceilings := append(noneBelow(globex, "run_job"), Ceiling{Name: "month", Groups: []int64{acme}, MaxAge: 100})
	g := grantOf(t, onGroup(acme, "run_job")).Under(ceilings, Bearer{Age: 5})
	denied := grantOf(t, onGroup(acme, "run_job")).Under(ceilings, Bearer{Age: 500})
	q := &Question{Route: run, Acts: acts(project(hammer))}
	for want, g := range map[Reason]*Grant{ReasonGranted: g, ReasonCeiling: denied} {
		if d := Decide(g, q); d.Reason != want {
			t.Fatalf("decided %v, want %v", d.Reason, want)
		}
		if n := testing.AllocsPerRun(200, func() { Decide(g, q); Plan(g, run) }); n != 0 {
			t.Errorf("%v: %v allocations", want, n)
		}
	}
}
