package marks

import (
	"slices"
	"strings"

	"patgate/admin/catalogue"
	"patgate/routes"
)

// The weights of permissions: reading, writing, taking away or putting in force, and what no boundary contains.
const (
	weighsRead  = 1
	weighsWrite = 3
	weighsHard  = 10
	weighsOut   = 30
)

// Weights says it to people.
const Weights = "reading weighs 1, writing 3, deleting, pushing and merging 10, and 30 what no boundary contains: exports, " +
	"rights for others, secrets, credentials, what runs as the owner, administration"

// MakesCredentials is the danger of a permission that yields another credential.
const MakesCredentials = "makes credentials"

// weight is the weight of one permission, and why it is dangerous.
type weight struct {
	n       int64
	dangers []string
}

// hard are the actions that cannot be undone, or put something in force.
func hard(action string) string {
	switch action {
	case "delete", "purge", "drop", "rewrite":
		return "deletes"
	case "push":
		return "pushes"
	case "merge":
		return "merges"
	case "revoke", "ban", "block", "deactivate", "transfer":
		return "takes away"
	}
	return ""
}

// weigh finds what a permission of the catalogue weighs.
func weigh(e *catalogue.Entry) weight {
	w := weight{n: weighsWrite}
	if strings.HasPrefix(e.Name, "read_") || strings.HasPrefix(e.Name, "download_") {
		w.n = weighsRead
	}
	if word := hard(e.Action); word != "" {
		w = weight{weighsHard, []string{word}}
	}
	out := func(word string) {
		if !slices.Contains(w.dangers, word) {
			w.dangers = append(w.dangers, word)
		}
		w.n = weighsOut
	}
	for _, effect := range e.Effects {
		out(Effect(effect))
	}
	if e.Mints {
		out(MakesCredentials)
	}
	elsewhere := func(boundary string) bool { return boundary != routes.BoundaryInstance.String() }
	if w.n > weighsRead && len(e.Boundaries) > 0 && !slices.ContainsFunc(e.Boundaries, elsewhere) {
		out("administers")
	}
	return w
}

// Effect says what an effect of a row does, in two words.
func Effect(effect string) string {
	switch effect {
	case routes.EffectRunsAsOwner:
		return "runs as owner"
	case routes.EffectExports:
		return "exports"
	case routes.EffectGrantsRights:
		return "grants rights"
	case routes.EffectStoresSecret:
		return "stores secrets"
	case routes.EffectChangesVisibility:
		return "shows to everybody"
	case routes.EffectSkipsGuard:
		return "skips guards"
	}
	return strings.ReplaceAll(effect, "_", " ")
}
