package forgetest

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// graphType is the fields of a type of the GraphQL API, by name: those of GitLab 19.3, reduced.
type graphType map[string]graphField

// graphField is a field. of names its type, and is empty for a scalar. get gives nil, an object, or a list of objects.
type graphField struct {
	of  string
	get func(c *call, self any, args params) any
}

// The objects of the API, with the project that they are in.
type (
	workItem struct {
		p *project
		i *issue
	}
	merging struct {
		p *project
		m *mergeRequest
	}
	comment struct {
		p *project
		n *note
	}
	branchRule struct {
		id           int64
		name, target string
		created      any
	}
	// payload is what a mutation gives back: its object, which is nil where it failed, and why.
	payload struct {
		object any
		errors []any
	}
)

// of makes a field of an object of type T.
func of[T any](name string, get func(c *call, self T) any) graphField {
	return graphField{of: name, get: func(c *call, self any, _ params) any { return get(c, self.(T)) }}
}

// with makes a field with arguments.
func with[T any](name string, get func(c *call, self T, args params) any) graphField {
	return graphField{of: name, get: func(c *call, self any, args params) any { return get(c, self.(T), args) }}
}

// always makes a field that is the same for all.
func always(value any) graphField {
	return graphField{get: func(*call, any, params) any { return value }}
}

// globalID writes the id of an object.
func globalID(class string, id int64) string {
	return "gid://gitlab/" + class + "/" + strconv.FormatInt(id, 10)
}

// numberOf reads a global id of one of some classes; 0 for any other text.
func numberOf(id string, classes ...string) int64 {
	for _, class := range classes {
		if text, is := strings.CutPrefix(id, "gid://gitlab/"+class+"/"); is {
			n, _ := strconv.ParseInt(text, 10, 64)
			return n
		}
	}
	return 0
}

// orNull gives null in place of a nil object.
func orNull[T any](p *T) any {
	if p == nil {
		return nil
	}
	return p
}

// connection is a list in pages; here all of it is on one.
type connection []any

// inPages adds the types by which a list of some type is shown.
func inPages(types map[string]graphType, names ...string) {
	for _, name := range names {
		types[name+"Connection"] = graphType{
			"nodes":    of(name, func(_ *call, p connection) any { return []any(p) }),
			"edges":    of(name+"Edge", func(_ *call, p connection) any { return []any(p) }),
			"count":    of("", func(_ *call, p connection) any { return len(p) }),
			"pageInfo": of("PageInfo", func(*call, connection) any { return "" }),
		}
		types[name+"Edge"] = graphType{"node": {of: name, get: func(_ *call, self any, _ params) any { return self }},
			"cursor": always("1")}
	}
}

// projectOf gives a project that the caller sees by its full path; redirects are not followed.
func (c *call) projectOf(path string) *project {
	if p := c.f.world.projectByPath(path); p != nil && c.f.world.canReadProject(p, c.user) {
		return p
	}
	return nil
}

// groupOf gives a group that the caller sees.
func (c *call) groupOf(path string) *group {
	if g := c.f.world.groupByPath(path); g != nil && c.f.world.canReadGroup(g, c.user) {
		return g
	}
	return nil
}

// workItemOf finds an issue by its global id, wherever the caller sees it.
func (c *call) workItemOf(id string) *workItem {
	n := numberOf(id, "WorkItem", "Issue")
	for _, p := range c.f.world.projects {
		for _, i := range p.issues {
			if i.id == n && c.f.world.canReadProject(p, c.user) {
				return &workItem{p, i}
			}
		}
	}
	return nil
}

func (c *call) mergingOf(id string) *merging {
	n := numberOf(id, "MergeRequest")
	for _, p := range c.f.world.projects {
		for _, m := range p.requests {
			if m.id == n && c.f.world.canReadProject(p, c.user) {
				return &merging{p, m}
			}
		}
	}
	return nil
}

func (c *call) commentOf(id string) *comment {
	n := numberOf(id, "Note", "DiscussionNote", "DiffNote")
	for _, p := range c.f.world.projects {
		if !c.f.world.canReadProject(p, c.user) {
			continue
		}
		var all []*note
		for _, i := range p.issues {
			all = append(all, i.notes...)
		}
		for _, m := range p.requests {
			all = append(all, m.notes...)
		}
		if at := slices.IndexFunc(all, func(o *note) bool { return o.id == n }); at >= 0 {
			return &comment{p, all[at]}
		}
	}
	return nil
}

// workItemsOf gives the issues of projects, the newest first, as the arguments choose.
func (c *call) workItemsOf(args params, projects ...*project) connection {
	iids := args.texts("iids")
	var out connection
	for _, p := range projects {
		for _, i := range p.issues {
			open := i.state == "opened"
			state := args.text("state")
			if len(iids) > 0 && !slices.Contains(iids, idText(i.iid)) || state == "opened" && !open || state == "closed" && open {
				continue
			}
			out = append(out, &workItem{p, i})
		}
	}
	slices.SortFunc(out, func(a, b any) int { return cmp.Compare(b.(*workItem).i.id, a.(*workItem).i.id) })
	return firstOf(out, args)
}

func (c *call) mergingsOf(args params, projects ...*project) connection {
	iids, state := args.texts("iids"), args.text("state")
	var out connection
	for _, p := range projects {
		for _, m := range p.requests {
			if (len(iids) == 0 || slices.Contains(iids, idText(m.iid))) && (state == "" || state == "all" || state == m.state) {
				out = append(out, &merging{p, m})
			}
		}
	}
	return firstOf(out, args)
}

func firstOf(p connection, args params) connection {
	if n := int(args.number("first")); n > 0 && n < len(p) {
		return p[:n]
	}
	return p
}

// findWorkItem and findMerging give what has the iid of the arguments.
func findWorkItem(c *call, p *project, args params) any {
	return only(c.workItemsOf(params{"iids": []any{args.text("iid")}}, p))
}

func findMerging(c *call, p *project, args params) any {
	return only(c.mergingsOf(params{"iids": []any{args.text("iid")}}, p))
}

func only(list connection) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// projectsBelow gives the projects of a group that the caller sees, with those of its subgroups if the arguments say so.
func (c *call) projectsBelow(g *group, deep bool) []*project {
	return c.visibleProjects(func(p *project) bool {
		return p.group == g.id || deep && p.group != 0 && c.f.world.below(p.group, g.id)
	})
}

// graphTypes is the schema.
func graphTypes() map[string]graphType {
	types := map[string]graphType{"Query": queryFields(), "Mutation": mutationFields(), "Project": projectFields(),
		"Group": groupFields(), "Namespace": namespaceFields(), "WorkItem": workItemFields(),
		"Issue": issueFields(), "MergeRequest": mergingFields(), "Note": noteFields(), "UserCore": userFields()}
	types["WorkItemFeatures"] = featureFields(types)
	types["CurrentUser"] = maps.Clone(types["UserCore"])
	types["CurrentUser"]["assignedMergeRequests"] = with("MergeRequestConnection", func(c *call, _ *user, args params) any {
		return c.mergingsOf(args, c.visibleProjects(func(p *project) bool { return c.level(p) >= Guest })...)
	})
	types["PageInfo"] = graphType{"endCursor": always(nil), "startCursor": always(nil), "hasNextPage": always(false),
		"hasPreviousPage": always(false)}
	types["Metadata"] = graphType{"enterprise": always(true), "version": {get: func(c *call, _ any, _ params) any {
		return c.f.version
	}}}
	types["WorkItemType"] = graphType{"id": always("gid://gitlab/WorkItems::Type/1"), "name": always("Issue")}
	types["ProjectTargetBranchRule"] = graphType{
		"id":           of("", func(_ *call, r *branchRule) any { return globalID("Projects::TargetBranchRule", r.id) }),
		"name":         of("", func(_ *call, r *branchRule) any { return r.name }),
		"targetBranch": of("", func(_ *call, r *branchRule) any { return r.target }),
		"createdAt":    of("", func(_ *call, r *branchRule) any { return r.created }),
	}
	types["Label"] = graphType{"id": of("", func(_ *call, l *label) any { return globalID("ProjectLabel", l.id) }),
		"title": of("", func(_ *call, l *label) any { return l.name }),
		"color": of("", func(_ *call, l *label) any { return l.color }), "textColor": always("#FFFFFF"),
		"description": always(""), "descriptionHtml": always("")}
	payloads(types)
	inPages(types, "Project", "WorkItem", "Issue", "MergeRequest", "Note", "UserCore", "ProjectTargetBranchRule", "Label",
		"LinkedWorkItemType")
	maps.Copy(types, introspection(types))
	return types
}

func queryFields() graphType {
	by := func(argument string, find func(c *call, text string) any) func(*call, any, params) any {
		return func(c *call, _ any, args params) any { return find(c, args.text(argument)) }
	}
	workItem := by("id", func(c *call, id string) any { return orNull(c.workItemOf(id)) })
	return graphType{
		"__schema":     {of: "__Schema", get: func(*call, any, params) any { return "" }},
		"__type":       {of: "__Type", get: func(_ *call, _ any, args params) any { return args.text("name") }},
		"echo":         {get: func(_ *call, _ any, args params) any { return args.text("text") }},
		"currentUser":  {of: "CurrentUser", get: func(c *call, _ any, _ params) any { return orNull(c.user) }},
		"metadata":     {of: "Metadata", get: func(*call, any, params) any { return "" }},
		"project":      {of: "Project", get: by("fullPath", func(c *call, path string) any { return orNull(c.projectOf(path)) })},
		"group":        {of: "Group", get: by("fullPath", func(c *call, path string) any { return orNull(c.groupOf(path)) })},
		"namespace":    {of: "Namespace", get: by("fullPath", (*call).namespaceOf)},
		"workItem":     {of: "WorkItem", get: workItem},
		"issue":        {of: "Issue", get: workItem},
		"mergeRequest": {of: "MergeRequest", get: by("id", func(c *call, id string) any { return orNull(c.mergingOf(id)) })},
		"note":         {of: "Note", get: by("id", func(c *call, id string) any { return orNull(c.commentOf(id)) })},
	}
}

// namespaceOf gives the group, project or user that has a full path.
func (c *call) namespaceOf(path string) any {
	if g := c.groupOf(path); g != nil {
		return g
	}
	if p := c.projectOf(path); p != nil {
		return p
	}
	return orNull(c.f.world.userByName(path))
}

func projectFields() graphType {
	text := func(get func(c *call, p *project) any) graphField { return of("", get) }
	return graphType{
		"id":          text(func(_ *call, p *project) any { return globalID("Project", p.id) }),
		"name":        text(func(_ *call, p *project) any { return p.name }),
		"path":        text(func(_ *call, p *project) any { return p.path }),
		"fullPath":    text(func(c *call, p *project) any { return c.f.world.projectPath(p) }),
		"description": text(func(_ *call, p *project) any { return p.description }),
		"visibility":  text(func(_ *call, p *project) any { return p.visibility }),
		"webUrl":      text(func(c *call, p *project) any { return c.f.external + "/" + c.f.world.projectPath(p) }),
		"group": of("Group", func(c *call, p *project) any {
			if g := c.f.world.groups[p.group]; g != nil && c.f.world.canReadGroup(g, c.user) {
				return g
			}
			return nil
		}),
		"forkedFrom": of("Project", func(c *call, p *project) any {
			if from := c.f.world.projects[p.forkedFrom]; from != nil && c.f.world.canReadProject(from, c.user) {
				return from
			}
			return nil
		}),
		"targetBranchRules": of("ProjectTargetBranchRuleConnection", func(_ *call, p *project) any {
			out := connection{}
			for _, r := range p.branchRules {
				out = append(out, r)
			}
			return out
		}),
		"issue":        with("Issue", findWorkItem),
		"mergeRequest": with("MergeRequest", findMerging),
		"issues":       with("IssueConnection", func(c *call, p *project, args params) any { return c.workItemsOf(args, p) }),
		"workItems":    with("WorkItemConnection", func(c *call, p *project, args params) any { return c.workItemsOf(args, p) }),
		"mergeRequests": with("MergeRequestConnection",
			func(c *call, p *project, args params) any { return c.mergingsOf(args, p) }),
	}
}

func groupFields() graphType {
	return graphType{
		"id":       of("", func(_ *call, g *group) any { return globalID("Group", g.id) }),
		"name":     of("", func(_ *call, g *group) any { return g.name }),
		"path":     of("", func(_ *call, g *group) any { return g.path }),
		"fullPath": of("", func(c *call, g *group) any { return c.f.world.groupPath(g.id) }),
		"parent": of("Group", func(c *call, g *group) any {
			if up := c.f.world.groups[g.parent]; up != nil && c.f.world.canReadGroup(up, c.user) {
				return up
			}
			return nil
		}),
		"projects": with("ProjectConnection", func(c *call, g *group, args params) any {
			out := connection{}
			for _, p := range c.projectsBelow(g, args.flag("includeSubgroups")) {
				out = append(out, p)
			}
			return out
		}),
		"issues": with("IssueConnection", func(c *call, g *group, args params) any {
			return c.workItemsOf(args, c.projectsBelow(g, args.flag("includeSubgroups"))...)
		}),
		"mergeRequests": with("MergeRequestConnection", func(c *call, g *group, args params) any {
			return c.mergingsOf(args, c.projectsBelow(g, args.flag("includeSubgroups"))...)
		}),
	}
}

// namespaceFields are those of a *group, a *project or a *user as a namespace. A group has no work items of its own here.
func namespaceFields() graphType {
	by := func(name string, get func(c *call, self any, args params) any) graphField {
		return graphField{of: name, get: get}
	}
	return graphType{
		"id": by("", func(_ *call, self any, _ params) any {
			switch n := self.(type) {
			case *group:
				return globalID("Group", n.id)
			case *project:
				return globalID("Namespaces::ProjectNamespace", 100_000+n.id)
			}
			return globalID("Namespaces::UserNamespace", self.(*user).namespace)
		}),
		"fullPath": by("", func(c *call, self any, _ params) any {
			switch n := self.(type) {
			case *group:
				return c.f.world.groupPath(n.id)
			case *project:
				return c.f.world.projectPath(n)
			}
			return self.(*user).username
		}),
		"workItem": by("WorkItem", func(c *call, self any, args params) any {
			if p, is := self.(*project); is {
				return findWorkItem(c, p, args)
			}
			return nil
		}),
		"workItems": by("WorkItemConnection", func(c *call, self any, args params) any {
			switch n := self.(type) {
			case *project:
				return c.workItemsOf(args, n)
			case *group:
				if args.flag("includeDescendants") {
					return c.workItemsOf(args, c.projectsBelow(n, true)...)
				}
			}
			return connection{}
		}),
	}
}

func userFields() graphType {
	return graphType{
		"id":        of("", func(_ *call, u *user) any { return globalID("User", u.id) }),
		"username":  of("", func(_ *call, u *user) any { return u.username }),
		"name":      of("", func(_ *call, u *user) any { return u.name }),
		"state":     of("", func(_ *call, u *user) any { return u.state }),
		"createdAt": of("", func(_ *call, u *user) any { return stamp(u.created) }),
		"avatarUrl": always(nil),
		"webUrl":    of("", func(c *call, u *user) any { return c.f.external + "/" + u.username }),
	}
}
