package forgetest

import (
	"cmp"
	"slices"
)

// runner has a global id: /runners/:id names no container.
type runner struct {
	id          int64
	kind        string // "instance_type", "group_type" or "project_type"
	projects    []int64
	groups      []int64
	description string
}

// AddProjectRunner adds a runner of projects and gives its id.
func (f *Forge) AddProjectRunner(projectIDs ...int64) int64 {
	return f.addRunner(&runner{kind: "project_type", projects: projectIDs})
}

// AddGroupRunner adds a runner of a group and gives its id.
func (f *Forge) AddGroupRunner(groupID int64) int64 {
	return f.addRunner(&runner{kind: "group_type", groups: []int64{groupID}})
}

// AddInstanceRunner adds a runner of the instance and gives its id.
func (f *Forge) AddInstanceRunner() int64 { return f.addRunner(&runner{kind: "instance_type"}) }

func (f *Forge) addRunner(r *runner) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.id = f.world.next("runner")
	r.description = "runner " + idText(r.id)
	f.world.runners[r.id] = r
	return r.id
}

func (c *call) showRunner(r *runner) any {
	return object{
		"id":          r.id,
		"description": r.description,
		"ip_address":  nil,
		"active":      true,
		"paused":      false,
		"is_shared":   r.kind == "instance_type",
		"runner_type": r.kind,
		"name":        nil,
		"online":      true,
		"created_at":  stamp(c.f.now()),
		"status":      "online",
	}
}

// showRunnerDetail is Entities::Ci::RunnerDetails: with the projects and groups that the runner belongs to.
func (c *call) showRunnerDetail(r *runner) any {
	w := &c.f.world
	o := c.showRunner(r).(object)
	projects, groups := []any{}, []any{}
	for _, id := range r.projects {
		if p := w.projects[id]; p != nil {
			path := w.projectPath(p)
			projects = append(projects, object{"id": p.id, "name": p.name, "path": p.path, "path_with_namespace": path})
		}
	}
	for _, id := range r.groups {
		if g := w.groups[id]; g != nil {
			groups = append(groups, object{"id": g.id, "web_url": c.f.external + "/groups/" + w.groupPath(id), "name": g.name})
		}
	}
	o["tag_list"], o["run_untagged"], o["locked"], o["access_level"] = []string{}, true, false, "not_protected"
	if r.kind == "project_type" {
		o["projects"] = projects
	}
	if r.kind == "group_type" {
		o["groups"] = groups
	}
	return o
}

// mayManage tells whether the caller is an administrator, or maintains a project or owns a group of the runner.
func (c *call) mayManage(r *runner) bool {
	if c.user.admin {
		return true
	}
	for _, id := range r.projects {
		if p := c.f.world.projects[id]; p != nil && c.level(p) >= Maintainer {
			return true
		}
	}
	for _, id := range r.groups {
		if g := c.f.world.groups[id]; g != nil && c.groupLevel(g) >= Owner {
			return true
		}
	}
	return false
}

func (c *call) findRunner() *runner {
	r := c.f.world.runners[c.path.number("id")]
	if r == nil {
		notFound("Runner")
	}
	if !c.mayManage(r) {
		panic(halt{answerError(403, "403 Forbidden - No access granted")})
	}
	return r
}

func (c *call) getRunner() answer { return ok(c.showRunnerDetail(c.findRunner())) }

func (c *call) updateRunner() answer {
	r := c.findRunner()
	r.description = cmp.Or(c.params.text("description"), r.description)
	return ok(c.showRunnerDetail(r))
}

func (c *call) listRunners() answer {
	var out []*runner
	for _, r := range c.f.world.runners {
		if c.mayManage(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *runner) int { return cmp.Compare(a.id, b.id) })
	return list(out, c.showRunner)
}
