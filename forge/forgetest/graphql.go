package forgetest

import "net/http"

// serveGraphQL answers every query with the current user, whatever it asks for; Basic credentials count here too.
func (f *Forge) serveGraphQL(w http.ResponseWriter, r *http.Request, rec *record) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		answer{status: http.StatusNotFound, body: object{"error": "404 Not Found"}}.write(w)
		return
	}
	body, raw := parseBody(r)
	query := parseQuery(r.URL.RawQuery)
	all := merge(body, query) // query beats body in Rails
	c := &call{f: f, r: r, rec: rec, params: all, rails: all, body: raw}
	rt := &route{method: r.Method, pattern: "/api/graphql", open: true, basic: true, answer: func(c *call) answer {
		if c.user == nil {
			return ok(object{"data": object{"currentUser": nil}})
		}
		return ok(object{"data": object{"currentUser": object{
			"id":       "gid://gitlab/User/" + idText(c.user.id),
			"username": c.user.username,
		}}})
	}}
	rec.mu.Lock()
	rec.Route = r.Method + " /api/graphql"
	rec.mu.Unlock()
	a := c.run(rt)
	if a.status == http.StatusUnauthorized {
		a = answer{status: http.StatusUnauthorized, body: object{"errors": []any{object{"message": "Invalid token"}}}}
	}
	a.write(w)
}
