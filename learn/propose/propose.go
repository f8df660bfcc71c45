package propose

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/bits"
	"slices"
	"time"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

// Ask says what a proposal is made of.
type Ask struct {
	Observations []learn.Observation
	// Since is the first day that counts.
	Since learn.Day
	Today learn.Day
	// Owner is the forge user id of the owner.
	Owner int64
	// Present, when it is not nil, is the grant that the token has now: what it does not allow any more is no part of a proposal.
	Present *policy.Grant
	// Reports: the token is in report mode, or was lately, and its scopes were not edited since. Then the proposal also allows
	// what the grant denied and report mode let pass; otherwise it does not.
	Reports bool
	// Accept are permissions by name that may be in the proposal although a row that needs them is a danger.
	Accept []string
	// Groups are those that somebody said yes to, out of those that the proposal asks about: see Group and Below.
	Groups []int64
	// Suspect, when set, is since when the credential, which was reported as leaked, may have been a thief's. What was first seen
	// since then is set apart, and so is what was seen from new networks alone. AcceptSuspect takes it in all the same.
	Suspect       time.Time
	AcceptSuspect bool
	// Over, when it is not nil, is asked again and again: an error of it ends the work.
	Over func() error
}

// Proposal is the smallest grant for what was observed, with its proof.
type Proposal struct {
	Scopes []policy.ScopeSpec `json:"scopes"`
	// Evidence tells what needed each permission and each ref pattern of the scopes.
	Evidence    []Evidence  `json:"evidence"`
	Certificate Certificate `json:"certificate"`
	// Unticked are requests that the proposal leaves out because nobody has said yes to their dangers. Accepted are dangerous
	// requests that somebody has said yes to.
	Unticked []Unticked `json:"unticked"`
	Accepted []Unticked `json:"accepted,omitempty"`
	// Quarantined were first seen shortly before the credential was reported as leaked, or from networks alone that were new
	// for it. They are not part of the proposal.
	Quarantined []Unticked `json:"quarantined"`
	// Unknown are rows that the table no longer has.
	Unknown []string `json:"unknown,omitempty"`
	// Collapsed are kinds of requests whose projects and groups are not known, because there were too many, or they could not be
	// found out. They are not part of the proposal. Below asks about those that are known to lie in one group: after a yes they
	// are part of the proposal and not counted here.
	Collapsed int     `json:"collapsed,omitempty"`
	Below     []Below `json:"collapsed_below,omitempty"`
	// Lost are kinds of requests that the token may no longer make. They are not part of the proposal.
	Lost int `json:"no_longer_allowed,omitempty"`
	// Split are the tokens that the proposal could be instead, when it serves jobs that have no container in common.
	Split      [][]policy.ScopeSpec `json:"split,omitempty"`
	Groups     []Group              `json:"groups,omitempty"`
	Confidence Confidence           `json:"confidence"`
	Notes      []string             `json:"notes,omitempty"`
}

// Unticked is a kind of request outside of the proposal.
type Unticked struct {
	Method      string   `json:"method"`
	Route       string   `json:"route"`
	Permissions []string `json:"permissions"`
	Why         []string `json:"why"`
	Requests    int64    `json:"requests"`
	First       string   `json:"first_day"`
	// NotHeld: the token's scopes of today do not allow it.
	NotHeld bool `json:"not_held_today,omitempty"`
}

// Confidence are plain facts about how much was seen.
type Confidence struct {
	Days     int   `json:"days"` // from the first request to the last
	Requests int64 `json:"requests"`
	// Quiet is how many days have passed since something was needed for the first time.
	Quiet int `json:"days_since_last_new_need"`
	// Young: so little was seen that a job which runs seldom is easily missed: less than two weeks, or something new in the last.
	Young bool `json:"young,omitempty"`
	// Once are the rows that were seen on one day only.
	Once []string `json:"seen_on_one_day"`
}

// ErrNothing says that nothing was observed in the window.
var ErrNothing = errors.New("nothing was observed in that time")

// Make makes a proposal. It ends with the error of Ask.Over when there is one before.
func (r *Replay) Make(q Ask) (*Proposal, error) {
	over := q.Over
	if over == nil {
		over = func() error { return nil }
	}
	p := &Proposal{Unticked: []Unticked{}, Quarantined: []Unticked{}}
	events, dangers, seen := r.sort(p, &q)
	if len(seen)+len(p.Quarantined)+p.Collapsed == 0 {
		return nil, ErrNothing
	}
	p.Confidence = confidence(seen, q.Since, q.Today)
	d, grant, events, left, err := r.apart(over, events, dangers, &q)
	if err != nil {
		return nil, err
	}
	p.Scopes = d.specs(r.table.Catalogue(), nil)
	var needed seenOf
	if p.Certificate, needed, err = r.certify(over, d, grant, events, &q); err != nil {
		return nil, err
	}
	p.Evidence = needed.evidence(r.table.Catalogue(), q.Since)
	for _, at := range d.wide {
		p.Notes = append(p.Notes, fmt.Sprintf("pushes to %s %d are limited to whole folders of refs: more than %d refs "+
			"were pushed",
			at.boundary, at.id, mostPatterns))
	}
	for i := range left {
		if e := &left[i]; !e.allows(grant) {
			p.Unticked = append(p.Unticked, r.unticked(&e.event, &q, e.why))
			if len(r.textDangers(&e.question)) > 0 {
				p.Notes = append(p.Notes, e.Unit.Method+" "+e.Unit.Route+" had quick actions, or no text of its own, in "+
					"whose place the "+
					"forge may take that of a template with some: with a description that is not blank, and has none, it "+
					"needs less")
			}
		}
	}
	for i := range events {
		if why := r.dangers(&events[i].question); len(why) > 0 {
			p.Accepted = append(p.Accepted, r.unticked(&events[i], &q, why))
		}
	}
	if p.Split, err = r.split(over, events, &q); err != nil {
		return nil, err
	}
	p.Groups = groups(events, q.Groups)
	for e := range d.parts {
		if e.access == policy.AccessAllMemberships {
			p.Notes = append(p.Notes, r.table.Catalogue().Name(e.permission)+" is needed under all_memberships: a request "+
				"names no project or group, or its answer reaches over all of them")
		}
	}
	p.Notes = append(p.Notes, unlimited(events)...)
	for i := range events {
		if d := policy.Decide(grant, &events[i].question); d.Reason == policy.ReasonFiltered && !events[i].Unit.Filtered {
			p.Notes = append(p.Notes, events[i].Unit.Method+" "+events[i].Unit.Route+" will list only what the token reaches")
		}
	}
	slices.Sort(p.Notes)
	p.Notes = slices.Compact(p.Notes)
	slices.Sort(p.Unknown)
	return p, nil
}

// sort divides what was seen into what a proposal is made from, dangers that it leaves out because nobody has said yes to them,
// and the rest, which it only mentions. seen are the former two.
func (r *Replay) sort(p *Proposal, q *Ask) (events, dangers []event, seen []*learn.Observation) {
	for i := range q.Observations {
		o := &q.Observations[i]
		if n, _ := countSince(o, q.Since); n == 0 || o.Unit.Denied != "" {
			continue
		}
		e, ok := r.read(o)
		switch {
		case o.Unit.WouldDeny != "" && !q.Reports, ok && o.Unit.WouldDeny == "" && q.Present != nil && !r.may(&e, q.Present):
			p.Lost++
			continue
		case !ok:
			p.Unknown = append(p.Unknown, o.Unit.Method+" "+o.Unit.Route)
			continue
		}
		if why := q.suspects(o); len(why) > 0 {
			p.Quarantined = append(p.Quarantined, r.unticked(&e, q, why))
			continue
		}
		danger := len(r.dangers(&e.question)) > 0 && !accepted(o, q.Accept)
		if o.Unit.Collapsed && !p.below(&e, q, !danger) {
			continue
		}
		seen = append(seen, o)
		if danger {
			dangers = append(dangers, e)
			continue
		}
		events = append(events, e)
	}
	return events, dangers, seen
}

// names gives the permissions that a question needs, each once.
func (r *Replay) names(q *policy.Question) (names []string) {
	needs := q.Route.NeedSet
	for i := range q.Acts {
		if q.Acts[i].Needs != nil {
			needs.Union(q.Acts[i].Needs)
		}
	}
	for p := range permissions(&needs) {
		names = append(names, r.table.Catalogue().Name(p))
	}
	return names
}

func (r *Replay) unticked(e *event, q *Ask, why []string) Unticked {
	n, _ := countSince(e.Observation, q.Since)
	return Unticked{Method: e.Unit.Method, Route: e.Unit.Route, Permissions: r.names(&e.question), Why: why, Requests: n,
		First: e.First.UTC().Format("2006-01-02"), NotHeld: q.Present != nil && !r.may(e, q.Present)}
}

// least makes the smallest set of elements that allows all events. It begins with all that they may need and leaves out one after
// another. More scopes never turn an allow into a denial, so an element that could not be left out once cannot be left out later,
// and one pass is enough.
func (r *Replay) least(over func() error, events []event, q *Ask) (*draft, *policy.Grant, error) {
	d := &draft{parts: parts{}}
	for i := range events {
		d.need(&events[i])
	}
	for _, g := range groups(events, q.Groups) {
		if g.Chosen {
			d.widen(g)
		}
	}
	d.generalise()
	grant, err := r.compile(d, nil, q.Owner)
	if err != nil {
		return nil, nil, err
	}
	// What even all of it does not allow would be denied by any grant: it was let through by no grant of the table of now.
	m := r.removals(d, slices.DeleteFunc(slices.Clone(events), func(e event) bool { return !e.allows(grant) }), q.Owner)
	for _, e := range d.order(weigh(r.table)) {
		if err := over(); err != nil {
			return nil, nil, err
		}
		if lost, err := m.denied(&e, 1); err == nil && len(lost) == 0 {
			delete(d.parts, e)
		}
	}
	grant, err = r.compile(d, nil, q.Owner)
	return d, grant, err
}

// touching gives events by the permissions that they may need, and those that change refs by 0.
func touching(events []event) map[routes.Permission][]*event {
	of := map[routes.Permission][]*event{}
	for i := range events {
		e := &events[i]
		for p := range permissions(&e.needs) {
			of[p] = append(of[p], e)
		}
		if e.question.Route.Refs == routes.RefsListed {
			of[0] = append(of[0], e)
		}
	}
	return of
}

// permissions gives those of a set.
func permissions(set *routes.PermissionSet) iter.Seq[routes.Permission] {
	return func(yield func(routes.Permission) bool) {
		for i, word := range set {
			for ; word != 0; word &= word - 1 {
				if !yield(routes.Permission(64*i + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}

// compile makes the grant of a draft, without an element. A draft without elements is a grant that allows nothing.
func (r *Replay) compile(d *draft, without *element, owner int64) (*policy.Grant, error) {
	specs := d.specs(r.table.Catalogue(), without)
	if len(specs) == 0 {
		return &policy.Grant{Owner: owner, TableVersion: r.table.Version()}, nil
	}
	return policy.Compile(owner, r.table.Version(), specs, r.table.Catalogue())
}

// longEnough is for how many days a job should be watched, settled for how many nothing new should have come.
const longEnough, settled = 14, 7

func confidence(seen []*learn.Observation, since, today learn.Day) (c Confidence) {
	first, last, fresh := today, since, learn.Day(0)
	on := map[string][]learn.Day{}
	for _, o := range seen {
		n, end := countSince(o, since)
		c.Requests += n
		last = max(last, end)
		for _, day := range o.Days {
			if day.Day >= since {
				first = min(first, day.Day)
				row := o.Unit.Method + " " + o.Unit.Route
				on[row] = append(on[row], day.Day)
			}
		}
		fresh = max(fresh, learn.DayOf(o.First))
	}
	c.Days = max(int(last-first)+1, 1)
	if len(seen) > 0 {
		c.Quiet = max(int(today-fresh), 0)
	}
	c.Young = c.Days < longEnough || c.Quiet < settled
	c.Once = []string{}
	for _, row := range slices.Sorted(maps.Keys(on)) {
		if slices.Min(on[row]) == slices.Max(on[row]) {
			c.Once = append(c.Once, row)
		}
	}
	return c
}
