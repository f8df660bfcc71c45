package tokens

import (
	"slices"

	"patgate/routes"
)

// minting says of each named permission by which a token makes credentials what these can do past patgate.
func minting(names []string, t *routes.Table) (all []string) {
	for _, r := range t.Minting() {
		for _, name := range t.Catalogue().Names(r.Needs) {
			if text := name + " makes credentials that no limit of this token holds: " + r.Escapes; slices.Contains(names, name) &&
				!slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}
