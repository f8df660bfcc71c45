package cli_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// TestGoGit does with go-git, as it is published, what programs do with a repository: a clone, a commit, a push of a branch, a fetch.
func TestGoGit(t *testing.T) {
	g := startGit(t)
	g.world.forge.ForgetRequests()
	as := func(name, allow string) *githttp.BasicAuth {
		return &githttp.BasicAuth{Username: "ci", Password: g.mint(t, "--name", name, "--project", "shop/backend/api", "--allow", allow)}
	}
	reader, writer := as("reader", "download_code"), as("writer", "download_code,push_code")
	dir, address := filepath.Join(g.home, "go-git"), g.gate+"/shop/backend/api.git"
	repository, err := git.PlainClone(dir, false, &git.CloneOptions{URL: address, Auth: reader})
	if err != nil {
		t.Fatalf("cloning: %v", err)
	}
	tree, err := repository.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	g.write(t, dir, "change.txt", "by go-git\n")
	_, added := tree.Add("change.txt")
	_, err = tree.Commit("by go-git",
		&git.CommitOptions{Author: &gitobject.Signature{Name: "Alice", Email: "alice@example.com", When: time.Now()}})
	if err := errors.Join(added, err); err != nil {
		t.Fatal(err)
	}
	push := &git.PushOptions{Auth: reader, RefSpecs: []config.RefSpec{"refs/heads/main:refs/heads/go-git"}}
	if err := repository.Push(push); err == nil || !strings.Contains(err.Error(), "Missing: push_code") {
		t.Errorf("a push without push_code: %v", err)
	}
	push.Auth = writer
	if err := repository.Push(push); err != nil {
		t.Errorf("pushing: %v", err)
	}
	if err := repository.Fetch(&git.FetchOptions{Auth: reader}); err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
		t.Errorf("fetching: %v", err)
	}
	if log := g.git(t, g.world.forge.GitRepository(g.world.api), "log", "--oneline", "go-git"); !strings.Contains(log, "by go-git") {
		t.Errorf("what was pushed is not there: %s", log)
	}
	if _, err := git.PlainClone(filepath.Join(g.home, "other"), false, &git.CloneOptions{URL: g.gate + "/secret/plans.git",
		Auth: reader}); err == nil {
		t.Error("another project was cloned")
	}
	g.pastPatgate(t)
}
