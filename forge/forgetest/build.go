package forgetest

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// The methods below build and change the world. They panic on a name that is unknown or taken: that test is wrong.

// AddUser makes a user and gives its id.
func (f *Forge) AddUser(username string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.world.nameTaken(username) {
		panic("forgetest: name taken: " + username)
	}
	u := &user{
		id: f.world.next("user"), namespace: f.world.next("namespace"), username: username,
		name: strings.ToUpper(username[:1]) + username[1:], state: "active", created: f.now(),
	}
	f.world.users[u.id] = u
	return u.id
}

// SetAdmin makes a user an administrator.
func (f *Forge) SetAdmin(userID int64) { f.editUser(userID, func(u *user) { u.admin = true }) }

// BlockUser blocks a user: all its credentials are refused with 403.
func (f *Forge) BlockUser(userID int64) { f.editUser(userID, func(u *user) { u.state = "blocked" }) }

// UnblockUser undoes BlockUser.
func (f *Forge) UnblockUser(userID int64) { f.editUser(userID, func(u *user) { u.state = "active" }) }

// RemoveUser deletes a user with its credentials: they are refused with 401, and the user is not found.
func (f *Forge) RemoveUser(userID int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.world.users[userID] == nil {
		panic(fmt.Sprintf("forgetest: no user %d", userID))
	}
	delete(f.world.users, userID)
	for secret, t := range f.world.tokens {
		if t.user == userID {
			delete(f.world.tokens, secret)
		}
	}
}

// RenameUser changes a username, and with it the paths of the user's projects.
func (f *Forge) RenameUser(userID int64, username string) {
	f.editUser(userID, func(u *user) { u.username = username })
}

// RenameGroup changes a group's own part of its path, and with it the paths of all below it. Nothing leads from the old ones.
func (f *Forge) RenameGroup(groupID int64, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.groups[groupID].path = path
}

func (f *Forge) editUser(userID int64, edit func(*user)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.world.users[userID]
	if u == nil {
		panic(fmt.Sprintf("forgetest: no user %d", userID))
	}
	edit(u)
}

// Token is a credential to be made. The zero Kind is a personal access token.
type Token struct {
	Name     string
	Kind     string // "personal", "oauth", "job" or "deploy"
	Scopes   []string
	Granular bool
	Expires  time.Time // zero: never
	// Application is the public id of an OAuth token's application; empty for one of the forge's own making.
	Application string
}

// AddToken makes a credential of a user and gives its secret. Without scopes it has "api".
func (f *Forge) AddToken(userID int64, t Token) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.world.users[userID] == nil {
		panic(fmt.Sprintf("forgetest: no user %d", userID))
	}
	if t.Kind == "" {
		t.Kind = "personal"
	}
	if t.Granular {
		t.Scopes = []string{"granular"}
	} else if len(t.Scopes) == 0 {
		t.Scopes = []string{"api"}
	}
	prefix := map[string]string{"personal": "glpat-", "oauth": "", "job": "glcbt-", "deploy": "gldt-"}[t.Kind]
	id := f.world.next("token")
	secret := secretFor(prefix, "token", id, userID)
	f.world.tokens[secret] = &accessToken{
		id: id, user: userID, name: t.Name, kind: t.Kind, scopes: t.Scopes, granular: t.Granular,
		created: f.now(), expires: t.Expires, application: cmp.Or(t.Application, "0123456789abcdef"),
	}
	return secret
}

// RevokeToken revokes a credential.
func (f *Forge) RevokeToken(secret string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.tokens[secret].revoked = true
}

// AddSession makes a browser session of a user and gives the value of its _gitlab_session cookie.
func (f *Forge) AddSession(userID int64) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	value := secretFor("", "session", userID, len(f.world.sessions))
	f.world.sessions[value] = userID
	return value
}

// AddGroup makes a group with this full path, whose parents must exist, and gives its id.
func (f *Forge) AddGroup(fullPath, visibility string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.world.addGroup(fullPath, visibility, f.now()).id
}

func (w *world) addGroup(fullPath, visibility string, now time.Time) *group {
	if w.nameTaken(fullPath) {
		panic("forgetest: name taken: " + fullPath)
	}
	g := &group{path: fullPath, visibility: visibility, created: now, variables: map[string]*variable{}}
	if i := strings.LastIndexByte(fullPath, '/'); i >= 0 {
		parent := w.groupByPath(fullPath[:i])
		if parent == nil {
			panic("forgetest: no group " + fullPath[:i])
		}
		g.parent, g.path = parent.id, fullPath[i+1:]
	}
	g.name, g.id = g.path, w.next("namespace")
	g.runnersToken = secretFor("GR1348941", "group", g.id)
	w.groups[g.id] = g
	return g
}

// AddProject makes a project in a group or a user's own namespace, with README.md on the branch main, and gives its id.
func (f *Forge) AddProject(fullPath, visibility string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.world.addProject(fullPath, visibility, f.now()).id
}

// MakeFork says that a project is a fork of another one.
func (f *Forge) MakeFork(projectID, from int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.projects[projectID].forkedFrom = from
}

func (w *world) addProject(fullPath, visibility string, now time.Time) *project {
	i := strings.LastIndexByte(fullPath, '/')
	if i < 0 || w.nameTaken(fullPath) {
		panic("forgetest: not a project path, or taken: " + fullPath)
	}
	p := &project{
		path:       fullPath[i+1:],
		visibility: visibility,
		created:    now,
		variables:  map[string]*variable{},
		packages:   map[string]*packageFile{},
		store:      newStore(),
	}
	if g := w.groupByPath(fullPath[:i]); g != nil {
		p.group = g.id
	} else if u := w.userByName(fullPath[:i]); u != nil {
		p.owner = u.id
	} else {
		panic("forgetest: no namespace " + fullPath[:i])
	}
	p.name, p.id = p.path, w.next("project")
	p.runnersToken = secretFor("GR1348941", "project", p.id)
	p.repository = newRepository(p.id, now)
	w.projects[p.id] = p
	delete(w.moved, strings.ToLower(fullPath)) // a new project ends the redirect, as in GitLab
	if p.owner != 0 {
		w.setMember(source{"project", p.id}, p.owner, Owner)
	}
	return p
}

// AddMember makes a user a direct member of a project; level 0 removes it.
func (f *Forge) AddMember(projectID, userID int64, level int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.setMember(source{"project", projectID}, userID, level)
}

// AddGroupMember makes a user a direct member of a group; level 0 removes it.
func (f *Forge) AddGroupMember(groupID, userID int64, level int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.setMember(source{"group", groupID}, userID, level)
}

func (w *world) setMember(s source, userID int64, level int) {
	if w.members[s] == nil {
		w.members[s] = map[int64]int{}
	}
	if level == NoAccess {
		delete(w.members[s], userID)
		return
	}
	w.members[s][userID] = level
}

// InviteToProject invites a group to a project: its members become members with at most this level.
func (f *Forge) InviteToProject(projectID, groupID int64, level int) {
	f.invite(source{"project", projectID}, groupID, level)
}

// InviteToGroup invites a group to another.
func (f *Forge) InviteToGroup(groupID, invitedID int64, level int) {
	f.invite(source{"group", groupID}, invitedID, level)
}

func (f *Forge) invite(s source, groupID int64, level int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.world.invites[s] == nil {
		f.world.invites[s] = map[int64]int{}
	}
	f.world.invites[s][groupID] = level
}

// MoveProject gives a project another full path. The old one redirects to it until another project takes it.
func (f *Forge) MoveProject(projectID int64, fullPath string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &f.world
	p := w.projects[projectID]
	i := strings.LastIndexByte(fullPath, '/')
	if p == nil || i < 0 || w.nameTaken(fullPath) {
		panic("forgetest: cannot move to " + fullPath)
	}
	w.moved[strings.ToLower(w.projectPath(p))] = p.id
	delete(w.moved, strings.ToLower(fullPath))
	p.group, p.owner, p.path = 0, 0, fullPath[i+1:]
	if g := w.groupByPath(fullPath[:i]); g != nil {
		p.group = g.id
	} else if u := w.userByName(fullPath[:i]); u != nil {
		p.owner = u.id
	} else {
		panic("forgetest: no namespace " + fullPath[:i])
	}
}

// MoveGroup puts a group, with all that is below it, under another parent (0 for none) and under another last segment.
func (f *Forge) MoveGroup(groupID, parentID int64, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.world.projects {
		if p.group != 0 && f.world.below(p.group, groupID) {
			f.world.moved[strings.ToLower(f.world.projectPath(p))] = p.id
		}
	}
	g := f.world.groups[groupID]
	g.parent, g.path = parentID, path
}

// SetVisibility changes the visibility of a project.
func (f *Forge) SetVisibility(projectID int64, visibility string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.projects[projectID].visibility = visibility
}

// SetGroupVisibility changes the visibility of a group.
func (f *Forge) SetGroupVisibility(groupID int64, visibility string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.groups[groupID].visibility = visibility
}

// DeleteProject removes a project at once.
func (f *Forge) DeleteProject(projectID int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.deleteProject(projectID)
}

func (w *world) deleteProject(id int64) {
	delete(w.projects, id)
	delete(w.members, source{"project", id})
	delete(w.invites, source{"project", id})
	for path, to := range w.moved {
		if to == id {
			delete(w.moved, path)
		}
	}
}
