package listing

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/store"
)

// says tells whether a token has the text that is looked for, and names the place.
func (w *world) says(l *store.Listed, f *store.Filter) bool {
	places, text, n := store.PlacesOf(l.Scopes), lower(f.Search), f.Naming
	path := func(p store.Place) string { return lower(w.paths[p]) }
	found := strings.Contains(lower(l.Name), text) || strings.Contains(lower(l.Description), text) || f.SearchPlaces &&
		slices.ContainsFunc(places, func(p store.Place) bool {
			return strings.Contains(path(p), text) || strconv.FormatInt(p.ID, 10) == text
		})
	return found && (n.Empty() || slices.ContainsFunc(places, func(p store.Place) bool {
		if n.ID != 0 {
			return p.ID == n.ID && (n.Kind == routes.RefNone || p.Kind == n.Kind)
		}
		same, below := path(p) == n.Path, strings.HasPrefix(path(p), n.Path+"/")
		if below { // groups and projects are below a group
			return n.Kind != routes.RefProject || p.Kind == n.Kind
		}
		return same && (n.Kind == routes.RefNone || p.Kind == n.Kind)
	}))
}

// naming asks for what names places, together with all else, as long as their paths are known, after some were changed, and when
// none is known any more.
func (w *world) naming(t *testing.T) {
	everything, _, err := w.Store.Tokens(t.Context(), store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	group := func(id int64) store.Place { return store.Place{Kind: routes.RefGroup, ID: id} }
	project := func(id int64) store.Place { return store.Place{Kind: routes.RefProject, ID: id} }
	w.paths = map[store.Place]string{group(7): "Acme", group(8): "acme/web", group(9): "other", project(6): "Acme/Web/site",
		project(7): "acme/api", project(8): "other/100%"}
	for turn := range 3 {
		at := w.now.AddDate(0, 0, turn)
		if turn == 1 {
			w.paths[project(6)], w.paths[group(8)] = "elsewhere/deploy-site", "ACME/web"
		}
		var seen []store.Sighting
		for place, path := range w.paths {
			seen = append(seen, store.Sighting{UserID: w.Owner.UserID, Place: place, Path: path, At: at})
		}
		if turn < 2 {
			_, err = w.Store.SeePlaces(t.Context(), w.Owner.Origin, seen)
		} else if _, err = w.Store.RemoveOwner(t.Context(), w.Owner.ID, store.Cause{By: "user:1", At: at}); err == nil {
			w.paths = nil
			everything, _, err = w.Store.Tokens(t.Context(), store.Filter{})
		}
		if err != nil {
			t.Fatal(err)
		}
		found, asked := 0, 0
		for _, name := range store.SortNames() {
			for what := range int(store.StatePaused) + int(store.MarkReports) + 1 {
				f := store.Filter{Now: w.now, Limit: 5, TableVersion: 2, State: store.State(what), SearchPlaces: true}
				f.Sort, _ = store.ParseSort(name)
				if what > int(store.StatePaused) {
					f.State, f.Mark = store.StateAny, store.Mark(what-int(store.StatePaused))
				}
				for _, f.Search = range []string{"acme", "site", "6", "0%", "loy"} {
					f.CountTo, f.Offset, f.OwnerID = asked%2*3, asked%3*4, int64(asked%5/4)*w.Owner.ID
					asked, found = asked+1, found+w.ask(t, f, everything)
				}
				f.Search = ""
				for _, f.Naming = range []store.Naming{{Path: "acme"}, {Path: "acme/web", Kind: routes.RefGroup},
					{Path: "acme", Kind: routes.RefProject}, {ID: 7}, {ID: 7, Kind: routes.RefGroup}} {
					f.CountTo, f.Offset = asked%2*3, asked%3*4
					asked, found = asked+1, found+w.ask(t, f, everything)
				}
			}
		}
		if found < asked/10 {
			t.Errorf("%d found by %d questions", found, asked)
		}
	}
}
