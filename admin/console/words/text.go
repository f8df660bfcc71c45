package words

import (
	"fmt"
	"slices"
	"strings"

	"patgate/routes"
)

// Plural counts things.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n) + " " + many
}

// Sentence makes a sentence of an error's text.
func Sentence(s string) string {
	if s == "" {
		return s
	}
	if !strings.HasPrefix(s, "patgate") {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if !strings.ContainsAny(s[len(s)-1:], ".!?)") {
		s += "."
	}
	return s
}

// Said makes a sentence of the service's text about a field: "is too long" becomes "It is too long."
func Said(message string) string {
	for _, verb := range []string{"is ", "has ", "lies ", "must ", "excludes ", "needs ", "name "} {
		if strings.HasPrefix(message, verb) {
			return Sentence("It " + message)
		}
	}
	return Sentence(message)
}

// Listed splits what was typed at line ends and commas.
func Listed(text string) (all []string) {
	for _, s := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' || r == ',' }) {
		if s = strings.TrimSpace(s); s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// Each gives a list with every entry changed.
func Each(all []string, f func(string) string) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = f(s)
	}
	return out
}

// Short cuts a text that somebody else wrote.
func Short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// Effect say what an effect of a row means.
func Effect(effect string) string {
	switch effect {
	case routes.EffectRunsAsOwner:
		return "What these start runs with your own rights, wherever you have them"
	case routes.EffectExports:
		return "These can send whole copies elsewhere"
	case routes.EffectChangesVisibility:
		return "These can make public what only members could see"
	case routes.EffectGrantsRights:
		return "These can give rights to others"
	case routes.EffectStoresSecret:
		return "These put a secret of the caller's choice where the forge uses it"
	case "mints":
		return "The answer hands out another credential"
	case routes.EffectSkipsGuard:
		return "With these, a push can switch off a safeguard of the forge"
	}
	return strings.ReplaceAll(effect, "_", " ")
}
