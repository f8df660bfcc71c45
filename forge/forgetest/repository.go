package forgetest

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// repository is one state of files for all branches: a gateway looks at none of it. With ServeGit, git has the files.
type repository struct {
	dir      string // of a bare repository in which something is; empty: what is below is all there is
	project  int64
	created  time.Time
	branches []string
	tags     map[string]string // name to message
	files    map[string][]byte
}

func newRepository(projectID int64, now time.Time) repository {
	return repository{
		project: projectID, created: now, branches: []string{"main"}, tags: map[string]string{},
		files: map[string][]byte{"README.md": []byte("# Project " + idText(projectID) + "\n")},
	}
}

// AddBranch adds a branch; names may have slashes and dots.
func (f *Forge) AddBranch(projectID int64, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &f.world.projects[projectID].repository
	r.branches = append(r.branches, name)
}

// AddTag adds a tag; names may have slashes and dots.
func (f *Forge) AddTag(projectID int64, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.projects[projectID].repository.tags[name] = "Release " + name
}

// AddFile adds or replaces a file; paths may have slashes and dots.
func (f *Forge) AddFile(projectID int64, path string, content []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world.projects[projectID].repository.files[path] = content
}

// commit shows the commit of a ref.
func (r *repository) commit(ref string) object {
	if r.dir != "" {
		if all := r.gitCommits("-n", "1", cmp.Or(ref, "HEAD"), "--"); len(all) > 0 {
			return all[0]
		}
	}
	sha := commitFor("branch", r.project, ref)
	return object{
		"id":              sha,
		"short_id":        sha[:8],
		"title":           "Work on " + ref,
		"message":         "Work on " + ref + "\n",
		"parent_ids":      []string{},
		"author_name":     "Someone",
		"author_email":    "someone@gitlab.example",
		"authored_date":   stamp(r.created),
		"committer_name":  "Someone",
		"committer_email": "someone@gitlab.example",
		"committed_date":  stamp(r.created),
		"created_at":      stamp(r.created),
		"web_url":         "",
	}
}

// names gives the paths of all files.
func (r *repository) names(ref string) []string {
	if r.dir == "" {
		return slices.Sorted(maps.Keys(r.files))
	}
	return strings.Fields(r.wantGit(nil, "ls-tree", "-r", "--name-only", cmp.Or(ref, "HEAD")))
}

// file gives a file's content.
func (r *repository) file(ref, path string) ([]byte, bool) {
	if r.dir == "" {
		content, exists := r.files[path]
		return content, exists
	}
	content, err := runGit(r.dir, nil, "show", cmp.Or(ref, "HEAD")+":"+path)
	return []byte(content), err == nil
}

func (c *call) showBranch(p *project) func(string) any {
	return func(name string) any {
		return object{
			"name":                 name,
			"commit":               p.repository.commit(name),
			"merged":               false,
			"protected":            name == "main",
			"default":              name == "main",
			"developers_can_push":  false,
			"developers_can_merge": false,
			"can_push":             c.level(p) >= Developer,
			"web_url":              c.f.external + "/" + c.f.world.projectPath(p) + "/-/tree/" + name,
		}
	}
}

func (c *call) listBranches() answer {
	p := c.findProject("id")
	return list(c.repository(p).branches, c.showBranch(p))
}

func (c *call) getBranch() answer {
	p := c.findProject("id")
	if !slices.Contains(c.repository(p).branches, c.path.text("branch")) {
		notFound("Branch")
	}
	return ok(c.showBranch(p)(c.path.text("branch")))
}

func (c *call) createBranch() answer {
	p := c.findProject("id")
	c.require(p, Developer)
	name := c.params.text("branch")
	if name == "" || c.params.text("ref") == "" {
		badRequest("branch is missing")
	}
	r := c.repository(p)
	if slices.Contains(r.branches, name) {
		panic(halt{answerError(400, "Branch already exists")})
	}
	if r.dir != "" {
		r.wantGit(nil, "branch", name, c.params.text("ref"))
	}
	r.branches = append(r.branches, name)
	return created(c.showBranch(p)(name))
}

func (c *call) deleteBranch() answer {
	p := c.findProject("id")
	c.require(p, Developer)
	name := c.path.text("branch")
	r := c.repository(p)
	if !slices.Contains(r.branches, name) {
		notFound("Branch")
	}
	if r.dir != "" {
		r.wantGit(nil, "branch", "-D", name)
	}
	r.branches = slices.DeleteFunc(r.branches, func(b string) bool { return b == name })
	return noContent()
}

func showTag(p *project) func(string) any {
	return func(name string) any {
		return object{"name": name, "message": p.repository.tags[name], "target": commitFor("tag", p.id, name),
			"commit": p.repository.commit(name), "release": nil, "protected": false, "created_at": stamp(p.created)}
	}
}

func (c *call) listTags() answer {
	p := c.findProject("id")
	return list(slices.Sorted(maps.Keys(c.repository(p).tags)), showTag(p))
}

func (c *call) getTag() answer {
	p := c.findProject("id")
	if _, exists := c.repository(p).tags[c.path.text("tag_name")]; !exists {
		notFound("Tag")
	}
	return ok(showTag(p)(c.path.text("tag_name")))
}

func (c *call) createTag() answer {
	p := c.findProject("id")
	c.require(p, Developer)
	name := c.params.text("tag_name")
	if name == "" || c.params.text("ref") == "" {
		badRequest("tag_name is missing")
	}
	c.repository(p).addTag(name, c.params.text("ref"), c.params.text("message"))
	return created(showTag(p)(name))
}

// addTag makes a tag, with a message or without one.
func (r *repository) addTag(name, ref, message string) {
	if r.dir != "" {
		args := []string{"tag", name, cmp.Or(ref, "HEAD")}
		if message != "" {
			args = append(args, "-m", message)
		}
		r.wantGit(nil, args...)
	}
	r.tags[name] = message
}

func (c *call) listTree() answer {
	p := c.findProject("id")
	return list(c.repository(p).names(c.params.text("ref")), func(path string) any {
		return object{"id": commitFor(path), "name": path, "type": "blob", "path": path, "mode": "100644"}
	})
}

func (c *call) findFile() (*project, string, []byte) {
	p := c.findProject("id")
	path := c.path.text("file_path")
	content, exists := c.repository(p).file(c.params.text("ref"), path)
	if !exists {
		notFound("File")
	}
	return p, path, content
}

func (c *call) getFile() answer {
	p, path, content := c.findFile()
	ref := cmp.Or(c.params.text("ref"), "main")
	sum := sha256.Sum256(content)
	commit := commitFor("branch", p.id, ref)
	return ok(object{
		"file_name": path, "file_path": path, "size": len(content), "encoding": "base64", "execute_filemode": false,
		"ref": ref, "blob_id": commitFor(path), "commit_id": commit, "last_commit_id": commit,
		"content": base64.StdEncoding.EncodeToString(content), "content_sha256": hex.EncodeToString(sum[:]),
	}).with("X-Gitlab-File-Path", path).with("X-Gitlab-Ref", ref).with("X-Gitlab-Size", strconv.Itoa(len(content)))
}

func (c *call) getRawFile() answer {
	_, path, content := c.findFile()
	a := text("text/plain; charset=utf-8", string(content))
	return a.with("Content-Disposition", `inline; filename="`+path+`"`).with("X-Gitlab-File-Path", path)
}

func (c *call) writeFile() answer {
	p := c.findProject("id")
	c.require(p, Developer)
	path := c.path.text("file_path")
	content := []byte(c.params.text("content"))
	if c.params.text("encoding") == "base64" {
		decoded, err := base64.StdEncoding.DecodeString(string(content))
		if err != nil {
			badRequest("content is invalid")
		}
		content = decoded
	}
	if c.params.text("branch") == "" {
		badRequest("branch is missing")
	}
	branch := c.params.text("branch")
	c.repository(p).put(branch, cmp.Or(c.params.text("start_branch"), "main"), c.params.text("commit_message"),
		[]change{{path: path, content: content}})
	written := object{"file_path": path, "branch": c.params.text("branch")}
	if c.r.Method == http.MethodPost {
		return created(written)
	}
	return ok(written)
}

func (c *call) listCommits() answer {
	p := c.findProject("id")
	r := c.repository(p)
	if r.dir == "" {
		return list(r.branches, func(b string) any { return r.commit(b) })
	}
	return list(r.gitCommits(cmp.Or(c.params.text("ref_name"), "HEAD"), "--"), func(o object) any { return o })
}

func (c *call) createCommit() answer {
	p := c.findProject("id")
	c.require(p, Developer)
	actions, _ := c.params["actions"].([]any)
	var changes []change
	for _, a := range actions {
		action, _ := a.(map[string]any)
		path, content := params(action).text("file_path"), []byte(params(action).text("content"))
		if path == "" {
			badRequest("actions[0][file_path] is missing")
		}
		if params(action).text("encoding") == "base64" {
			content, _ = base64.StdEncoding.DecodeString(string(content))
		}
		changes = append(changes, change{path, content, params(action).text("action") == "delete"})
	}
	r, branch := c.repository(p), c.params.text("branch")
	r.put(branch, cmp.Or(c.params.text("start_branch"), "main"), c.params.text("commit_message"), changes)
	return created(r.commit(branch))
}

// getCommit shows a commit; one that is not there is not found.
func (c *call) getCommit() answer {
	p := c.findProject("id")
	return ok(c.findCommit(p))
}

func (c *call) findCommit(p *project) object {
	r, sha := c.repository(p), c.path.text("sha")
	if r.dir == "" {
		if i := slices.IndexFunc(r.branches, func(b string) bool { return b == sha || r.commit(b)["id"] == sha }); i >= 0 {
			return r.commit(r.branches[i])
		}
	} else if _, err := runGit(r.dir, nil, "rev-parse", "--verify", sha+"^{commit}"); err == nil {
		return r.commit(sha)
	}
	notFound("Commit")
	return nil
}

// listCommitMergeRequests is those that brought a commit.
func (c *call) listCommitMergeRequests() answer {
	p := c.findProject("id")
	id, _ := c.findCommit(p)["id"].(string)
	var found []*mergeRequest
	for _, m := range p.requests {
		if r := c.repository(p); r.dir == "" {
			if c.shaOf(m.source, m.from) == id {
				found = append(found, m)
			}
		} else if _, err := runGit(r.dir, nil, "merge-base", "--is-ancestor", id, m.from); err == nil {
			found = append(found, m)
		}
	}
	return list(found, c.showMergeRequest(p))
}

// commitStatus is what somebody reported about a commit.
type commitStatus struct {
	id                                 int64
	sha, name, state, description, url string
}

func (c *call) listCommitStatuses() answer {
	p := c.findProject("id")
	var found []*commitStatus
	for _, s := range p.statuses {
		if s.sha == c.findCommit(p)["id"] {
			found = append(found, s)
		}
	}
	return list(found, c.showCommitStatus)
}

func (c *call) showCommitStatus(s *commitStatus) any {
	return object{"id": s.id, "sha": s.sha, "name": s.name, "status": s.state, "description": s.description, "target_url": s.url,
		"ref": "main", "created_at": stamp(c.f.now()), "allow_failure": false, "author": c.showUser(c.user)}
}

func (c *call) createCommitStatus() answer {
	p := c.findProject("id")
	c.require(p, Developer)
	sha, _ := c.findCommit(p)["id"].(string)
	name := cmp.Or(c.params.text("name"), c.params.text("context"), "default")
	p.statuses = slices.DeleteFunc(p.statuses, func(s *commitStatus) bool { return s.sha == sha && s.name == name })
	s := &commitStatus{id: c.f.world.next("status"), sha: sha, name: name, state: c.params.text("state"),
		description: c.params.text("description"), url: c.params.text("target_url")}
	p.statuses = append(p.statuses, s)
	return created(c.showCommitStatus(s))
}
