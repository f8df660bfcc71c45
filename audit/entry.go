package audit

import "time"

// entry is the sink's own copy of an event.
type entry struct {
	Event
	completed bool
	written   bool // the decision has its line
}

// take copies a decision.
func (x *entry) take(e *Event) {
	x.Event = *e
	x.Event.entry = nil
	x.completed, x.written = false, false
}

// complete copies what the completion tells.
func (x *entry) complete(e *Event) {
	x.Status, x.RequestBytes, x.ResponseBytes = e.Status, e.RequestBytes, e.ResponseBytes
	x.Duration, x.Upstream, x.Failure = e.Duration, e.Upstream, e.Failure
	x.completed = true
}

// category gives the heading of the route's file in the table.
func (x *entry) category() string {
	if x.Route == nil || x.Route.Category == "" {
		return "none"
	}
	return x.Route.Category
}

// decided writes the line's fields: what was decided, and what became of it when that is known.
func (x *entry) decided(l *line) {
	l.id("request_id", x.ID)
	if x.Client.IsValid() {
		l.address("client", x.Client)
	}
	l.text("credential", x.Credential.String())
	if x.TokenID != 0 {
		l.number("token_id", x.TokenID)
		l.number("owner_id", x.OwnerID)
	}
	l.text("method", x.Method)
	if x.Route != nil {
		l.text("route", x.Route.Path)
	}
	switch {
	case x.Permission != "":
		l.text("permission", x.Permission)
	case x.Route != nil && x.Route.Action != "":
		l.permission(x.Route.Action, x.Route.Resource)
	}
	if x.Boundary != 0 {
		l.text("boundary", x.Boundary.String())
	}
	if x.BoundaryID != 0 {
		l.number("boundary_id", x.BoundaryID)
	}
	l.text("verdict", x.Verdict.String())
	l.text("reason", x.Reason)
	if x.completed {
		x.outcome(l)
	}
}

// finished writes the fields of a completion that has a line of its own.
func (x *entry) finished(l *line) {
	l.id("request_id", x.ID)
	x.outcome(l)
}

func (x *entry) outcome(l *line) {
	l.number("status", int64(x.Status))
	l.number("bytes", x.ResponseBytes)
	l.number("request_bytes", x.RequestBytes)
	l.number("duration_us", x.Duration.Microseconds())
	if x.Upstream > 0 {
		l.number("upstream_us", x.Upstream.Microseconds())
	}
	if x.Failure != "" {
		l.text("failure", x.Failure)
	}
}

// due tells whether an entry's line is written now.
func (x *entry) due(now time.Time) bool {
	return x.completed || now.Sub(x.Start) >= mergeWindow
}
