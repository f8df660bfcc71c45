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
	"time"
)

// repository is one state of files for all branches: enough for a gateway, which looks at none of it.
type repository struct {
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

func (r *repository) commit(ref string) object {
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
	return list(p.repository.branches, c.showBranch(p))
}

func (c *call) getBranch() answer {
	p := c.findProject("id")
	if !slices.Contains(p.repository.branches, c.path.text("branch")) {
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
	if slices.Contains(p.repository.branches, name) {
		panic(halt{answerError(400, "Branch already exists")})
	}
	p.repository.branches = append(p.repository.branches, name)
	return created(c.showBranch(p)(name))
}

func (c *call) deleteBranch() answer {
	p := c.findProject("id")
	c.require(p, Developer)
	name := c.path.text("branch")
	if !slices.Contains(p.repository.branches, name) {
		notFound("Branch")
	}
	p.repository.branches = slices.DeleteFunc(p.repository.branches, func(b string) bool { return b == name })
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
	return list(slices.Sorted(maps.Keys(p.repository.tags)), showTag(p))
}

func (c *call) getTag() answer {
	p := c.findProject("id")
	if _, exists := p.repository.tags[c.path.text("tag_name")]; !exists {
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
	p.repository.tags[name] = c.params.text("message")
	return created(showTag(p)(name))
}

func (c *call) listTree() answer {
	p := c.findProject("id")
	return list(slices.Sorted(maps.Keys(p.repository.files)), func(path string) any {
		return object{"id": commitFor(path), "name": path, "type": "blob", "path": path, "mode": "100644"}
	})
}

func (c *call) findFile() (*project, string, []byte) {
	p := c.findProject("id")
	path := c.path.text("file_path")
	content, exists := p.repository.files[path]
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
		"file_name": path, "file_path": path, "size": len(content), "encoding": "base64", "content_sha256": hex.EncodeToString(sum[:]),
		"ref": ref, "blob_id": commitFor(path), "commit_id": commit, "last_commit_id": commit, "execute_filemode": false,
		"content": base64.StdEncoding.EncodeToString(content),
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
	p.repository.files[path] = content
	written := object{"file_path": path, "branch": c.params.text("branch")}
	if c.r.Method == http.MethodPost {
		return created(written)
	}
	return ok(written)
}

func (c *call) listCommits() answer {
	p := c.findProject("id")
	return list(p.repository.branches, func(b string) any { return p.repository.commit(b) })
}

func (c *call) createCommit() answer {
	p := c.findProject("id")
	c.require(p, Developer)
	actions, _ := c.params["actions"].([]any)
	for _, a := range actions {
		action, _ := a.(map[string]any)
		path, content := params(action).text("file_path"), params(action).text("content")
		if path == "" {
			badRequest("actions[0][file_path] is missing")
		}
		p.repository.files[path] = []byte(content)
	}
	return created(p.repository.commit(c.params.text("branch")))
}
