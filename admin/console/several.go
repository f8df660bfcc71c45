package console

import (
	"cmp"
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

// errSignedOut ends a download.
var errSignedOut = errors.New("signed out")

// download sends the tokens that the table of the same address shows, one piece after the other, until the session ends.
func (q *request) download(everyone bool, format string) error {
	if everyone && !q.o.Tokens.Administrates(q.caller) {
		return tokens.ErrNotFound
	}
	p := table.New(q.r.URL.Query(), everyone)
	begun, err := p.Send(q.ctx(), q.w, q.o.Tokens, q.caller, format, func() error {
		if s, err := q.sessions.Find(q.ctx(), q.cookies.Get(q.r, sessionCookie)); err != nil || s == nil {
			return cmp.Or(err, errSignedOut)
		}
		return nil
	})
	switch {
	case errors.Is(err, table.ErrUnread):
		q.render("error", http.StatusUnprocessableEntity, page{Title: "That cannot be read"}, p.Problem)
		return nil
	case err != nil && begun:
		if !errors.Is(err, errSignedOut) {
			q.o.Report(err)
		}
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
			all := bulk.Do(context.WithoutCancel(q.ctx()), q.o.Tokens, q.caller, order, p.IDs) // whether the browser stays or not
			p.Tell(all, func(err error) string { _, text := q.words(err); return text })
		}
	}
	q.render("bulk", status, page{Title: p.Title, Nav: "tokens", Slim: true}, p)
	if p.Done && q.ctx().Err() != nil {
		q.session.Say(p.Title) // on the next page: the browser has gone
	}
	return nil
}
