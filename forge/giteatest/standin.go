package giteatest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// itoa writes an id.
func itoa(id int64) string { return strconv.FormatInt(id, 10) }

// StandIn answers as Gitea does what forge/gitea asks, and nothing else. Names are compared without regard to case.
type StandIn struct {
	server *httptest.Server

	mu           sync.Mutex
	last         int64
	owners       []*owner
	repositories []*repository
	teams        []*team
	tokens       map[string]*owner
	scopes       map[string]string // by token, as Gitea names them
	moved        map[string]int64  // old "owner/name" or old name, in lower case: the id
}

type owner struct {
	id           int64
	name         string
	organization bool
	visibility   string
	admin        bool
}

type repository struct {
	id            int64
	owner         *owner
	name          string
	private       bool
	collaborators map[int64]string
}

type team struct {
	id           int64
	organization *owner
	permission   string
	members      []int64
	repositories []int64
}

var _ World = (*StandIn)(nil)

// NewStandIn starts an empty one; it ends with the test.
func NewStandIn(t testing.TB) *StandIn {
	g := &StandIn{tokens: map[string]*owner{}, scopes: map[string]string{}, moved: map[string]int64{}}
	g.server = httptest.NewServer(g)
	t.Cleanup(g.server.Close)
	return g
}

// URL is where it answers.
func (g *StandIn) URL() string { return g.server.URL }

func (g *StandIn) next() int64 { g.last++; return g.last }

func (g *StandIn) owner(name string) *owner {
	for _, o := range g.owners {
		if strings.EqualFold(o.name, name) {
			return o
		}
	}
	return nil
}

func (g *StandIn) repository(path string) *repository {
	for _, r := range g.repositories {
		if strings.EqualFold(r.owner.name+"/"+r.name, path) {
			return r
		}
	}
	return nil
}

// AddUser implements World.
func (g *StandIn) AddUser(name string) (int64, string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	u := &owner{id: g.next(), name: name, visibility: "public"}
	g.owners = append(g.owners, u)
	return u.id, g.addToken(u, strings.Join(UserScopes(), ","))
}

// AddToken makes a token of a user's with scopes as Gitea lists them.
func (g *StandIn) AddToken(user, scopes string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.addToken(g.owner(user), scopes)
}

func (g *StandIn) addToken(u *owner, scopes string) string {
	b := make([]byte, 20)
	_, _ = rand.Read(b)
	text := hex.EncodeToString(b)
	g.tokens[text], g.scopes[text] = u, scopes
	return text
}

// SetAdmin makes a user a site administrator.
func (g *StandIn) SetAdmin(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.owner(name).admin = true
}

// AddOrganization implements World.
func (g *StandIn) AddOrganization(name, visibility string) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := &owner{id: g.next(), name: name, organization: true, visibility: visibility}
	g.owners = append(g.owners, o)
	return o.id
}

// AddRepository implements World.
func (g *StandIn) AddRepository(path string, private bool) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	of, name, _ := strings.Cut(path, "/")
	r := &repository{id: g.next(), owner: g.owner(of), name: name, private: private, collaborators: map[int64]string{}}
	g.repositories = append(g.repositories, r)
	delete(g.moved, strings.ToLower(path))
	return r.id
}

// AddCollaborator implements World.
func (g *StandIn) AddCollaborator(path, user, permission string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.repository(path).collaborators[g.owner(user).id] = permission
}

// RemoveCollaborator implements World.
func (g *StandIn) RemoveCollaborator(path, user string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.repository(path).collaborators, g.owner(user).id)
}

// AddTeam implements World.
func (g *StandIn) AddTeam(organization, _, permission, user string, repositories ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := &team{id: g.next(), organization: g.owner(organization), permission: permission, members: []int64{g.owner(user).id}}
	for _, name := range repositories {
		t.repositories = append(t.repositories, g.repository(organization+"/"+name).id)
	}
	g.teams = append(g.teams, t)
}

// Rename implements World.
func (g *StandIn) Rename(path, name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.repository(path)
	g.moved[strings.ToLower(path)] = r.id
	r.name = name
}

// RenameOrganization implements World.
func (g *StandIn) RenameOrganization(name, to string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := g.owner(name)
	g.moved[strings.ToLower(name)] = o.id
	o.name = to
}

// Revoke implements World.
func (g *StandIn) Revoke(_, token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.tokens, token)
}

// mode is what a user may do in a repository: "", "read", "write" or "admin"; member tells whether by more than its being
// public.
func (g *StandIn) mode(r *repository, u *owner) (mode string, member bool) {
	rank := func(s string) int { return slices.Index([]string{"", "read", "write", "admin"}, s) }
	better := func(s string) {
		if member = true; rank(s) > rank(mode) {
			mode = s
		}
	}
	if p, ok := r.collaborators[u.id]; ok {
		better(p)
	}
	for _, t := range g.teams {
		if slices.Contains(t.repositories, r.id) && slices.Contains(t.members, u.id) {
			better(t.permission)
		}
	}
	switch {
	case u.admin || r.owner.id == u.id:
		mode = "admin"
	case !member && !r.private && g.sees(r.owner, u):
		mode = "read"
	}
	return mode, member
}

// sees tells whether an owner is shown to a user.
func (g *StandIn) sees(o, u *owner) bool {
	return o.id == u.id || u.admin || o.visibility != "private" || g.within(o, u)
}

func (g *StandIn) within(o, u *owner) bool {
	return slices.ContainsFunc(g.teams, func(t *team) bool { return t.organization == o && slices.Contains(t.members, u.id) })
}

// ServeHTTP answers.
func (g *StandIn) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	scheme, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	me := g.tokens[token]
	if !strings.EqualFold(scheme, "token") {
		me = nil
	}
	path, inAPI := strings.CutPrefix(request.URL.Path, "/api/v1/")
	if _, secret, _ := request.BasicAuth(); !inAPI && g.tokens[secret] != nil && strings.Contains(path, attachments) {
		g.attachment(w, g.tokens[secret], path)
		return
	}
	if me == nil || !inAPI {
		say(w, http.StatusUnauthorized, object{"message": "user does not exist [uid: 0, name: ]"})
		return
	}
	parts := strings.Split(path, "/")
	if required := required(request.Method, parts); !holds(g.scopes[token], required) {
		say(w, http.StatusForbidden,
			object{"message": fmt.Sprintf("token does not have at least one of required scope(s), required=[%s], token "+
				"scope=%s", required,
				g.scopes[token])})
		return
	}
	status, body := http.StatusNotFound, any(object{"message": "not found"})
	if request.Method == http.MethodGet {
		if location := g.location(parts); location != "" {
			w.Header().Set("Location", location)
			say(w, http.StatusTemporaryRedirect, nil)
			return
		}
		status, body = g.get(me, parts, request.URL.Query())
	}
	say(w, status, body)
}

// required is the scope that a request needs.
func required(method string, parts []string) string {
	kind := map[string]string{
		"repos":         "repository",
		"repositories":  "repository",
		"orgs":          "organization",
		"teams":         "organization",
		"packages":      "package",
		"notifications": "notification",
		"admin":         "admin",
	}[parts[0]]
	switch {
	case kind == "":
		kind = "user"
	case len(parts) > 3 && parts[0] == "repos" && parts[3] == "issues":
		kind = "issue"
	}
	if method == http.MethodGet {
		return "read:" + kind
	}
	return "write:" + kind
}

func holds(scopes, required string) bool {
	all := strings.Split(scopes, ",")
	return slices.Contains(all, "all") || slices.Contains(all, required) ||
		slices.Contains(all, strings.Replace(required, "read:", "write:", 1))
}

// location is where something renamed is now; empty when nothing was.
func (g *StandIn) location(parts []string) string {
	if len(parts) >= 3 && parts[0] == "repos" {
		if id, ok := g.moved[strings.ToLower(parts[1]+"/"+parts[2])]; ok {
			for _, r := range g.repositories {
				if r.id == id {
					return "/api/v1/repos/" + strings.Join(append([]string{r.owner.name, r.name}, parts[3:]...), "/")
				}
			}
		}
	}
	if len(parts) >= 2 && (parts[0] == "repos" || parts[0] == "orgs" || parts[0] == "users") {
		if id, ok := g.moved[strings.ToLower(parts[1])]; ok {
			for _, o := range g.owners {
				if o.id == id {
					return "/api/v1/" + parts[0] + "/" + strings.Join(append([]string{url.PathEscape(o.name)}, parts[2:]...), "/")
				}
			}
		}
	}
	return ""
}

func say(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}
