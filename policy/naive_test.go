package policy

import (
	"regexp"
	"slices"
	"strings"

	"patgate/routes"
)

// A second decider, written from the rules in words and not from the code: slow, with maps of names, no index and nothing
// precomputed. It judges the specs themselves, so that it checks Compile too.

type wordset map[string]bool

func (s wordset) all(wanted wordset) bool {
	for name := range wanted {
		if !s[name] {
			return false
		}
	}
	return true
}

func (s wordset) without(held wordset) wordset {
	rest := wordset{}
	for name := range s {
		if !held[name] {
			rest[name] = true
		}
	}
	return rest
}

func union(sets ...wordset) wordset {
	out := wordset{}
	for _, set := range sets {
		for name := range set {
			out[name] = true
		}
	}
	return out
}

// naiveAnswer is what the naive decider says. The scope is -1 for everything but a grant.
type naiveAnswer struct {
	allow     bool
	reason    Reason
	anonymous bool
	scope     int
	act       int // index; -1 when the row alone decides
	boundary  routes.Boundary
	missing   wordset
}

type naive struct {
	catalogue *catalogue
	owner     int64
	version   int
	specs     []ScopeSpec
	counts    []bool // which specs count
	route     *routes.Route
	acts      []Act
	entries   *routes.Entries
}

func naiveDecide(cat *catalogue, owner int64, version int, specs []ScopeSpec, q *Question) naiveAnswer {
	n := naive{catalogue: cat, owner: owner, version: version, specs: specs, route: q.Route, acts: q.Acts, entries: q.Entries,
		counts: make([]bool, len(specs))}
	if q.Route != nil && q.Route.Refs == routes.RefsListed {
		return n.refByRef()
	}
	writes := q.Route != nil && q.Route.Method != "GET" && !q.Route.Reads && q.Route.Refs != routes.RefsNone
	for i, s := range specs {
		n.counts[i] = !writes || unconstrained(s)
	}
	answer := n.decide()
	if answer.allow {
		return answer
	}
	for i := range n.counts {
		n.counts[i] = true
	}
	if n.decide().allow {
		answer.reason = ReasonConstrained
	}
	return answer
}

func unconstrained(s ScopeSpec) bool {
	return len(s.Constraints.RefPatterns) == 0 && !s.Constraints.ForbidRefDeletes && !s.Constraints.ForbidTagChanges
}

// refByRef decides as if no ref were changed, and then for each change alone.
func (n *naive) refByRef() naiveAnswer {
	for i := range n.specs {
		n.counts[i] = true
	}
	first := n.decide()
	if !first.allow || first.reason == ReasonOpen {
		return first
	}
	for at, a := range n.acts {
		if a.Kind != ActRef {
			continue
		}
		for i, s := range n.specs {
			n.counts[i] = naiveAllow(s.Constraints, *a.Update)
		}
		if !n.decide().allow {
			return naiveDeny(ReasonRef, at)
		}
	}
	return first
}

func naiveAllow(c ConstraintSpec, u RefUpdate) bool {
	if c.ForbidRefDeletes && u.Delete {
		return false
	}
	if c.ForbidTagChanges && strings.HasPrefix(string(u.Name), "refs/tags/") && !u.Create {
		return false
	}
	if len(c.RefPatterns) == 0 {
		return true
	}
	for _, pattern := range c.RefPatterns {
		expression := "^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `(?s:.*)`) + "$"
		if regexp.MustCompile(expression).Match(u.Name) {
			return true
		}
	}
	return false
}

func (n *naive) setOf(s routes.PermissionSet) wordset {
	out := wordset{}
	for _, name := range n.catalogue.names(s) {
		out[name] = true
	}
	return out
}

func permissionsOf(s ScopeSpec) wordset {
	out := wordset{}
	for _, name := range s.Permissions {
		out[name] = true
	}
	return out
}

func naiveDeny(reason Reason, act int) naiveAnswer {
	return naiveAnswer{reason: reason, scope: -1, act: act}
}

func (n *naive) decide() naiveAnswer {
	if answer, settled := n.byTheRowAlone(); settled {
		return answer
	}
	answer := n.ownActs()
	if !answer.allow && n.everyOwnContainerIsPublic() {
		answer = naiveAnswer{allow: true, reason: ReasonPublic, anonymous: true, scope: -1, act: -1}
	}
	if !answer.allow && n.entries != nil {
		answer = n.someEntries(answer)
	}
	if !answer.allow {
		return answer
	}
	for i, a := range n.acts {
		if a.Kind == ActTarget {
			if d := n.target(i, a); !d.allow {
				return d
			}
		}
	}
	if d, bad := n.requiredTargetNotNamed(); bad {
		return d
	}
	for i, a := range n.acts {
		if a.Kind == ActQuickAction {
			if d, bad := n.quickActionNotAllowed(i, a); bad {
				return d
			}
		} else if a.Kind == ActNone || a.Kind > ActRef || a.Kind == ActRef && a.Update == nil {
			return naiveDeny(ReasonNone, i)
		}
	}
	return answer
}

func (n *naive) byTheRowAlone() (d naiveAnswer, settled bool) {
	r := n.route
	if r == nil || r.Kind == routes.KindNone {
		return naiveDeny(ReasonNone, -1), true
	}
	if r.Refused != "" {
		return naiveDeny(ReasonRefused, -1), true
	}
	if r.Kind == routes.KindOpen {
		return naiveAnswer{allow: true, reason: ReasonOpen, anonymous: true, scope: -1, act: -1}, true
	}
	if r.Kind == routes.KindOtherCredential {
		return naiveDeny(ReasonOtherCredential, -1), true
	}
	if r.Mints != "" && r.Escapes == "" {
		d := naiveDeny(ReasonMints, -1)
		if len(r.Boundaries) > 0 {
			d.boundary = r.Boundaries[0]
		}
		return d, true
	}
	if len(n.setOf(r.NeedSet)) == 0 || len(r.Boundaries) == 0 {
		return naiveDeny(ReasonNone, -1), true
	}
	return d, false
}

// quickActionNotAllowed: a quick action needs its permissions on every container that the request is on, and under
// all_memberships too when it may act elsewhere.
func (n *naive) quickActionNotAllowed(i int, a Act) (naiveAnswer, bool) {
	d := naiveDeny(ReasonQuickAction, i)
	if a.Needs == nil || len(n.setOf(*a.Needs)) == 0 {
		return d, true
	}
	wanted := n.setOf(*a.Needs)
	for _, on := range n.acts {
		if on.Kind != ActOwn && on.Kind != ActTarget {
			continue
		}
		held, some := n.heldBy(func(s ScopeSpec) bool { return n.reaches(s, on) })
		if !held.all(wanted) {
			d.missing, d.boundary = wanted.without(held), on.Boundary
			byNamespace := on.Reference.Kind == routes.RefNamespace
			switch {
			case some:
			case on.Kind == ActTarget && byNamespace:
				d.boundary = routes.BoundaryGroup
			case on.Kind == ActOwn && (byNamespace || n.route.Find.From == routes.FindByLookup):
				d.boundary = n.route.Boundaries[0]
			}
			return d, true
		}
	}
	if a.Elsewhere && !n.heldUnderAllMemberships().all(wanted) {
		d.missing = wanted.without(n.heldUnderAllMemberships())
		return d, true
	}
	return d, false
}

func (n *naive) heldAnywhere() wordset {
	held := wordset{}
	for _, s := range n.specs {
		held = union(held, permissionsOf(s))
	}
	return held
}

func (n *naive) heldUnderAllMemberships() wordset {
	held := wordset{}
	for i, s := range n.specs {
		if n.counts[i] && s.Access == "all_memberships" {
			held = union(held, permissionsOf(s))
		}
	}
	return held
}

func (n *naive) ownActs() naiveAnswer {
	needs := n.setOf(n.route.NeedSet)
	if !n.heldAnywhere().all(needs) {
		d := naiveDeny(ReasonPermissionMissing, -1)
		d.boundary, d.missing = n.spannedBoundary(), needs.without(n.heldAnywhere())
		return d
	}
	if (n.route.Method != "GET" && !n.route.Reads || n.route.Mints != "") && n.route.Since > n.version {
		d := naiveDeny(ReasonNewerThanToken, -1)
		d.boundary = n.route.Boundaries[0]
		return d
	}
	if n.route.Spans || n.entries != nil {
		lacks := needs.without(n.heldUnderAllMemberships())
		if r := n.route; r.Find.From == routes.FindNowhere && len(r.Boundaries) == 1 && r.Boundaries[0] >= routes.BoundaryUser {
			lacks = union(lacks, needs.without(n.heldUnder(r.Boundaries[0].String())))
		}
		if len(lacks) > 0 {
			d := naiveDeny(ReasonSpans, -1)
			d.boundary, d.missing = n.spannedBoundary(), lacks
			return d
		}
	}
	return n.eachOwnAct()
}

// someEntries: of an answer whose entries can be judged the token gets those that it reaches, when some scope could reach one, the
// row's own container is allowed, and a user that is named is the owner.
func (n *naive) someEntries(denial naiveAnswer) naiveAnswer {
	if denial.reason == ReasonNewerThanToken {
		return denial
	}
	needs := n.setOf(n.route.NeedSet)
	possible := false
	for _, e := range n.entries.Of {
		held := wordset{}
		for _, s := range n.specs {
			ofProjects := s.Access == "personal_projects" || s.Access == "all_memberships" || s.Access == "selected_memberships"
			ofGroups := s.Access == "all_memberships" || s.Access == "selected_memberships" && len(s.GroupIDs) > 0
			if e.Ref == routes.RefProject && ofProjects || e.Ref == routes.RefGroup && ofGroups {
				held = union(held, permissionsOf(s))
			}
		}
		possible = possible || held.all(needs)
	}
	first := -1
	for i, a := range n.acts {
		if a.Kind == ActOwn && (a.Reference.Kind == routes.RefUser && !a.Self || !slices.Contains(n.route.Boundaries, a.Boundary) ||
			a.Boundary == routes.BoundaryNone) {
			return denial
		}
		if a.Kind == ActOwn && first < 0 {
			first = i
		}
	}
	if !possible || first < 0 {
		return denial
	}
	answer := naiveAnswer{allow: true, reason: ReasonFiltered, scope: -1, act: first, boundary: n.route.Boundaries[0]}
	if n.route.Find.From == routes.FindNowhere {
		return answer
	}
	d := n.eachOwnAct()
	if !d.allow {
		return d
	}
	answer.act, answer.boundary = d.act, d.boundary
	return answer
}

// spannedBoundary is what a denial names before any act: what the entries are of, when they could be judged.
func (n *naive) spannedBoundary() routes.Boundary {
	switch {
	case n.entries == nil:
		return n.route.Boundaries[0]
	case n.entries.Of[0].Ref == routes.RefGroup:
		return routes.BoundaryGroup
	}
	return routes.BoundaryProject
}

func (n *naive) heldUnder(access string) wordset {
	held := wordset{}
	for _, s := range n.specs {
		if s.Access == access {
			held = union(held, permissionsOf(s))
		}
	}
	return held
}

func (n *naive) eachOwnAct() naiveAnswer {
	first := naiveDeny(ReasonNone, -1)
	for i, a := range n.acts {
		if a.Kind != ActOwn {
			continue
		}
		d := n.ownAct(i, a)
		if !d.allow {
			return d
		}
		if !first.allow {
			first = d
		}
	}
	return first
}

func (n *naive) ownAct(i int, a Act) naiveAnswer {
	wanted := n.setOf(n.route.NeedSet)
	if a.Needs != nil {
		wanted = union(wanted, n.setOf(*a.Needs))
	}
	isAlternative := false
	for _, b := range n.route.Boundaries {
		isAlternative = isAlternative || b == a.Boundary
	}
	inContainer := a.Boundary == routes.BoundaryProject || a.Boundary == routes.BoundaryGroup
	if isAlternative && inContainer && n.route.Find.From == routes.FindNowhere {
		if n.heldUnderAllMemberships().all(wanted) {
			return n.granted(i, a, func(s ScopeSpec) bool { return s.Access == "all_memberships" }, wanted)
		}
		d := naiveDeny(ReasonNotFindable, i)
		d.boundary, d.missing = a.Boundary, wanted.without(n.heldUnderAllMemberships())
		return d
	}
	var reached func(ScopeSpec) bool
	if isAlternative {
		reached = func(s ScopeSpec) bool { return n.reaches(s, a) }
	} else {
		reached = func(ScopeSpec) bool { return false }
	}
	held, some := n.heldBy(reached)
	if held.all(wanted) {
		return n.granted(i, a, reached, wanted)
	}
	d := naiveDeny(ReasonOutOfBounds, i)
	d.missing = wanted.without(held)
	unclear := a.Reference.Kind == routes.RefNamespace || n.route.Find.From == routes.FindByLookup
	if isAlternative && (some || !unclear) {
		d.boundary = a.Boundary
	} else {
		d.boundary = n.route.Boundaries[0]
	}
	if !isAlternative || inContainer && !seen(a) {
		if n.expected(a, wanted) {
			d.reason, d.missing = ReasonHidden, nil
			return d
		}
	}
	if !n.heldAnywhere().all(wanted) {
		d.reason = ReasonPermissionMissing
	}
	return d
}

func (n *naive) target(i int, a Act) naiveAnswer {
	wanted := wordset{}
	if a.Needs != nil {
		wanted = n.setOf(*a.Needs)
	}
	reached := func(s ScopeSpec) bool { return a.Container != nil && n.reaches(s, a) }
	held, some := n.heldBy(reached)
	if len(wanted) == 0 {
		held, some = wordset{}, false
	}
	if len(wanted) > 0 && held.all(wanted) {
		return naiveAnswer{allow: true, reason: ReasonGranted}
	}
	d := naiveDeny(ReasonTargetDenied, i)
	d.boundary, d.missing = a.Boundary, wanted.without(held)
	if a.Reference.Kind == routes.RefNamespace && !some {
		d.boundary = routes.BoundaryGroup
	}
	ofItself := a.Boundary == routes.BoundaryUser || a.Boundary == routes.BoundaryInstance
	if len(wanted) > 0 && !ofItself && !seen(a) && n.expected(a, wanted) {
		d.reason, d.missing = ReasonHidden, nil
	}
	return d
}

func (n *naive) requiredTargetNotNamed() (naiveAnswer, bool) {
	given := 0
	for _, a := range n.acts {
		if a.Kind == ActTarget {
			given++
		}
	}
	required := 0
	for _, t := range n.route.Targets {
		if !t.Required {
			continue
		}
		required++
		covered := false
		for _, a := range n.acts {
			covered = covered || a.Kind == ActTarget && a.Needs != nil && n.setOf(*a.Needs).all(n.setOf(t.NeedSet))
		}
		if !covered || required > given || len(n.setOf(t.NeedSet)) == 0 {
			d := naiveDeny(ReasonTargetDenied, -1)
			d.missing = n.setOf(t.NeedSet)
			return d, true
		}
	}
	return naiveAnswer{}, false
}
