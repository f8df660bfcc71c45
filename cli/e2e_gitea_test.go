package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"code.gitea.io/sdk/gitea"
)

// TestGitea plays the whole journey with the built binary in front of a real Gitea.
func TestGitea(t *testing.T) {
	g := startGitea(t)
	t.Logf("in front of %s", g.forge)
	t.Run("Git", func(t *testing.T) { giteaGit(t, g) })
	t.Run("LFS", func(t *testing.T) { giteaLFS(t, g) })
	t.Run("Client", func(t *testing.T) { giteaClient(t, g) })
	t.Run("Tea", func(t *testing.T) { giteaTea(t, g) })
	t.Run("Packages", func(t *testing.T) { giteaPackages(t, g) })
	t.Run("PackageClients", func(t *testing.T) { giteaPackageClients(t, g) })
	t.Run("Commands", func(t *testing.T) { g.commandsFromAfar(t, "acme/app", "/api/v1/repos/acme/app") })
	t.Run("Images", func(t *testing.T) { giteaImages(t, g) })
	t.Run("Denials", func(t *testing.T) { giteaDenials(t, g) })
	t.Run("SecondContainers", func(t *testing.T) { giteaSecondContainers(t, g) })
	t.Run("Credentials", func(t *testing.T) { giteaCredentials(t, g) })
	t.Run("Owners", func(t *testing.T) { giteaOwners(t, g) })
	t.Run("Agreement", func(t *testing.T) { giteaAgreement(t, g) })
	t.Run("Sweep", func(t *testing.T) { giteaSweep(t, g) })
	t.Run("Renaming", func(t *testing.T) { giteaRenaming(t, g) })
	t.Run("Mutations", func(t *testing.T) { giteaMutations(t, startGitea(t)) })
}

func giteaGit(t *testing.T, g *giteaStage) {
	g.prepareGit(t)
	reader := g.mint(t, "--name", "git reader", "--project", "acme/app", "--allow", "download_code")
	writer := g.mint(t, "--name", "git writer", "--project", "acme/app", "--allow", "download_code,push_code")
	work := t.TempDir()
	g.git(t, work, "clone", "-q", g.url(reader, "acme/app.git"), "reading")
	g.git(t, work, "clone", "-q", g.url(writer, "acme/app.git"), "writing")
	if data, err := os.ReadFile(filepath.Join(work, "reading", "README.md")); err != nil || string(data) != "read me\n" {
		t.Errorf("the clone holds %q, %v", data, err)
	}
	t.Run("a push, and a fetch of it", func(t *testing.T) {
		dir := filepath.Join(work, "writing")
		g.commit(t, dir, "pushed")
		g.git(t, dir, "push", "-q", "origin", "main", "main:feature/one")
		g.git(t, filepath.Join(work, "reading"), "pull", "-q")
		if _, err := os.Stat(filepath.Join(work, "reading", "change.txt")); err != nil {
			t.Error(err)
		}
	})
	t.Run("a push without the permission names it", func(t *testing.T) {
		dir := filepath.Join(work, "reading")
		g.commit(t, dir, "not allowed")
		g.refused(t, dir, []string{"remote: Access denied", "push_code"}, "push", "-q")
	})
	t.Run("the other repositories of that name are refused", func(t *testing.T) {
		for _, path := range []string{"umbra/app.git", "alice/app.git", "bob/app.git", "acme/site.git", "acme/nothing.git"} {
			g.refused(t, work, []string{"remote: Access denied", "download_code"}, "clone", g.url(reader, path), "refused")
		}
	})
	t.Run("a push that opens a pull request or publishes the repository", func(t *testing.T) {
		dir := filepath.Join(work, "writing")
		g.refused(t, dir, []string{"create_merge_request"}, "push", "-q", "origin", "main:refs/for/main/topic")
		g.refused(t, dir, []string{"update_project"}, "push", "-q", "-o", "repo.private=false", "origin", "main:feature/public")
		if answer := string(g.direct(t, g.world.alicePAT, http.MethodGet, "/repos/acme/app", nil, http.StatusOK)); !strings.Contains(answer, `"private":true`) {
			t.Error("the repository is public now")
		}
		if answer := string(g.direct(t, g.world.alicePAT, http.MethodGet, "/repos/acme/app/pulls", nil, http.StatusOK)); strings.TrimSpace(answer) != "[]" {
			t.Errorf("there is a pull request: %s", answer)
		}
	})
	t.Run("a push makes no repository", func(t *testing.T) {
		all := g.mint(t, "--name", "git everywhere", "--all-memberships", "--allow", "download_code,push_code")
		g.refused(t, filepath.Join(work, "writing"), nil, "push", g.url(all, "alice/brand-new.git"), "main")
		g.direct(t, g.world.alicePAT, http.MethodGet, "/repos/alice/brand-new", nil, http.StatusNotFound)
	})
	t.Run("wrong credentials", func(t *testing.T) {
		g.refused(t, work, []string{"Authentication failed"}, "clone", g.url(otherEnd(reader), "acme/app.git"), "wrong")
		g.refused(t, work, []string{"terminal prompts disabled"}, "clone", g.gate+"/acme/app.git", "anonymous")
	})
	t.Run("a wiki", func(t *testing.T) {
		g.direct(t, g.world.alicePAT, http.MethodPost, "/repos/acme/app/wiki/new", object{"title": "Home", "content_base64": "aGVsbG8K"}, http.StatusCreated)
		wiki := g.mint(t, "--name", "wiki", "--project", "acme/app", "--allow", "read_wiki")
		g.git(t, work, "clone", "-q", g.url(wiki, "acme/app.wiki.git"), "wiki")
		g.refused(t, work, []string{"read_wiki"}, "clone", g.url(reader, "acme/app.wiki.git"), "wiki-refused")
	})
	if found := leaks(work, []secret{{"alice's forge token", g.world.alicePAT}}); len(found) > 0 {
		t.Error(found)
	}
}

func giteaLFS(t *testing.T, g *giteaStage) {
	needs(t, "git-lfs", "apt-get install git-lfs")
	g.prepareGit(t)
	reader := g.mint(t, "--name", "lfs reader", "--project", "acme/app", "--allow", "download_code")
	writer := g.mint(t, "--name", "lfs writer", "--project", "acme/app", "--allow", "download_code,push_code")
	work := t.TempDir()
	g.git(t, g.home, "lfs", "install", "--skip-repo")
	g.git(t, work, "clone", "-q", g.url(writer, "acme/app.git"), "writing")
	dir := filepath.Join(work, "writing")
	g.git(t, dir, "lfs", "track", "*.bin")
	g.write(t, dir, "large.bin", strings.Repeat("large object\n", 100_000))
	g.git(t, dir, "add", ".")
	g.git(t, dir, "commit", "-qm", "large")
	g.git(t, dir, "push", "-q", "origin", "main")
	g.git(t, work, "clone", "-q", g.url(reader, "acme/app.git"), "reading")
	if data, err := os.ReadFile(filepath.Join(work, "reading", "large.bin")); err != nil || len(data) != 1_300_000 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	t.Run("locks", func(t *testing.T) {
		g.git(t, dir, "lfs", "lock", "large.bin")
		if out := g.git(t, dir, "lfs", "locks"); !strings.Contains(out, "large.bin") {
			t.Errorf("no lock is listed:\n%s", out)
		}
		g.refused(t, filepath.Join(work, "reading"), []string{"push_code"}, "lfs", "lock", "large.bin")
		g.git(t, dir, "lfs", "unlock", "large.bin")
	})
	t.Run("the answer to a batch names patgate, and no credential", func(t *testing.T) {
		batch := fmt.Sprintf(`{"operation":"upload","transfers":["basic"],"objects":[{"oid":%q,"size":3}]}`, strings.Repeat("ab", 32))
		ask := func(token, path, body string) answer {
			header := http.Header{"Authorization": {"Bearer " + token}, "Accept": {"application/vnd.git-lfs+json"}, "Content-Type": {"application/vnd.git-lfs+json"}}
			return send(http.MethodPost, g.gate+path+"/info/lfs/objects/batch", header, []byte(body))
		}
		a := ask(writer, "/acme/app.git", batch)
		if a.status != http.StatusOK || !strings.Contains(a.body, g.gate+"/acme/app.git/info/lfs/objects/") || strings.Contains(a.body, g.forge.URL()) || strings.Contains(a.body, "Authorization") {
			t.Errorf("status %d: %s", a.status, a.body)
		}
		if a := ask(reader, "/acme/app.git", batch); a.status != http.StatusForbidden || !strings.Contains(a.body, "push_code") {
			t.Errorf("status %d: %s", a.status, a.body)
		}
		if a := ask(reader, "/umbra/app.git", strings.Replace(batch, "upload", "download", 1)); a.status != http.StatusForbidden {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	})
}

// giteaClient runs Gitea's own Go client, as it is published.
func giteaClient(t *testing.T, g *giteaStage) {
	secret := g.mint(t, "--name", "client", "--project", "acme/app", "--allow", "read_project,read_work_item,create_work_item,update_work_item,read_branch,create_branch,"+
		"read_repository,create_repository,read_merge_request,create_merge_request,merge_merge_request,read_release,create_release,read_release_asset,create_release_asset,read_label,create_label")
	client, err := gitea.NewClient(g.gate, gitea.SetToken(secret), gitea.SetGiteaVersion(""))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a repository", func(t *testing.T) {
		r, _, err := client.GetRepo("acme", "app")
		if err != nil || r.ID != g.app || r.FullName != "acme/app" {
			t.Fatalf("%+v, %v", r, err)
		}
		if r, _, err = client.GetRepoByID(g.app); err != nil || r.FullName != "acme/app" {
			t.Fatalf("by its id: %+v, %v", r, err)
		}
	})
	t.Run("issues", func(t *testing.T) {
		made, _, err := client.CreateIssue("acme", "app", gitea.CreateIssueOption{Title: "broken", Body: "it is"})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := client.CreateIssueComment("acme", "app", made.Index, gitea.CreateIssueCommentOption{Body: "I see"}); err != nil {
			t.Error(err)
		}
		closed := gitea.StateClosed
		if i, _, err := client.EditIssue("acme", "app", made.Index, gitea.EditIssueOption{State: &closed}); err != nil || i.State != closed {
			t.Errorf("%+v, %v", i, err)
		}
		all, _, err := client.ListRepoIssues("acme", "app", gitea.ListIssueOption{State: gitea.StateAll})
		if err != nil || len(all) != 1 || all[0].Title != "broken" {
			t.Errorf("%+v, %v", all, err)
		}
	})
	t.Run("a pull request", func(t *testing.T) {
		if _, _, err := client.CreateFile("acme", "app", "docs/new.md", gitea.CreateFileOptions{
			FileOptions: gitea.FileOptions{Message: "new", BranchName: "main", NewBranchName: "feature/two"}, Content: "bmV3Cg=="}); err != nil {
			t.Fatal(err)
		}
		pull, _, err := client.CreatePullRequest("acme", "app", gitea.CreatePullRequestOption{Head: "feature/two", Base: "main", Title: "new"})
		if err != nil {
			t.Fatal(err)
		}
		// The branch of a pull request may be a fork's: patgate asks Gitea whose it is. Here there is something to bring in.
		if _, _, err := client.CreateFile("acme", "app", "docs/main.md", gitea.CreateFileOptions{FileOptions: gitea.FileOptions{Message: "meanwhile", BranchName: "main"}, Content: "bmV3Cg=="}); err != nil {
			t.Error(err)
		}
		g.gets(t, http.StatusForbidden, secret, http.MethodPost, fmt.Sprintf("/repos/acme/app/pulls/%d/update", pull.Index), nil)
		updates := g.mint(t, "--name", "updates", "--project", "acme/app", "--allow", "update_merge_request")
		g.gets(t, http.StatusOK, updates, http.MethodPost, fmt.Sprintf("/repos/acme/app/pulls/%d/update", pull.Index), nil)
		merged := false
		for end := time.Now().Add(patience); !merged && time.Now().Before(end); time.Sleep(200 * time.Millisecond) { // Gitea looks first whether it can
			if merged, _, err = client.MergePullRequest("acme", "app", pull.Index, gitea.MergePullRequestOption{Style: gitea.MergeStyleMerge}); err != nil {
				t.Fatal(err)
			}
		}
		if !merged {
			t.Error("the pull request was not merged")
		}
		if b, _, err := client.GetRepoBranch("acme", "app", "feature/two"); err != nil || b.Name != "feature/two" {
			t.Errorf("%+v, %v", b, err)
		}
	})
	t.Run("a release with a file", func(t *testing.T) {
		release, _, err := client.CreateRelease("acme", "app", gitea.CreateReleaseOption{TagName: "v1.0", Target: "main", Title: "one"})
		if err != nil {
			t.Fatal(err)
		}
		if a, _, err := client.CreateReleaseAttachment("acme", "app", release.ID, strings.NewReader("binary"), "tool.txt"); err != nil || a.Name != "tool.txt" {
			t.Errorf("%+v, %v", a, err)
		}
		all, _, err := client.ListReleases("acme", "app", gitea.ListReleasesOptions{})
		if err != nil || len(all) != 1 || len(all[0].Attachments) != 1 {
			t.Fatalf("%+v, %v", all, err)
		}
		file, ours := strings.CutPrefix(all[0].Attachments[0].DownloadURL, g.gate)
		if !ours {
			t.Errorf("the file is said to be at %s", file)
		}
		giteaFiles(t, g, secret, file)
	})
	t.Run("a denied call is the client's own error and names the permission", func(t *testing.T) {
		_, answer, err := client.CreateLabel("umbra", "app", gitea.CreateLabelOption{Name: "x", Color: "#ff0000"})
		if err == nil || answer == nil || answer.StatusCode != http.StatusForbidden {
			t.Fatal(err)
		}
		answer, err = client.DeleteRepo("acme", "app")
		if err == nil || answer == nil || answer.StatusCode != http.StatusForbidden || !strings.Contains(err.Error(), "delete_project") {
			t.Fatal(err)
		}
	})
}

// giteaFiles downloads from where links in answers lead, outside of the API.
func giteaFiles(t *testing.T, g *giteaStage, secret, asset string) {
	empty := g.mint(t, "--name", "no files", "--project", "acme/app", "--allow", "read_project")
	get := func(path, token string) answer {
		header := http.Header{}
		if token != "" {
			header.Set("Authorization", "token "+token)
		}
		return send(http.MethodGet, g.gate+path, header, nil)
	}
	for path, want := range map[string]struct{ begins, permission string }{
		asset:                                 {"binary", "read_release_asset"},
		"/acme/app/raw/branch/main/README.md": {"read me\n", "read_repository"},
		"/acme/app/archive/main.zip":          {"PK", "read_repository"},
	} {
		if a := get(path, secret); a.status != http.StatusOK || !strings.HasPrefix(a.body, want.begins) {
			t.Errorf("%s: status %d: %.200q\n%s", path, a.status, a.body, g.lastLines(1))
		}
		before := len(g.heard(t))
		if a := get(path, empty); a.status != http.StatusForbidden || !strings.Contains(a.body, want.permission) {
			t.Errorf("%s without the permission: status %d: %s", path, a.status, a.body)
		}
		if a := get(strings.Replace(path, "acme", "umbra", 1), secret); a.status != http.StatusForbidden {
			t.Errorf("%s of another repository: status %d: %s", path, a.status, a.body)
		}
		if a := get(path, ""); a.status != http.StatusUnauthorized {
			t.Errorf("%s without a token: status %d: %s", path, a.status, a.body)
		}
		for _, line := range g.heard(t)[before:] {
			if !isQuestion(line) {
				t.Errorf("Gitea heard %s", line)
			}
		}
	}
}

// giteaRenaming renames acme/app: a token made for it follows the repository, and what takes its name inherits nothing.
func giteaRenaming(t *testing.T, g *giteaStage) {
	g.prepareGit(t)
	secret := g.mint(t, "--name", "follows", "--project", "acme/app", "--allow", "read_project,download_code,update_project")
	work := t.TempDir()
	g.gets(t, http.StatusOK, secret, http.MethodPatch, "/repos/acme/app", object{"name": "renamed"})
	for _, path := range []string{"acme/renamed", "acme/app"} { // the second is the old name
		var r struct {
			ID       int64
			FullName string `json:"full_name"`
		}
		if err := json.Unmarshal([]byte(g.gets(t, http.StatusOK, secret, http.MethodGet, "/repos/"+path, nil)), &r); err != nil || r.ID != g.app || r.FullName != "acme/renamed" {
			t.Errorf("%s is %+v, %v", path, r, err)
		}
		g.git(t, work, "clone", "-q", g.url(secret, path+".git"), strings.ReplaceAll(path, "/", "-"))
	}
	t.Run("another repository under the old name", func(t *testing.T) {
		g.forge.AddRepository("acme/app", true)
		g.forge.AddTeam("acme", "newcomers", "admin", "alice", "app")
		// What patgate knows of the old name is at most five seconds old when it writes.
		time.Sleep(5*time.Second + 100*time.Millisecond)
		g.gets(t, http.StatusForbidden, secret, http.MethodPatch, "/repos/acme/app", object{"description": "taken"})
		g.gets(t, http.StatusOK, secret, http.MethodPatch, "/repos/acme/renamed", object{"description": "mine"})
	})
}

// giteaTea runs Gitea's own command line: it signs in, finds repositories, clones, and works with issues and pull requests.
func giteaTea(t *testing.T, g *giteaStage) {
	needs(t, "tea", "build it from its repository, or take a release")
	g.prepareGit(t)
	tea := func(dir string, args ...string) string {
		t.Helper()
		out, err := g.run(dir, "tea", args...)
		if err != nil {
			t.Fatalf("tea %s: %v\n%s\nthe server's log:\n%s", strings.Join(args, " "), err, out, g.lastLines(4))
		}
		return out
	}
	secret := g.mint(t, "--name", "tea", "--project", "acme/app", "--allow",
		"read_project,download_code,read_work_item,create_work_item,read_merge_request,read_release,read_label")
	tea(g.home, "login", "add", "--name", "patgate", "--url", g.gate, "--token", secret)
	tea(g.home, "login", "default", "patgate") // elsewhere it asks
	if out := tea(g.home, "repos", "ls"); !strings.Contains(out, "app") || strings.Contains(out, "umbra") {
		t.Errorf("it lists other repositories than the token reaches: %s", out)
	}
	tea(g.home, "clone", "acme/app")
	dir := filepath.Join(g.home, "app")
	if remote := g.git(t, dir, "remote", "get-url", "origin"); !strings.Contains(remote, strings.TrimPrefix(g.gate, "http://")) {
		t.Errorf("the clone leads to %s", remote)
	}
	tea(dir, "issues", "create", "--title", "made by tea", "--description", "it is")
	if out := tea(dir, "issues", "ls"); !strings.Contains(out, "made by tea") {
		t.Errorf("the issue is not listed: %s", out)
	}
	tea(dir, "pulls", "ls")
	tea(dir, "releases", "ls")
	out, err := g.run(dir, "tea", "milestones", "create", "--title", "refused")
	if err == nil || !strings.Contains(out, "Missing: create_milestone") {
		t.Errorf("a milestone: %v\n%s", err, out)
	}
}
