package proxy

import (
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"

	"patgate/proxy/listing"
	"patgate/proxy/reply"
	"patgate/proxy/reply/filter"
	"patgate/proxy/wire"
)

// deliverList makes a page of those entries of the forge's list that the grant reaches. As many of the forge's pages are read as
// it takes, so that neither how full a page is nor what is said of others depends on what was left out.
func (x *exchange) deliverList() (kept bool) {
	d, q, j, s := &x.delivery, &x.request, &x.judgement, &x.sending
	entries, change := j.Question.Entries, j.Change()
	if q.IsHead {
		reply.OwnFields(&x.ctx.Response.Header, "application/json")
		return x.deliver()
	}
	judge := listing.NewJudge(j.Rules.Asker(q), j.Session, entries, j.Decision.Whole, j.Rules.Reads, j.Rules.Deadline)
	page := listing.NewPage(entries, j.Set.QueryValue, judge.Keeps, x.body.KeepsAnswer)
	for number := 1; ; number++ {
		if d.answer.StatusCode() != fasthttp.StatusOK || !change.Possible(&d.answer) {
			return x.broken(reply.ErrIllegible, reply.FailureAnswer)
		}
		more, err := x.addPage(page)
		x.free(err == nil)
		switch {
		case err != nil:
			return x.unlisted(err)
		case page.More || !more:
			return x.answerPage(page, change.Changer(&d.answer, x.h.forge.Links, q.Origin, nil))
		case number == listing.MostPages:
			return x.broken(reply.ErrListTooLong, reply.FailureAnswer)
		}
		if err = j.Rules.Resolver.Listed(j.Session); err != nil {
			return x.unlisted(err)
		}
		s.Page(entries.Pages, number+1, entries.Pages.Most)
		s.WriteHead(q, &x.body, j, &x.h.forwarding)
		if d.upstream, err = q.Upstream.Patgate.Do(s.Head, &s.Upload, true, false, &d.answer, x.claim()); err != nil {
			x.event.Failure = reply.FailureOf(err)
			x.refuse(reply.Of(err))
			return false
		}
	}
}

// addPage reads a page of the forge's, and tells whether another one follows.
func (x *exchange) addPage(page *listing.Page) (more bool, err error) {
	a := &x.delivery.answer
	rest := listing.RestOf(a.Header.All())
	if page.Read == 0 && !rest.Paged {
		page.Whole()
	}
	a.StreamBody = true
	if err := a.ReadBody(x.delivery.upstream.Reader(), 0); err != nil {
		return false, wire.ErrBroken
	}
	before := page.Read
	if err = page.Add(a.BodyStream()); err == nil {
		_ = a.CloseBodyStream()
	}
	return page.Read > before && rest.Follows(page.Read), err
}

// unlisted answers for a list that could not be read, or whose entries could not be judged.
func (x *exchange) unlisted(err error) (kept bool) {
	r, failure := reply.Of(err), reply.FailureOf(err)
	switch {
	case errors.Is(err, filter.ErrIllegible):
		r, failure = reply.ErrIllegible, reply.FailureAnswer
	case errors.Is(err, listing.ErrNoRoom):
		r = reply.ErrNoRoom
	case r == reply.ErrInternal:
		r = reply.ErrUnavailable // the connection failed
	}
	return x.broken(r, failure)
}

// answerPage answers with a page.
func (x *exchange) answerPage(page *listing.Page, changer reply.Changer) (kept bool) {
	q, s, out := &x.request, &x.sending, &x.ctx.Response
	var text bytes.Buffer
	if err := changer.Copy(&text, bytes.NewReader(page.Text())); err != nil {
		return x.broken(reply.ErrIllegible, reply.FailureAnswer)
	}
	reply.OwnFields(&out.Header, "application/json")
	address := string(q.Upstream.Links.PublicOrigin(q.Origin)) + string(s.Target[:s.List])
	for _, field := range page.Fields(address, q.Dialect.PageFields) {
		out.Header.Set(field[0], field[1])
	}
	out.SetBody(text.Bytes())
	x.complete(fasthttp.StatusOK, int64(text.Len()))
	return false
}
