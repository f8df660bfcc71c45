package forgetest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// showUser is Entities::UserBasic.
func (c *call) showUser(u *user) any {
	if u == nil {
		return nil
	}
	return object{"id": u.id, "username": u.username, "public_email": "", "name": u.name, "state": u.state, "locked": false,
		"avatar_url": nil, "web_url": c.f.external + "/" + u.username}
}

// currentUser is Entities::UserPublic, and Entities::UserWithAdmin for an administrator.
func (c *call) currentUser() answer {
	u := c.user
	o := c.showUser(u).(object)
	o["created_at"], o["bio"], o["bot"], o["email"] = stamp(u.created), "", u.bot, u.username+"@gitlab.example"
	o["commit_email"], o["external"], o["two_factor_enabled"] = o["email"], false, false
	o["can_create_group"], o["can_create_project"], o["private_profile"] = true, true, false
	if u.admin {
		o["is_admin"], o["note"], o["namespace_id"] = true, "", u.namespace
	}
	return ok(o)
}

func (c *call) listUsers() answer {
	name, search := c.params.text("username"), strings.ToLower(c.params.text("search"))
	var out []*user
	for _, u := range c.f.world.users {
		if (name == "" || strings.EqualFold(name, u.username)) && strings.Contains(u.username, search) {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b *user) int { return cmp.Compare(b.id, a.id) })
	return list(out, c.showUser)
}

func (c *call) getUser() answer {
	u := c.f.world.users[c.path.number("id")]
	if u == nil {
		notFound("User")
	}
	return ok(c.showUser(u))
}

func (c *call) version() answer {
	return ok(object{"version": c.f.version, "revision": "326a2be2b"})
}

func (c *call) metadata() answer {
	return ok(object{"version": c.f.version, "revision": "326a2be2b", "enterprise": strings.HasSuffix(c.f.version, "-ee"),
		"kas": object{"enabled": false, "externalUrl": nil, "externalK8sProxyUrl": nil, "version": nil}})
}

func idText(id int64) string { return strconv.FormatInt(id, 10) }

// selfAssociations is Entities::PersonalAccessTokenAssociations: what the user can see, page by page.
func (c *call) selfAssociations() answer {
	c.selfToken()
	per, page := positive(c.params.text("per_page"), 20, 100), positive(c.params.text("page"), 1, 1<<30)
	cut := func(all []any) []any {
		from := min((page-1)*per, len(all))
		return append([]any{}, all[from:min(from+per, len(all))]...)
	}
	groups := list(c.visibleGroups(func(*group) bool { return true }), c.showGroup)
	projects := list(c.visibleProjects(func(*project) bool { return true }), c.showProject)
	return ok(object{"groups": cut(groups.list), "projects": cut(projects.list)})
}
