package console

import (
	"net/http"

	"patgate/admin/console/owners"
	"patgate/admin/console/paths"
	"patgate/admin/console/table"
	"patgate/admin/tokens"
)

func (q *request) showList() error { return q.list(false) }

// showEveryone is the administrators' table.
func (q *request) showEveryone() error {
	if !q.o.Tokens.Administrates(q.caller) {
		return tokens.ErrNotFound
	}
	return q.list(true)
}

// showOwners is the administrators' table of owners.
func (q *request) showOwners() error {
	p, err := owners.Load(q.ctx(), q.o.Tokens, q.caller, q.r.URL.Query(), q.o.Path)
	if err == nil {
		q.render("owners", http.StatusOK, page{Title: "Owners", Nav: "owners"}, p)
	}
	return err
}

func (q *request) list(everyone bool) error {
	p := table.New(q.r.URL.Query(), everyone)
	pageInfo := page{Title: "Tokens", Nav: "tokens"}
	if everyone {
		pageInfo = page{Title: "Everyone's tokens", Nav: "everyone"}
	}
	list, err := p.Load(q.ctx(), q.o.Tokens, q.caller, q.o.Path)
	if err != nil {
		return err
	}
	q.name(list, paths.ListAge)
	for i := range list {
		row := q.row(&list[i])
		if len(row.Scopes) > scopesShown+1 {
			row.Scopes, row.MoreScopes = row.Scopes[:scopesShown], row.Scopes[scopesShown:]
		}
		row.How = p.How(&list[i])
		p.Tokens = append(p.Tokens, row)
	}
	q.render("list", http.StatusOK, pageInfo, p)
	return nil
}
