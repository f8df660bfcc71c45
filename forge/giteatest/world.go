package giteatest

import (
	"net/http"
	"strings"
)

// World is a Gitea, real or not, that is filled by hand. Repositories are named "owner/name". What cannot be done fails the
// test.
type World interface {
	// AddUser makes a user with a token for everything but administration.
	AddUser(name string) (id int64, token string)
	// AddOrganization makes an organization that nobody but the administrator is in; visibility is "public", "limited" or
	// "private".
	AddOrganization(name, visibility string) int64
	AddRepository(path string, private bool) int64
	// AddCollaborator gives a user "read", "write" or "admin".
	AddCollaborator(path, user, permission string)
	RemoveCollaborator(path, user string)
	// AddTeam makes a team with a member and repositories of the organization, all with one permission.
	AddTeam(organization, name, permission, user string, repositories ...string)
	// Rename gives a repository another name.
	Rename(path, name string)
	RenameOrganization(name, to string)
	// Revoke deletes a token of AddUser.
	Revoke(user, token string)
	// URL is where it answers.
	URL() string
}

var _ World = (*Instance)(nil)

// UserScopes are the scopes of a token for everything but administration.
func UserScopes() []string {
	return []string{"write:activitypub", "write:misc", "write:notification", "write:organization", "write:package", "write:issue",
		"write:repository", "write:user"}
}

// URL is where it answers.
func (g *Instance) URL() string { return g.Address }

type object = map[string]any

// AddUser implements World.
func (g *Instance) AddUser(name string) (id int64, token string) {
	g.t.Helper()
	var made struct{ ID int64 }
	g.must(http.MethodPost, "/admin/users", object{
		"username":             name,
		"email":                strings.ToLower(name) + "@localhost.invalid",
		"password":             Password,
		"must_change_password": false,
	}, &made)
	return made.ID, g.AddToken(name, "for patgate", UserScopes()...)
}

// AddToken makes a token of a user's.
func (g *Instance) AddToken(user, name string, scopes ...string) string {
	g.t.Helper()
	var made struct{ Sha1 string }
	g.mustAs(user+":"+Password, http.MethodPost, "/users/"+user+"/tokens", object{"name": name, "scopes": scopes}, &made)
	return made.Sha1
}

// Revoke implements World.
func (g *Instance) Revoke(user, token string) {
	g.t.Helper()
	var all []struct {
		ID   int64
		Last string `json:"token_last_eight"`
	}
	g.mustAs(user+":"+Password, http.MethodGet, "/users/"+user+"/tokens", nil, &all)
	for _, one := range all {
		if strings.HasSuffix(token, one.Last) {
			g.mustAs(user+":"+Password, http.MethodDelete, "/users/"+user+"/tokens/"+itoa(one.ID), nil, nil)
			return
		}
	}
	g.t.Fatalf("%s has no such token", user)
}

// AddOrganization implements World.
func (g *Instance) AddOrganization(name, visibility string) int64 {
	g.t.Helper()
	var made struct{ ID int64 }
	g.must(http.MethodPost, "/orgs", object{"username": name, "visibility": visibility}, &made)
	return made.ID
}

// AddRepository implements World. The repository is empty.
func (g *Instance) AddRepository(path string, private bool) int64 {
	g.t.Helper()
	owner, name, _ := strings.Cut(path, "/")
	to := "/admin/users/" + owner + "/repos"
	if status, _, err := g.Do(g.AdminToken, http.MethodGet, "/orgs/"+owner, nil); err == nil && status == http.StatusOK {
		to = "/orgs/" + owner + "/repos"
	}
	var made struct{ ID int64 }
	g.must(http.MethodPost, to, object{"name": name, "private": private, "default_branch": "main"}, &made)
	return made.ID
}

// AddCollaborator implements World.
func (g *Instance) AddCollaborator(path, user, permission string) {
	g.t.Helper()
	g.must(http.MethodPut, "/repos/"+path+"/collaborators/"+user, object{"permission": permission}, nil)
}

// RemoveCollaborator implements World.
func (g *Instance) RemoveCollaborator(path, user string) {
	g.t.Helper()
	g.must(http.MethodDelete, "/repos/"+path+"/collaborators/"+user, nil, nil)
}

// AddTeam implements World.
func (g *Instance) AddTeam(organization, name, permission, user string, repositories ...string) {
	g.t.Helper()
	units := object{}
	for _, unit := range []string{"repo.code", "repo.issues", "repo.pulls", "repo.releases", "repo.wiki", "repo.packages",
		"repo.actions", "repo.projects"} {
		units[unit] = permission
	}
	var made struct{ ID int64 }
	g.must(http.MethodPost, "/orgs/"+organization+"/teams",
		object{"name": name, "permission": permission, "units_map": units}, &made)
	team := "/teams/" + itoa(made.ID)
	g.must(http.MethodPut, team+"/members/"+user, nil, nil)
	for _, repository := range repositories {
		g.must(http.MethodPut, team+"/repos/"+organization+"/"+repository, nil, nil)
	}
}

// Rename implements World.
func (g *Instance) Rename(path, name string) {
	g.t.Helper()
	g.must(http.MethodPatch, "/repos/"+path, object{"name": name}, nil)
}

// RenameOrganization implements World.
func (g *Instance) RenameOrganization(name, to string) {
	g.t.Helper()
	g.must(http.MethodPost, "/orgs/"+name+"/rename", object{"new_name": to}, nil)
}

// Block forbids a user to sign in.
func (g *Instance) Block(name string) {
	g.t.Helper()
	g.must(http.MethodPatch, "/admin/users/"+name, object{"login_name": name, "source_id": 0, "prohibit_login": true}, nil)
}
