package forgetest

import (
	"cmp"
	"slices"
)

// mutationFields are the mutations. Each takes one argument, its input.
func mutationFields() graphType {
	fields := graphType{}
	for name, m := range map[string]struct {
		gives string
		do    func(c *call, in params) *payload
	}{
		"createNote":                     {"CreateNotePayload", (*call).mutateCreateNote},
		"workItemCreate":                 {"WorkItemCreatePayload", (*call).mutateWorkItemCreate},
		"workItemUpdate":                 {"WorkItemUpdatePayload", (*call).mutateWorkItemUpdate},
		"workItemDelete":                 {"WorkItemDeletePayload", (*call).mutateWorkItemDelete},
		"mergeRequestUpdate":             {"MergeRequestUpdatePayload", (*call).mutateMergeRequestUpdate},
		"projectTargetBranchRuleCreate":  {"ProjectTargetBranchRuleCreatePayload", (*call).mutateBranchRuleCreate},
		"projectTargetBranchRuleDestroy": {"ProjectTargetBranchRuleDestroyPayload", (*call).mutateBranchRuleDestroy},
		"issueMove":                      {"IssueMovePayload", (*call).mutateIssueMove},
	} {
		fields[name] = graphField{of: m.gives, get: func(c *call, _ any, args params) any {
			input, _ := args["input"].(map[string]any)
			if c.user == nil || c.token != nil && !c.token.has("api", "sudo") {
				notAvailable()
			}
			return m.do(c, input)
		}}
	}
	return fields
}

// inner gives the object that an input field is.
func (p params) inner(name string) params {
	m, _ := p[name].(map[string]any)
	return m
}

// mustReach throws when the caller's level in the project is lower.
func (c *call) mustReach(p *project, level int) {
	if p == nil || c.level(p) < level {
		notAvailable()
	}
}

// mustHave gives the work item of a global id, or throws.
func (c *call) mustHave(id string, level int) *workItem {
	w := c.workItemOf(id)
	if w == nil || c.level(w.p) < level {
		notAvailable()
	}
	return w
}

func (c *call) mutateCreateNote(in params) *payload {
	if in.text("body") == "" {
		return &payload{errors: []any{"Note can't be blank"}}
	}
	n := &note{author: c.user.id, body: in.text("body"), created: c.f.now()}
	id := in.text("noteableId")
	if w := c.workItemOf(id); w != nil {
		n.id = c.f.world.next("note")
		w.i.notes = append(w.i.notes, n)
		return &payload{object: &comment{w.p, n}}
	}
	m := c.mergingOf(id)
	if m == nil {
		notAvailable()
	}
	n.id = c.f.world.next("note")
	m.m.notes = append(m.m.notes, n)
	return &payload{object: &comment{m.p, n}}
}

func (c *call) mutateWorkItemCreate(in params) *payload {
	p := c.projectOf(cmp.Or(in.text("namespacePath"), in.text("projectPath")))
	c.mustReach(p, Guest)
	i := c.newIssue(p, in.text("title"))
	i.description = cmp.Or(in.inner("descriptionWidget").text("description"), in.text("description"))
	return &payload{object: &workItem{p, i}}
}

func (c *call) mutateWorkItemUpdate(in params) *payload {
	w := c.mustHave(in.text("id"), Reporter)
	w.i.title = cmp.Or(in.text("title"), w.i.title)
	w.i.description = cmp.Or(in.inner("descriptionWidget").text("description"), w.i.description)
	switch in.text("stateEvent") {
	case "CLOSE":
		w.i.state = "closed"
	case "REOPEN":
		w.i.state = "opened"
	}
	return &payload{object: w}
}

func (c *call) mutateWorkItemDelete(in params) *payload {
	w := c.mustHave(in.text("id"), Maintainer)
	w.p.issues = slices.DeleteFunc(w.p.issues, func(i *issue) bool { return i == w.i })
	return &payload{object: w.p}
}

func (c *call) mutateMergeRequestUpdate(in params) *payload {
	p := c.projectOf(in.text("projectPath"))
	c.mustReach(p, Developer)
	m, is := findMerging(c, p, in).(*merging)
	if !is {
		notAvailable()
	}
	m.m.title = cmp.Or(in.text("title"), m.m.title)
	m.m.description = cmp.Or(in.text("description"), m.m.description)
	switch in.text("state") {
	case "CLOSED":
		m.m.state = "closed"
	case "OPEN":
		m.m.state = "opened"
	}
	return &payload{object: m}
}

func (c *call) mutateBranchRuleCreate(in params) *payload {
	p := c.f.world.projects[numberOf(in.text("projectId"), "Project")]
	c.mustReach(p, Maintainer)
	r := &branchRule{id: c.f.world.next("branch rule"), name: in.text("name"), target: in.text("targetBranch"),
		created: stamp(c.f.now())}
	p.branchRules = append(p.branchRules, r)
	return &payload{object: r}
}

func (c *call) mutateBranchRuleDestroy(in params) *payload {
	id := numberOf(in.text("id"), "Projects::TargetBranchRule")
	for _, p := range c.f.world.projects {
		if at := slices.IndexFunc(p.branchRules, func(r *branchRule) bool { return r.id == id }); at >= 0 {
			c.mustReach(p, Maintainer)
			p.branchRules = slices.Delete(p.branchRules, at, at+1)
			return &payload{}
		}
	}
	notAvailable()
	return nil
}

// mutateIssueMove moves to another project, which only the user's rights decide on, as in GitLab.
func (c *call) mutateIssueMove(in params) *payload {
	p, to := c.projectOf(in.text("projectPath")), c.projectOf(in.text("targetProjectPath"))
	c.mustReach(p, Reporter)
	c.mustReach(to, Reporter)
	w, is := findWorkItem(c, p, in).(*workItem)
	if !is {
		notAvailable()
	}
	moved := c.newIssue(to, w.i.title)
	moved.description, moved.notes = w.i.description, w.i.notes
	w.i.state = "closed"
	return &payload{object: &workItem{to, moved}}
}
