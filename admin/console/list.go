package console

import (
	"net/http"
	"strconv"

	"patgate/admin/console/paths"
	"patgate/admin/console/table"
	"patgate/admin/counts"
	"patgate/admin/tokens"
	"patgate/store"
)

func (q *request) showList() error { return q.list(false) }

// showEveryone is the administrators' table.
func (q *request) showEveryone() error {
	if !q.o.Tokens.Administrates(q.caller) {
		return tokens.ErrNotFound
	}
	return q.list(true)
}

func (q *request) list(everyone bool) error {
	in := q.r.URL.Query()
	p := table.Page{
		Everyone: everyone,
		Path:     "/tokens",
		Search:   in.Get("search"),
		State:    in.Get("state"),
		Badge:    in.Get("badge"),
		Sort:     in.Get("sort"),
		Owner:    in.Get("owner"),
	}
	pageInfo := page{Title: "Tokens", Nav: "tokens"}
	if everyone {
		p.Path, pageInfo = "/everyone", page{Title: "Everyone's tokens", Nav: "everyone"}
	}
	query := tokens.Query{All: everyone, Badge: p.Badge}
	var err error
	if p.State == "" {
		p.State = "active"
	}
	if query.State, err = store.ParseState(p.State); err != nil {
		p.State, query.State = "active", store.StateActive
	}
	if p.Sort == "" {
		p.Sort = store.SortExpiresAsc.String()
	}
	if query.Sort, err = store.ParseSort(p.Sort); err != nil {
		p.Sort, query.Sort = store.SortExpiresAsc.String(), store.SortExpiresAsc
	}
	if p.Badge != "" {
		p.State = "active"
	}
	query.Search, query.WithNames = p.Search, true
	p.Spans(in, q.o.Now(), &query)
	if everyone && p.Owner != "" {
		if query.UserID, err = strconv.ParseInt(p.Owner, 10, 64); err != nil || query.UserID <= 0 {
			p.Problem, query.UserID = "The owner is a user id at "+q.o.Forge+", a number.", 0
		}
	}
	p.Paging.Ask(in, &query.Filter)
	list, total, err := q.o.Tokens.Inspect(q.ctx(), q.caller, query)
	if err != nil {
		return err
	}
	if p.Counts, err = counts.Of(q.ctx(), q.o.Tokens, q.caller, everyone); err != nil {
		return err
	}
	link := p.Links(q.o.Path, in)
	p.Paging.Answer(len(list), total, &query.Filter, in, link)
	p.Fill(link)
	q.name(list, paths.ListAge)
	for i := range list {
		row := q.row(&list[i])
		if len(row.Scopes) > scopesShown+1 {
			row.Scopes, row.MoreScopes = row.Scopes[:scopesShown], row.Scopes[scopesShown:]
		}
		p.Tokens = append(p.Tokens, row)
	}
	q.render("list", http.StatusOK, pageInfo, &p)
	return nil
}
