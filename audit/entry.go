package audit

// entry is the sink's own copy of a decision.
type entry struct {
	Event
	at      int  // in Log.open
	written bool // it has its line; until then Log.mu is held to change this and at
}

// take copies a decision.
func (x *entry) take(e *Event) {
	x.Event = *e
	x.Event.entry = nil
	x.written = false
}

// category gives the heading of the route's file in the table.
func (x *entry) category() string {
	if x.Route == nil || x.Route.Category == "" {
		return "none"
	}
	return x.Route.Category
}

// decided writes the fields of a decision.
func (x *entry) decided(l *line) {
	l.id(keyRequestID, x.ID)
	if x.Client.IsValid() {
		l.address(keyClient, x.Client)
	}
	l.text(keyCredential, x.Credential.String())
	if x.TokenID != 0 {
		l.number(keyTokenID, x.TokenID)
		l.number(keyOwnerID, x.OwnerID)
	}
	l.verdict(x)
}

// request writes what was asked for.
func (x *entry) request(l *line) {
	l.text(keyMethod, x.Method)
	if x.Route != nil {
		l.text(keyRoute, x.Route.Path)
	}
	switch {
	case x.Permission != "":
		l.text(keyPermission, x.Permission)
	case x.Route != nil && x.Route.Action != "":
		l.permission(x.Route.Action, x.Route.Resource)
	}
	if x.Boundary != 0 {
		l.text(keyBoundary, x.Boundary.String())
	}
}

// container writes which one was checked.
func (x *entry) container(l *line) {
	if x.BoundaryID != 0 {
		l.number(keyBoundaryID, x.BoundaryID)
	}
}

// verdict writes what was decided.
func (x *entry) verdict(l *line) {
	l.text(keyVerdict, x.Verdict.String())
	l.text(keyReason, x.Reason)
}

// outcome writes the fields of a completion.
func (e *Event) outcome(l *line) {
	l.number(keyStatus, int64(e.Status))
	l.number(keyBytes, e.ResponseBytes)
	l.number(keyRequestBytes, e.RequestBytes)
	l.number(keyDurationUS, e.Duration.Microseconds())
	if e.Upstream > 0 {
		l.number(keyUpstreamUS, e.Upstream.Microseconds())
	}
	if e.Failure != "" {
		l.text(keyFailure, e.Failure)
	}
}

// The fields of a line, as they stand in JSON.
const (
	keyRequestID    key = `,"request_id":`
	keyClient       key = `,"client":`
	keyCredential   key = `,"credential":`
	keyTokenID      key = `,"token_id":`
	keyOwnerID      key = `,"owner_id":`
	keyMethod       key = `,"method":`
	keyRoute        key = `,"route":`
	keyPermission   key = `,"permission":`
	keyBoundary     key = `,"boundary":`
	keyBoundaryID   key = `,"boundary_id":`
	keyVerdict      key = `,"verdict":`
	keyReason       key = `,"reason":`
	keyStatus       key = `,"status":`
	keyBytes        key = `,"bytes":`
	keyRequestBytes key = `,"request_bytes":`
	keyDurationUS   key = `,"duration_us":`
	keyUpstreamUS   key = `,"upstream_us":`
	keyFailure      key = `,"failure":`
)
