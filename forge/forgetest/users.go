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

// showToken is Entities::PersonalAccessTokenWithLastUsedIps.
func (c *call) showToken(t *accessToken) any {
	active := !t.revoked && (t.expires.IsZero() || c.f.now().Before(t.expires))
	return object{"id": t.id, "name": t.name, "revoked": t.revoked, "created_at": stamp(t.created), "description": nil,
		"scopes": t.scopes, "user_id": t.user, "last_used_at": stamp(c.f.now()), "active": active, "granular": t.granular,
		"expires_at": day(t.expires), "last_used_ips": []string{"127.0.0.1"}}
}

// selfToken answers personal access tokens about themselves. A fine-grained one would need a permission for it, which
// none has here.
func (c *call) selfToken() answer {
	if c.token == nil || c.token.kind != "personal" {
		panic(halt{answerError(400, "400 Bad request - This endpoint requires token type to be a personal access token")})
	}
	return ok(c.showToken(c.token))
}

// listTokens lists the user's own tokens; everyone's, or those of user_id, for an administrator. The newest comes first.
func (c *call) listTokens() answer {
	state, of := c.params.text("state"), c.params.number("user_id")
	if of != 0 && of != c.user.id && !c.user.admin {
		panic(halt{answerError(401, "401 Unauthorized")})
	}
	if of == 0 && !c.user.admin {
		of = c.user.id
	}
	var all []*accessToken
	for _, t := range c.f.world.tokens {
		active := !t.revoked && (t.expires.IsZero() || c.f.now().Before(t.expires))
		if t.kind == "personal" && (of == 0 || t.user == of) && (state == "" || (state == "active") == active) {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b *accessToken) int { return cmp.Compare(b.id, a.id) })
	return list(all, c.showToken)
}

func (c *call) revokeSelf() answer {
	c.selfToken()
	c.token.revoked = true
	return noContent()
}

func (c *call) rotateSelf() answer {
	c.selfToken()
	old := c.token
	old.revoked = true
	id := c.f.world.next("token")
	secret := secretFor("glpat-", "token", id, old.user)
	t := *old
	t.id, t.revoked, t.created = id, false, c.f.now()
	c.f.world.tokens[secret] = &t
	o := c.showToken(&t).(object)
	o["token"] = secret
	return ok(o)
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
