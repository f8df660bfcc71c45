package forgetest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// showProject is what clients read of Entities::ProjectWithAccess, or of Entities::BasicProjectDetails without a user.
func (c *call) showProject(p *project) any {
	w := &c.f.world
	path := w.projectPath(p)
	web := c.f.external + "/" + path
	self := c.f.external + "/api/v4/projects/" + strconv.FormatInt(p.id, 10)
	o := object{
		"id": p.id, "description": p.description, "name": p.name, "name_with_namespace": strings.ReplaceAll(path, "/", " / "),
		"path": p.path, "path_with_namespace": path, "created_at": stamp(p.created), "default_branch": "main",
		"tag_list": []string{}, "topics": []string{}, "ssh_url_to_repo": "git@gitlab.example:" + path + ".git",
		"http_url_to_repo": web + ".git", "web_url": web, "readme_url": web + "/-/blob/main/README.md", "forks_count": 0,
		"avatar_url": nil, "star_count": 0, "last_activity_at": stamp(p.created), "visibility": p.visibility,
		"namespace": c.showProjectNamespace(p),
	}
	if c.user == nil {
		return o
	}
	if from := w.projects[p.forkedFrom]; from != nil && w.canReadProject(from, c.user) {
		o["forked_from_project"] = object{"id": from.id, "path_with_namespace": w.projectPath(from)}
	}
	o["_links"] = object{
		"self":           self,
		"issues":         self + "/issues",
		"merge_requests": self + "/merge_requests",
		"repo_branches":  self + "/repository/branches",
		"labels":         self + "/labels",
		"events":         self + "/events",
		"members":        self + "/members",
	}
	o["empty_repo"], o["archived"], o["description_html"] = false, false, c.render(p.description)
	o["issues_enabled"], o["merge_requests_enabled"], o["jobs_enabled"] = true, true, true
	o["creator_id"], o["merge_method"], o["lfs_enabled"] = p.owner, "merge", true
	if p.group == 0 {
		o["owner"] = c.showUser(w.users[p.owner])
	}
	if c.level(p) >= Maintainer {
		o["runners_token"] = p.runnersToken
	}
	o["permissions"] = object{"project_access": nil, "group_access": nil}
	if level := w.members[source{"project", p.id}][c.user.id]; level > NoAccess {
		o["permissions"].(object)["project_access"] = object{"access_level": level, "notification_level": 3}
	}
	highest := NoAccess // invited groups do not count here, as in Group#highest_group_member
	for id := p.group; id != 0; id = w.groups[id].parent {
		highest = max(highest, w.members[source{"group", id}][c.user.id])
	}
	if highest > NoAccess {
		o["permissions"].(object)["group_access"] = object{"access_level": highest, "notification_level": 3}
	}
	var shared []any
	for id, level := range w.invites[source{"project", p.id}] {
		shared = append(shared, object{
			"group_id":           id,
			"group_name":         w.groups[id].name,
			"group_full_path":    w.groupPath(id),
			"group_access_level": level,
		})
	}
	o["shared_with_groups"] = append([]any{}, shared...)
	return o
}

func (c *call) showProjectNamespace(p *project) any {
	w := &c.f.world
	if p.group != 0 {
		return c.showNamespace(w.groups[p.group])
	}
	return c.showUserNamespace(w.users[p.owner])
}

func (c *call) visibleProjects(keep func(*project) bool) []*project {
	var out []*project
	for _, p := range c.f.world.projects {
		if c.f.world.canReadProject(p, c.user) && keep(p) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *project) int { return cmp.Compare(b.id, a.id) })
	return out
}

func (c *call) listProjects() answer {
	search, member := strings.ToLower(c.params.text("search")), c.params.flag("membership")
	return list(c.visibleProjects(func(p *project) bool {
		if member && (c.user == nil || c.f.world.projectLevel(p, c.user.id) < Guest) {
			return false
		}
		name := p.name
		if c.params.flag("search_namespaces") {
			name = c.f.world.projectPath(p)
		}
		return strings.Contains(strings.ToLower(name), search)
	}), c.showProject)
}

func (c *call) getProject() answer { return ok(c.showProject(c.findProject("id"))) }

func (c *call) createProject() answer {
	w := &c.f.world
	name := cmp.Or(c.params.text("path"), c.params.text("name"))
	if name == "" {
		badRequest("name, path are missing, at least one parameter must be provided")
	}
	namespace := c.user.username
	if id := c.params.number("namespace_id"); id != 0 && id != c.user.namespace {
		g := w.groups[id]
		if g == nil || !w.canReadGroup(g, c.user) {
			notFound("Namespace")
		}
		if c.groupLevel(g) < Developer {
			forbidden()
		}
		namespace = w.groupPath(id)
	}
	full := namespace + "/" + strings.ToLower(strings.ReplaceAll(name, " ", "-"))
	if w.nameTaken(full) {
		panic(halt{answer{status: 400, body: object{"message": object{"path": []string{"has already been taken"}}}}})
	}
	p := w.addProject(full, cmp.Or(c.params.text("visibility"), Private), c.f.now())
	p.name = cmp.Or(c.params.text("name"), p.name)
	p.description = c.params.text("description")
	if p.group != 0 {
		w.setMember(source{"project", p.id}, c.user.id, Maintainer)
	}
	return created(c.showProject(p))
}

func (c *call) updateProject() answer {
	p := c.findProject("id")
	c.require(p, Maintainer)
	p.name = cmp.Or(c.params.text("name"), p.name)
	p.description = cmp.Or(c.params.text("description"), p.description)
	p.visibility = cmp.Or(c.params.text("visibility"), p.visibility)
	if path := c.params.text("path"); path != "" && path != p.path {
		w := &c.f.world
		old := w.projectPath(p)
		if w.nameTaken(strings.TrimSuffix(old, p.path) + path) {
			conflict("409 Conflict")
		}
		w.moved[strings.ToLower(old)] = p.id
		p.path = path
	}
	return ok(c.showProject(p))
}

func (c *call) deleteProject() answer {
	p := c.findProject("id")
	c.require(p, Owner)
	c.f.world.deleteProject(p.id)
	return answer{status: 202, body: object{"message": "202 Accepted"}}
}

func (c *call) listProjectLabels() answer {
	return list(c.findProject("id").labels, c.showLabel)
}

func (c *call) createProjectLabel() answer {
	p := c.findProject("id")
	c.require(p, Reporter)
	l := &label{
		id:          c.f.world.next("label"),
		name:        c.params.text("name"),
		color:       c.params.text("color"),
		description: c.params.text("description"),
	}
	if l.name == "" {
		badRequest("name is missing")
	}
	p.labels = append(p.labels, l)
	return created(c.showLabel(l))
}

type label struct {
	id                       int64
	name, color, description string
}

func (c *call) showLabel(l *label) any {
	return object{"id": l.id, "name": l.name, "color": l.color, "text_color": "#FFFFFF", "description": l.description,
		"description_html": c.render(l.description), "subscribed": false, "priority": nil, "is_project_label": true,
		"archived": false}
}
