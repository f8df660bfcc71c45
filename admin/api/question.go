package api

import (
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"patgate/admin/names"
	"patgate/admin/questions"
	"patgate/admin/tokens"
	"patgate/routes"
	"patgate/store"
)

// questionPaths gives the paths of questions about grants. A caller who may read a token may ask about it.
func (h *Handler) questionPaths() {
	if h.o.Questions == nil {
		return
	}
	const one = extras + "/tokens/{id}"
	h.handle("GET "+one+"/can", (*call).name, (*call).identify, (*call).can)
	h.handle("GET "+one+"/prove", (*call).name, (*call).identify, (*call).prove)
	h.handle("GET "+one+"/diff", (*call).name, (*call).identify, (*call).diff)
	h.handle("GET "+extras+"/who-can", (*call).identify, (*call).whoCan)
}

// answered answers a question.
func answered[T any](a *T, err error) (*reply, error) {
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, a), nil
}

// place reads the project or group that a question is about; nil when it names none.
func (p *params) place() *questions.Place {
	project, group := p.text("project"), p.text("group")
	switch {
	case project != "" && group != "":
		p.problems.Add("project", "give a project or a group, not both")
	case project != "":
		return &questions.Place{Boundary: routes.BoundaryProject, Name: project}
	case group != "":
		return &questions.Place{Boundary: routes.BoundaryGroup, Name: group}
	}
	return nil
}

// naming reads the project or group to which a list is narrowed.
func (p *params) naming() store.Naming {
	on := p.place()
	if on == nil {
		return store.Naming{}
	}
	kind := routes.RefProject
	if on.Boundary == routes.BoundaryGroup {
		kind = routes.RefGroup
	}
	n, err := names.Naming(kind, on.Name)
	if err != nil {
		p.problems.Add(on.Boundary.String(), "%v", err)
	}
	return n
}

// required reads text that must be given.
func (p *params) required(name string) string {
	s := p.text(name)
	if s == "" {
		p.problems.Add(name, "must be given")
	}
	return s
}

// can answers whether a token may make a request.
func (q *call) can() (*reply, error) {
	p := q.query()
	method, path := p.required("method"), p.required("path")
	m := p.moment()
	p.only("method", "path", "from", "at")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return answered(q.o.Questions.CanAt(q.Context(), q.caller, q.id, method, path, m))
}

// moment reads from where and when a request would come.
func (p *params) moment() (m questions.Moment) {
	var err error
	if text := p.text("from"); text != "" {
		if m.From, err = netip.ParseAddr(text); err != nil {
			p.problems.Add("from", "%q is not an address", text)
		}
	}
	if text := p.text("at"); text != "" {
		if m.At, err = time.Parse(time.RFC3339, text); err != nil {
			p.problems.Add("at", "%q is not a time: write 2026-12-31T08:00:00Z", text)
		}
	}
	return m
}

// prove answers whether a token never uses a permission somewhere.
func (q *call) prove() (*reply, error) {
	p := q.query()
	permission, in := p.required("never"), p.place()
	p.only("never", "project", "group")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return answered(q.o.Questions.Prove(q.Context(), q.caller, q.id, permission, in))
}

// diff answers what another token opens that this one does not.
func (q *call) diff() (*reply, error) {
	p := q.query()
	text := p.required("with")
	p.only("with")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	with, err := strconv.ParseInt(text, 10, 64)
	if err != nil || with < store.FirstTokenID {
		return nil, tokens.ErrNotFound
	}
	return answered(q.o.Questions.Diff(q.Context(), q.caller, q.id, with))
}

// whoCan answers which tokens hold a permission somewhere.
func (q *call) whoCan() (*reply, error) {
	p := q.query()
	permission, on := p.required("permission"), p.place()
	all, _ := p.truth("all")
	if on == nil && len(p.problems.Problems) == 0 {
		p.problems.Add("project", "give a project or a group")
	}
	p.only("permission", "project", "group", "all")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return answered(q.o.Questions.WhoCan(q.Context(), q.caller, permission, *on, all))
}
