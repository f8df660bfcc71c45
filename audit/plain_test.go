package audit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"patgate/policy"
	"patgate/routes"
)

// A decision is one line that a person reads; a token's name cannot make it two, or look like another.
func TestDecisionsForPeople(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	names := map[int64]string{1: "ci", 2: "a\nb \"c\"\x1b[31m"}
	encoder := NewPlain(PlainOptions{Name: func(id int64) string { return names[id] }})
	text := func(key, value string) zapcore.Field {
		return zapcore.Field{Key: key, Type: zapcore.StringType, String: value}
	}
	number := func(key string, value int64) zapcore.Field {
		return zapcore.Field{Key: key, Type: zapcore.Int64Type, Integer: value}
	}
	path := func(value string) zapcore.Field {
		return zapcore.Field{Key: "container", Type: zapcore.SkipType, String: value}
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
		{"one whose path is known", with(denied, number("token_id", 1), number("boundary_id", 6), path("acme/website")),
			"03:04:05.006 DENY ci GET /projects/{project}/issues needs read_work_item on acme/website (permission_missing)\n"},
		{"a path that is not one word", with(denied, number("token_id", 1), number("boundary_id", 6), path("acme/\x1b[31m\nx")),
			`03:04:05.006 DENY ci GET /projects/{project}/issues needs read_work_item on "acme/\x1b[31m\nx" (permission_missing)` + "\n"},
		{"a group", with(denied, number("token_id", 1), text("boundary", "group"), number("boundary_id", 7), path("acme")),
			"03:04:05.006 DENY ci GET /projects/{project}/issues needs read_work_item on group acme (permission_missing)\n"},
		{"a token with an odd name", with(denied, number("token_id", 2)),
			`03:04:05.006 DENY "a\nb \"c\"\x1b[31m" GET /projects/{project}/issues needs read_work_item on project ` +
				"(permission_missing)\n"},
		{"an allowed request", with(asked, text("verdict", "allow"), text("reason", "granted"), number("status", 200),
			number("token_id", 1), number("boundary_id", 6)), "03:04:05.006 ALLOW ci GET /projects/{project}/issues on project 6 200\n"},
		{"nobody's", []zapcore.Field{text("credential", "anonymous"), text("method", "GET"), text("verdict", "deny"),
			text("reason", "no_credential"), number("status", 401)},
			"03:04:05.006 DENY anonymous GET (unknown endpoint) (no_credential) 401\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := encoder.Clone().EncodeEntry(zapcore.Entry{Time: at, Message: "decision"}, c.fields)
			if err != nil || b.String() != c.want {
				t.Errorf("%v: %q", err, b.String())
			}
		})
	}
}

// Behind a denial stands what allows it, once: a command with what the forge told, which is one word to every shell.
func TestTheNextStepOfADenial(t *testing.T) {
	event := func(change func(e *Event)) *Event {
		e := &Event{Credential: CredentialToken, TokenID: 12, Method: "GET", Permission: "read_work_item", Boundary: routes.BoundaryProject,
			BoundaryID: 6, Container: "acme/website", Verdict: policy.Deny, Reason: "permission_missing", Status: 403}
		change(e)
		return e
	}
	const step = "patgate token edit 12 --project acme/website --add read_work_item\n"
	for _, c := range []struct {
		name, want string
		change     func(e *Event)
	}{
		{"a permission", step, func(*Event) {}},
		{"a place", step, func(e *Event) { e.Reason = "out_of_bounds" }},
		{"a group", "patgate token edit 12 --group acme --add read_work_item\n", func(e *Event) {
			e.Boundary, e.Container = routes.BoundaryGroup, "acme"
		}},
		{"no permission does it", "", func(e *Event) { e.Reason = "mints" }},
		{"it passed", "", func(e *Event) { e.Verdict = policy.Allow }},
		{"it passed in report mode", "", func(e *Event) { e.Verdict = policy.WouldDeny }},
		{"the path is not known", "", func(e *Event) { e.Container = "" }},
		{"the path is more than a word", "", func(e *Event) { e.Container = "acme/$(reboot)" }},
		{"the path looks like a flag", "", func(e *Event) { e.Container = "--yes" }},
		{"nobody's token", "", func(e *Event) { e.TokenID, e.Credential = 0, CredentialLegacy }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, told := range []bool{true, false} {
				encoder := NewPlain(PlainOptions{Name: func(int64) string { return "ci" }})
				if told {
					encoder = NewPlain(PlainOptions{Name: func(int64) string { return "ci" }, Edit: func(id string) string {
						return "patgate token edit " + id
					}})
				}
				l := &line{encoder: encoder}
				l.decision(event(c.change), true)
				l.decision(event(c.change), true)
				_, got, _ := strings.Cut(string(l.json), "to allow it: ")
				got, rest, _ := strings.Cut(got, "\n")
				if want := strings.TrimSuffix(c.want, "\n"); told && got != want || !told && got != "" || strings.Contains(rest, "to allow it") {
					t.Errorf("%v: %s", told, l.json)
				}
			}
		})
	}
}
