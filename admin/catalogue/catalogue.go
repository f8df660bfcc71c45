// Package catalogue tells people what can be granted: the permissions, with the words by which people look for them, and
// templates. It also tells what the scopes of the forge's own tokens hold.
package catalogue

import (
	"slices"

	"patgate/routes"
)

// Entry is a permission of the catalogue.
type Entry struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Category    string   `json:"category"`
	Resource    string   `json:"resource"`
	Title       string   `json:"title"`
	Action      string   `json:"action"`
	Boundaries  []string `json:"boundaries"`
	Deprecated  bool     `json:"deprecated"`
	// Endpoints are the rows of the route table that need the permission.
	Endpoints []string `json:"endpoints"`
	// PushOptions are the options of git push that need the permission.
	PushOptions []string `json:"push_options"`
	// Mints tells that some of them yield another credential: no wildcard stands for such a permission.
	Mints bool `json:"mints"`
	// Escapes says what the credentials that are handed out can do past patgate; empty when none is.
	Escapes []string `json:"escapes"`
	Effects []string `json:"effects"`
	// Words are those by which people look for the permission, beside its name and texts.
	Words []string `json:"words"`
}

// All gives every permission with its description, in the catalogue's own order.
func All(t *routes.Table) []Entry {
	rows := map[routes.Permission][]*routes.Route{}
	for _, r := range t.Routes() {
		for _, p := range r.Needs {
			rows[p] = append(rows[p], r)
		}
	}
	var all []Entry
	options := map[routes.Permission][]string{}
	for _, o := range t.PushOptions().All() {
		for _, p := range o.Needs {
			options[p] = append(options[p], o.Name)
		}
	}
	guards := t.PushOptions().Guards()
	for p, info := range t.Catalogue().All() {
		e := Entry{
			Name:        info.Name,
			Description: info.Abilities,
			Category:    info.Category,
			Resource:    info.Resource,
			Title:       info.Title,
			Action:      info.Action,
			Boundaries:  []string{},
			Deprecated:  info.Deprecated,
			Endpoints:   []string{},
			PushOptions: append([]string{}, options[p]...),
			Escapes:     []string{},
			Effects:     []string{},
		}
		for _, b := range info.Boundaries {
			e.Boundaries = append(e.Boundaries, b.String())
		}
		for _, r := range rows[p] {
			e.Endpoints = append(e.Endpoints, r.Method+" "+r.Path)
			e.Mints = e.Mints || r.Mints != ""
			if r.Escapes != "" && !slices.Contains(e.Escapes, r.Escapes) {
				e.Escapes = append(e.Escapes, r.Escapes)
			}
			for _, effect := range r.Effects {
				if !slices.Contains(e.Effects, effect) {
					e.Effects = append(e.Effects, effect)
				}
			}
		}
		if guards.Has(p) {
			e.Effects = append(e.Effects, routes.EffectSkipsGuard)
		}
		slices.Sort(e.Endpoints)
		e.Words = wordsOf(&e)
		all = append(all, e)
	}
	return all
}

// Minting says what the credentials that a token makes can do past patgate, for each named permission that lets it make some.
func Minting(names []string, t *routes.Table) (all []string) {
	for _, r := range t.Minting() {
		for _, name := range t.Catalogue().Names(r.Needs) {
			if text := name + " makes credentials that no limit of this token " +
				"holds: " + r.Escapes; slices.Contains(names, name) &&
				!slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}
