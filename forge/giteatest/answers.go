package giteatest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// get answers a read. Only what Gitea shows to the user is there.
func (g *StandIn) get(me *owner, parts []string, query url.Values) (int, any) {
	none := func() (int, any) { return http.StatusNotFound, object{"message": "The target couldn't be found."} }
	switch {
	case len(parts) == 1 && parts[0] == "user":
		return http.StatusOK, g.user(me, me)
	case len(parts) == 2 && parts[0] == "user" && parts[1] == "teams":
		return http.StatusOK, page(query, g.teamsOf(func(t *team) bool { return slices.Contains(t.members, me.id) }))
	case len(parts) == 2 && parts[0] == "user" && parts[1] == "orgs":
		return http.StatusOK, page(query, g.organizations(func(o *owner) bool { return g.within(o, me) }))
	case len(parts) == 2 && parts[0] == "user" && parts[1] == "repos":
		all := []any{}
		for _, r := range g.repositories {
			if _, member := g.mode(r, me); member || r.owner == me {
				all = append(all, g.shown(r, me))
			}
		}
		return http.StatusOK, page(query, all)
	case len(parts) == 2 && parts[0] == "repos" && parts[1] == "search":
		all := []any{}
		for _, r := range g.repositories {
			if mode, _ := g.mode(r, me); mode != "" && strings.Contains(r.name, query.Get("q")) {
				all = append(all, g.shown(r, me))
			}
		}
		return http.StatusOK, object{"ok": true, "data": page(query, all)}
	case len(parts) == 1 && parts[0] == "orgs":
		return http.StatusOK, page(query, g.organizations(func(o *owner) bool { return g.sees(o, me) }))
	case len(parts) == 2 && parts[0] == "users" && parts[1] == "search":
		data := []any{}
		for _, o := range g.owners {
			if itoa(o.id) == query.Get("uid") && !o.organization && g.sees(o, me) {
				data = append(data, g.user(o, me))
			}
		}
		return http.StatusOK, object{"ok": true, "data": data}
	case len(parts) == 2 && parts[0] == "users":
		if o := g.owner(parts[1]); o != nil && g.sees(o, me) {
			return http.StatusOK, g.user(o, me)
		}
	case len(parts) == 3 && parts[0] == "orgs" && parts[2] == "repos":
		all := []any{}
		for _, r := range g.repositories {
			if mode, _ := g.mode(r, me); r.owner.organization && r.owner == g.owner(parts[1]) && mode != "" {
				all = append(all, g.shown(r, me))
			}
		}
		if o := g.owner(parts[1]); o != nil && o.organization && g.sees(o, me) {
			return http.StatusOK, page(query, all)
		}
	case parts[0] == "orgs" && (len(parts) == 2 || len(parts) == 4 && parts[2] == "members"):
		o := g.owner(parts[1])
		if o == nil || !o.organization || !g.sees(o, me) {
			return none()
		}
		if len(parts) == 2 {
			return http.StatusOK, organization(o)
		}
		if u := g.owner(parts[3]); u != nil && g.within(o, u) {
			return http.StatusNoContent, nil
		}
	case len(parts) == 2 && parts[0] == "repositories":
		for _, r := range g.repositories {
			if mode, _ := g.mode(r, me); itoa(r.id) == parts[1] && mode != "" {
				return http.StatusOK, g.shown(r, me)
			}
		}
	case parts[0] == "repos" && len(parts) >= 3:
		r := g.repository(parts[1] + "/" + parts[2])
		if r == nil {
			return none()
		}
		if mode, _ := g.mode(r, me); mode == "" {
			return none()
		}
		return g.inRepository(r, me, parts[3:])
	}
	return none()
}

const attachments = "/attachments/"

// file describes a file, in Gitea's order.
type file struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	UUID    string `json:"uuid"`
	Address string `json:"browser_download_url"`
}

// fileOf is the UUID of the one file that every repository has in its releases.
func fileOf(r *repository) string {
	return "0b9b8f1c-3c8e-4d7b-9a55-5d9a5bb0" + strconv.Itoa(int(1000+r.id))
}

// attachment serves a file by its UUID alone, whatever repository stands in front of it, as Gitea does (1.26,
// routers/web/repo/attachment.go).
func (g *StandIn) attachment(w http.ResponseWriter, me *owner, path string) {
	_, uuid, _ := strings.Cut(path, attachments)
	for _, r := range g.repositories {
		if mode, _ := g.mode(r, me); fileOf(r) == uuid && mode != "" {
			_, _ = w.Write([]byte("file of " + r.owner.name + "/" + r.name))
			return
		}
	}
	say(w, http.StatusNotFound, nil)
}

func (g *StandIn) inRepository(r *repository, me *owner, rest []string) (int, any) {
	switch {
	case len(rest) == 0:
		return http.StatusOK, g.shown(r, me)
	case len(rest) == 2 && rest[0] == "collaborators":
		if u := g.owner(rest[1]); u != nil {
			if _, is := r.collaborators[u.id]; is {
				return http.StatusNoContent, nil
			}
		}
	case len(rest) == 1 && rest[0] == "teams":
		if !r.owner.organization {
			return http.StatusMethodNotAllowed, object{"message": "repo is not owned by an organization"}
		}
		return http.StatusOK, g.teamsOf(func(t *team) bool { return slices.Contains(t.repositories, r.id) })
	case len(rest) == 4 && rest[0] == "releases" && rest[2] == "assets":
		uuid := fileOf(r)
		return http.StatusOK, file{ID: r.id, Name: "a.txt", UUID: uuid, Address: g.URL() + attachments + uuid}
	}
	return http.StatusNotFound, object{"message": "The target couldn't be found."}
}

func (g *StandIn) shown(r *repository, me *owner) any {
	mode, _ := g.mode(r, me)
	return object{
		"id":          r.id,
		"name":        r.name,
		"full_name":   r.owner.name + "/" + r.name,
		"owner":       g.user(r.owner, me),
		"private":     r.private,
		"internal":    !r.private && r.owner.visibility == "private",
		"permissions": object{"admin": mode == "admin", "push": mode == "admin" || mode == "write", "pull": mode != ""},
	}
}

func (g *StandIn) user(o, me *owner) any {
	return object{"id": o.id, "login": o.name, "visibility": o.visibility, "is_admin": o.admin && (o.id == me.id || me.admin)}
}

func organization(o *owner) any {
	return object{"id": o.id, "name": o.name, "username": o.name, "visibility": o.visibility}
}

func (g *StandIn) organizations(keep func(*owner) bool) []any {
	all := []any{}
	for _, o := range g.owners {
		if o.organization && keep(o) {
			all = append(all, organization(o))
		}
	}
	return all
}

func (g *StandIn) teamsOf(keep func(*team) bool) []any {
	all := []any{}
	for _, t := range g.teams {
		if keep(t) {
			name := strings.ToLower(t.permission)
			all = append(all, object{"id": t.id, "name": name, "organization": organization(t.organization)})
		}
	}
	return all
}

// page gives one page of a list, of at most 50.
func page(query url.Values, all []any) []any {
	size, _ := strconv.Atoi(query.Get("limit"))
	number, _ := strconv.Atoi(query.Get("page"))
	size, number = min(max(size, 1), 50), max(number, 1)
	from := min((number-1)*size, len(all))
	return all[from:min(from+size, len(all))]
}
