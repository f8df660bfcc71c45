package inspect

import (
	"errors"

	"patgate/routes"
	"patgate/routes/graphql"
)

// DocumentExplanation says what the table makes of a GraphQL request, for people and for tests. The first three fields are always
// there and keep their names.
type DocumentExplanation struct {
	Kind    string         `json:"kind"`    // query or mutation; none where the document cannot be read
	Acts    []ExplainedAct `json:"acts"`    // all of them must be allowed
	Refused bool           `json:"refused"` // whatever the grant is

	RefusalCode string   `json:"refusal_code,omitempty"` // why: see graphql.Code
	Refusal     string   `json:"refusal,omitempty"`      // in words
	Path        []string `json:"path,omitempty"`         // of the refused field in the answer
	Introspects bool     `json:"introspects,omitempty"`  // the schema is asked for
	Texts       []string `json:"texts,omitempty"`        // arguments that are read for quick actions
	Sent        string   `json:"sent,omitempty"`         // the request as the forge gets it
}

// ExplainedAct is one thing that a document does.
type ExplainedAct struct {
	Field       string   `json:"field"`              // by the schema's names: project.mergeRequests.nodes
	Permissions []string `json:"permissions"`        // all are needed
	Boundary    string   `json:"boundary"`           // "project,group" where only the forge can tell
	Reference   string   `json:"reference"`          // a full path, an id, a global id or $variable; empty: none
	Variable    string   `json:"variable,omitempty"` // the variable that names it and has no value, with the field in it
	Reach       string   `json:"reach,omitempty"`    // above: also the groups above it; all_memberships: any container
	Source      string   `json:"source"`             // file:line of the row
}

// ExplainDocument reads a GraphQL request as a request would be. It never fails: a request that is refused says why.
func ExplainDocument(t *routes.Table, r *graphql.Reader, q *graphql.Request) DocumentExplanation {
	d, err := r.Read(q)
	if err != nil {
		return RefusedDocument(err)
	}
	e := DocumentExplanation{Kind: "query", Acts: []ExplainedAct{}, Introspects: d.Introspects, Sent: string(d.Body)}
	if d.Mutates {
		e.Kind = "mutation"
	}
	for _, text := range d.Texts {
		e.Texts = append(e.Texts, text.Name)
	}
	for i := range d.Acts {
		a := &d.Acts[i]
		act := ExplainedAct{Field: a.Field(), Permissions: t.Catalogue().Names(a.Row.Needs), Boundary: boundaryOf(a),
			Reference: a.Reference.String(), Variable: a.Reference.Variable, Source: a.Row.Source.String()}
		switch a.Reach {
		case graphql.ReachAbove:
			act.Reach = "above"
		case graphql.ReachAnywhere:
			act.Reach = "all_memberships"
		}
		e.Acts = append(e.Acts, act)
	}
	return e
}

// RefusedDocument explains a request that is refused.
func RefusedDocument(err error) DocumentExplanation {
	e := DocumentExplanation{Kind: routes.KindNone.String(), Acts: []ExplainedAct{}, Refused: true, Refusal: err.Error()}
	var refusal *graphql.Refusal
	if errors.As(err, &refusal) {
		e.RefusalCode, e.Refusal, e.Path = string(refusal.Code), refusal.Message, refusal.Path
	}
	return e
}

// boundaryOf gives the boundary of an act, as far as the document tells.
func boundaryOf(a *graphql.Act) string {
	if a.Boundary != routes.BoundaryNone {
		return a.Boundary.String()
	}
	if b := a.Reference.Kind.Boundary(); b.InContainer() {
		return b.String()
	}
	text := ""
	for _, b := range a.Row.Boundaries {
		switch {
		case !b.InContainer():
		case text == "":
			text = b.String()
		default:
			text += "," + b.String()
		}
	}
	return text
}
