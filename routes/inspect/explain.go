package inspect

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"patgate/routes"
)

// Explanation says what the table makes of a method and a concrete target, for people and for tests. The first eight
// fields are always there and keep their names.
type Explanation struct {
	Method      string   `json:"method"`      // as given
	Path        string   `json:"path"`        // as given
	Kind        string   `json:"kind"`        // permission, open, other-credential, or none
	Route       string   `json:"route"`       // the row's path pattern; empty when there is none
	Permissions []string `json:"permissions"` // the row's own first, then further ones that are needed too
	Boundaries  []string `json:"boundaries"`  // alternatives, project first
	Public      bool     `json:"public"`      // needs no permission where the container is public
	Source      string   `json:"source"`      // file:line of the row

	Category    string              `json:"category,omitempty"`
	Resource    string              `json:"resource,omitempty"`
	Action      string              `json:"action,omitempty"`
	Captures    []ExplainedCapture  `json:"captures,omitempty"`
	Container   string              `json:"container,omitempty"`  // where the row's container is named
	Targets     []ExplainedTarget   `json:"targets,omitempty"`    // further containers that are checked
	Parameters  map[string][]string `json:"parameters,omitempty"` // declared names by rule: pass, refuse, target
	Credential  string              `json:"credential,omitempty"` // what an other-credential row takes
	Spans       bool                `json:"spans,omitempty"`
	Mints       string              `json:"mints,omitempty"`
	Escapes     string              `json:"escapes,omitempty"`
	Effects     []string            `json:"effects,omitempty"`
	Since       int                 `json:"since,omitempty"`
	Refused     string              `json:"refused,omitempty"`      // why patgate never forwards this row
	RefusalCode string              `json:"refusal_code,omitempty"` // why the request is no operation: see RefusalCode
	Notes       []string            `json:"notes,omitempty"`
}

// ExplainedCapture is one capture of the path with its value.
type ExplainedCapture struct {
	Name      string `json:"name"`
	Value     string `json:"value"`
	Reference string `json:"reference,omitempty"` // project, group, namespace or user
}

// ExplainedTarget is a further container that a request names.
type ExplainedTarget struct {
	Name        string   `json:"name"`  // of the parameter or capture
	Where       string   `json:"where"` // parameter or path
	Reference   string   `json:"reference"`
	Permissions []string `json:"permissions"`
	Required    bool     `json:"required,omitempty"`
}

// Explain classifies a method and a target as a request would be. A target that starts neither with the API's base nor
// with /api/ is taken to be below the base. It never fails: the answer to a refused request says why. When a row was found and
// only a value in the path is not of its class, the answer is about that row, because that is the route that the forge takes.
// Kind none is for requests without a row.
func Explain(t *routes.Table, method, target string) Explanation {
	full := target
	if !strings.HasPrefix(target, "/api/") && strings.HasPrefix(target, "/") {
		full = t.Base() + target
	}
	var op routes.Operation
	err := t.Classify(&op, method, []byte(full))
	return ExplainOperation(t, method, target, &op, err)
}

// ExplainOperation is Explain for the result of any surface's classifier: the operation, or the error that refused the request.
func ExplainOperation(t *routes.Table, method, target string, op *routes.Operation, err error) Explanation {
	e := Explanation{Method: method, Path: target, Kind: routes.KindNone.String()}
	e.Permissions = []string{}
	e.Boundaries = []string{}
	if err != nil {
		e.Refused = err.Error()
		var refusal *routes.Refusal
		if errors.As(err, &refusal) {
			e.RefusalCode = string(refusal.Code)
		}
		if op.Route == nil {
			return e
		}
		e.row(t.Catalogue(), op.Route)
		return e
	}
	e.row(t.Catalogue(), op.Route)
	for _, c := range op.Captures() {
		capture := ExplainedCapture{Name: c.Name, Value: string(c.Value)}
		if c.Ref != routes.RefNone {
			capture.Reference = c.Ref.String()
		}
		e.Captures = append(e.Captures, capture)
	}
	return e
}

// row fills in what the row says.
func (e *Explanation) row(catalogue *routes.Catalogue, r *routes.Route) {
	e.Kind, e.Route, e.Public, e.Source = r.Kind.String(), r.Path, r.Public, r.Source.String()
	e.Permissions = catalogue.Names(r.Needs)
	for _, b := range r.Boundaries {
		e.Boundaries = append(e.Boundaries, b.String())
	}
	e.Category, e.Resource, e.Action = r.Category, r.Resource, r.Action
	e.Credential = r.Credential
	e.Spans = r.Spans
	e.Mints, e.Escapes = r.Mints, r.Escapes
	e.Effects = r.Effects
	e.Since = r.Since
	if e.Refused == "" {
		e.Refused = r.Refused
	}
	e.Container = r.Find.String()
	for _, t := range r.Targets {
		target := ExplainedTarget{
			Name:        t.Param,
			Where:       "parameter",
			Reference:   t.Ref.String(),
			Permissions: catalogue.Names(t.Needs),
			Required:    t.Required,
		}
		if t.Capture != "" {
			target.Name, target.Where = t.Capture, "path"
		}
		e.Targets = append(e.Targets, target)
	}
	if len(r.Params) > 0 {
		e.Parameters = map[string][]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		rule := r.Params[name].String()
		e.Parameters[rule] = append(e.Parameters[rule], name)
	}
	e.Notes = Notes(r)
}

// Notes are sentences on what a reader of the row would not guess.
func Notes(r *routes.Route) (notes []string) {
	if r.OnlyAllMemberships() {
		notes = append(notes, "the request does not name its project or group and it cannot be looked up: only a scope "+
			"with access all_memberships reaches it")
	}
	if r.Spans {
		notes = append(notes, "the answer reaches over all of the owner's projects and groups: the permission is needed under "+
			"all_memberships too")
	}
	switch {
	case r.Withheld():
		notes = append(notes, "the answer carries a credential of its own ("+r.Mints+"): no grant reaches the row")
	case r.Mints != "":
		notes = append(notes, "the answer carries a credential of its own ("+r.Mints+"), granted by name and never by a "+
			"wildcard or template: "+r.Escapes)
	}
	if len(r.Auth) > 0 {
		places := make([]string, len(r.Auth))
		for i, p := range r.Auth {
			places[i] = p.String()
		}
		notes = append(notes, "the forge looks for the credential in: "+strings.Join(places, ", "))
	}
	switch {
	case r.Response.ShowsRendered != "":
		notes = append(notes, "rendered texts stay in the answer: "+r.Response.ShowsRendered)
	case r.Response.Rendered:
		notes = append(notes, "texts that the forge rendered are taken out of the answer")
	case len(r.Response.RenderedFor) > 0:
		with := strings.Join(r.Response.RenderedFor, " or ")
		notes = append(notes, "with "+with+", texts that the forge rendered are taken out of the answer")
	}
	if r.Response.Links {
		notes = append(notes, "addresses of the forge in the answer become patgate's")
	} else if len(r.Response.Addresses) > 0 {
		notes = append(notes, "addresses that programs follow lead to patgate: "+strings.Join(r.Response.Addresses, ", "))
	}
	if r.Response.Attachments != "" {
		notes = append(notes, "files that the forge names by their UUID alone get addresses that name the project, with a ticket")
	}
	for _, f := range r.Texts {
		notes = append(notes, "the text of "+f.Param+" may hold quick actions, which need the permissions for what they do")
		if f.Template {
			notes = append(notes, "without "+f.Param+" the forge takes a template's text, so that every quick action's "+
				"permissions are needed")
		}
	}
	if r.PushOptions != nil {
		notes = append(notes, "push options (git push -o) need the permissions for what they do: see docs/git.md")
	}
	return notes
}
