package audit

import (
	"slices"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"
)

// A decision is one line that a person reads; a token's name cannot make it two, or look like another.
func TestDecisionsForPeople(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	names := map[int64]string{1: "ci", 2: "a\nb \"c\"\x1b[31m"}
	encoder := NewPlain(func(id int64) string { return names[id] })
	text := func(key, value string) zapcore.Field {
		return zapcore.Field{Key: key, Type: zapcore.StringType, String: value}
	}
	number := func(key string, value int64) zapcore.Field {
		return zapcore.Field{Key: key, Type: zapcore.Int64Type, Integer: value}
	}
	with := func(fields []zapcore.Field, more ...zapcore.Field) []zapcore.Field {
		return slices.Concat(fields, more)
	}
	asked := []zapcore.Field{text("credential", "token"), text("method", "GET"), text("route", "/projects/{project}/issues"),
		text("permission", "read_work_item"), text("boundary", "project")}
	denied := with(asked, text("verdict", "deny"), text("reason", "permission_missing"), number("status", 403))
	for _, c := range []struct {
		name   string
		fields []zapcore.Field
		want   string
	}{
		{"a denial", with(denied, number("token_id", 1), number("boundary_id", 6)),
			"03:04:05.006 DENY ci GET /projects/{project}/issues needs read_work_item on project 6 (permission_missing)\n"},
		{"one before the project is known", with(denied, number("token_id", 3)),
			"03:04:05.006 DENY 3 GET /projects/{project}/issues needs read_work_item on project (permission_missing)\n"},
		{"a token with an odd name", with(denied, number("token_id", 2)),
			`03:04:05.006 DENY "a\nb \"c\"\x1b[31m" GET /projects/{project}/issues needs read_work_item on project ` +
				"(permission_missing)\n"},
		{"an allowed request", with(asked, text("verdict", "allow"), text("reason", "granted"), number("status", 200),
			number("token_id", 1), number("boundary_id", 6)), "03:04:05.006 ALLOW ci GET /projects/{project}/issues on project 6 200\n"},
		{"nobody's", []zapcore.Field{text("credential", "anonymous"), text("method", "GET"), text("verdict", "deny"),
			text("reason", "no_credential"), number("status", 401)}, "03:04:05.006 DENY anonymous GET (no row) (no_credential) 401\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := encoder.Clone().EncodeEntry(zapcore.Entry{Time: at, Message: "decision"}, c.fields)
			if err != nil || b.String() != c.want {
				t.Errorf("%v: %q", err, b.String())
			}
		})
	}
}
