package forgetest

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

type issue struct {
	id, iid, author    int64
	title, description string
	state              string
	labels             []string
	created            time.Time
	notes              []*note
}

type note struct {
	id, author int64
	body       string
	created    time.Time
}

func (c *call) showIssue(p *project) func(*issue) any {
	path := c.f.world.projectPath(p)
	above := c.f.external + "/api/v4/projects/" + idText(p.id)
	return func(i *issue) any {
		short := "#" + idText(i.iid)
		self := above + "/issues/" + idText(i.iid)
		return object{
			"id": i.id, "iid": i.iid, "project_id": p.id, "title": i.title, "description": i.description, "state": i.state,
			"created_at": stamp(i.created), "updated_at": stamp(i.created), "closed_at": nil, "milestone": nil, "due_date": nil,
			"labels": append([]string{}, i.labels...), "assignees": []any{}, "assignee": nil, "confidential": false,
			"author": c.showUser(c.f.world.users[i.author]), "type": "ISSUE", "user_notes_count": len(i.notes), "upvotes": 0,
			"downvotes": 0, "issue_type": "issue", "web_url": c.f.external + "/" + path + "/-/issues/" + idText(i.iid),
			"_links":     object{"self": self, "notes": self + "/notes", "project": above},
			"references": object{"short": short, "relative": short, "full": path + short},
		}
	}
}

func showNote(c *call, noteableType string, noteable, iid, projectID int64) func(*note) any {
	return func(n *note) any {
		return object{
			"id":               n.id,
			"type":             nil,
			"body":             n.body,
			"author":           c.showUser(c.f.world.users[n.author]),
			"created_at":       stamp(n.created),
			"updated_at":       stamp(n.created),
			"system":           false,
			"noteable_id":      noteable,
			"noteable_type":    noteableType,
			"noteable_iid":     iid,
			"project_id":       projectID,
			"resolvable":       false,
			"confidential":     false,
			"internal":         false,
			"commands_changes": object{},
		}
	}
}

func (c *call) findIssue() (*project, *issue) {
	p := c.findProject("id")
	for _, i := range p.issues {
		if i.iid == c.path.number("issue_iid") {
			return p, i
		}
	}
	notFound("")
	return nil, nil
}

func (c *call) listIssues() answer {
	p := c.findProject("id")
	return list(c.filterIssues(p.issues), c.showIssue(p))
}

func (c *call) filterIssues(all []*issue) []*issue {
	state, search := c.params.text("state"), strings.ToLower(c.params.text("search"))
	var out []*issue
	for _, i := range all {
		if (state == "" || state == "all" || state == i.state) && strings.Contains(strings.ToLower(i.title), search) {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b *issue) int { return cmp.Compare(b.id, a.id) })
	return out
}

// listAllIssues spans the caller's projects.
func (c *call) listAllIssues() answer {
	a := answer{status: 200, list: []any{}}
	for _, p := range c.visibleProjects(func(p *project) bool { return c.level(p) >= Guest }) {
		for _, i := range c.filterIssues(p.issues) {
			if c.params.text("scope") == "all" || i.author == c.user.id {
				a.list = append(a.list, c.showIssue(p)(i))
			}
		}
	}
	return a
}

func (c *call) listGroupIssues() answer {
	g := c.findGroup("id")
	a := answer{status: 200, list: []any{}}
	for _, p := range c.visibleProjects(func(p *project) bool { return p.group != 0 && c.f.world.below(p.group, g.id) }) {
		for _, i := range c.filterIssues(p.issues) {
			a.list = append(a.list, c.showIssue(p)(i))
		}
	}
	return a
}

func (c *call) getIssue() answer {
	p, i := c.findIssue()
	return ok(c.showIssue(p)(i))
}

func (c *call) createIssue() answer {
	p := c.findProject("id")
	if c.params.text("title") == "" {
		badRequest("title is missing")
	}
	i := c.newIssue(p, c.params.text("title"))
	i.description, i.labels = c.params.text("description"), c.params.texts("labels")
	return created(c.showIssue(p)(i))
}

func (c *call) newIssue(p *project, title string) *issue {
	i := &issue{
		id:      c.f.world.next("issue"),
		iid:     int64(len(p.issues) + 1),
		author:  c.user.id,
		title:   title,
		state:   "opened",
		created: c.f.now(),
	}
	p.issues = append(p.issues, i)
	return i
}

func (c *call) updateIssue() answer {
	p, i := c.findIssue()
	c.require(p, Reporter)
	i.title = cmp.Or(c.params.text("title"), i.title)
	i.description = cmp.Or(c.params.text("description"), i.description)
	if labels := c.params.texts("labels"); labels != nil {
		i.labels = labels
	}
	switch c.params.text("state_event") {
	case "close":
		i.state = "closed"
	case "reopen":
		i.state = "opened"
	}
	return ok(c.showIssue(p)(i))
}

func (c *call) deleteIssue() answer {
	p, i := c.findIssue()
	c.require(p, Owner)
	p.issues = slices.DeleteFunc(p.issues, func(x *issue) bool { return x == i })
	return noContent()
}

// moveIssue moves to another project, which only the user's rights decide on, as in GitLab.
func (c *call) moveIssue() answer {
	p, i := c.findIssue()
	c.require(p, Reporter)
	to := c.f.world.projects[c.params.number("to_project_id")]
	if to == nil || !c.f.world.canReadProject(to, c.user) {
		notFound("Project")
	}
	moved := c.newIssue(to, i.title)
	moved.description, moved.notes = i.description, i.notes
	i.state = "closed"
	return created(c.showIssue(to)(moved))
}

func (c *call) listIssueNotes() answer {
	p, i := c.findIssue()
	return list(i.notes, showNote(c, "Issue", i.id, i.iid, p.id))
}

func (c *call) createIssueNote() answer {
	p, i := c.findIssue()
	n := c.newNote()
	i.notes = append(i.notes, n)
	return created(showNote(c, "Issue", i.id, i.iid, p.id)(n))
}

func (c *call) newNote() *note {
	if c.params.text("body") == "" {
		badRequest("body is missing")
	}
	return &note{id: c.f.world.next("note"), author: c.user.id, body: c.params.text("body"), created: c.f.now()}
}
