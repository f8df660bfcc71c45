package api

import "net/http"

// unused answers which rights of a token are unused.
func (q *call) unused() (*reply, error) {
	p := q.query()
	days := p.days("since")
	p.only("since")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return answered(q.o.Learning.Find(q.Context(), q.caller, q.id, days))
}

// unusedOfAll answers it of the caller's active tokens, page by page.
func (q *call) unusedOfAll() (*reply, error) {
	p := q.query()
	days, at := p.days("since"), p.page()
	all, _ := p.truth("all")
	p.only("since", "all", "page", "per_page")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	list, total, err := q.o.Learning.Findings(q.Context(), q.caller, days, all, at.size, at.offset())
	if err != nil {
		return nil, err
	}
	a := answer(http.StatusOK, list)
	at.write(a.header, q, total)
	return a, nil
}

// narrow takes from a token what is unused.
func (q *call) narrow() (*reply, error) {
	p := q.params()
	days, digest := p.days("since"), p.text("digest")
	p.only("since", "digest")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return q.edited(q.o.Learning.Narrow(q.Context(), q.caller, q.id, days, digest))
}

// denials answers what a token was denied lately, and what would allow it.
func (q *call) denials() (*reply, error) {
	p := q.query()
	days := p.days("since")
	p.only("since")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	list, err := q.o.Learning.Denials(q.Context(), q.caller, q.id, days)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, list), nil
}
