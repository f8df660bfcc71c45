package forgetest

import (
	"slices"
	"strings"
)

// Lists that reach over everything that the caller sees.

// listNamespaces is the caller's groups and own namespace.
func (c *call) listNamespaces() answer {
	a := list(c.visibleGroups(func(g *group) bool { return c.groupLevel(g) >= Guest }), c.showNamespace)
	a.list = append(a.list, c.showUserNamespace(c.user))
	return a
}

// across gives one list with the parts of every project that the caller is a member of.
func (c *call) across(of func(*project) []any) answer {
	a := answer{status: 200, list: []any{}}
	for _, p := range c.visibleProjects(func(p *project) bool { return c.level(p) >= Guest }) {
		a.list = append(a.list, of(p)...)
	}
	return a
}

func (c *call) listAllMergeRequests() answer {
	return c.across(func(p *project) (all []any) {
		for _, m := range p.requests {
			if c.params.text("scope") == "all" || m.author == c.user.id {
				all = append(all, c.showMergeRequest(p)(m))
			}
		}
		return all
	})
}

// listEvents is Entities::Event, reduced: one for each project, and one that belongs to none.
func (c *call) listEvents() answer {
	a := c.across(func(p *project) []any {
		return []any{object{"id": p.id, "project_id": p.id, "action_name": "created", "target_title": c.f.world.projectPath(p),
			"author_id": c.user.id}}
	})
	a.list = append(a.list, object{"id": 0, "project_id": nil, "action_name": "joined", "target_title": "nowhere"})
	return a
}

// listTodos is Entities::Todo, reduced: one for each project and one for each group.
func (c *call) listTodos() answer {
	a := c.across(func(p *project) []any {
		path := c.f.world.projectPath(p)
		return []any{object{"id": p.id, "project": object{"id": p.id, "path_with_namespace": path}, "body": "look at " + path}}
	})
	for _, g := range c.visibleGroups(func(g *group) bool { return c.groupLevel(g) >= Guest }) {
		body := "look at " + c.f.world.groupPath(g.id)
		a.list = append(a.list, object{"id": 1000 + g.id, "group": c.showNamespace(g), "body": body})
	}
	return a
}

// search answers for projects, issues, merge requests and users.
func (c *call) search() answer {
	switch c.params.text("scope") {
	case "projects":
		a := c.listProjects()
		for i := range a.list {
			delete(a.list[i].(object), "runners_token")
		}
		return a // API::Entities::BasicProjectDetails
	case "issues":
		return c.across(func(p *project) (all []any) {
			for _, i := range c.filterIssues(p.issues) {
				all = append(all, c.showIssue(p)(i))
			}
			return all
		})
	case "blobs":
		return c.across(func(p *project) []any {
			return []any{object{"basename": "README", "data": c.f.world.projectPath(p), "path": "README.md", "project_id": p.id,
				"group_id": nil}}
		})
	case "users":
		return c.listUsers()
	}
	badRequest("scope does not have a valid value")
	return answer{}
}

// listClosedIssues is what a merge request closes: the issues that its description names by their whole reference.
func (c *call) listClosedIssues() answer {
	_, m := c.findMergeRequest()
	a := answer{status: 200, list: []any{}}
	c.mentions(m.description, func(p *project, i *issue) { a.list = append(a.list, c.showIssue(p)(i)) })
	return a
}

// listLinkedIssues gives those that an issue mentions, as if they were linked with it. GitLab does not cut that list into pages.
func (c *call) listLinkedIssues() answer {
	_, i := c.findIssue()
	linked := []any{}
	c.mentions(i.description, func(p *project, i *issue) { linked = append(linked, c.showIssue(p)(i)) })
	return ok(linked)
}

// mentions gives the issues that a text refers to.
func (c *call) mentions(text string, each func(*project, *issue)) {
	for _, p := range c.visibleProjects(func(p *project) bool { return c.level(p) >= Guest }) {
		for _, i := range p.issues {
			if slices.Contains(strings.Fields(text), c.f.world.projectPath(p)+"#"+idText(i.iid)) {
				each(p, i)
			}
		}
	}
}

// listForks is the projects that come from one.
func (c *call) listForks() answer {
	from := c.findProject("id")
	return list(c.visibleProjects(func(p *project) bool { return p.forkedFrom == from.id }), c.showProject)
}

// listUserProjects is the projects in a user's own namespace; 404 when there is no such user.
func (c *call) listUserProjects() answer {
	u := c.f.world.users[c.path.number("user_id")]
	if u == nil {
		u = c.f.world.userByName(c.path.text("user_id"))
	}
	if u == nil {
		notFound("User")
	}
	return list(c.visibleProjects(func(p *project) bool {
		return p.group == 0 && p.owner == u.id || p.group != 0 && u == c.user
	}), c.showProject)
}
