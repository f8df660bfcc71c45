package forgetest

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// found is a credential and the place it stood in.
type found struct{ place, secret, basicUser string }

// header reads a header as Rack does: "_" and "-" are the same, case does not count.
func header(r *http.Request, name string) string {
	if v := r.Header.Get(name); v != "" {
		return v
	}
	for key, values := range r.Header {
		if strings.EqualFold(strings.ReplaceAll(key, "_", "-"), name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

// findCredential looks in GitLab's order (lib/gitlab/auth/auth_finders.rb): the parameters are those of Rails, query
// over body, on every method. Basic credentials count only where the endpoint takes them.
func findCredential(r *http.Request, rails params, basic bool) found {
	authorization := header(r, "Authorization")
	scheme, rest, _ := strings.Cut(authorization, " ")
	bearer := ""
	if strings.EqualFold(scheme, "Bearer") {
		bearer = strings.TrimSpace(rest)
	}
	places := []found{
		{place: "private_token", secret: rails.text("private_token")},
		{place: "PRIVATE-TOKEN", secret: header(r, "PRIVATE-TOKEN")},
		{place: "access_token", secret: rails.text("access_token")},
		{place: "Bearer", secret: bearer},
		{place: "bearer_token", secret: rails.text("bearer_token")},
	}
	if strings.EqualFold(scheme, "Basic") && basic {
		if decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)); err == nil {
			name, password, _ := strings.Cut(string(decoded), ":")
			// On package routes Basic goes first, as for deploy tokens.
			places = append([]found{{place: "Basic", secret: password, basicUser: name}}, places...)
		}
	}
	places = append(places,
		found{place: "JOB-TOKEN", secret: header(r, "JOB-TOKEN")},
		found{place: "job_token", secret: rails.text("job_token")},
		found{place: "Deploy-Token", secret: header(r, "Deploy-Token")},
	)
	for _, p := range places {
		if p.secret != "" {
			return p
		}
	}
	if cookie, err := r.Cookie("_gitlab_session"); err == nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return found{place: "cookie", secret: cookie.Value}
	}
	return found{}
}

// authenticate finds out who calls. It throws GitLab's answer for a credential that is not valid.
func (c *call) authenticate(basic bool) {
	cred := findCredential(c.r, c.rails, basic)
	c.rec.mu.Lock()
	c.rec.Credential, c.rec.Secret = cred.place, cred.secret
	c.rec.mu.Unlock()
	w := &c.f.world
	switch {
	case cred.secret == "":
		return
	case cred.place == "cookie":
		c.user = w.users[w.sessions[cred.secret]]
	default:
		c.token = w.tokens[cred.secret]
		if c.token == nil {
			panic(halt{answerOAuthError(http.StatusUnauthorized, "invalid_token", "Bad Access Token.")})
		}
		c.checkToken(cred.place)
		c.user = w.users[c.token.user]
	}
	if c.user == nil {
		return
	}
	if c.user.state != "active" {
		panic(halt{answerError(http.StatusForbidden, "403 Forbidden - Your account has been blocked.")})
	}
	c.impersonate()
	c.rec.mu.Lock()
	c.rec.User = c.user.username
	c.rec.mu.Unlock()
}

func (c *call) checkToken(place string) {
	t := c.token
	switch {
	case t.revoked:
		panic(halt{answerOAuthError(http.StatusUnauthorized, "invalid_token",
			"Token was revoked. You have to re-authorize from the user.")})
	case !t.expires.IsZero() && !c.f.now().Before(t.expires):
		panic(halt{answerOAuthError(http.StatusUnauthorized, "invalid_token",
			"Token is expired. You can either do re-authorization or token refresh.")})
	case t.kind == "oauth" && (place == "PRIVATE-TOKEN" || place == "private_token"),
		t.kind == "job" && place != "JOB-TOKEN" && place != "job_token",
		t.kind == "deploy" && place != "Deploy-Token" && place != "Basic":
		panic(halt{answerOAuthError(http.StatusUnauthorized, "invalid_token", "Bad Access Token.")})
	}
}

// impersonate obeys sudo, parameter before header, body before query, for administrators' tokens with that scope.
func (c *call) impersonate() {
	name := c.params.text("sudo")
	if name == "" {
		name = header(c.r, "Sudo")
	}
	if name == "" {
		return
	}
	if !c.user.admin {
		panic(halt{answerError(http.StatusForbidden, "403 Forbidden - Must be admin to use sudo")})
	}
	if c.token == nil || !c.token.has("sudo") {
		panic(halt{answerOAuthError(http.StatusForbidden, "insufficient_scope",
			"The request requires higher privileges than provided by the access token.")})
	}
	u := c.findUser(name)
	if u == nil {
		notFound("User with ID or username '" + name + "'")
	}
	c.rec.mu.Lock()
	c.rec.Sudo = u.username
	c.rec.mu.Unlock()
	c.user = u
}

// requireScope throws without a scope for the request: api, read_api for reads, or another that the endpoint takes.
func (c *call) requireScope(also ...string) {
	if c.token == nil || c.token.has("api", "sudo") || c.token.has(also...) {
		return
	}
	if c.token.granular {
		panic(halt{answerOAuthError(http.StatusForbidden, "insufficient_granular_scope",
			"Access denied: This operation requires a fine-grained personal access token with more permissions.")})
	}
	if c.token.has("read_api") && (c.r.Method == http.MethodGet || c.r.Method == http.MethodHead) {
		return
	}
	a := answerOAuthError(http.StatusForbidden, "insufficient_scope",
		"The request requires higher privileges than provided by the access token.")
	a.body.(object)["scope"] = "api read_api"
	panic(halt{a})
}
