// Package words says in words what pages show: states, badges, accesses.
package words

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"patgate/policy"
)

// State gives the state of a token as badges show it.
func State(state string) string {
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

// Badge is a mark on a token.
type Badge struct {
	Name, Words, Why string
}

// Badges are the badges with what they mean.
func Badges(names []string) (all []Badge) {
	for _, name := range names {
		b := Badge{Name: name}
		switch name {
		case "broad":
			b.Words, b.Why = "Broad", "It reaches everything its owner has access to or more than 100 projects, writes on the "+
				"whole instance, is in report mode, or holds more than 100 permissions in one scope."
		case "report_mode":
			b.Words, b.Why = "Report mode", "What its grant would deny is recorded, and let through where its owner may do "+
				"it. When report mode ends, it is denied."
		case "makes_credentials":
			b.Words, b.Why = "Makes credentials", "It can make deploy keys, deploy tokens, access tokens or triggers. "+
				"These work past patgate, and outlive the token."
		case "unused":
			b.Words, b.Why = "Never used", "It is older than a week, and was never used."
		case "unused_permissions":
			b.Words, b.Why = "Unused permissions", "It holds permissions that it has not used for 60 days. "+
				"Its page says which, and can remove them."
		case "expiring_soon":
			b.Words, b.Why = "Expiring soon", "It expires in less than two weeks, and most of its life is over."
		case "newer_routes_held_back":
			b.Words, b.Why = "Update waiting", "Since it was made, new endpoints were added under its permissions. They "+
				"are held back until its owner confirms them."
		case "credential_invalid":
			continue // the state says it
		default:
			b.Words = name
		}
		all = append(all, b)
	}
	return all
}

// TheirAccess says where a scope of somebody else's token reaches.
func TheirAccess(access string) string {
	switch a, _ := policy.ParseAccess(access); a {
	case policy.AccessPersonalProjects:
		return "The owner’s personal projects"
	case policy.AccessAllMemberships:
		return "Everything the owner has access to"
	case policy.AccessUser:
		return "The owner’s account"
	}
	return Access(access)
}

// Access says to its owner where a scope of a token reaches.
func Access(access string) string {
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

// Title makes a label of an identifier: merge_request becomes Merge request.
func Title(snake string) string {
	s := strings.ReplaceAll(snake, "_", " ")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// verbOrder is the order in which verbs are shown; others follow as they come.
var verbOrder = []string{"create", "read", "update", "delete"}

// ByVerb compares verbs by the order in which they are shown.
func ByVerb(a, b string) int {
	place := func(s string) int {
		if i := slices.Index(verbOrder, s); i >= 0 {
			return i
		}
		return len(verbOrder)
	}
	return place(a) - place(b)
}

// JSON writes a value for people to read and copy.
func JSON(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return strings.TrimSpace(b.String()), err
}
