package terms

import (
	"slices"
	"strings"

	"patgate/policy"
	"patgate/token"
)

// Unheld warns of limits that do not hold at a container registry that is not behind patgate: clients use the forge's signed
// tokens there, from any address and as much as they like.
func Unheld(r *token.Record) []string {
	var beyond []string
	if len(r.Limits.Networks) > 0 {
		beyond = append(beyond, "networks")
	}
	if r.Limits.BytesPerDay > 0 {
		beyond = append(beyond, "bytes_per_day")
	}
	if len(beyond) == 0 || !slices.ContainsFunc(r.Scopes, func(s policy.ScopeSpec) bool {
		return slices.ContainsFunc(s.Permissions, func(p string) bool { return strings.HasSuffix(p, "_container_repository") })
	}) {
		return nil
	}
	return []string{strings.Join(beyond, " and ") + " hold when a token for the container registry is asked for, and not " +
		"where it is used: the registry is not behind patgate (registry.url)"}
}
