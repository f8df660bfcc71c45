package forgetest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Access levels, with GitLab's numbers (lib/gitlab/access.rb).
const (
	NoAccess   = 0
	Minimal    = 5
	Guest      = 10
	Reporter   = 20
	Developer  = 30
	Maintainer = 40
	Owner      = 50
)

// Visibility names of projects and groups.
const (
	Private  = "private"
	Internal = "internal"
	Public   = "public"
)

// world is all that the forge knows. It is guarded by Forge.mu.
type world struct {
	last     map[string]int64 // last id given out, by noun
	users    map[int64]*user
	tokens   map[string]*accessToken // by secret
	sessions map[string]int64        // cookie value to user id
	groups   map[int64]*group
	projects map[int64]*project
	members  map[source]map[int64]int // user id to access level
	invites  map[source]map[int64]int // invited group id to the highest level that it gives
	moved    map[string]int64         // lower-case old full path to project id
	runners  map[int64]*runner
	snippets map[int64]*snippet

	credentials []*credential
}

// source is what one can be a member of.
type source struct {
	kind string // "project" or "group"
	id   int64
}

func (w *world) init() {
	w.last = map[string]int64{
		// Different ranges, so that a mistaken id names nothing rather than something else.
		"user": 10, "namespace": 300, "project": 500, "token": 7000, "issue": 9000, "merge_request": 11000,
		"note": 13000, "pipeline": 15000, "job": 17000, "label": 19000, "registry": 21000, "runner": 23000,
		"snippet": 25000, "package": 27000, "credential": 29000, "status": 31000, "branch rule": 33000,
	}
	w.users = map[int64]*user{}
	w.tokens = map[string]*accessToken{}
	w.sessions = map[string]int64{}
	w.groups = map[int64]*group{}
	w.projects = map[int64]*project{}
	w.members = map[source]map[int64]int{}
	w.invites = map[source]map[int64]int{}
	w.moved = map[string]int64{}
	w.runners = map[int64]*runner{}
	w.snippets = map[int64]*snippet{}
}

// next gives the next id of a noun.
func (w *world) next(noun string) int64 {
	w.last[noun]++
	return w.last[noun]
}

type user struct {
	id, namespace  int64
	username, name string
	admin, bot     bool
	state          string
	created        time.Time
}

type accessToken struct {
	id, user int64
	name     string
	kind     string // "personal", "oauth", "job" or "deploy"
	scopes   []string
	granular bool
	revoked  bool
	created  time.Time
	expires  time.Time // zero: never

	description string
	application string // of an OAuth token
}

func (t *accessToken) has(scopes ...string) bool {
	for _, s := range t.scopes {
		for _, want := range scopes {
			if s == want {
				return true
			}
		}
	}
	return false
}

type group struct {
	id, parent   int64
	path, name   string
	visibility   string
	description  string
	runnersToken string
	created      time.Time
	variables    map[string]*variable
}

// project has its own content in the files of the same names.
type project struct {
	id           int64
	group        int64 // 0 for a personal project
	owner        int64 // user id of a personal project
	path, name   string
	visibility   string
	description  string
	runnersToken string
	created      time.Time
	issues       []*issue
	requests     []*mergeRequest
	statuses     []*commitStatus
	repository   repository
	pipelines    []*pipeline
	variables    map[string]*variable
	releases     []*release
	labels       []*label
	branchRules  []*branchRule
	registries   []*registry
	packages     map[string]*packageFile
	store        *store
	forkedFrom   int64  // 0: it is no fork
	releaseLink  string // where downloads of release assets lead
}

// nameTaken tells whether a full path is in use by a user, group or project, as GitLab's routes table does.
func (w *world) nameTaken(path string) bool {
	path = strings.ToLower(path)
	for _, u := range w.users {
		if strings.ToLower(u.username) == path {
			return true
		}
	}
	return w.groupByPath(path) != nil || w.projectByPath(path) != nil
}

// groupPath is the full path of a group.
func (w *world) groupPath(id int64) string {
	g := w.groups[id]
	if g == nil {
		return ""
	}
	if g.parent == 0 {
		return g.path
	}
	return w.groupPath(g.parent) + "/" + g.path
}

// projectPath is the full path of a project.
func (w *world) projectPath(p *project) string {
	if p.group == 0 {
		return w.users[p.owner].username + "/" + p.path
	}
	return w.groupPath(p.group) + "/" + p.path
}

func (w *world) groupByPath(path string) *group {
	for _, g := range w.groups {
		if strings.EqualFold(w.groupPath(g.id), path) {
			return g
		}
	}
	return nil
}

func (w *world) projectByPath(path string) *project {
	for _, p := range w.projects {
		if strings.EqualFold(w.projectPath(p), path) {
			return p
		}
	}
	return nil
}

func (w *world) userByName(name string) *user {
	for _, u := range w.users {
		if strings.EqualFold(u.username, name) {
			return u
		}
	}
	return nil
}

// secretFor makes text that looks like a secret and is the same in every run.
func secretFor(prefix string, parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(parts...)))
	return prefix + hex.EncodeToString(sum[:10])
}

// commitFor makes text that looks like a commit id.
func commitFor(parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(parts...)))
	return hex.EncodeToString(sum[:20])
}
