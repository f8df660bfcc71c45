package audit

import (
	"time"

	"go.uber.org/zap/zapcore"
)

// entry is the sink's own copy of an event.
type entry struct {
	Event
	completed bool
	written   bool // the decision has its line
	fields    []zapcore.Field
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

// permission gives the name of the permission that decided.
func (x *entry) permission() string {
	switch {
	case x.Permission != "":
		return x.Permission
	case x.Route != nil && x.Route.Action != "":
		return x.Route.Action + "_" + x.Route.Resource
	}
	return ""
}

// category gives the heading of the route's file in the table.
func (x *entry) category() string {
	if x.Route == nil || x.Route.Category == "" {
		return "none"
	}
	return x.Route.Category
}

// decided gives the line's fields: what was decided, and what became of it when that is known.
func (x *entry) decided() []zapcore.Field {
	f := append(x.fields[:0], text("request_id", x.ID.String()))
	if x.Client.IsValid() {
		f = append(f, text("client", x.Client.String()))
	}
	f = append(f, text("credential", x.Credential.String()))
	if x.TokenID != 0 {
		f = append(f, number("token_id", x.TokenID), number("owner_id", x.OwnerID))
	}
	f = append(f, text("method", x.Method))
	if x.Route != nil {
		f = append(f, text("route", x.Route.Path))
	}
	if p := x.permission(); p != "" {
		f = append(f, text("permission", p))
	}
	if x.Boundary != 0 {
		f = append(f, text("boundary", x.Boundary.String()))
	}
	if x.BoundaryID != 0 {
		f = append(f, number("boundary_id", x.BoundaryID))
	}
	f = append(f, text("verdict", x.Verdict.String()), text("reason", x.Reason))
	if x.completed {
		f = x.outcome(f)
	}
	x.fields = f
	return f
}

// finished gives the fields of a completion that has a line of its own.
func (x *entry) finished() []zapcore.Field {
	x.fields = x.outcome(append(x.fields[:0], text("request_id", x.ID.String())))
	return x.fields
}

func (x *entry) outcome(f []zapcore.Field) []zapcore.Field {
	f = append(f, number("status", int64(x.Status)), number("bytes", x.ResponseBytes), number("request_bytes", x.RequestBytes),
		number("duration_us", x.Duration.Microseconds()))
	if x.Upstream > 0 {
		f = append(f, number("upstream_us", x.Upstream.Microseconds()))
	}
	if x.Failure != "" {
		f = append(f, text("failure", x.Failure))
	}
	return f
}

// due tells whether an entry's line is written now.
func (x *entry) due(now time.Time) bool {
	return x.completed || now.Sub(x.Start) >= mergeWindow
}

func text(key, value string) zapcore.Field {
	return zapcore.Field{Key: key, Type: zapcore.StringType, String: value}
}

func number(key string, value int64) zapcore.Field {
	return zapcore.Field{Key: key, Type: zapcore.Int64Type, Integer: value}
}
