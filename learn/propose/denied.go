package propose

import (
	"cmp"
	"slices"
	"time"

	"patgate/learn"
	"patgate/policy"
)

// Denied is a kind of request that a token was denied and would be denied now, and what would allow it.
type Denied struct {
	Method string `json:"method"`
	Route  string `json:"route"`
	Reason string `json:"reason"`
	// Access and Permissions are those of a scope that would allow it. Several accesses, with commas between, need a scope each.
	Access      string   `json:"access"`
	Permissions []string `json:"permissions"`
	// Boundary is what the permissions are needed on, and Container its id; 0 when it is not known, or there is none.
	Boundary  string    `json:"boundary"`
	Container int64     `json:"container_id,omitempty"`
	Requests  int64     `json:"requests"`
	Last      time.Time `json:"last_at"`
}

// Denied gives the requests that were denied from a day on, are still denied by the present grant, and could be granted; the
// latest come first.
func (r *Replay) Denied(g *policy.Grant, observations []learn.Observation, since learn.Day) []Denied {
	all := []Denied{}
	for i := range observations {
		o := &observations[i]
		n, _ := countSince(o, since)
		if n == 0 || !grantable(o.Unit.Denied) {
			continue
		}
		e, ok := r.read(o)
		if !ok {
			continue
		}
		d := policy.Plan(g, e.question.Route)
		if len(o.Unit.Acts) > 0 && !o.Unit.Collapsed {
			d = policy.Decide(g, &e.question)
		}
		wanted, ok := d.Wanted(e.question.Route)
		if d.Verdict == policy.Allow || !ok {
			continue
		}
		one := Denied{Method: o.Unit.Method, Route: o.Unit.Route, Reason: d.Reason.String(), Access: wanted.Accesses.String(),
			Permissions: r.table.Catalogue().NamesOf(&wanted.Permissions), Boundary: d.Boundary.String(), Container: d.Container,
			Requests: n, Last: o.Last}
		same := func(other Denied) bool {
			return other.Method == one.Method && other.Route == one.Route && other.Reason == one.Reason &&
				other.Container == one.Container && slices.Equal(other.Permissions, one.Permissions)
		}
		if at := slices.IndexFunc(all, same); at >= 0 {
			all[at].Requests += n
			if all[at].Last.Before(o.Last) {
				all[at].Last = o.Last
			}
			continue
		}
		all = append(all, one)
	}
	slices.SortStableFunc(all, func(a, b Denied) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Method, b.Method))
	})
	return all
}

// grantable tells whether a scope could have allowed what was denied for a reason.
func grantable(reason string) bool {
	reasons := []policy.Reason{policy.ReasonPermissionMissing, policy.ReasonOutOfBounds, policy.ReasonTargetDenied,
		policy.ReasonSpans, policy.ReasonNotFindable, policy.ReasonQuickAction}
	return slices.ContainsFunc(reasons, func(r policy.Reason) bool { return r.String() == reason })
}
