package forgetest

import (
	"cmp"
	"slices"
)

// showMember is Entities::Member.
func (c *call) showMember(userID int64, level int) any {
	o := c.showUser(c.f.world.users[userID]).(object)
	o["access_level"], o["created_at"], o["expires_at"], o["membership_state"] = level, stamp(c.f.now()), nil, "active"
	return o
}

type membership struct {
	user  int64
	level int
}

func (c *call) listMembers(level func(userID int64) int) answer {
	var out []membership
	for id := range c.f.world.users {
		if l := level(id); l >= Guest {
			out = append(out, membership{id, l})
		}
	}
	slices.SortFunc(out, func(a, b membership) int { return cmp.Compare(a.user, b.user) })
	return list(out, func(m membership) any { return c.showMember(m.user, m.level) })
}

// oneMember answers 404 with GitLab's words for a record that is not there.
func (c *call) oneMember(level int) answer {
	id := c.path.number("user_id")
	if id == 0 {
		badRequest("user_id is invalid")
	}
	if level < Guest || c.f.world.users[id] == nil {
		panic(halt{answerError(404, "404 Not found")})
	}
	return ok(c.showMember(id, level))
}

func (c *call) listProjectMembers() answer {
	p := c.findProject("id")
	return c.listMembers(func(id int64) int { return c.f.world.members[source{"project", p.id}][id] })
}

func (c *call) listAllProjectMembers() answer {
	p := c.findProject("id")
	return c.listMembers(func(id int64) int { return c.f.world.projectLevel(p, id) })
}

func (c *call) getProjectMember() answer {
	p := c.findProject("id")
	return c.oneMember(c.f.world.members[source{"project", p.id}][c.path.number("user_id")])
}

func (c *call) getAnyProjectMember() answer {
	p := c.findProject("id")
	return c.oneMember(c.f.world.projectLevel(p, c.path.number("user_id")))
}

// readGroupMembers: a user who sees a private group only through a project in it may not read its members.
func (c *call) readGroupMembers() *group {
	g := c.findGroup("id")
	if g.visibility == Private && c.groupLevel(g) < Guest {
		forbidden()
	}
	return g
}

func (c *call) listAllGroupMembers() answer {
	g := c.readGroupMembers()
	return c.listMembers(func(id int64) int { return c.f.world.groupLevel(g.id, id) })
}

func (c *call) listGroupMembers() answer {
	g := c.readGroupMembers()
	return c.listMembers(func(id int64) int { return c.f.world.members[source{"group", g.id}][id] })
}

func (c *call) getAnyGroupMember() answer {
	g := c.readGroupMembers()
	return c.oneMember(c.f.world.groupLevel(g.id, c.path.number("user_id")))
}

func (c *call) addProjectMember() answer {
	p := c.findProject("id")
	c.require(p, Maintainer)
	id, level := c.params.number("user_id"), int(c.params.number("access_level"))
	if c.f.world.users[id] == nil {
		notFound("User")
	}
	s := source{"project", p.id}
	if c.f.world.members[s][id] != 0 {
		conflict("Member already exists")
	}
	c.f.world.setMember(s, id, level)
	return created(c.showMember(id, level))
}

func (c *call) removeProjectMember() answer {
	p := c.findProject("id")
	c.require(p, Maintainer)
	c.f.world.setMember(source{"project", p.id}, c.path.number("user_id"), NoAccess)
	return noContent()
}

func (c *call) shareProject() answer {
	p := c.findProject("id")
	c.require(p, Maintainer)
	g := c.f.world.groups[c.params.number("group_id")]
	if g == nil || !c.f.world.canReadGroup(g, c.user) {
		notFound("Group")
	}
	s := source{"project", p.id}
	if c.f.world.invites[s] == nil {
		c.f.world.invites[s] = map[int64]int{}
	}
	level := c.params.number("group_access")
	c.f.world.invites[s][g.id] = int(level)
	return created(object{"project_id": p.id, "group_id": g.id, "group_access": level, "expires_at": nil})
}
