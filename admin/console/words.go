package console

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"patgate/admin/console/snippet"
	"patgate/policy"
)

// moment is a time as a page shows it: in words, and to the minute.
type moment struct {
	Words, Exact, Machine string
}

// instant gives a time in words. The zero time is never.
func (q *request) instant(t time.Time) moment {
	if t.IsZero() {
		return moment{Words: "never"}
	}
	t = t.UTC()
	m := moment{Exact: t.Format("2 January 2006, 15:04 UTC"), Machine: t.Format(time.RFC3339)}
	switch d := t.Sub(q.o.Now()); {
	case d > 0:
		m.Words = "in " + snippet.Span(d)
	case d > -time.Minute:
		m.Words = "just now"
	default:
		m.Words = snippet.Span(-d) + " ago"
	}
	return m
}

// stateWords are the states of tokens as badges show them.
func stateWords(state string) string {
	switch state {
	case "active":
		return "Active"
	case "expired":
		return "Expired"
	case "revoked":
		return "Revoked"
	case "paused":
		return "Paused"
	case "credential_invalid":
		return "Resting"
	}
	return state
}

// badge is a mark on a token.
type badge struct {
	Name, Words, Why string
}

// badgeWords are the badges with what they mean.
func badgeWords(names []string) (all []badge) {
	for _, name := range names {
		b := badge{Name: name}
		switch name {
		case "broad":
			b.Words, b.Why = "Broad", "It reaches all that you have access to, writes on the whole instance, is in report mode, or holds "+
				"more than 100 permissions in one scope."
		case "report_mode":
			b.Words, b.Why = "Report mode", "What its owner may do passes. What its grant denies is recorded, and will be denied when "+
				"report mode ends."
		case "makes_credentials":
			b.Words, b.Why = "Makes credentials", "With it deploy keys, deploy tokens, access tokens or triggers can be made. They work "+
				"past patgate, and outlive it."
		case "unused":
			b.Words, b.Why = "Never used", "It is older than a week, and was never used."
		case "unused_permissions":
			b.Words, b.Why = "Unused permissions", "It holds permissions that it was never seen to use. Narrow it."
		case "expiring_soon":
			b.Words, b.Why = "Expiring soon", "It expires in less than two weeks."
		case "newer_routes_held_back":
			b.Words, b.Why = "Update waiting", "Newer endpoints came under its permissions since it was made. They are held back until "+
				"you confirm them."
		case "credential_invalid":
			continue // the state says it
		default:
			b.Words = name
		}
		all = append(all, b)
	}
	return all
}

// accessWords say where a scope reaches.
func accessWords(access string) string {
	switch a, _ := policy.ParseAccess(access); a {
	case policy.AccessPersonalProjects:
		return "My personal projects"
	case policy.AccessAllMemberships:
		return "Everything I have access to"
	case policy.AccessSelectedMemberships:
		return "Selected projects and groups"
	case policy.AccessUser:
		return "My account"
	case policy.AccessInstance:
		return "The whole instance"
	}
	return access
}

// title makes a label of an identifier: merge_request becomes Merge request.
func title(snake string) string {
	s := strings.ReplaceAll(snake, "_", " ")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// verbOrder is the order in which verbs are shown; others follow as they come.
var verbOrder = []string{"create", "read", "update", "delete"}

func byVerb(a, b string) int {
	place := func(s string) int {
		if i := slices.Index(verbOrder, s); i >= 0 {
			return i
		}
		return len(verbOrder)
	}
	return place(a) - place(b)
}

// toJSON writes a value for people to read and copy.
func toJSON(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return strings.TrimSpace(b.String()), err
}
