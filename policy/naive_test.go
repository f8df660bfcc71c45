package policy

import (
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
	checks    []Check
}

func naiveDecide(cat *catalogue, owner int64, version int, specs []ScopeSpec, q *Question) naiveAnswer {
	n := naive{catalogue: cat, owner: owner, version: version, specs: specs, route: q.Route, checks: q.Checks,
		counts: make([]bool, len(specs))}
	writes := q.Route != nil && q.Route.Method != "GET"
	for i, s := range specs {
		n.counts[i] = !writes || len(s.Constraints.RefPatterns) == 0
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

func naiveDeny(reason Reason) naiveAnswer { return naiveAnswer{reason: reason, scope: -1} }

func (n *naive) decide() naiveAnswer {
	r := n.route
	if r == nil || r.Kind == routes.KindNone {
		return naiveDeny(ReasonNone)
	}
	if r.Refused != "" {
		return naiveDeny(ReasonRefused)
	}
	if r.Kind == routes.KindOpen {
		return naiveAnswer{allow: true, reason: ReasonOpen, anonymous: true, scope: -1}
	}
	if r.Kind == routes.KindOtherCredential {
		return naiveDeny(ReasonOtherCredential)
	}
	if r.Mints != "" {
		d := naiveDeny(ReasonMints)
		if len(r.Boundaries) > 0 {
			d.boundary = r.Boundaries[0]
		}
		return d
	}
	if len(n.setOf(r.NeedSet)) == 0 || len(r.Boundaries) == 0 {
		return naiveDeny(ReasonNone)
	}
	answer := n.ownBoundary()
	if !answer.allow && n.everyOwnContainerIsPublic() {
		answer = naiveAnswer{allow: true, reason: ReasonPublic, anonymous: true, scope: -1}
	}
	if !answer.allow {
		return answer
	}
	for _, c := range n.checks {
		if c.Target {
			if d := n.target(c); !d.allow {
				return d
			}
		}
	}
	if d, bad := n.requiredTargetNotChecked(); bad {
		return d
	}
	return answer
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

func (n *naive) ownBoundary() naiveAnswer {
	needs := n.setOf(n.route.NeedSet)
	if !n.heldAnywhere().all(needs) {
		d := naiveDeny(ReasonPermissionMissing)
		d.boundary, d.missing = n.route.Boundaries[0], needs.without(n.heldAnywhere())
		return d
	}
	if n.route.Method != "GET" && n.route.Since > n.version {
		d := naiveDeny(ReasonNewerThanToken)
		d.boundary = n.route.Boundaries[0]
		return d
	}
	if n.route.Spans && !n.heldUnderAllMemberships().all(needs) {
		d := naiveDeny(ReasonSpans)
		d.boundary, d.missing = n.route.Boundaries[0], needs.without(n.heldUnderAllMemberships())
		return d
	}
	first := naiveDeny(ReasonNone)
	for _, c := range n.checks {
		if c.Target {
			continue
		}
		d := n.oneOwn(c)
		if !d.allow {
			return d
		}
		if !first.allow {
			first = d
		}
	}
	return first
}

func (n *naive) oneOwn(c Check) naiveAnswer {
	wanted := n.setOf(n.route.NeedSet)
	if c.Needs != nil {
		wanted = union(wanted, n.setOf(*c.Needs))
	}
	isAlternative := false
	for _, b := range n.route.Boundaries {
		isAlternative = isAlternative || b == c.Boundary
	}
	inContainer := c.Boundary == routes.BoundaryProject || c.Boundary == routes.BoundaryGroup
	if isAlternative && inContainer && n.route.Find.From == routes.FindNowhere {
		if n.heldUnderAllMemberships().all(wanted) {
			return n.granted(c, func(s ScopeSpec) bool { return s.Access == "all_memberships" }, wanted)
		}
		d := naiveDeny(ReasonNotFindable)
		d.boundary, d.missing = c.Boundary, wanted.without(n.heldUnderAllMemberships())
		return d
	}
	var reached func(ScopeSpec) bool
	if isAlternative {
		reached = func(s ScopeSpec) bool { return n.reaches(s, c) }
	} else {
		reached = func(ScopeSpec) bool { return false }
	}
	held, some := n.heldBy(reached)
	if held.all(wanted) {
		return n.granted(c, reached, wanted)
	}
	d := naiveDeny(ReasonOutOfBounds)
	d.missing = wanted.without(held)
	unclear := c.Reference.Kind == routes.RefNamespace || n.route.Find.From == routes.FindByLookup
	if isAlternative && (some || !unclear) {
		d.boundary = c.Boundary
	} else {
		d.boundary = n.route.Boundaries[0]
	}
	if !isAlternative || inContainer && !seen(c) {
		if n.expected(c, wanted) {
			d.reason, d.missing = ReasonHidden, nil
			return d
		}
	}
	if !n.heldAnywhere().all(wanted) {
		d.reason = ReasonPermissionMissing
	}
	return d
}

func (n *naive) target(c Check) naiveAnswer {
	wanted := wordset{}
	if c.Needs != nil {
		wanted = n.setOf(*c.Needs)
	}
	reached := func(s ScopeSpec) bool { return c.Container != nil && n.reaches(s, c) }
	held, some := n.heldBy(reached)
	if len(wanted) == 0 {
		held, some = wordset{}, false
	}
	if len(wanted) > 0 && held.all(wanted) {
		return naiveAnswer{allow: true, reason: ReasonGranted}
	}
	d := naiveDeny(ReasonTargetDenied)
	d.boundary, d.missing = c.Boundary, wanted.without(held)
	if c.Reference.Kind == routes.RefNamespace && !some {
		d.boundary = routes.BoundaryGroup
	}
	inContainer := c.Boundary == routes.BoundaryProject || c.Boundary == routes.BoundaryGroup
	if len(wanted) > 0 && inContainer && !seen(c) && n.expected(c, wanted) {
		d.reason, d.missing = ReasonHidden, nil
	}
	return d
}

func (n *naive) requiredTargetNotChecked() (naiveAnswer, bool) {
	given := 0
	for _, c := range n.checks {
		if c.Target {
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
		for _, c := range n.checks {
			covered = covered || c.Target && c.Needs != nil && n.setOf(*c.Needs).all(n.setOf(t.NeedSet))
		}
		if !covered || required > given {
			d := naiveDeny(ReasonTargetDenied)
			d.missing = n.setOf(t.NeedSet)
			return d, true
		}
	}
	return naiveAnswer{}, false
}

// seen tells whether the check's container was found and is what the check says.
func seen(c Check) bool {
	return c.Container != nil && c.Container.Boundary == c.Boundary && c.Container.ID > 0 && c.Container.Access != OwnerNone
}

// reaches says, access by access, what a scope reaches.
func (n *naive) reaches(s ScopeSpec, c Check) bool {
	switch s.Access {
	case "personal_projects":
		return c.Boundary == routes.BoundaryProject && seen(c) && c.Container.PersonalOf == n.owner
	case "all_memberships":
		return (c.Boundary == routes.BoundaryProject || c.Boundary == routes.BoundaryGroup) && seen(c) && c.Container.Access == OwnerMember
	case "selected_memberships":
		if !(c.Boundary == routes.BoundaryProject || c.Boundary == routes.BoundaryGroup) || !seen(c) {
			return false
		}
		for _, id := range s.ProjectIDs {
			if c.Boundary == routes.BoundaryProject && c.Container.ID == id {
				return true
			}
		}
		for _, id := range s.GroupIDs {
			if c.Boundary == routes.BoundaryGroup && c.Container.ID == id {
				return true
			}
			for _, ancestor := range c.Container.Ancestors {
				if ancestor == id {
					return true
				}
			}
		}
		return false
	case "user":
		return c.Boundary == routes.BoundaryUser &&
			(c.Container == nil || c.Container.Boundary == routes.BoundaryUser && c.Container.ID == n.owner)
	case "instance":
		return c.Boundary == routes.BoundaryInstance && c.Container == nil
	}
	return false
}

func (n *naive) heldBy(takes func(ScopeSpec) bool) (held wordset, some bool) {
	held = wordset{}
	for i, s := range n.specs {
		if n.counts[i] && takes(s) {
			held, some = union(held, permissionsOf(s)), true
		}
	}
	return held, some
}

// expected: the permissions are held for a container that the owner cannot see, as far as a reference tells.
func (n *naive) expected(c Check, wanted wordset) bool {
	held, _ := n.heldBy(func(s ScopeSpec) bool {
		if s.Access == "all_memberships" {
			return true
		}
		ids := s.GroupIDs
		if c.Reference.Kind == routes.RefProject {
			ids = s.ProjectIDs
		} else if c.Reference.Kind == routes.RefUser || c.Reference.Kind == routes.RefNone {
			ids = nil
		}
		for _, id := range ids {
			if c.Reference.ID == id {
				return true
			}
		}
		return false
	})
	return held.all(wanted)
}

func (n *naive) granted(c Check, reached func(ScopeSpec) bool, wanted wordset) naiveAnswer {
	for i, s := range n.specs {
		if !n.counts[i] || !reached(s) {
			continue
		}
		for name := range permissionsOf(s) {
			if wanted[name] {
				return naiveAnswer{allow: true, reason: ReasonGranted, scope: i, boundary: c.Boundary}
			}
		}
	}
	panic("a grant without a scope that contributes")
}

// everyOwnContainerIsPublic: the row is marked public, and every container of its own boundary is public.
func (n *naive) everyOwnContainerIsPublic() bool {
	if !n.route.Public || n.route.Find.From == routes.FindNowhere {
		return false
	}
	some := false
	for _, c := range n.checks {
		if c.Target {
			continue
		}
		some = true
		isAlternative := false
		for _, b := range n.route.Boundaries {
			isAlternative = isAlternative || b == c.Boundary
		}
		if !isAlternative || c.Container == nil || c.Container.Boundary != c.Boundary ||
			c.Boundary != routes.BoundaryProject && c.Boundary != routes.BoundaryGroup ||
			c.Container.Visibility != VisibilityPublic {
			return false
		}
	}
	return some
}
