package forgetest

import (
	"cmp"
	"slices"
	"strings"
)

// showGroup is Entities::Group, reduced.
func (c *call) showGroup(g *group) any {
	path := c.f.world.groupPath(g.id)
	return object{
		"id": g.id, "web_url": c.f.external + "/groups/" + path, "name": g.name, "path": g.path, "description": g.description,
		"visibility": g.visibility, "share_with_group_lock": false, "full_name": strings.ReplaceAll(path, "/", " / "),
		"full_path": path, "created_at": stamp(g.created), "parent_id": parentID(g), "organization_id": 1,
		"project_creation_level": "developer", "subgroup_creation_level": "maintainer", "archived": false,
	}
}

// showGroupDetail is Entities::GroupDetail: with runners_token for owners, and projects unless they are not wanted.
func (c *call) showGroupDetail(g *group) any {
	o := c.showGroup(g).(object)
	o["shared_with_groups"] = []any{}
	if c.groupLevel(g) >= Owner {
		o["runners_token"] = g.runnersToken
	}
	if c.params["with_projects"] == nil || c.params.flag("with_projects") {
		projects := []any{}
		for _, p := range c.visibleProjects(func(p *project) bool { return p.group == g.id }) {
			projects = append(projects, c.showProject(p))
		}
		o["projects"], o["shared_projects"] = projects, []any{}
	}
	return o
}

func parentID(g *group) any {
	if g.parent == 0 {
		return nil
	}
	return g.parent
}

// showNamespace is Entities::NamespaceBasic of a group.
func (c *call) showNamespace(g *group) any {
	path := c.f.world.groupPath(g.id)
	return object{"id": g.id, "name": g.name, "path": g.path, "kind": "group", "full_path": path,
		"parent_id": parentID(g), "avatar_url": nil, "web_url": c.f.external + "/groups/" + path}
}

// showUserNamespace is Entities::NamespaceBasic of a user's own namespace.
func (c *call) showUserNamespace(u *user) any {
	return object{"id": u.namespace, "name": u.name, "path": u.username, "kind": "user", "full_path": u.username,
		"parent_id": nil, "avatar_url": nil, "web_url": c.f.external + "/" + u.username}
}

func (c *call) visibleGroups(keep func(*group) bool) []*group {
	var out []*group
	for _, g := range c.f.world.groups {
		if c.f.world.canReadGroup(g, c.user) && keep(g) {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b *group) int { return cmp.Compare(a.id, b.id) })
	return out
}

func (c *call) listGroups() answer {
	search := strings.ToLower(c.params.text("search"))
	least := int(c.params.number("min_access_level"))
	return list(c.visibleGroups(func(g *group) bool {
		if least > 0 && c.groupLevel(g) < least {
			return false
		}
		path := c.f.world.groupPath(g.id)
		return strings.Contains(strings.ToLower(g.name), search) || strings.Contains(strings.ToLower(path), search)
	}), c.showGroup)
}

func (c *call) getGroup() answer { return ok(c.showGroupDetail(c.findGroup("id"))) }

func (c *call) listSubgroups() answer {
	top := c.findGroup("id")
	return list(c.visibleGroups(func(g *group) bool { return g.parent == top.id }), c.showGroup)
}

func (c *call) listGroupProjects() answer {
	top := c.findGroup("id")
	deep := c.params.flag("include_subgroups")
	shared := c.params["with_shared"] == nil || c.params.flag("with_shared")
	return list(c.visibleProjects(func(p *project) bool {
		if _, invited := c.f.world.invites[source{"project", p.id}][top.id]; invited && shared {
			return true
		}
		return p.group == top.id || deep && p.group != 0 && c.f.world.below(p.group, top.id)
	}), c.showProject)
}

func (c *call) createGroup() answer {
	w := &c.f.world
	path := c.params.text("path")
	if path == "" {
		badRequest("path is missing")
	}
	if id := c.params.number("parent_id"); id != 0 {
		parent := w.groups[id]
		if parent == nil || !w.canReadGroup(parent, c.user) {
			notFound("Group")
		}
		if c.groupLevel(parent) < Maintainer {
			forbidden()
		}
		path = w.groupPath(id) + "/" + path
	}
	if w.nameTaken(path) {
		panic(halt{answerError(400, "Failed to save group {:path=>[\"has already been taken\"]}")})
	}
	g := w.addGroup(path, cmp.Or(c.params.text("visibility"), Private), c.f.now())
	g.name = cmp.Or(c.params.text("name"), g.name)
	w.setMember(source{"group", g.id}, c.user.id, Owner)
	return created(c.showGroupDetail(g))
}

func (c *call) updateGroup() answer {
	g := c.findGroup("id")
	if c.groupLevel(g) < Owner {
		forbidden()
	}
	g.name = cmp.Or(c.params.text("name"), g.name)
	g.description = cmp.Or(c.params.text("description"), g.description)
	g.visibility = cmp.Or(c.params.text("visibility"), g.visibility)
	return ok(c.showGroupDetail(g))
}

// getNamespace is for members of a group, and for the user of a user's namespace (read_namespace_via_membership).
func (c *call) getNamespace() answer {
	id := c.path.text("id")
	n := params{"id": id}.number("id")
	w := &c.f.world
	for _, u := range w.users {
		if (u.namespace == n && n != 0 || strings.EqualFold(u.username, id)) && (u == c.user || c.user.admin) {
			return ok(c.showUserNamespace(u))
		}
	}
	g := w.groups[n]
	if n == 0 {
		g = w.groupByPath(id)
	}
	if g == nil || c.groupLevel(g) < Guest {
		notFound("Namespace")
	}
	return ok(c.showNamespace(g))
}
