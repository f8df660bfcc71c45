package surface

import (
	"strings"
	"time"

	"patgate/policy"
	"patgate/proxy/reply"
	"patgate/routes"
)

// In report mode what the token's grant denies is decided once more, by the grant of all that passes (token.ReportMode): the same
// question, and the same decider. Whose each refusal is stands in docs/architecture.md. An event loop lets nothing pass so.

// reporting gives the grant of all that passes now; nil when the token's own is enforced.
func (j *Judgement) reporting(q *Request) *policy.Grant {
	if q.InLoop || j.Enforced {
		return nil
	}
	return j.Session.ReportMode.Grant(time.Now()) // not since the request began: its body may have taken long to arrive
}

// planPasses tells whether a row that the grant denies is to be decided all the same.
func (j *Judgement) planPasses(q *Request, row *routes.Route) bool {
	grant := j.reporting(q)
	if grant == nil {
		return false
	}
	d := policy.Plan(grant, row)
	if d.Verdict == policy.Allow {
		j.passed(d)
		j.Note(q)
	}
	return d.Verdict == policy.Allow
}

// passes tells whether the question passes in report mode. What the owner does not see is decided as that.
func (j *Judgement) passes(q *Request) bool {
	grant := j.reporting(q)
	if grant == nil {
		return false
	}
	switch d := policy.Decide(grant, &j.Question); {
	case d.Verdict == policy.Allow && d.Reason != policy.ReasonFiltered:
		j.Filtered = false
		j.passed(d)
		j.Note(q)
		j.noteFurther()
		j.noteWould(q)
		return true
	case d.Reason == policy.ReasonHidden:
		j.Decision = d
		j.Note(q)
	}
	return false
}

// Allows tells whether a question besides the request's own is allowed, or passes.
func (j *Judgement) Allows(q *Request, alone *policy.Question) bool {
	d := policy.Decide(j.Session.Grant, alone)
	if d.Verdict == policy.Allow {
		return true
	}
	grant := j.reporting(q)
	if grant == nil || policy.Decide(grant, alone).Verdict != policy.Allow {
		return false
	}
	j.Would = &d
	j.noteWould(q)
	return true
}

// passed puts the decision by which a request passes in the place of the grant's.
func (j *Judgement) passed(d policy.Decision) {
	would := j.Decision
	j.Would, j.Decision = &would, d
}

// noteWould writes what the grant denied of a request that passes into its event.
func (j *Judgement) noteWould(q *Request) {
	d, e := j.Would, j.event
	if d == nil {
		return
	}
	e.Verdict, e.Reason, e.Scope = policy.WouldDeny, d.Reason.String(), -1
	e.Permission = firstName(q.Table.Catalogue(), &d.Missing)
	if d.Act >= 0 && d.Act < len(j.Question.Acts) {
		e.Act = j.Question.Acts[d.Act].Kind
	}
}

// WouldDeny tells a client what the grant denies of a request that passes, as an item of RFC 9651: the reason, and which
// permissions are missing. It is empty for every other request.
func (j *Judgement) WouldDeny(c *routes.Catalogue) string {
	if j.Would == nil {
		return ""
	}
	text := j.Would.Reason.String()
	if missing := strings.Join(reply.PermissionNames(c, &j.Would.Missing), ","); missing != "" {
		text += `;missing="` + missing + `"`
	}
	return text
}
