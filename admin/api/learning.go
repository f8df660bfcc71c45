package api

import (
	"strconv"
	"strings"

	"patgate/admin/learning"
	"patgate/admin/terms"
	"patgate/admin/tokens"
)

// learningPaths gives the paths about what tokens were seen to do.
func (h *Handler) learningPaths() {
	if h.o.Learning == nil {
		return
	}
	const one = extras + "/tokens/{id}"
	h.handle("GET "+one+"/proposal", (*call).name, (*call).identify, (*call).proposal)
	h.handle("POST "+one+"/simulate", (*call).name, (*call).identify, (*call).simulate)
	h.handle("GET "+one+"/unused", (*call).name, (*call).identify, (*call).unused)
	h.handle("GET "+extras+"/unused", (*call).identify, (*call).unusedOfAll)
	h.handle("POST "+one+"/narrow", (*call).name, (*call).identify, (*call).narrow)
	h.handle("POST "+one+"/undo", (*call).name, (*call).identify, func(q *call) (*reply, error) {
		return q.changed(q.o.Learning.Undo(q.Context(), q.caller, q.id))
	})
	h.handle("GET "+one+"/denials", (*call).name, (*call).identify, (*call).denials)
	const subjects = extras + "/subjects"
	h.handle("GET "+subjects, (*call).identify, (*call).subjects)
	h.handle("GET "+subjects+"/{id}", (*call).subject, (*call).identify, (*call).seen)
	h.handle("GET "+subjects+"/{id}/proposal", (*call).subject, (*call).identify, (*call).proposal)
}

// subject reads the id of the path: that of a token or of a credential of the forge's own.
func (q *call) subject() (_ *reply, err error) {
	name := q.PathValue("id")
	if q.Session != nil && name == "self" {
		q.id = q.Session.TokenID
		return nil, nil
	}
	if q.id, err = strconv.ParseInt(name, 10, 64); err != nil || q.id <= 0 {
		return nil, tokens.ErrNotFound
	}
	return nil, nil
}

// subjects lists the tokens and credentials of the forge's own that were seen at work.
func (q *call) subjects() (*reply, error) {
	p := q.query()
	all, _ := p.truth("all")
	p.only("all")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	list, err := q.o.Learning.List(q.Context(), q.caller, all)
	return answered(&list, err)
}

// seen answers what a subject was seen to do.
func (q *call) seen() (*reply, error) {
	p := q.query()
	days := p.days("since")
	p.only("since")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return answered(q.o.Learning.Show(q.Context(), q.caller, q.id, days))
}

// days reads a window such as 30d; 0 when none is given.
func (p *params) days(name string) int {
	text := p.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
	if err != nil || n < 1 {
		p.problems.Add(name, "%q is not a number of days: write 30d", text)
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
			p.problems.Add("groups", "%q is not a group id", text)
		}
		said.Groups = append(said.Groups, id)
	}
	said.Suspect, _ = p.truth("accept_suspect")
	p.only("since", "accept", "groups", "accept_suspect")
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
