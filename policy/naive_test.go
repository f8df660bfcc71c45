package policy

import (
	"regexp"
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
	commands  []Command
}

func naiveDecide(cat *catalogue, owner int64, version int, specs []ScopeSpec, q *Question) naiveAnswer {
	n := naive{catalogue: cat, owner: owner, version: version, specs: specs, route: q.Route, checks: q.Checks, commands: q.Commands,
		counts: make([]bool, len(specs))}
	if q.Route != nil && q.Route.Refs == routes.RefsListed {
		return n.refs(q.Refs)
	}
	writes := q.Route != nil && q.Route.Method != "GET" && !q.Route.Reads && q.Route.Refs != routes.RefsNone
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

// refs decides without any ref, and then with each alone.
func (n *naive) refs(refs []RefUpdate) naiveAnswer {
	for i := range n.counts {
		n.counts[i] = true
	}
	first := n.decide()
	if !first.allow {
		return first
	}
	for _, u := range refs {
		for i, s := range n.specs {
			n.counts[i] = naiveAllow(s.Constraints, u)
		}
		if each := n.decide(); !each.allow {
			return naiveDeny(ReasonRef)
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
	for _, c := range n.commands {
		if d, bad := n.commandNotAllowed(c); bad {
			return d
		}
	}
	return answer
}

// commandNotAllowed: a command in a text needs its permissions wherever the request itself does, and on everything when
// its argument may name anything.
func (n *naive) commandNotAllowed(c Command) (naiveAnswer, bool) {
	d := naiveDeny(ReasonQuickAction)
	if c.Needs == nil || len(n.setOf(*c.Needs)) == 0 {
		return d, true
	}
	wanted := n.setOf(*c.Needs)
	for _, named := range n.checks {
		held, some := n.heldBy(func(s ScopeSpec) bool { return n.reaches(s, named) })
		if !held.all(wanted) {
			d.missing, d.boundary = wanted.without(held), named.Boundary
			byNamespace := named.Reference.Kind == routes.RefNamespace
			switch {
			case some:
			case named.Target && byNamespace:
				d.boundary = routes.BoundaryGroup
			case !named.Target && (byNamespace || n.route.Find.From == routes.FindByLookup):
				d.boundary = n.route.Boundaries[0]
			}
			return d, true
		}
	}
	if c.Elsewhere && !n.heldUnderAllMemberships().all(wanted) {
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

func (n *naive) ownBoundary() naiveAnswer {
	needs := n.setOf(n.route.NeedSet)
	if !n.heldAnywhere().all(needs) {
		d := naiveDeny(ReasonPermissionMissing)
		d.boundary, d.missing = n.route.Boundaries[0], needs.without(n.heldAnywhere())
		return d
	}
	if n.route.Method != "GET" && !n.route.Reads && n.route.Since > n.version {
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
	ofItself := c.Boundary == routes.BoundaryUser || c.Boundary == routes.BoundaryInstance
	if len(wanted) > 0 && !ofItself && !seen(c) && n.expected(c, wanted) {
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
