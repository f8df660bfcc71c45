package forgetest

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// locators are places in which a package endpoint looks for a credential, and in no other (GitLab 19.3,
// lib/gitlab/api_authentication/token_locator.rb). Zero stands for the ordinary finders.
type locators uint8

const (
	atBasicNamed   locators = 1 << iota // Basic, whose username must be that of the token's owner
	atBasic                             // Basic with any username
	atBearer                            // Authorization: Bearer
	atPrivateToken                      // PRIVATE-TOKEN
	atRaw                               // Authorization without Basic or Bearer
	atNugetKey                          // X-NuGet-ApiKey
)

// locate finds the caller as `authenticate_with` does: it looks in the places of l, where one valid credential may stand.
func (c *call) locate(l locators) {
	var all []found
	authorization := header(c.r, "Authorization")
	scheme, rest, _ := strings.Cut(authorization, " ")
	basic, bearer := strings.EqualFold(scheme, "Basic"), strings.EqualFold(scheme, "Bearer")
	switch {
	case basic && l&(atBasicNamed|atBasic) != 0:
		decoded, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		if name, password, _ := strings.Cut(string(decoded), ":"); name != "" && password != "" {
			all = append(all, found{"Basic", password, name})
		}
	case bearer && l&atBearer != 0:
		all = append(all, found{place: "Bearer", secret: strings.TrimSpace(rest)})
	case !basic && !bearer && authorization != "" && l&atRaw != 0:
		all = append(all, found{place: "Authorization", secret: authorization})
	}
	if v := header(c.r, "PRIVATE-TOKEN"); v != "" && l&atPrivateToken != 0 {
		all = append(all, found{place: "PRIVATE-TOKEN", secret: v})
	}
	if v := header(c.r, "X-NuGet-ApiKey"); v != "" && l&atNugetKey != 0 {
		all = append(all, found{place: "X-NuGet-ApiKey", secret: v})
	}
	switch len(all) {
	case 0:
		return
	case 1:
		c.located(all[0], l)
	default:
		panic(halt{answerError(http.StatusBadRequest, "400 Bad request - Found more than one set of credentials")})
	}
}

func (c *call) located(one found, l locators) {
	c.rec.mu.Lock()
	c.rec.Credential, c.rec.Secret = one.place, one.secret
	c.rec.mu.Unlock()
	t := c.f.world.tokens[one.secret]
	if t == nil || t.revoked || !t.expires.IsZero() && !c.f.now().Before(t.expires) {
		panic(halt{challenged()})
	}
	u := c.f.world.users[t.user]
	if one.place == "Basic" && l&atBasicNamed != 0 && !strings.EqualFold(one.basicUser, u.username) {
		panic(halt{challenged()})
	}
	if u.state != "active" {
		panic(halt{answerError(http.StatusForbidden, "403 Forbidden")})
	}
	c.token, c.user = t, u
	c.rec.mu.Lock()
	c.rec.User = u.username
	c.rec.mu.Unlock()
}

// challenged is the 401 of package endpoints (lib/api/helpers/packages/basic_auth_helpers.rb).
func challenged() answer {
	return answerError(http.StatusUnauthorized, "401 Unauthorized").with("Www-Authenticate",
		`Basic realm="GitLab Packages Registry"`)
}
