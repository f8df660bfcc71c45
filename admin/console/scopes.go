package console

import (
	"context"
	"maps"
	"time"

	"patgate/admin/console/paths"
	"patgate/admin/console/rows"
	"patgate/admin/console/session"
	"patgate/admin/names"
	"patgate/admin/tokens"
	"patgate/routes"
	"patgate/store"
)

// scopesShown is how many scopes of a token a table shows at once.
const scopesShown = 5

// name looks again at what the signed-in owner's tokens name. Others' are shown as their owners saw it.
func (q *request) name(list []tokens.Inspected, age time.Duration) {
	var wanted []store.Place
	named := store.Named{}
	own := func(f func(t *tokens.Inspected)) {
		for i := range list {
			if list[i].Owner.UserID == q.caller.UserID() {
				f(&list[i])
			}
		}
	}
	own(func(t *tokens.Inspected) {
		wanted = append(wanted, store.PlacesOf(t.Scopes)...)
		maps.Copy(named, t.Names)
	})
	q.look(wanted, named, age)
	own(func(t *tokens.Inspected) { t.Names = named })
}

// named is name for one token.
func (q *request) named(t *tokens.Inspected) *tokens.Inspected {
	list := []tokens.Inspected{*t}
	q.name(list, session.NameAge)
	return &list[0]
}

// paths gives the names of places, as far as the signed-in user sees or saw them.
func (q *request) paths(places []store.Place) names.Book {
	named := q.called(places)
	q.look(places, named, session.NameAge)
	return names.Of(named, q.o.Now())
}

// project gives the path of a project; empty when it is not known.
func (q *request) project(id int64) string {
	p := store.Place{Kind: routes.RefProject, ID: id}
	return q.paths([]store.Place{p}).Path(p)
}

// called gives the names of places when the signed-in user last saw them. A page can do without them.
func (q *request) called(places []store.Place) store.Named {
	named, err := q.o.Tokens.Names(q.ctx(), q.caller, places)
	if err != nil {
		if q.ctx().Err() == nil { // the browser has not gone
			q.o.Report(err)
		}
		return store.Named{}
	}
	return named
}

// look asks the forge for what was not seen for longer than age.
func (q *request) look(places []store.Place, named store.Named, age time.Duration) {
	paths.Look(q.ctx(), q.session, places, named, age, q.o.Now(), func(ctx context.Context, p store.Place) (store.Name, bool) {
		return q.o.Tokens.Called(ctx, q.caller, p)
	})
}

// scopes shows the scopes of a token.
func (q *request) scopes(t *tokens.Inspected) []rows.Scope {
	return rows.Scopes(t, t.Owner.UserID == q.caller.UserID(), q.catalog.Load(q.o.Tokens.Table()), q.o.Now())
}

// instant gives a time in words.
func (q *request) instant(t time.Time) rows.Moment { return rows.At(t, q.o.Now()) }

// row shows a token.
func (q *request) row(t *tokens.Inspected) rows.Token {
	return rows.Of(t, q.caller.UserID(), q.catalog.Load(q.o.Tokens.Table()), q.o.Now())
}
