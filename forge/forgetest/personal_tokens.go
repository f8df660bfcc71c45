package forgetest

import (
	"cmp"
	"slices"
	"time"
)

// showToken is Entities::PersonalAccessTokenWithLastUsedIps.
func (c *call) showToken(t *accessToken) any {
	active := !t.revoked && (t.expires.IsZero() || c.f.now().Before(t.expires))
	return object{"id": t.id, "name": t.name, "revoked": t.revoked, "created_at": stamp(t.created), "description": t.description,
		"scopes": t.scopes, "user_id": t.user, "last_used_at": stamp(c.f.now()), "active": active, "granular": t.granular,
		"expires_at": day(t.expires), "last_used_ips": []string{"127.0.0.1"}}
}

// selfToken answers personal access tokens about themselves. A fine-grained one would need a permission that none has here.
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

// getToken, revokeToken and rotateToken are about the token that the path names (lib/api/personal_access_tokens.rb).
func (c *call) getToken() answer { return ok(c.showToken(c.namedToken())) }

func (c *call) rotateToken() answer { return c.rotate(c.namedToken()) }
func (c *call) revokeToken() answer {
	c.namedToken().revoked = true
	return noContent()
}

// namedToken finds one of the user's own, anybody's for an administrator. Others are not told whether it exists.
func (c *call) namedToken() *accessToken {
	for _, t := range c.f.world.tokens {
		if t.id == c.path.number("id") && t.kind == "personal" && (t.user == c.user.id || c.user.admin) {
			return t
		}
	}
	if c.user.admin {
		notFound("")
	}
	panic(halt{answerError(401, "401 Unauthorized")})
}

// createToken makes a token for any user, on an administrator's word.
func (c *call) createToken() answer {
	if !c.user.admin {
		forbidden()
	}
	if c.params.text("name") == "" || len(c.params.texts("scopes")) == 0 {
		badRequest("name is missing, scopes is missing")
	}
	of := c.f.world.users[c.path.number("user_id")]
	if of == nil {
		notFound("User")
	}
	return c.keep(&accessToken{user: of.id, name: c.params.text("name"), kind: "personal", scopes: c.params.texts("scopes"),
		description: c.params.text("description")}, 365, created)
}

func (c *call) revokeSelf() answer {
	c.selfToken()
	c.token.revoked = true
	return noContent()
}

func (c *call) rotateSelf() answer {
	c.selfToken()
	return c.rotate(c.token)
}

// rotate gives a new token in the place of one, good for a week when nothing else is said.
func (c *call) rotate(old *accessToken) answer {
	if old.revoked {
		panic(halt{answerError(400, "400 Bad request - token already revoked")})
	}
	t := *old
	old.revoked = true
	return c.keep(&t, 7, ok)
}

// keep stores a new token, and answers with its secret.
func (c *call) keep(t *accessToken, days int, answer func(any) answer) answer {
	t.id, t.created, t.expires = c.f.world.next("token"), c.f.now(), c.f.now().AddDate(0, 0, days)
	if at, err := time.Parse(time.DateOnly, c.params.text("expires_at")); err == nil {
		t.expires = at
	}
	secret := secretFor("glpat-", "token", t.id, t.user)
	c.f.world.tokens[secret] = t
	o := c.showToken(t).(object)
	o["token"] = secret
	return answer(o)
}
