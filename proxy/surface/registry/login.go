package registry

import (
	"github.com/valyala/fasthttp"

	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes/registry"
)

// probe is GET /v2/, by which clients try a registry and a credential out. patgate answers it.
type probe struct {
	surface.Plain
	s *Surface
}

// NeedsBody: it has none.
func (*probe) NeedsBody() bool { return true }

// Read reads nothing.
func (*probe) Read(*surface.Request, *surface.Body, *surface.Judgement) error { return nil }

// Judge lets in whoever may do something in a registry, or pull through the dependency proxy.
func (p *probe) Judge(q *surface.Request, _ *surface.Body, j *surface.Judgement) error {
	if p.s.Own {
		return judgeLogin(q, j).OrNil()
	}
	for _, j.Enforced = range grantFirst {
		if planRow(q, j, registry.ProxiedRow) == nil || logsIn(q, j) {
			j.Grants(q)
			return nil
		}
	}
	return planRow(q, j, registry.ProxiedRow)
}

// Rebuild is not called.
func (*probe) Rebuild(*surface.Request, *surface.Body, *surface.Judgement, *surface.Sending) error {
	return reply.ErrInternal
}

// Answer says that there is a registry.
func (*probe) Answer(*surface.Request, *surface.Judgement) (*surface.Answer, error) {
	return &surface.Answer{Status: fasthttp.StatusOK, Body: []byte("{}"),
		Header: [][2]string{{"Content-Type", "application/json"}, {"Docker-Distribution-Api-Version", "registry/2.0"}}}, nil
}

// grantFirst has a login asked of the grant alone before report mode lets it pass: one of several permissions is enough.
var grantFirst = [...]bool{true, false}

// actions are what a login may be for.
var actions = [...]string{"pull", "push", "delete"}

// logsIn tells whether the token may do something in some registry.
func logsIn(q *surface.Request, j *surface.Judgement) bool {
	for _, action := range actions {
		if planAction(q, j, action) == nil {
			return true
		}
	}
	return false
}

// judgeLogin decides a request without scopes, by which clients try a credential out: its token is good for nothing, and
// is given to whoever may do something in some registry. A denial is that of the first action.
func judgeLogin(q *surface.Request, j *surface.Judgement) *reply.Refusal {
	for _, j.Enforced = range grantFirst {
		if logsIn(q, j) {
			j.Grants(q)
			return nil
		}
	}
	return planAction(q, j, actions[0])
}

// planAction finds the row of an action and denies what no project could change.
func planAction(q *surface.Request, j *surface.Judgement, action string) *reply.Refusal {
	name, known := service(q).RowName(action)
	if !known {
		return errScopes
	}
	return planRow(q, j, name)
}

// planRow is planAction for a row by its name.
func planRow(q *surface.Request, j *surface.Judgement, name string) *reply.Refusal {
	row := q.Table.SurfaceRow([]byte(name))
	if row == nil {
		return errScopes
	}
	j.Op.Set(row, false)
	return j.PlanRow(q, row)
}

// copyOf keeps a refusal's decision, which the next question overwrites.
func copyOf(r *reply.Refusal) *reply.Refusal {
	if r.Decision != nil {
		d := *r.Decision
		r.Decision = &d
	}
	return r
}
