package graphql

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/commands"
	"patgate/routes/graphql"
	"patgate/routes/params"
	"patgate/routes/params/refusal"
)

// visit is one request.
type visit struct {
	surface.Plain
	s        *Surface
	reader   *graphql.Reader
	document *graphql.Document
	at       []string        // path of the field that is being judged or refused
	acts     []*graphql.Act  // what each act of the question was made of
	texts    []*graphql.Text // and those behind them, which are quick actions
}

// NeedsBody: everything stands there.
func (*visit) NeedsBody() bool { return true }

// Read is not called.
func (*visit) Read(*surface.Request, *surface.Body, *surface.Judgement) error { return nil }

// Judge reads the document and decides on all that it does.
func (v *visit) Judge(q *surface.Request, b *surface.Body, j *surface.Judgement) error {
	if err := v.read(b); err != nil {
		return v.refused(err)
	}
	row := routes.QueryRow
	if v.document.Mutates {
		row = routes.MutationRow
	}
	j.Op.Set(q.Table.SurfaceRow([]byte("POST "+row)), false)
	if v.document.Introspects && v.s.WithoutSchema {
		return v.refused(&graphql.Refusal{Code: graphql.CodeIntrospects, Message: "the schema is not told here"})
	}
	if len(v.document.Acts) == 0 {
		j.Grants(q) // the schema, and names of types
		return nil
	}
	if r := v.plan(q, j); r != nil {
		return r
	}
	if err := v.resolve(q, j); err != nil {
		return err
	}
	if !j.Rules.AllowQuickActions {
		v.commands(q, j)
	}
	v.at = nil
	j.Question.Route = j.Op.Route
	if r := j.Decide(q); r != nil {
		v.at = v.path(j.Decision.Act)
		if j.Decision.Reason == policy.ReasonQuickAction {
			r.Message = surface.QuickActionMessage(j.DeniedCommand(), q.Table.Catalogue())
		}
		return r
	}
	return nil
}

// path gives the path of the field that an act of the question is about.
func (v *visit) path(i int) []string {
	n := len(v.acts)
	switch {
	case i >= 0 && i < n:
		return v.acts[i].Path()
	case i >= n && i-n < len(v.texts):
		return v.texts[i-n].Path
	}
	return nil
}

// read reads the body.
func (v *visit) read(b *surface.Body) error {
	if err := b.Whole(graphql.MaxBody, false); err != nil {
		return err
	}
	if holdsToken(b.Memory) {
		return errSecret
	}
	request, err := graphql.ParseRequest(b.Memory)
	if err != nil {
		return err
	}
	if v.document, err = v.s.recently(v.reader).read(request); err == nil && refusal.HoldsToken(v.document.Body) {
		return errSecret // in escapes of GraphQL's own: the query is printed anew, without them
	}
	return err
}

var errSecret = refusal.New(refusal.CodeSecret, "a patgate token stands in the body: it would be sent to the forge")

// holdsToken tells whether a patgate token stands in a JSON body, in escapes or without them.
func holdsToken(body []byte) bool {
	if refusal.HoldsToken(body) || !bytes.Contains(body, []byte(`\u`)) {
		return refusal.HoldsToken(body)
	}
	for dec := jsontext.NewDecoder(bytes.NewReader(body)); ; {
		tok, err := dec.ReadToken()
		if err != nil {
			return false // it has ended, or is refused by its kind
		}
		if tok.Kind() == '"' && refusal.HoldsToken([]byte(tok.String())) {
			return true
		}
	}
}

// refused makes a refusal of what cannot be read.
func (v *visit) refused(err error) error {
	var r *graphql.Refusal
	if !errors.As(err, &r) {
		return err
	}
	v.at = r.Path
	return reply.BadRequest(string(r.Code), "Access denied: "+r.Message+".")
}

// plan denies what no container could change, before the forge is asked anything.
func (v *visit) plan(q *surface.Request, j *surface.Judgement) *reply.Refusal {
	own := j.Op.Route
	defer func() { j.Op.Set(own, false) }()
	for i := range v.document.Acts {
		a := &v.document.Acts[i]
		if a.Reference.Variable != "" {
			v.at = a.Path()
			return reply.BadRequest(string(graphql.CodeReference),
				"Access denied: the variable $"+a.Reference.Variable+" names what the document is about, and has no value.")
		}
		j.Op.Set(a.Row, false)
		if r := j.PlanRow(q, a.Row); r != nil {
			v.at, j.Unplanned = a.Path(), true
			return r
		}
	}
	return nil
}

// resolve finds the container of every act.
func (v *visit) resolve(q *surface.Request, j *surface.Judgement) error {
	acts, room := v.document.Acts, 0
	for i := range acts {
		room += 2 // the container, and the groups above it
		if acts[i].Reference.Class != "" {
			room += 2 * (maxContainers - 1)
		}
	}
	j.Ask(room)
	v.acts = make([]*graphql.Act, 0, len(acts))
	found := map[graphql.Reference][]routes.Reference{}
	for i := range v.document.Acts {
		a := &v.document.Acts[i]
		act := policy.Act{Kind: policy.ActOwn, Boundary: a.Boundary, Needs: &a.Row.NeedSet}
		if a.Reach == graphql.ReachAnywhere || a.Reference == (graphql.Reference{}) {
			act.Elsewhere = a.Reach == graphql.ReachAnywhere
			v.add(j, a, act)
			continue
		}
		refs, known := found[a.Reference]
		if !known {
			var err error
			if refs, err = v.containers(q, j, a); err != nil {
				return err
			}
			found[a.Reference] = refs
		}
		if len(refs) == 0 {
			v.add(j, a, act) // nothing was found: an act that fails
		}
		for _, ref := range refs {
			if err := v.name(q, j, a, act, ref); err != nil {
				return err
			}
		}
	}
	v.stray(j.Question.Acts)
	return nil
}

// maxContainers bounds the containers of one object.
const maxContainers = 4

func (v *visit) add(j *surface.Judgement, a *graphql.Act, act policy.Act) {
	j.Question.Acts = append(j.Question.Acts, act)
	v.acts = append(v.acts, a)
}

// containers gives the containers that a reference of a document names, and asks the forge for those of an object.
func (v *visit) containers(q *surface.Request, j *surface.Judgement, a *graphql.Act) ([]routes.Reference, error) {
	r := &a.Reference
	if r.Class == "" {
		return []routes.Reference{{Kind: r.Kind, ID: r.ID, Path: []byte(r.Path)}}, nil
	}
	row := v.reader.Finds(r.Class)
	var op routes.Operation
	op.Set(row, false, routes.Capture{Name: "id", Value: []byte(r.String())})
	result, err := j.Look(q, row, &op)
	if err != nil {
		return nil, err
	}
	var refs []routes.Reference
	for _, id := range result.Projects {
		refs = append(refs, routes.Reference{Kind: routes.RefProject, ID: id})
	}
	if len(refs) == 0 {
		for _, id := range result.Groups {
			refs = append(refs, routes.Reference{Kind: routes.RefGroup, ID: id})
		}
	}
	if len(refs) > maxContainers {
		return nil, reply.BadRequest(string(graphql.CodeLimit), "Access denied: the object belongs to too many projects.")
	}
	return refs, nil
}

// name adds an act on a container. The document is sent with the path that stands in it, so that this must be the one that the
// container has.
func (v *visit) name(q *surface.Request, j *surface.Judgement, a *graphql.Act, act policy.Act, ref routes.Reference) error {
	c, err := j.Name(q, ref, act)
	if err != nil {
		return err
	}
	v.acts = append(v.acts, a)
	added := &j.Question.Acts[len(j.Question.Acts)-1]
	if ref.ID == 0 && !bytes.EqualFold([]byte(c.Path), ref.Path) {
		*c = policy.Container{}
		added.Boundary = ref.Kind.Boundary()
	}
	if a.Reference.Class != "" {
		added.Reference = routes.Reference{} // a denial does not tell to which project it belongs
	}
	if a.Reach == graphql.ReachAbove && c.Boundary.InContainer() && len(c.Ancestors) > 0 {
		return above(q, j, added, c)
	}
	return nil
}

// stray takes away the container of a mutation that names no container of the kind that its row is for: a mutation of projects
// must name a project, and a group does not do.
func (v *visit) stray(acts []policy.Act) {
	for i, a := range v.acts {
		if acts[i].Container == nil || !a.Row.Writes() {
			continue
		}
		fits := false
		for k, other := range v.acts {
			c := acts[k].Container
			fits = fits || c != nil && slices.Contains(a.Row.Boundaries, c.Boundary) && a.Beside(other)
		}
		if !fits {
			acts[i].Container = &policy.Container{}
		}
	}
}

// above puts the uppermost group of a container in its place. Where the owner does not see all groups above it, none is reached.
func above(q *surface.Request, j *surface.Judgement, act *policy.Act, c *policy.Container) error {
	ref := routes.Reference{Kind: routes.RefGroup, ID: c.Ancestors[len(c.Ancestors)-1]}
	j.Question.Acts = j.Question.Acts[:len(j.Question.Acts)-1]
	_, err := j.Name(q, ref, policy.Act{Kind: act.Kind, Needs: act.Needs})
	return err
}

// commands finds the quick actions in the texts of a mutation.
func (v *visit) commands(q *surface.Request, j *surface.Judgement) {
	j.Set.Commands = j.Set.Commands[:0]
	for i := range v.document.Texts {
		t := &v.document.Texts[i]
		for _, kind := range kindsOf(t) {
			if any := q.Table.Commands().Any(kind); t.Template && any != nil {
				j.Set.Commands = append(j.Set.Commands, params.FoundCommand{Param: t.Name, Kind: kind, Command: any})
				v.texts = append(v.texts, t)
			}
			field := routes.TextField{Param: t.Name, Kind: kind, Commands: q.Table.Commands()}
			scan := commands.Read(&field, []byte(t.Text))
			for {
				name, line, command := scan.Next()
				if command == nil {
					break
				}
				j.Set.Commands = append(j.Set.Commands,
					params.FoundCommand{Param: t.Name, Line: line, Name: name, Kind: kind, Command: command})
				v.texts = append(v.texts, t)
			}
		}
	}
	j.AddQuickActions()
}

// kindsOf says what a text may be about, as far as quick actions go: by the mutation's name, and of a note by what it is on. What
// else a mutation names says nothing.
func kindsOf(t *graphql.Text) []routes.CommandKind {
	name := strings.ToLower(t.Field)
	switch {
	case strings.HasPrefix(name, "mergerequest"):
		return []routes.CommandKind{routes.CommandsMergeRequest}
	case strings.HasPrefix(name, "workitem"), strings.HasSuffix(name, "issue"), strings.HasSuffix(name, "epic"),
		strings.HasSuffix(name, "testcase"):
		return []routes.CommandKind{routes.CommandsWorkItem}
	case t.About == "MergeRequest":
		return []routes.CommandKind{routes.CommandsMergeRequest}
	case t.About == "WorkItem", t.About == "Issue", t.About == "Epic":
		return []routes.CommandKind{routes.CommandsWorkItem}
	}
	return []routes.CommandKind{routes.CommandsWorkItem, routes.CommandsMergeRequest, routes.CommandsCommit}
}

// Rebuild sends what was read.
func (v *visit) Rebuild(_ *surface.Request, b *surface.Body, _ *surface.Judgement, s *surface.Sending) error {
	s.Target = append(s.Target[:0], path...)
	b.ContentType = append(b.ContentType[:0], "application/json"...)
	s.Upload.Whole = v.document.Body
	return nil
}

// Refuse writes a refusal with the path of the field that it is about.
func (v *visit) Refuse(_ *surface.Body, _ *surface.Judgement, n *reply.Notice, _ bool, out *fasthttp.Response) bool {
	writeError(n, v.at, out)
	return true
}

// writeError writes an error of GraphQL.
func writeError(n *reply.Notice, at []string, out *fasthttp.Response) {
	type extensions struct {
		Code        string   `json:"code"`
		Missing     []string `json:"missing_permissions,omitempty"`
		Boundary    string   `json:"boundary,omitempty"`
		GrantURL    string   `json:"grant_url,omitempty"`
		Path        []string `json:"path,omitempty"`
		Description string   `json:"reason,omitempty"`
	}
	type one struct {
		Message    string     `json:"message"`
		Path       []string   `json:"path,omitempty"`
		Extensions extensions `json:"extensions"`
	}
	e := one{Message: n.Text, Path: at,
		Extensions: extensions{Code: n.Reason, Path: at, Boundary: n.Boundary, GrantURL: n.GrantURL}}
	if n.Decision != nil {
		e.Extensions.Code, e.Extensions.Missing, e.Extensions.Description = "insufficient_granular_scope", n.Missing, n.Reason
	}
	body, err := json.Marshal(struct {
		Errors []one `json:"errors"`
	}{[]one{e}}, jsontext.EscapeForHTML(false))
	if err != nil {
		body = reply.Errors("message", "")
	}
	if n.Decision != nil || len(at) > 0 || strings.HasPrefix(n.Reason, "graphql_") {
		out.SetStatusCode(fasthttp.StatusOK)
	}
	out.SetBody(body)
}
