package propose

import (
	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

// Lost is a kind of request that was made and would be denied.
type Lost struct {
	Method   string    `json:"method"`
	Route    string    `json:"route"`
	Day      learn.Day `json:"-"` // the last on which it was made
	Date     string    `json:"last_day"`
	Requests int64     `json:"requests"`
	// Boundary and Container are what it was about, where it was about one.
	Boundary  string `json:"boundary,omitempty"`
	Container int64  `json:"container_id,omitempty"`
	// Reason is why it would be denied: that of policy.Decision, no_route for a row that the table no longer has, or that of a
	// Bound or of Trial.Refuses.
	Reason  string   `json:"reason"`
	Missing []string `json:"missing,omitempty"`
	// Ceiling is the operator's limit that would deny it; Missing are then the permissions that it forbids.
	Ceiling string `json:"limit,omitempty"`
}

// Outcome says what a grant would have done to the observed requests.
type Outcome struct {
	// Requests and Kinds are how many would have been denied, Observed how many there were.
	Requests int64 `json:"requests"`
	Kinds    int   `json:"kinds"`
	Observed int64 `json:"observed"`
	// Unclear are requests whose projects and groups are no longer known, because there were too many of them.
	Unclear int64 `json:"unclear,omitempty"`
	// Before are requests that what is in force denies by now as well, see Trial.InForce.
	Before int64  `json:"denied_already,omitempty"`
	Denied []Lost `json:"denied"`
}

// Bound is a day from which on all requests would have been denied, and why.
type Bound struct {
	From   learn.Day
	Reason string
}

// Trial is what observed requests are asked again with.
type Trial struct {
	// Grant decides; Reporting too where it is not nil, on what Grant denies: the token is in report mode.
	Grant, Reporting *policy.Grant
	// Refuses, when it is not nil, decides instead of Grant: it gives why a request is refused, empty for one that passes.
	Refuses func(*learn.Unit) string
	// Bounds deny by day.
	Bounds []Bound
	// InForce, when not nil, tells whether a request would be allowed at present. A request that would not is not counted as
	// denied by the trial.
	InForce func(*learn.Observation) bool
	// Since is the first day that counts.
	Since learn.Day
}

// Simulate tells which of the observed requests, from a day on, a grant would have denied. Requests that were denied when they
// were made are not counted.
func (r *Replay) Simulate(g *policy.Grant, observations []learn.Observation, since learn.Day) Outcome {
	return r.Try(Trial{Grant: g, Since: since}, observations)
}

// Try is Simulate for whatever a trial has.
func (r *Replay) Try(t Trial, observations []learn.Observation) Outcome {
	out := Outcome{Denied: []Lost{}}
	for i := range observations {
		o := &observations[i]
		n, last := countSince(o, t.Since)
		if n == 0 || o.Unit.Denied != "" {
			continue
		}
		out.Observed += n
		if t.InForce != nil && !t.InForce(o) {
			out.Before += n
			continue
		}
		lost := r.denial(&t, o)
		if lost == nil {
			late, bound := t.late(o)
			if o.Unit.Collapsed && t.Refuses == nil {
				out.Unclear += n - late
			}
			if late == 0 {
				continue
			}
			n, lost = late, &Lost{Reason: bound.Reason}
		}
		lost.Method, lost.Route = o.Unit.Method, o.Unit.Route
		lost.Day, lost.Date = last, written(last)
		lost.Requests = n
		if len(o.Unit.Acts) > 0 && o.Unit.Acts[0].Found != routes.BoundaryNone {
			lost.Boundary, lost.Container = o.Unit.Acts[0].Found.String(), o.Unit.Acts[0].Container
		}
		out.Requests += n
		out.Kinds++
		out.Denied = append(out.Denied, *lost)
	}
	return out
}

// late gives how many requests were made when a bound denied them, and the first such bound.
func (t *Trial) late(o *learn.Observation) (n int64, first Bound) {
	for _, b := range t.Bounds {
		if late, _ := countSince(o, max(b.From, t.Since)); late > n {
			n, first = late, b
		}
	}
	return n, first
}

// Allows tells whether a trial's grants allow what was observed. For a collapsed unit that is not known: it counts as allowed.
func (r *Replay) Allows(t *Trial, o *learn.Observation) bool { return r.denial(t, o) == nil }

// denial says why a request would be denied. It is nil when it would not, and when its projects and groups are not known.
func (r *Replay) denial(t *Trial, o *learn.Observation) *Lost {
	if t.Refuses != nil {
		if reason := t.Refuses(&o.Unit); reason != "" {
			return &Lost{Reason: reason}
		}
		return nil
	}
	if o.Unit.Collapsed {
		return nil
	}
	e, ok := r.read(o)
	if !ok {
		return &Lost{Reason: "no_route"}
	}
	d := policy.Decide(t.Grant, &e.question)
	if d.Verdict == policy.Allow || t.Reporting != nil && e.allows(t.Reporting) {
		return nil
	}
	lost := &Lost{Reason: d.Reason.String()}
	if d.Ceiling != nil {
		lost.Ceiling = d.Ceiling.Name
	}
	lost.Missing = r.table.Catalogue().NamesOf(&d.Missing)
	return lost
}
