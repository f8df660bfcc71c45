package forgetest

import (
	"net/http"
	"strconv"
	"strings"
)

// call is one API request on its way through an endpoint. The world is locked meanwhile, except in streaming endpoints.
type call struct {
	f      *Forge
	r      *http.Request
	rec    *record
	path   params // captures
	params params // as Grape sees them: path over body over query
	rails  params // as Rails sees them: path over query over body
	body   []byte
	user   *user        // nil: anonymous
	token  *accessToken // nil: anonymous or by cookie
}

// route is one endpoint of the API.
type route struct {
	method string
	// pattern below /api/v4: {x} takes any segment, :x one up to a dot (the rest is the format), *x all segments to the end.
	pattern string
	parts   []string
	answer  func(*call) answer
	// stream answers without the lock on the world and without the body having been read.
	stream func(*call, http.ResponseWriter)
	open   bool     // answers anonymous callers
	basic  bool     // takes Basic credentials
	at     locators // looks for a credential there alone
	family bool     // of packages: its 401 asks for Basic
	own    bool     // finds out itself who calls
	scopes []string // token scopes that are enough besides api and read_api
}

// serveAPI answers a request below /api/v4.
func (f *Forge) serveAPI(w http.ResponseWriter, r *http.Request, rec *record, segments []segment) {
	query := parseQuery(r.URL.RawQuery)
	c := &call{f: f, r: r, rec: rec}
	method := r.Method
	if method == http.MethodPost {
		if m := header(r, "X-HTTP-Method-Override"); m != "" {
			method = strings.ToUpper(m)
		}
	}
	rt, captures := f.match(method, segments)
	body := params{}
	if rt == nil || rt.stream == nil {
		body, c.body = parseBody(r)
		if m := body.text("_method"); m != "" && r.Method == http.MethodPost && len(c.body) > 0 && c.body[0] != '{' {
			method = strings.ToUpper(m)
			rt, captures = f.match(method, segments)
		}
	}
	c.path = captures
	c.params, c.rails = merge(query, body, captures), merge(body, query, captures)
	if rt == nil {
		answer{status: http.StatusNotFound, body: object{"error": "404 Not Found"}}.write(w)
		return
	}
	rec.mu.Lock()
	rec.Route = rt.method + " " + rt.pattern
	rec.mu.Unlock()
	if rt.stream != nil {
		if !rt.own {
			if a, halted := c.enter(rt); halted {
				a.write(w)
				return
			}
		}
		rt.stream(c, w)
		return
	}
	a := c.run(rt)
	if a.list != nil {
		a = c.paginate(a)
	}
	a.write(w)
}

// enter checks the credential; halted is true when that already is the answer.
func (c *call) enter(rt *route) (a answer, halted bool) {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	defer c.caught(&a, &halted)
	c.identify(rt)
	return answer{}, false
}

// run checks the credential and calls the endpoint under the lock.
func (c *call) run(rt *route) (a answer) {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	var halted bool
	defer c.caught(&a, &halted)
	c.identify(rt)
	return rt.answer(c)
}

// identify finds out who calls, where the endpoint looks, and whether that is enough for it.
func (c *call) identify(rt *route) {
	if rt.at != 0 {
		c.locate(rt.at)
	} else {
		c.authenticate(rt.basic)
	}
	c.permit(rt)
}

// caught turns a thrown answer into the result.
func (c *call) caught(a *answer, halted *bool) {
	switch p := recover().(type) {
	case nil:
	case halt:
		*a, *halted = p.answer, true
	default:
		panic(p)
	}
}

func (c *call) permit(rt *route) {
	if c.user == nil {
		if !rt.open && rt.family {
			panic(halt{challenged()})
		}
		if !rt.open {
			panic(halt{answerError(http.StatusUnauthorized, "401 Unauthorized")})
		}
		return
	}
	c.requireScope(rt.scopes...)
}

// match finds the first route for a path.
func (f *Forge) match(method string, segments []segment) (*route, params) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for i := range f.routes {
		rt := &f.routes[i]
		if rt.method != method {
			continue
		}
		if captures, ok := rt.match(segments); ok {
			return rt, captures
		}
	}
	return nil, nil
}

func (rt *route) match(segments []segment) (params, bool) {
	captures := params{}
	for i, part := range rt.parts {
		if i >= len(segments) {
			return nil, false
		}
		value, last := segments[i].text, i == len(segments)-1
		switch part[0] {
		case '*':
			var all []string
			for _, s := range segments[i:] {
				all = append(all, s.text)
			}
			captures[part[1:]] = strings.Join(all, "/")
			return captures, true
		case '{':
			captures[strings.Trim(part, "{}")] = value
			continue
		case ':':
			base, format, suffixed := strings.Cut(value, ".")
			if suffixed && (!last || strings.Contains(format, ".")) {
				return nil, false
			}
			captures[part[1:]] = base
			continue
		}
		if last && len(rt.parts) == len(segments) { // a literal at the end may carry a format
			value, _, _ = strings.Cut(value, ".")
			part, _, _ = strings.Cut(part, ".")
		}
		if value != part {
			return nil, false
		}
	}
	return captures, len(rt.parts) == len(segments)
}

// findProject resolves :id as find_project! does: digits are an id, anything else must be a path with a slash; renamed
// and moved projects answer a GET with 301 and everything else with 405.
func (c *call) findProject(name string) *project {
	id := c.path.text(name)
	w := &c.f.world
	var p *project
	if n, err := strconv.ParseInt(id, 10, 64); err == nil {
		p = w.projects[n]
	} else if strings.Contains(id, "/") {
		if p = w.projectByPath(id); p == nil {
			p = w.projects[w.moved[strings.ToLower(id)]]
		}
	}
	if p == nil || !w.canReadProject(p, c.user) {
		notFound("Project")
	}
	if strings.Contains(id, "/") && !strings.EqualFold(w.projectPath(p), id) {
		c.moved(name, id, p)
	}
	return p
}

// moved answers for a project that has another path now (lib/api/helpers.rb, url_with_project_id).
func (c *call) moved(name, id string, p *project) {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		panic(halt{answerError(http.StatusMethodNotAllowed, "Non GET methods are not allowed for moved projects")})
	}
	raw := rawPath(c.r)
	segments, _ := pathSegments(raw)
	var out strings.Builder
	replaced := false
	for _, s := range segments {
		out.WriteByte('/')
		if !replaced && s.text == id {
			out.WriteString(strconv.FormatInt(p.id, 10))
			replaced = true
			continue
		}
		out.WriteString(s.raw)
	}
	// GitLab appends what looks like a file extension of the whole path: g%2Fold.name becomes 501.name.
	target := out.String()
	if last := segments[len(segments)-1]; last.text == id {
		if i := strings.LastIndexByte(last.raw, '.'); i > 0 {
			target += last.raw[i:]
		}
	}
	if q := c.r.URL.RawQuery; q != "" {
		target += "?" + q
	}
	location := c.f.external + target
	panic(halt{answerError(http.StatusMovedPermanently,
		"This resource has been moved permanently to "+location).with("Location", location)})
}

// findGroup resolves a group by id or path; there are no redirects.
func (c *call) findGroup(name string) *group {
	id := c.path.text(name)
	w := &c.f.world
	var g *group
	if n, err := strconv.ParseInt(id, 10, 64); err == nil {
		g = w.groups[n]
	} else {
		g = w.groupByPath(id)
	}
	if g == nil || !w.canReadGroup(g, c.user) {
		notFound("Group")
	}
	return g
}

// findUser resolves a user by id or username; nil when there is none.
func (c *call) findUser(idOrName string) *user {
	if n, err := strconv.ParseInt(idOrName, 10, 64); err == nil {
		return c.f.world.users[n]
	}
	return c.f.world.userByName(idOrName)
}

// level is what the caller has in a project.
func (c *call) level(p *project) int {
	switch {
	case c.user == nil:
		return NoAccess
	case c.user.admin:
		return Owner
	}
	return c.f.world.projectLevel(p, c.user.id)
}

// require throws 403 when the caller's level in the project is lower.
func (c *call) require(p *project, level int) {
	if c.level(p) < level {
		forbidden()
	}
}

// groupLevel is what the caller has in a group.
func (c *call) groupLevel(g *group) int {
	switch {
	case c.user == nil:
		return NoAccess
	case c.user.admin:
		return Owner
	}
	return c.f.world.groupLevel(g.id, c.user.id)
}
