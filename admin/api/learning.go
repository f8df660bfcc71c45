package api

import (
	"strconv"
	"strings"

	"patgate/admin/learning"
	"patgate/admin/terms"
)

// learningPaths gives the paths about what tokens were seen to do.
func (h *Handler) learningPaths() {
	if h.o.Learning == nil {
		return
	}
	const one = extras + "/tokens/{id}"
	h.handle("GET "+one+"/proposal", (*call).name, (*call).identify, (*call).proposal)
	h.handle("POST "+one+"/simulate", (*call).name, (*call).identify, (*call).simulate)
}

// days reads a window such as 30d; 0 when none is given.
func (p *params) days(name string) int {
	text := p.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
	if err != nil || n < 1 {
		p.problems.Add(name, "%q is no number of days: write 30d", text)
	}
	return n
}

// proposal answers with the smallest grant for what a token did.
func (q *call) proposal() (*reply, error) {
	p := q.query()
	days := p.days("since")
	var said learning.Choices
	for name := range strings.FieldsFuncSeq(p.text("accept"), comma) {
		said.Accept = append(said.Accept, strings.TrimSpace(name))
	}
	for text := range strings.FieldsFuncSeq(p.text("groups"), comma) {
		id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			p.problems.Add("groups", "%q is no group id", text)
		}
		said.Groups = append(said.Groups, id)
	}
	p.only("since", "accept", "groups")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return answered(q.o.Learning.Propose(q.Context(), q.caller, q.id, days, said))
}

// comma stands between the values of one parameter.
func comma(r rune) bool { return r == ',' }

// simulate answers what other scopes of a token would have denied.
func (q *call) simulate() (*reply, error) {
	p := q.params()
	days := p.days("since")
	var scopes *[]terms.Scope
	if p.has("granular_scopes") {
		given := p.scopes()
		scopes = &given
	}
	p.only("since", "granular_scopes")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return answered(q.o.Learning.Simulate(q.Context(), q.caller, q.id, days, scopes))
}
