package forgetest

import (
	"encoding/base64"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// ServeGit makes the forge serve git repositories below a directory through git's own http-backend, with GitLab's paths
// and checks (config/routes/git_http.rb, lib/gitlab/git_access.rb, 19.3): Basic credentials, guests read a project's code
// only where it is not private, developers push, a push to a path that is not there makes a project, and renamed paths
// lead to the project. It also serves Git LFS. The error tells that git or its backend is not installed.
func (f *Forge) ServeGit(dir string) error {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return err
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.git = &gitServer{forge: f, dir: dir, backend: backend}
	return nil
}

// gitServer is what ServeGit sets up.
type gitServer struct {
	forge        *Forge
	dir, backend string
	held         map[string][]lock // by repository; guarded by Forge.mu
}

// isGit tells whether a path is one of a repository, split behind its ".git".
func isGit(raw string) (repository, suffix string, ok bool) {
	i := strings.Index(raw, ".git/")
	if i < 1 {
		return "", "", false
	}
	return raw[1:i], raw[i+len(".git"):], true
}

// gitRepository is where a repository lies, and what the caller may do with it.
type gitRepository struct {
	dir         string
	path        string // full path of the project, for LFS
	read, write bool
}

// serve answers a request of git or Git LFS.
func (g *gitServer) serve(w http.ResponseWriter, r *http.Request, rec *record, name, suffix string) {
	user, known := g.forge.basicUser(r, rec)
	if !known {
		w.Header().Set("WWW-Authenticate", `Basic realm="GitLab"`)
		http.Error(w, "HTTP Basic: Access denied.", http.StatusUnauthorized)
		return
	}
	push := suffix == "/git-receive-pack" || strings.HasSuffix(r.URL.RawQuery, "git-receive-pack") && suffix == "/info/refs"
	repository := g.find(name, user, push)
	switch {
	case user == nil && !repository.read:
		w.Header().Set("WWW-Authenticate", `Basic realm="GitLab"`)
		http.Error(w, "HTTP Basic: Access denied.", http.StatusUnauthorized)
	case !repository.read:
		http.Error(w, "The project you were looking for could not be found or you don't have permission to view it.",
			http.StatusNotFound)
	case strings.HasPrefix(suffix, "/info/lfs/"), strings.HasPrefix(suffix, "/gitlab-lfs/"):
		g.serveLFS(w, r, repository, suffix)
	case push && !repository.write:
		http.Error(w, "You are not allowed to push code to this project.", http.StatusForbidden)
	default:
		g.run(w, r, repository, suffix)
	}
}

// basicUser reads Basic credentials as the surfaces that take no other; nil and true is an anonymous caller.
func (f *Forge) basicUser(r *http.Request, rec *record) (*user, bool) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "" {
		return nil, true
	}
	decoded, err := base64.StdEncoding.DecodeString(rest)
	name, secret, _ := strings.Cut(string(decoded), ":")
	rec.mu.Lock()
	rec.Credential, rec.Secret = scheme, secret
	rec.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.world.tokens[secret]
	if err != nil || !strings.EqualFold(scheme, "Basic") || t == nil || t.revoked || name == "" {
		return nil, false
	}
	u := f.world.users[t.user]
	rec.mu.Lock()
	rec.User = u.username
	rec.mu.Unlock()
	return u, true
}

// find resolves the path of a repository as GitLab does (lib/gitlab/repo_path.rb): a project of the whole name first.
func (g *gitServer) find(name string, u *user, push bool) gitRepository {
	g.forge.mu.Lock()
	defer g.forge.mu.Unlock()
	w := &g.forge.world
	byPath := func(path string) *project {
		if p := w.projectByPath(path); p != nil {
			return p
		}
		return w.projects[w.moved[strings.ToLower(path)]]
	}
	at := func(p *project, suffix string) gitRepository {
		level := NoAccess
		if u != nil {
			level = w.projectLevel(p, u.id)
		}
		return gitRepository{dir: g.repository(strconv.FormatInt(p.id, 10) + suffix), path: w.projectPath(p),
			read: w.canReadProject(p, u), write: level >= Developer}
	}
	if p := byPath(name); p != nil {
		return at(p, "")
	}
	if path, found := strings.CutSuffix(name, ".wiki"); found {
		if p := byPath(path); p != nil {
			return at(p, ".wiki")
		}
		if group := w.groupByPath(path); group != nil && u != nil {
			level := w.groupLevel(group.id, u.id)
			return gitRepository{
				dir:   g.repository("group" + strconv.FormatInt(group.id, 10)),
				read:  level >= Guest,
				write: level >= Developer,
			}
		}
	}
	if i := strings.LastIndex("/"+name, "/snippets/"); i >= 0 {
		if id, err := strconv.ParseInt(name[i+len("snippets/"):], 10, 64); err == nil {
			if s := w.snippets[id]; s != nil && u != nil {
				return gitRepository{dir: g.repository("snippet" + strconv.FormatInt(id, 10)), read: true, write: true}
			}
		}
	}
	if i := strings.LastIndexByte(name, '/'); push && u != nil && i > 0 {
		if group := w.groupByPath(name[:i]); group != nil && w.groupLevel(group.id, u.id) >= Developer {
			return at(w.addProject(name, Private, g.forge.now()), "") // "push to create"
		}
	}
	return gitRepository{}
}

// repository gives the directory of a bare repository, which is made when it is not there.
func (g *gitServer) repository(name string) string {
	dir := filepath.Join(g.dir, name+".git")
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	for _, args := range [][]string{{"init", "-q", "--bare", "-b", "main", dir},
		{"-C", dir, "config", "http.receivepack", "true"}, {"-C", dir, "config", "uploadpack.allowFilter", "true"},
		{"-C", dir, "config", "receive.advertisePushOptions", "true"}} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			panic("forgetest: making a repository: " + err.Error() + ": " + string(out))
		}
	}
	return dir
}

// GitRepository gives the directory of a project's repository.
func (f *Forge) GitRepository(projectID int64) string {
	return f.git.repository(strconv.FormatInt(projectID, 10))
}

func (g *gitServer) run(w http.ResponseWriter, r *http.Request, repository gitRepository, suffix string) {
	handler := cgi.Handler{Path: g.backend, Root: "/", Env: []string{
		"GIT_PROJECT_ROOT=" + repository.dir, "GIT_HTTP_EXPORT_ALL=1", "PATH_INFO=" + suffix, "REMOTE_USER=git"},
		InheritEnv: []string{"PATH"}}
	// CGI knows no chunked bodies: git's backend takes one without a length to be all that comes.
	if r.ContentLength < 0 {
		r.Header.Del("Content-Length")
		r.TransferEncoding = nil
	}
	handler.ServeHTTP(w, r)
}
