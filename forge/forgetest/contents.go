package forgetest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Contents of repositories that ServeGit serves: from the first push on, the API shows what git has.

// Cloneable commits the files of a project, with its branches and tags, to the repository that ServeGit serves.
func (f *Forge) Cloneable(projectID int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &f.world.projects[projectID].repository
	var first bytes.Buffer
	fmt.Fprintf(&first, "commit refs/heads/main\ncommitter Someone <someone@gitlab.example> %d +0000\ndata 11\nFirst files\n",
		r.created.Unix())
	for _, path := range slices.Sorted(maps.Keys(r.files)) {
		fmt.Fprintf(&first, "M 100644 inline %q\ndata %d\n%s\n", path, len(r.files[path]), r.files[path])
	}
	dir := f.GitRepository(projectID)
	_, err := runGit(dir, first.Bytes(), "fast-import", "--quiet")
	for _, branch := range r.branches {
		if branch != "main" && err == nil {
			_, err = runGit(dir, nil, "branch", branch, "main")
		}
	}
	for tag := range r.tags {
		if err == nil {
			_, err = runGit(dir, nil, "tag", tag, "main")
		}
	}
	return err
}

// repository gives a project's repository as it is now.
func (c *call) repository(p *project) *repository {
	r := &p.repository
	if c.f.git != nil {
		r.read(filepath.Join(c.f.git.dir, idText(p.id)+".git"))
	}
	return r
}

// read takes branches and tags from a bare repository; from one without any, nothing.
func (r *repository) read(dir string) {
	const format = "--format=%(refname) %(if:equals=tag)%(objecttype)%(then)%(contents:subject)%(end)"
	refs, _ := runGit(dir, nil, "for-each-ref", format)
	if refs == "" {
		return
	}
	r.dir, r.branches, r.tags = dir, nil, map[string]string{}
	for line := range strings.Lines(refs) {
		ref, message, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if name, is := strings.CutPrefix(ref, "refs/heads/"); is {
			r.branches = append(r.branches, name)
		}
		if name, is := strings.CutPrefix(ref, "refs/tags/"); is {
			r.tags[name] = message
		}
	}
}

// runGit runs git in a bare repository with something on its standard input.
func runGit(dir string, input []byte, args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_INDEX_FILE=" + filepath.Join(dir, "index"), "GIT_AUTHOR_NAME=Someone", "GIT_COMMITTER_NAME=Someone",
		"GIT_AUTHOR_EMAIL=someone@gitlab.example", "GIT_COMMITTER_EMAIL=someone@gitlab.example"}
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	return string(out), err
}

// wantGit is runGit for what has to work: a ref that is not there is the caller's mistake.
func (r *repository) wantGit(input []byte, args ...string) string {
	out, err := runGit(r.dir, input, args...)
	if err != nil {
		badRequest("git " + args[0] + " failed")
	}
	return strings.TrimSuffix(out, "\n")
}

// gitCommits shows commits, the newest first.
func (r *repository) gitCommits(revisions ...string) (all []object) {
	const format = "--format=%H%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%s%x00%B%x01"
	out := r.wantGit(nil, append([]string{"log", "-n", "100", format}, revisions...)...)
	for entry := range strings.SplitSeq(out, "\x01") {
		f := strings.Split(strings.TrimPrefix(entry, "\n"), "\x00")
		if len(f) < 10 {
			continue
		}
		all = append(all, object{"id": f[0], "short_id": f[0][:8], "title": f[8], "message": f[9], "web_url": "",
			"parent_ids": strings.Fields(f[1]), "author_name": f[2], "author_email": f[3], "authored_date": f[4],
			"committer_name": f[5], "committer_email": f[6], "committed_date": f[7], "created_at": f[7]})
	}
	return all
}

// change is what a commit does to a file: the content that it has afterwards, or none.
type change struct {
	path    string
	content []byte
	deleted bool
}

// put makes a commit on a branch, which begins at start when it is new.
func (r *repository) put(branch, start, message string, changes []change) {
	if r.dir == "" {
		for _, c := range changes {
			if c.deleted {
				delete(r.files, c.path)
			} else {
				r.files[c.path] = c.content
			}
		}
		return
	}
	if _, err := runGit(r.dir, nil, "rev-parse", "--verify", "refs/heads/"+branch); err != nil {
		r.wantGit(nil, "branch", branch, start)
	}
	r.wantGit(nil, "read-tree", branch)
	for _, c := range changes {
		if c.deleted {
			r.wantGit(nil, "update-index", "--force-remove", c.path)
			continue
		}
		blob := r.wantGit(c.content, "hash-object", "-w", "--stdin")
		r.wantGit(nil, "update-index", "--add", "--cacheinfo", "100644,"+blob+","+c.path)
	}
	tree := r.wantGit(nil, "write-tree")
	commit := r.wantGit([]byte(message), "commit-tree", tree, "-p", branch)
	r.wantGit(nil, "update-ref", "refs/heads/"+branch, commit)
}

// gitDiffs shows what one revision changes since it left another, file by file.
func (r *repository) gitDiffs(from, to string) (all []any) {
	for name := range strings.Lines(r.wantGit(nil, "diff", "--name-only", from+"..."+to)) {
		name = strings.TrimSuffix(name, "\n")
		_, inOld := r.file(from, name)
		_, inNew := r.file(to, name)
		diff := r.wantGit(nil, "diff", from+"..."+to, "--", name)
		if i := strings.Index(diff, "\n@@"); i >= 0 {
			diff = diff[i+1:]
		}
		all = append(all, object{"old_path": name, "new_path": name, "a_mode": "100644", "b_mode": "100644", "new_file": !inOld,
			"renamed_file": false, "deleted_file": !inNew, "generated_file": false, "diff": diff + "\n"})
	}
	return append([]any{}, all...)
}
