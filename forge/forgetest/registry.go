package forgetest

import "slices"

// registry is a container repository. Its id is global: /registry/repositories/:id names no project.
type registry struct {
	id   int64
	name string
	tags []string
}

// AddRegistry adds a container repository with a tag "latest" to a project and gives its id.
func (f *Forge) AddRegistry(projectID int64, name string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &registry{id: f.world.next("registry"), name: name, tags: []string{"latest"}}
	p := f.world.projects[projectID]
	p.registries = append(p.registries, r)
	return r.id
}

func (c *call) showRegistry(p *project) func(*registry) any {
	return func(r *registry) any {
		path := c.f.world.projectPath(p)
		if r.name != "" {
			path += "/" + r.name
		}
		return object{"id": r.id, "name": r.name, "path": path, "project_id": p.id, "location": "registry.gitlab.example/" + path,
			"created_at": stamp(p.created), "cleanup_policy_started_at": nil, "tags_count": len(r.tags), "status": nil}
	}
}

func (c *call) listRegistries() answer {
	p := c.findProject("id")
	return list(p.registries, c.showRegistry(p))
}

func (c *call) getRegistry() answer {
	for _, p := range c.visibleProjects(func(p *project) bool { return c.level(p) >= Guest || p.visibility == Public }) {
		for _, r := range p.registries {
			if r.id == c.path.number("id") {
				return ok(c.showRegistry(p)(r))
			}
		}
	}
	notFound("")
	return answer{}
}

func (c *call) deleteRegistry() answer {
	p := c.findProject("id")
	c.require(p, Maintainer)
	id := c.path.number("repository_id")
	p.registries = slices.DeleteFunc(p.registries, func(r *registry) bool { return r.id == id })
	return answer{status: 202, body: object{"message": "202 Accepted"}}
}

func (c *call) listRegistryTags() answer {
	p := c.findProject("id")
	for _, r := range p.registries {
		if r.id == c.path.number("repository_id") {
			return list(r.tags, func(tag string) any {
				path := c.f.world.projectPath(p) + "/" + r.name + ":" + tag
				return object{"name": tag, "path": path, "location": "registry.gitlab.example/" + path}
			})
		}
	}
	notFound("")
	return answer{}
}
