package console

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"patgate/admin/console/draft"
	"patgate/admin/console/inventory"
	"patgate/admin/console/proposal"
	"patgate/admin/console/words"
	"patgate/admin/learning"
	"patgate/admin/terms"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// smallerPage shows what a subject did, and the least that would have been enough for it.
type smallerPage struct {
	Name             string
	Path             string // of this page
	Up, UpName       string
	Back             string // the subject's own page; empty where it has none
	Days             int
	Windows          []proposal.Window
	Nothing          string // why nothing is proposed
	View             *proposal.View
	MostScopes       int
	TooMany          bool // scopes for the form
	Command          string
	Suggested, Until string           // suggested
	Scopes           []inventory.Mark // of a credential of the forge's own
	Suspect          bool             // what was set apart is taken in
}

// smaller shows the least that would have been enough for a token, or the form that makes a token of that.
func (q *request) smaller() error {
	t, err := q.granting()
	if err != nil {
		return err
	}
	id := strconv.FormatInt(t.ID, 10)
	return q.showSmaller(t.ID, &smallerPage{Name: t.Name, Path: "/tokens/" + id + "/smaller", Up: "/tokens", UpName: "Tokens",
		Back: "/tokens/" + id})
}

// showSmaller shows the page of a proposal for a subject, or why there is none, or the form that a button fills in.
func (q *request) showSmaller(id int64, p *smallerPage) error {
	form := q.r.URL.Query()
	if q.r.Method == http.MethodPost {
		form = q.r.PostForm
	}
	chosen := proposal.Pick(form, q.r.Method == http.MethodPost, func(name string) bool {
		_, known := q.o.Tokens.Table().Catalogue().Find(name)
		return known
	})
	p.Days, p.Windows, p.Suspect = chosen.Days, chosen.Windows(), chosen.Said.Suspect
	made, err := q.o.Learning.Propose(q.ctx(), q.caller, id, chosen.Days, chosen.Said)
	var nothing *terms.Invalid
	switch {
	case errors.As(err, &nothing):
		for _, one := range nothing.Problems {
			p.Nothing += words.Sentence(one.Message) + " "
		}
	case err != nil:
		return err
	default:
		if scopes := chosen.Wanted(made); len(scopes) > 0 && len(scopes) <= draft.MostScopes {
			return q.fillIn(p, made, scopes, id)
		}
		p.View = proposal.New(made, q.proposalWords(made))
		p.TooMany, p.MostScopes = len(made.Scopes) > draft.MostScopes, draft.MostScopes
		p.Suggested, p.Until = made.Suggested.Name, made.Suggested.ExpiresIn
		p.Command = fmt.Sprintf("patgate learn apply %d", id) + chosen.Flags(made)
	}
	top := page{Title: "A smaller token for “" + p.Name + "”", Nav: strings.TrimPrefix(p.Up, "/")}
	q.render("smaller", http.StatusOK, top, p)
	return nil
}

// fillIn shows the form for a new token with what was proposed. The reader has the form make the token.
func (q *request) fillIn(p *smallerPage, made *learning.Proposed, scopes []policy.ScopeSpec, after int64) error {
	days := words.Plural(p.Days, "day", "days")
	d := &draft.Draft{
		Name:        made.Suggested.Name,
		Description: fmt.Sprintf("Replaces “%s”, by what that did in %s", words.Short(p.Name), days),
		Expires:     made.Suggested.ExpiresIn,
		After:       after,
		Scopes:      draft.Scopes(scopes, q.paths(store.PlacesOf(scopes))),
	}
	return q.showForm(http.StatusOK, d, formPage{From: fmt.Sprintf("what “%s” did in the last %s", p.Name, days)})
}

// proposalWords gives the names of places and permissions for the page of a proposal.
func (q *request) proposalWords(made *learning.Proposed) *proposal.Words {
	places := store.PlacesOf(made.Scopes)
	for _, half := range made.Split {
		places = append(places, store.PlacesOf(half)...)
	}
	for _, g := range made.Groups {
		places = append(places, store.Place{Kind: routes.RefGroup, ID: g.ID})
		for _, id := range g.Projects {
			places = append(places, store.Place{Kind: routes.RefProject, ID: id})
		}
	}
	for _, b := range made.Below {
		places = append(places, store.Place{Kind: routes.RefGroup, ID: b.GroupID})
	}
	found, k := q.paths(places), q.catalog.Load(q.o.Tokens.Table())
	return &proposal.Words{
		Path: func(kind routes.RefKind, id int64) (path, mark string) {
			p := store.Place{Kind: kind, ID: id}
			return found.Path(p), found.Mark(p)
		},
		Permissions: func(names []string) (rows []proposal.Row) {
			for _, w := range k.Group(names) {
				for i, name := range w.Permissions {
					row := proposal.Row{Title: w.Title, Label: w.Verbs[i], Permission: name}
					if v := k.Verbs[name]; v != nil {
						row.About = v.About
					}
					rows = append(rows, row)
				}
			}
			return rows
		},
		Access: words.Access,
		Limits: (*policy.ConstraintSpec).Words,
		Effect: words.Effect,
	}
}
