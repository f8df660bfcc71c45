package proposal

import (
	"fmt"
	"slices"
	"strings"

	"patgate/admin/learning"
	"patgate/learn"
	"patgate/learn/propose"
	"patgate/policy"
	"patgate/routes"
)

// View is a proposal as a page shows it.
type View struct {
	Scopes []Scope
	// Left are the permissions that need a yes, with those that the user has said yes to.
	Left []Choice
	// Apart was first seen when it may not have been the owner any more.
	Apart  []Kind
	Groups []Question
	// Split are the tokens that it could be instead.
	Split []Half
	Facts []Fact
	Once  []string // endpoints that were seen on one day only
	Young bool
	Proof Proof
	Notes []string // what else one should know
}

// Scope is a scope with the evidence for each part of it.
type Scope struct {
	Access, AccessWords string
	Places              []Place
	Limits              []string
	Rows                []Row
	Refs                []Row
}

// Row is a permission or a ref pattern with its evidence.
type Row struct {
	Title, Label, Permission, About, Ref string
	Mark                                 string // where the token does not hold it today, if anywhere
	propose.Evidence
}

// marked puts evidence to a row of a scope with so many places.
func (r Row) marked(e propose.Evidence, places int) Row {
	r.Evidence = e
	switch {
	case e.NotHeld >= max(places, 1):
		r.Mark = "not held today"
	case e.NotHeld > 0:
		r.Mark = fmt.Sprintf("not held today in %d of %d", e.NotHeld, places)
	}
	return r
}

// Choice is a set of permissions that is in the proposal only when somebody says so.
type Choice struct {
	Value  string // the permissions, as the form sends them
	Rows   []Row
	Why    []string
	Kinds  []Kind
	Ticked bool
}

// Kind is a kind of request.
type Kind struct {
	Endpoint    string
	Permissions []string
	Why         []string
	Requests    int64
	First       string
	NotHeld     bool // the token does not hold it today
}

// Question asks whether to grant a group in the place of its projects, or for requests that were somewhere in it.
type Question struct {
	ID       int64
	Group    Place
	Projects []Place
	Below    *propose.Below // nil when no more is asked
	Chosen   bool
}

// Half is one of the tokens into which a proposal can be divided.
type Half struct {
	Number int
	Title  string
	Scopes []Scope
}

// Fact is a plain fact with its label.
type Fact struct{ Label, Text string }

// Proof is the certificate.
type Proof struct {
	Kinds    int
	Requests int64
	Rows     []ProofRow
}

// ProofRow is a part of the proposal with its witness.
type ProofRow struct {
	What, Where, Day, Witness string
	NotHeld                   bool
}

// Place is a project or a group. Path is empty when it is not known.
type Place struct {
	Kind, Path string
	ID         int64
	Mark       string // gone, as of 3 March
}

// Text gives the path, or the id when there is none.
func (p Place) Text() string {
	if p.Path != "" {
		return p.Path
	}
	return fmt.Sprintf("%s %d", p.Kind, p.ID)
}

// Words are those with which a page names things.
type Words struct {
	// Path gives the path of a project or a group, empty when it is not known, and a mark, such as "gone".
	Path func(kind routes.RefKind, id int64) (path, mark string)
	// Permissions gives permissions with their titles, in the order in which pages show them.
	Permissions func(names []string) []Row
	Access      func(access string) string
	Limits      func(*policy.ConstraintSpec) []string
	Effect      func(effect string) string
}

// New makes the view of a proposal.
func New(p *learning.Proposed, w *Words) *View {
	v := &View{Once: p.Confidence.Once, Young: p.Confidence.Young}
	for i := range p.Scopes {
		v.Scopes = append(v.Scopes, w.scope(&p.Scopes[i], i, p.Evidence))
	}
	v.Left = w.choices(p.Unticked, p.Accepted)
	for i := range p.Quarantined {
		v.Apart = append(v.Apart, w.kind(&p.Quarantined[i]))
	}
	for _, g := range p.Groups {
		question := Question{ID: g.ID, Group: w.place(routes.RefGroup, g.ID), Chosen: g.Chosen}
		for _, id := range g.Projects {
			question.Projects = append(question.Projects, w.place(routes.RefProject, id))
		}
		v.Groups = append(v.Groups, question)
	}
	for i := range p.Below {
		b := &p.Below[i]
		at := slices.IndexFunc(v.Groups, func(q Question) bool { return q.ID == b.GroupID })
		if at < 0 {
			at = len(v.Groups)
			v.Groups = append(v.Groups, Question{ID: b.GroupID, Group: w.place(routes.RefGroup, b.GroupID), Chosen: b.Chosen})
		}
		v.Groups[at].Below = b
	}
	for i, title := range []string{"What only reads", "What writes"} {
		if i >= len(p.Split) {
			break
		}
		half := Half{Number: i + 1, Title: title}
		for j := range p.Split[i] {
			half.Scopes = append(half.Scopes, w.scope(&p.Split[i][j], -1, nil))
		}
		v.Split = append(v.Split, half)
	}
	v.Facts, v.Notes = facts(p), notes(p)
	v.Proof = w.proof(&p.Certificate)
	return v
}

func (w *Words) place(kind routes.RefKind, id int64) Place {
	path, mark := w.Path(kind, id)
	return Place{Kind: kind.String(), ID: id, Path: path, Mark: mark}
}

// scope shows a scope with the evidence that is there for its number.
func (w *Words) scope(spec *policy.ScopeSpec, number int, evidence []propose.Evidence) Scope {
	s := Scope{Access: spec.Access, AccessWords: w.Access(spec.Access), Limits: w.Limits(&spec.Constraints)}
	for _, id := range spec.GroupIDs {
		s.Places = append(s.Places, w.place(routes.RefGroup, id))
	}
	for _, id := range spec.ProjectIDs {
		s.Places = append(s.Places, w.place(routes.RefProject, id))
	}
	s.Rows = w.Permissions(spec.Permissions)
	for _, e := range evidence {
		if e.Scope != number {
			continue
		}
		if e.Ref != "" {
			s.Refs = append(s.Refs, Row{Ref: e.Ref}.marked(e, len(s.Places)))
			continue
		}
		if i := slices.IndexFunc(s.Rows, func(r Row) bool { return r.Permission == e.Permission }); i >= 0 {
			s.Rows[i] = s.Rows[i].marked(e, len(s.Places))
		}
	}
	return s
}

func (w *Words) kind(u *propose.Unticked) Kind {
	k := Kind{Endpoint: u.Method + " " + u.Route, Permissions: u.Permissions, Requests: u.Requests, First: u.First,
		NotHeld: u.NotHeld}
	for _, why := range u.Why {
		k.Why = append(k.Why, w.Effect(why))
	}
	return k
}

// choices puts kinds of requests together that need the same permissions: one yes is enough for all of them.
func (w *Words) choices(out, in []propose.Unticked) (all []Choice) {
	add := func(u *propose.Unticked, ticked bool) {
		value := strings.Join(u.Permissions, ",")
		i := slices.IndexFunc(all, func(c Choice) bool { return c.Value == value })
		if i < 0 {
			i = len(all)
			all = append(all, Choice{Value: value, Rows: w.Permissions(u.Permissions), Ticked: ticked})
		}
		k := w.kind(u)
		for _, why := range k.Why {
			if !slices.Contains(all[i].Why, why) {
				all[i].Why = append(all[i].Why, why)
			}
		}
		if j := slices.IndexFunc(all[i].Kinds, func(other Kind) bool { return other.Endpoint == k.Endpoint }); j >= 0 {
			same := &all[i].Kinds[j]
			same.Requests, same.First = same.Requests+k.Requests, min(same.First, k.First)
			return
		}
		all[i].Kinds = append(all[i].Kinds, k)
	}
	for i := range out {
		add(&out[i], false)
	}
	for i := range in {
		add(&in[i], true)
	}
	slices.SortFunc(all, func(a, b Choice) int { return strings.Compare(a.Value, b.Value) })
	return all
}

func (w *Words) proof(c *propose.Certificate) Proof {
	p := Proof{Kinds: c.Allowed, Requests: c.Requests}
	for _, n := range c.Needed {
		row := ProofRow{What: n.Permission + n.Ref, Where: w.Access(n.Access), Day: n.Day, Witness: n.Witness, NotHeld: n.NotHeld}
		switch {
		case n.ProjectID != 0:
			row.Where = w.place(routes.RefProject, n.ProjectID).Text()
		case n.GroupID != 0:
			row.Where = w.place(routes.RefGroup, n.GroupID).Text()
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

// facts say how much was seen.
func facts(p *learning.Proposed) []Fact {
	c := &p.Confidence
	fresh := days(c.Quiet) + " ago"
	if c.Quiet == 0 {
		fresh = "today"
	}
	all := []Fact{
		{"Requests", fmt.Sprint(c.Requests)},
		{"Seen over", days(c.Days)},
		{"Last new need", fresh},
		{"Seen on one day only", count(int64(len(c.Once)), "endpoint", "endpoints")},
	}
	if p.SubjectID == 0 {
		all = append(all, Fact{"It holds now", amount(p.Holds)})
	}
	return append(all, Fact{"It would hold", amount(p.Scopes)})
}

func days(n int) string { return count(int64(n), "day", "days") }

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n) + " " + many
}

// amount tells how much scopes hold.
func amount(scopes []policy.ScopeSpec) string {
	held := map[string]bool{}
	projects, groups, wide := 0, 0, false
	for i := range scopes {
		s := &scopes[i]
		for _, name := range s.Permissions {
			held[name] = true
		}
		projects, groups = projects+len(s.ProjectIDs), groups+len(s.GroupIDs)
		wide = wide || s.Access == policy.AccessAllMemberships.String()
	}
	text := count(int64(len(held)), "permission", "permissions")
	switch {
	case wide:
		return text + " on everything"
	case groups > 0 && projects > 0:
		return text + " in " + count(int64(groups), "group", "groups") + " and " + count(int64(projects), "project", "projects")
	case groups > 0:
		return text + " in " + count(int64(groups), "group", "groups")
	case projects > 0:
		return text + " in " + count(int64(projects), "project", "projects")
	}
	return text
}

// notes say what is no part of a proposal, and what is odd in it.
func notes(p *learning.Proposed) (all []string) {
	add := func(n int, text string, args ...any) {
		if n > 0 {
			all = append(all, fmt.Sprintf(text, args...))
		}
	}
	add(p.Damaged, "%s of the records could not be read, and are left out here.",
		count(int64(p.Damaged), "row", "rows"))
	most := learn.MostUnits
	if p.SubjectID != 0 {
		most = learn.MostUnitsOfForgeToken
	}
	add(p.Collapsed, "More than %d different things were done. For %s the projects and groups are no longer known: they are "+
		"left out here, and the new token will be denied them unless you add them.", most, kinds(p.Collapsed))
	for _, id := range p.NotAsked {
		all = append(all, fmt.Sprintf("Group %d is not included: the proposal no longer asks about it.", id))
	}
	add(p.Lost, "%s are no longer allowed, because the token was narrowed since. They are left out here.", kinds(p.Lost))
	for _, row := range p.Certificate.Refused {
		all = append(all, "No grant allows "+row+" any more.")
	}
	for _, row := range p.Unknown {
		all = append(all, "There is no endpoint "+row+" any more.")
	}
	for _, text := range p.Notes {
		all = append(all, strings.ToUpper(text[:1])+text[1:]+".")
	}
	return all
}

func kinds(n int) string { return count(int64(n), "kind of request", "kinds of requests") }
