package surface

import (
	"strconv"
	"strings"
	"time"

	"patgate/audit"
	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/proxy/reply"
	"patgate/routes"
	"patgate/routes/params"
	"patgate/token"
)

// Judgement is what a request asks for and what was decided on it.
type Judgement struct {
	Rules     *Rules
	Session   *token.Session
	Op        routes.Operation
	Visit     Visit      // the surface's own view of the request; nil before it is classified
	Set       params.Set // parameters
	Question  policy.Question
	Decision  policy.Decision
	Unplanned bool // the plan denied it

	// SentByPath: the path that the own container has now is sent, whatever the reference was.
	SentByPath bool
	// Renamed: the path holds names in the forge's spelling, not the client's.
	Renamed bool
	// Rendered: the query asks for texts that the forge renders, which are taken out of the answer.
	Rendered bool
	// Filtered: the answer is a list, and the client gets only the entries that the grant reaches.
	Filtered bool
	// Enforced: patgate itself answers what the grant denies, so that report mode changes nothing.
	Enforced bool

	Would      *policy.Decision // of the grant, on what passes in report mode alone; nil: it denied nothing
	event      *audit.Event
	used       routes.PermissionSet // what the event's Used points to, when it is not a row's own
	containers []policy.Container
	found      []routes.Reference // of containers, by index
	resolving  time.Time          // since when the forge is asked
	asked      int                // questions to it that found something
}

// Rules are what every judgement goes by.
type Rules struct {
	Resolver asking.Resolver
	// Reads and Writes are how old a fact about a container may be when it decides.
	Reads, Writes time.Duration
	// Deadline bounds everything that the forge is asked before a decision.
	Deadline time.Duration
	// ClientGone is how long a question is waited for when the client has ended its side of the connection; 0: as long as any.
	ClientGone time.Duration
	// AllowQuickActions passes texts with commands that the forge carries out, whatever the grant holds.
	AllowQuickActions bool
	// Addresses of the forge that programs follow become patgate's in answers.
	Addresses bool
	// Attachments get addresses of patgate's in answers.
	Attachments bool
}

// Asker gives who asks the forge for a request.
func (r *Rules) Asker(q *Request) asking.Asker {
	return asking.Asker{Resolver: r.Resolver, Client: q.Conn, Gone: r.ClientGone}
}

// Begin begins the judgement of a request. Its decisions are noted in the event.
func (j *Judgement) Begin(rules *Rules, s *token.Session, e *audit.Event) {
	j.Rules, j.Session, j.event = rules, s, e
}

// Forget forgets what was judged, except for what every judgement sets.
func (j *Judgement) Forget() {
	j.Decision = policy.Decision{}
	j.Unplanned = false
	j.Op.Route, j.Visit = nil, nil // a request that is refused before it is classified has none
	j.Question.Route = nil
	j.Question.Acts = emptied(j.Question.Acts)
	j.containers, j.found = emptied(j.containers), emptied(j.found)
	j.Renamed, j.Rendered, j.Filtered, j.SentByPath = false, false, false, false
	j.Question.Entries = nil
	j.asked = 0
	j.event = nil
}

// Reset is Forget, and lets go of all that it points to.
func (j *Judgement) Reset() {
	j.Forget()
	j.Session, j.Rules = nil, nil
	j.Enforced, j.Would = false, nil // no loop sets it
	j.used = routes.PermissionSet{}
}

// emptied empties a slice that keeps its memory for the next request. Most are empty already.
func emptied[T any](s []T) []T {
	if len(s) > 0 {
		clear(s)
	}
	return s[:0]
}

// Change is what is changed in the answer.
func (j *Judgement) Change() reply.Change {
	return reply.Change{Row: j.Op.Route, Rendered: j.Rendered, Filtered: j.Filtered, Addresses: j.Rules.Addresses,
		Attachments: j.Rules.Attachments}
}

// Ordinary judges: plan, read the body, resolve, decide.
func (j *Judgement) Ordinary(q *Request, b *Body) error {
	if r := j.Plan(q); r != nil {
		return r
	}
	if err := j.Visit.Read(q, b, j); err != nil {
		return err
	}
	if err := j.Resolve(q); err != nil {
		return err
	}
	return j.decideVisit(q)
}

// Foresee is Ordinary without the body. What the body may still bring, a container that its parameters name, is left open.
func (j *Judgement) Foresee(q *Request) error {
	if r := j.Plan(q); r != nil {
		return r
	}
	if j.Op.Route.Find.From == routes.FindInParam {
		return nil
	}
	if err := j.Resolve(q); err != nil {
		return err
	}
	err := j.decideVisit(q)
	if err != nil && j.Decision.Reason == policy.ReasonTargetDenied && j.Decision.Act < 0 {
		return nil
	}
	return err
}

func (j *Judgement) decideVisit(q *Request) error {
	if j.Decision.Reason == policy.ReasonOpen {
		return nil
	}
	if !j.Rules.AllowQuickActions {
		j.AddQuickActions()
	}
	if err := j.Visit.Act(q, j); err != nil {
		return err
	}
	j.Question.Route = j.Op.Route
	if r := j.Decide(q); r != nil {
		if j.Decision.Reason == policy.ReasonQuickAction {
			r.Message = QuickActionMessage(j.DeniedCommand(), q.Table.Catalogue())
		}
		j.Visit.Explain(q, j, r)
		return r
	}
	return nil
}

// Judge judges as the visit does, or in the ordinary way.
func (j *Judgement) Judge(q *Request, b *Body) error {
	if own, is := j.Visit.(Judge); is {
		return own.Judge(q, b, j)
	}
	return j.Ordinary(q, b)
}

// Plan denies what no container could change, and reads the parameters of the query.
func (j *Judgement) Plan(q *Request) *reply.Refusal {
	if r := j.PlanRow(q, j.Op.Route); r != nil {
		j.Unplanned = true
		return r
	}
	if err := j.Set.Query(j.Op.Query); err != nil {
		return reply.Of(err)
	}
	if j.Op.Route.Asked {
		j.Question.Entries = j.Op.Route.Spanned(j.Set.QueryValue)
	}
	return nil
}

// PlanRow denies what no container could change.
func (j *Judgement) PlanRow(q *Request, row *routes.Route) *reply.Refusal {
	j.Set.Reset(row, j.Op.Captures())
	j.Decision = policy.Plan(j.Session.Grant, row)
	j.Note(q)
	if j.Decision.Verdict != policy.Allow && !j.planPasses(q, row) {
		j.noteKnown(q, row)
		return reply.OfDenial(&j.Decision, row)
	}
	return nil
}

// noteKnown notes which container a denied request names, if the forge told it a little while ago: it is not asked for that.
func (j *Judgement) noteKnown(q *Request, row *routes.Route) {
	known := j.Rules.Resolver.Known(j.Session, j.Op.InPath(row), 0, q.Start)
	if known != nil && known.Boundary == j.Decision.Boundary {
		j.event.Container = known.Path
	}
}

// Decide asks the policy whether the grant allows the question.
func (j *Judgement) Decide(q *Request) *reply.Refusal {
	j.Decision = policy.Decide(j.Session.Grant, &j.Question)
	j.Note(q)
	j.noteFurther()
	if j.Decision.Verdict != policy.Allow && !j.passes(q) {
		if j.asked > 0 {
			j.Rules.Resolver.Denied(j.Session, j.asked)
			j.asked = 0
		}
		return reply.OfDenial(&j.Decision, j.Question.Route)
	}
	return nil
}

// Grants decides for the row itself, where no container is named.
func (j *Judgement) Grants(q *Request) {
	j.Decision.Verdict, j.Decision.Reason = policy.Allow, policy.ReasonGranted
	j.Note(q)
	j.event.Used = nil
	j.noteWould(q)
}

// Settle notes the decision by which a request for several things is told, and all that it uses.
func (j *Judgement) Settle(q *Request, d policy.Decision, used *routes.PermissionSet) {
	j.Decision = d
	j.Note(q)
	j.Uses(used)
	j.noteWould(q)
}

// Uses notes which permissions were used, of all that was decided.
func (j *Judgement) Uses(set *routes.PermissionSet) {
	j.used = *set
	j.event.Used = &j.used
}

// Note writes the decision into the event.
func (j *Judgement) Note(q *Request) {
	e, d := j.event, &j.Decision
	e.Verdict = d.Verdict
	e.Reason = d.Reason.String()
	e.Boundary = d.Boundary
	e.BoundaryID, e.Container = d.Container, d.Path(j.Question.Acts)
	e.Scope = d.Scope
	e.Undeclared, e.Used = j.Set.Undeclared, nil
	e.Acts, e.Filtered = j.Question.Acts, false
	e.Act, e.Permission, e.Ceiling = policy.ActNone, "", ""
	if d.Ceiling != nil {
		e.Ceiling = d.Ceiling.Name
	}
	switch {
	case d.Verdict == policy.Deny:
		if d.Act >= 0 && d.Act < len(j.Question.Acts) {
			e.Act = j.Question.Acts[d.Act].Kind
		}
		e.Permission = firstName(q.Table.Catalogue(), &d.Missing)
	case d.Reason == policy.ReasonGranted && j.Op.Route != nil:
		e.Used = &j.Op.Route.NeedSet
	case d.Reason == policy.ReasonFiltered:
		j.Filtered, e.Filtered = true, true
		e.Used = &j.Op.Route.NeedSet
		j.passes(q) // whole, in report mode
	}
}

// noteFurther adds to an allowed request's event what its acts needed besides the row's own permissions, as far as anybody knows
// it: not what a template's text may have needed.
func (j *Judgement) noteFurther() {
	if j.event.Used == nil {
		return
	}
	further := false
	for i := range j.Question.Acts {
		further = further || j.Question.Acts[i].Needs != nil
	}
	if !further {
		return
	}
	used := *j.event.Used
	commands := j.Set.Commands
	for i := range j.Question.Acts {
		a := &j.Question.Acts[i]
		unseen := false
		if a.Kind == policy.ActQuickAction {
			unseen, commands = commands[0].Line == 0, commands[1:]
		}
		if a.Needs != nil && !unseen {
			used.Union(a.Needs)
		}
	}
	j.Uses(&used)
}

func firstName(c *routes.Catalogue, set *routes.PermissionSet) string {
	for i := range routes.Permission(c.Len() + 1) {
		if set.Has(i) {
			return c.Info(i).Name
		}
	}
	return ""
}

// AddQuickActions adds what the texts of the request would have the forge do.
func (j *Judgement) AddQuickActions() {
	for i := range j.Set.Commands {
		c := &j.Set.Commands[i]
		act := policy.Act{Kind: policy.ActQuickAction, Needs: c.Command.NeedSet(c.Kind), Elsewhere: c.Command.Elsewhere}
		j.Question.Acts = append(j.Question.Acts, act)
	}
}

// DeniedCommand gives the command in a text that was denied; nil when it was something else.
func (j *Judgement) DeniedCommand() *params.FoundCommand {
	if j.Decision.Reason != policy.ReasonQuickAction || j.Decision.Act < 0 {
		return nil
	}
	before := 0 // quick actions in front of it
	for i := range min(j.Decision.Act, len(j.Question.Acts)) {
		if j.Question.Acts[i].Kind == policy.ActQuickAction {
			before++
		}
	}
	if before >= len(j.Set.Commands) {
		return nil
	}
	return &j.Set.Commands[before]
}

// QuickActionMessage says which line of the request's text asks for more than the token allows. Nothing but the command's name
// is repeated of the text.
func QuickActionMessage(c *params.FoundCommand, catalogue *routes.Catalogue) string {
	switch {
	case c == nil:
		return "A text of the request has a quick action that the token does not allow."
	case c.Line == 0:
		text := "The request has no `" + c.Param + "`, so that the forge may take a template's text and carry out the quick " +
			"actions in it, whatever they are"
		if c.Command.Elsewhere {
			text += " and wherever they act"
		}
		return text + ". Send a `" + c.Param + "` that is not blank."
	}
	needs := strings.Join(catalogue.Names(c.Command.Needs(c.Kind)), " and ")
	text := "Line " + strconv.Itoa(c.Line) + " of `" + c.Param + "` has the quick action /" + c.Name + ", which needs " + needs
	if c.Command.Elsewhere {
		text += ", under all_memberships too because it may act on another project, group or item"
	}
	return text + ". Leave the line out, or use a token that may do it."
}
