package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"patgate/admin/bulk"
	"patgate/admin/console/paths"
	"patgate/admin/console/selection"
	"patgate/admin/console/table"
	"patgate/admin/tokens"
)

// download sends the tokens that the table of the same address shows, all of them, one piece after the other.
func (q *request) download(everyone bool, format string) error {
	if everyone && !q.o.Tokens.Administrates(q.caller) {
		return tokens.ErrNotFound
	}
	p := table.New(q.r.URL.Query(), everyone)
	begun, err := p.Send(q.ctx(), q.w, q.o.Tokens, q.caller, format)
	switch {
	case errors.Is(err, table.ErrUnread):
		q.render("error", http.StatusUnprocessableEntity, page{Title: "That cannot be read"}, p.Problem)
		return nil
	case err != nil && begun:
		q.o.Report(err)
		panic(http.ErrAbortHandler) // a list that is cut off must not look whole
	}
	return err
}

// several shows what would be done to the tokens that were ticked; with do, a form has come that says to do it.
func (q *request) several(in url.Values, do bool) error {
	p, list, err := selection.Load(q.ctx(), q.o.Tokens, q.caller, in)
	if err != nil {
		return err
	}
	p.Weigh(q.catalog.Load(q.o.Tokens.Table()).Dangers)
	q.name(list, paths.ListAge)
	for i := range list {
		p.Tokens = append(p.Tokens, q.row(&list[i]))
	}
	status := http.StatusOK
	if do {
		order := p.Order(in)
		if p.Problem != "" {
			status = http.StatusUnprocessableEntity
		} else {
			all := bulk.Do(context.WithoutCancel(q.ctx()), q.o.Tokens, q.caller, order, p.IDs) // whoever hangs up meanwhile
			p.Tell(all, func(err error) string { _, text := q.words(err); return text })
		}
	}
	q.render("bulk", status, page{Title: p.Title, Nav: "tokens", Slim: true}, p)
	if p.Done && q.ctx().Err() != nil {
		q.session.Say(p.Title) // on the next page: nobody gets this one
	}
	return nil
}
