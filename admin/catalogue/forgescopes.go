package catalogue

import (
	"slices"
	"strings"
)

// covered are the scopes of a GitLab token that a wider scope holds already (doc/security/tokens, GitLab 19.3), or of a Gitea
// token: what writes also reads (models/auth, Gitea 1.26).
func covered(scope string) []string {
	if kind, writes := strings.CutPrefix(scope, "write:"); writes {
		return []string{"read:" + kind}
	}
	switch scope {
	case "api":
		return []string{"read_api", "read_user", "read_repository", "write_repository", "read_registry", "write_registry"}
	case "read_api":
		return []string{"read_user", "read_repository", "read_registry"}
	case "write_repository":
		return []string{"read_repository"}
	case "write_registry":
		return []string{"read_registry"}
	}
	return nil
}

// Broader gives the scopes of a forge credential that one with the scopes of another does not hold.
func Broader(scopes, than []string) []string {
	const narrows, all = "public-only", "all" // Gitea's: one that takes away, and one that holds every other
	var beyond []string
	if slices.Contains(than, narrows) && !slices.Contains(scopes, narrows) {
		beyond = append(beyond, "what is not public")
	}
	for _, scope := range scopes {
		held := scope == narrows || slices.ContainsFunc(than, func(have string) bool {
			return have == scope || slices.Contains(covered(have), scope) || have == all && strings.Contains(scope, ":")
		})
		if !held {
			beyond = append(beyond, scope)
		}
	}
	return beyond
}

// Wide tells whether a scope of the forge's own tokens reaches more than any one job needs.
func Wide(scope string) bool {
	switch scope {
	case "api", "read_api", "sudo", "admin_mode":
		return true
	}
	return false
}

// TemplateFor names the template that comes nearest to what a token of the forge's own with these scopes is used for; empty
// when they are too wide to tell.
func TemplateFor(scopes []string) string {
	has := func(names ...string) bool {
		return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(names, s) })
	}
	switch {
	case slices.ContainsFunc(scopes, Wide):
		return ""
	case has("write_registry"):
		return "container-push"
	case has("write_repository"):
		return "dependency-updater"
	case has("read_registry"):
		return "container-pull"
	case has("read_repository"):
		return "read-only-ci"
	}
	return ""
}
