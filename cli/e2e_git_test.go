package cli_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"patgate/forge/forgetest"
)

// gitStage is a running server in front of a forge that serves real repositories, and a home for git.
type gitStage struct {
	*running
	home string
}

func startGit(t *testing.T, settings ...string) *gitStage {
	t.Helper()
	needs(t, "git", "apt-get install git")
	return serveGit(t, startRunningWith(t, func(*world) []string { return settings }))
}

// serveGit has a running server's forge serve repositories, with three commits and a tag in each.
func serveGit(t *testing.T, r *running) *gitStage {
	t.Helper()
	if err := r.world.forge.ServeGit(t.TempDir()); err != nil {
		missing(t, "git http-backend is not here: "+err.Error())
	}
	g := &gitStage{running: r, home: t.TempDir()}
	for name, value := range map[string]string{"user.name": "Alice", "user.email": "alice@example.com", "init.defaultBranch": "main",
		"advice.detachedHead": "false", "http.version": "HTTP/1.1", "lfs.locksverify": "false"} {
		g.git(t, g.home, "config", "--global", name, value)
	}
	seed := filepath.Join(g.home, "seed")
	g.git(t, g.home, "init", "-q", seed)
	for i := range 3 {
		g.write(t, seed, "README.md", fmt.Sprintf("version %d\n", i))
		g.git(t, seed, "add", ".")
		g.git(t, seed, "commit", "-qm", fmt.Sprintf("change %d", i))
	}
	g.git(t, seed, "tag", "v1")
	for _, project := range []int64{r.world.api, r.world.web, r.world.plans} {
		g.git(t, seed, "push", "-q", r.world.forge.GitRepository(project), "main", "v1")
	}
	return g
}

// run runs git or another program; it gives all that it printed.
func (g *gitStage) run(dir, program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.home, "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "NO_PROXY=*", "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// git runs git and expects success.
func (g *gitStage) git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := g.run(dir, "git", args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s\nthe server's log:\n%s", strings.Join(args, " "), err, out, g.lastLines(5))
	}
	return out
}

// refused runs git, expects it to fail, and looks for texts in what it printed.
func (g *gitStage) refused(t *testing.T, dir string, texts []string, args ...string) {
	t.Helper()
	out, err := g.run(dir, "git", args...)
	if err == nil {
		t.Fatalf("git %s succeeded:\n%s", strings.Join(args, " "), out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("git %s does not print %q:\n%s", strings.Join(args, " "), text, out)
		}
	}
}

func (g *gitStage) write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// url is where git finds a repository, with a token in it.
func (g *gitStage) url(token, repository string) string {
	return strings.Replace(g.gate, "://", "://ci:"+token+"@", 1) + "/" + repository
}

// commit makes a commit in a clone.
func (g *gitStage) commit(t *testing.T, dir, text string) {
	t.Helper()
	g.write(t, dir, "change.txt", text)
	g.git(t, dir, "add", ".")
	g.git(t, dir, "commit", "-qm", text)
}

// TestGit runs git against patgate in front of git's own server.
func TestGit(t *testing.T) {
	g := startGit(t)
	reader := g.mint(t, "--name", "reader", "--project", "shop/backend/api", "--allow", "download_code")
	writer := g.mint(t, "--name", "writer", "--project", "shop/backend/api", "--allow", "download_code,push_code")
	api := "shop/backend/api.git"
	work := t.TempDir()

	t.Run("a clone", func(t *testing.T) {
		g.git(t, work, "clone", "-q", g.url(reader, api), "clone")
		if log := g.git(t, filepath.Join(work, "clone"), "log", "--oneline"); strings.Count(log, "\n") != 3 {
			t.Errorf("the clone has another history:\n%s", log)
		}
	})
	t.Run("a clone with each version of the protocol", func(t *testing.T) {
		for _, version := range []string{"0", "1", "2"} {
			g.git(t, work, "-c", "protocol.version="+version, "clone", "-q", g.url(reader, api), "v"+version)
		}
	})
	t.Run("a shallow clone that is deepened", func(t *testing.T) {
		g.git(t, work, "clone", "-q", "--depth", "1", g.url(reader, api), "shallow")
		g.git(t, filepath.Join(work, "shallow"), "fetch", "-q", "--unshallow")
	})
	t.Run("a partial clone that fetches what it lacks", func(t *testing.T) {
		g.git(t, work, "clone", "-q", "--filter=blob:none", g.url(reader, api), "partial")
		g.git(t, filepath.Join(work, "partial"), "checkout", "-q", "HEAD~2")
	})
	t.Run("a push, and a fetch of it", func(t *testing.T) {
		g.git(t, work, "clone", "-q", g.url(writer, api), "pushing")
		dir := filepath.Join(work, "pushing")
		g.commit(t, dir, "pushed")
		g.git(t, dir, "push", "-q", "origin", "main", "main:feature")
		g.git(t, dir, "push", "-q", "origin", ":feature")
		g.git(t, filepath.Join(work, "clone"), "pull", "-q")
		if _, err := os.Stat(filepath.Join(work, "clone", "change.txt")); err != nil {
			t.Error(err)
		}
	})
	t.Run("many wants come compressed", func(t *testing.T) {
		before := len(g.world.forge.Requests())
		dir := filepath.Join(work, "pushing")
		for i := range 40 {
			g.git(t, dir, "commit", "-qm", fmt.Sprint(i), "--allow-empty")
			g.git(t, dir, "branch", fmt.Sprintf("many-%d", i))
		}
		g.git(t, dir, "push", "-q", "--all", "origin")
		g.git(t, filepath.Join(work, "clone"), "-c", "protocol.version=0", "fetch", "-q")
		for _, r := range g.world.forge.Requests()[before:] {
			if strings.HasSuffix(r.Target, "/git-upload-pack") && r.Header.Get("Content-Encoding") == "gzip" {
				return
			}
		}
		t.Error("no request was compressed")
	})
	t.Run("a push without the permission names it", func(t *testing.T) {
		dir := filepath.Join(work, "clone")
		g.commit(t, dir, "not allowed")
		g.refused(t, dir, []string{"remote: Access denied", "push_code"}, "push", "-q")
	})
	t.Run("another project is refused, and says nothing of it", func(t *testing.T) {
		g.refused(t, work, []string{"remote: Access denied", "download_code"}, "clone", g.url(reader, "secret/plans.git"), "plans")
		g.refused(t, work, []string{"remote: Access denied", "download_code"}, "clone", g.url(reader, "secret/nothing.git"), "nothing")
	})
	t.Run("a push to what does not exist makes no project", func(t *testing.T) {
		all := g.mint(t, "--name", "all", "--all-memberships", "--allow", "download_code,push_code")
		g.refused(t, filepath.Join(work, "pushing"), []string{"404"}, "push", g.url(all, "shop/brand-new.git"), "main")
		g.raw(t, all, http.MethodPost, "/shop/brand-new.git/git-receive-pack", "application/x-git-receive-pack-request", "0000", http.StatusNotFound)
		for _, r := range g.world.forge.Requests() {
			if strings.Contains(r.Target, "brand-new.git") {
				t.Errorf("the forge was asked %s %s", r.Method, r.Target)
			}
		}
	})
	t.Run("a path without .git is led to the one with it", func(t *testing.T) {
		g.git(t, work, "clone", "-q", g.url(reader, "shop/backend/api"), "without")
	})
	t.Run("a renamed project", func(t *testing.T) {
		g.world.forge.MoveProject(g.world.api, "shop/backend/renamed")
		defer g.world.forge.MoveProject(g.world.api, "shop/backend/api")
		g.git(t, work, "clone", "-q", g.url(reader, "shop/backend/renamed.git"), "renamed")
		g.git(t, work, "clone", "-q", g.url(reader, api), "by-its-old-name")
	})
	t.Run("no credential and wrong ones", func(t *testing.T) {
		g.refused(t, work, []string{"terminal prompts disabled"}, "clone", g.gate+"/"+api, "anonymous")
		g.refused(t, work, []string{"Authentication failed"}, "clone", g.url(otherEnd(reader), api), "wrong")
	})
	t.Run("wikis", func(t *testing.T) {
		wiki := g.mint(t, "--name", "wiki", "--project", "shop/backend/api", "--allow", "read_wiki,create_wiki")
		dir := filepath.Join(work, "pushing")
		g.git(t, dir, "push", "-q", g.url(wiki, "shop/backend/api.wiki.git"), "main")
		g.git(t, work, "clone", "-q", g.url(wiki, "shop/backend/api.wiki.git"), "wiki")
		g.refused(t, work, []string{"read_wiki"}, "clone", g.url(reader, "shop/backend/api.wiki.git"), "wiki-refused")
		g.refused(t, work, []string{"download_code"}, "clone", g.url(wiki, api), "code-refused")
	})
	t.Run("the wiki of a group", func(t *testing.T) {
		wiki := g.mint(t, "--name", "group wiki", "--group", "shop/backend", "--allow", "read_wiki,create_wiki")
		g.git(t, filepath.Join(work, "pushing"), "push", "-q", g.url(wiki, "shop/backend.wiki.git"), "main")
		g.git(t, work, "clone", "-q", g.url(wiki, "shop/backend.wiki.git"), "group-wiki")
		g.refused(t, work, []string{"read_wiki"}, "clone", g.url(wiki, "shop.wiki.git"), "group-wiki-above")
	})
	t.Run("snippets", func(t *testing.T) {
		own := g.world.forge.AddSnippet(0, g.world.alice, forgetest.Private, "own", "x")
		shared := g.world.forge.AddSnippet(g.world.api, g.world.alice, forgetest.Private, "of a project", "x")
		account := g.mint(t, "--name", "own snippets", "--user", "--allow", "read_snippet,update_snippet")
		project := g.mint(t, "--name", "project snippets", "--project", "shop/backend/api", "--allow", "read_snippet,update_snippet")
		mine, theirs := fmt.Sprintf("snippets/%d.git", own), fmt.Sprintf("shop/backend/api/snippets/%d.git", shared)
		for path, token := range map[string]string{mine: account, theirs: project} {
			g.git(t, filepath.Join(work, "pushing"), "push", "-q", g.url(token, path), "main")
			g.git(t, work, "clone", "-q", g.url(token, path), "snippet-"+filepath.Base(path))
		}
		g.refused(t, work, []string{"read_snippet"}, "clone", g.url(project, mine), "snippet-refused")
		g.refused(t, work, []string{"read_snippet"}, "clone", g.url(account, theirs), "snippet-refused")
	})
	t.Run("design repositories", func(t *testing.T) {
		g.refused(t, work, []string{"Design repositories"}, "clone", g.url(writer, "shop/backend/api.design.git"), "design")
	})
	t.Run("the owner's credential was only sent as Basic, and never to the client", func(t *testing.T) {
		seen := 0
		for _, r := range g.world.forge.Requests() {
			if !strings.Contains(r.Target, ".git/") {
				continue
			}
			seen++
			if r.Credential != "Basic" || r.Secret != g.world.alicePAT || r.User != "alice" {
				t.Errorf("%s %s came with %q as %q", r.Method, r.Target, r.Credential, r.User)
			}
		}
		if seen < 20 {
			t.Errorf("only %d requests", seen)
		}
		if found := leaks(work, []secret{{"alice's forge token", g.world.alicePAT}}); len(found) > 0 {
			t.Error(found)
		}
	})
}

// raw sends one request with a token as the password of Basic and expects a status. No byte of the owner's credential may
// come back.
func (g *gitStage) raw(t *testing.T, token, method, target, contentType, body string, status int) string {
	t.Helper()
	request, err := http.NewRequest(method, g.gate+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("ci", token)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != status {
		t.Errorf("%s %s: %s, want %d\n%s", method, target, response.Status, status, answer)
	}
	var header bytes.Buffer
	_ = response.Header.Write(&header)
	revealsNothing(t, g.world, append(header.Bytes(), answer...))
	return string(answer)
}

// revealsNothing looks for the owner's credential, plainly and within what is base64.
func revealsNothing(t *testing.T, w *world, received []byte) {
	t.Helper()
	if found := reveals(received, w.alicePAT, 0); found != "" {
		t.Errorf("the owner's credential came back %s:\n%.2000s", found, received)
	}
}

// reveals says how a secret stands in data: plainly, or within text that decodes as base64, however often.
func reveals(data []byte, secret string, depth int) string {
	if bytes.Contains(data, []byte(secret)) {
		return fmt.Sprintf("below %d layers of base64", depth)
	}
	if depth == 3 {
		return ""
	}
	words := bytes.FieldsFunc(data, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '/' || r == '-' || r == '_')
	})
	for _, word := range words {
		if len(word) < 16 {
			continue
		}
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(string(word))
		for skip := range 4 {
			text := plain[skip:]
			if len(text)%4 == 1 {
				text = text[:len(text)-1]
			}
			if decoded, err := base64.RawStdEncoding.DecodeString(text); err == nil {
				if found := reveals(decoded, secret, depth+1); found != "" {
					return found
				}
			}
		}
	}
	return ""
}

// TestRevealsFindsACredential shows that the search can fail.
func TestRevealsFindsACredential(t *testing.T) {
	const secret = "glpat-0123456789abcdef"
	once := base64.StdEncoding.EncodeToString([]byte("owner:" + secret))
	twice := "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"x":"`+once+`"}`)) + ".c2ln"
	for name, text := range map[string]string{"plain": "x " + secret, "Basic": "Basic " + once, "in a JWT": twice} {
		if reveals([]byte(text), secret, 0) == "" {
			t.Errorf("%s: not found", name)
		}
	}
	if found := reveals([]byte("nothing of the kind "+base64.StdEncoding.EncodeToString([]byte("owner:another"))), secret, 0); found != "" {
		t.Error(found)
	}
}

// TestGitRefRules pushes with a token that is limited to some refs.
func TestGitRefRules(t *testing.T) {
	g := startGit(t)
	grant := filepath.Join(g.dir, "bot.yaml")
	g.write(t, g.dir, "bot.yaml", `scopes:
  - access: selected_memberships
    projects: [shop/backend/api]
    permissions: [download_code, push_code]
    constraints: {ref_patterns: ["refs/heads/bot/*", "refs/tags/*"], forbid_ref_deletes: true, forbid_tag_changes: true}
`)
	bot := g.mint(t, "--name", "bot", "--grant", grant)
	work := t.TempDir()
	g.git(t, work, "clone", "-q", g.url(bot, "shop/backend/api.git"), "clone")
	dir := filepath.Join(work, "clone")
	g.commit(t, dir, "a bot's change")
	heads := func() string { return g.git(t, g.world.forge.GitRepository(g.world.api), "for-each-ref") }

	t.Run("a branch of the pattern", func(t *testing.T) { g.git(t, dir, "push", "-q", "origin", "HEAD:refs/heads/bot/fix") })
	t.Run("a forced push within the pattern", func(t *testing.T) {
		g.git(t, dir, "commit", "-q", "--amend", "-m", "another")
		g.git(t, dir, "push", "-qf", "origin", "HEAD:refs/heads/bot/fix")
	})
	t.Run("a new tag", func(t *testing.T) { g.git(t, dir, "push", "-q", "origin", "HEAD:refs/tags/v2") })
	before := heads()
	for name, c := range map[string]struct {
		text string
		refs []string
	}{
		"another branch":                        {"may not change refs/heads/main", []string{"HEAD:refs/heads/main"}},
		"another branch beside one that may be": {"may not change refs/heads/main", []string{"HEAD:refs/heads/bot/two", "HEAD:refs/heads/main"}},
		"a new branch outside of the pattern":   {"may not create refs/heads/feature", []string{"HEAD:refs/heads/feature"}},
		"a delete within the pattern":           {"may not delete refs/heads/bot/fix", []string{":refs/heads/bot/fix"}},
		"a tag that is moved":                   {"may not change refs/tags/v1", []string{"+HEAD:refs/tags/v1"}},
		"a tag that is deleted":                 {"may not delete refs/tags/v2", []string{":refs/tags/v2"}},
	} {
		t.Run(name, func(t *testing.T) {
			g.refused(t, dir, []string{"remote: Access denied: This token may push here, but " + c.text, "[remote rejected]"}, append([]string{"push", "origin"}, c.refs...)...)
		})
	}
	t.Run("with a pack that is long enough to be sent in chunks", func(t *testing.T) {
		noise := make([]byte, 3<<20)
		for i, x := 0, uint32(1); i < len(noise); i++ {
			x = x*1664525 + 1013904223
			noise[i] = byte(x >> 24)
		}
		g.write(t, dir, "noise", string(noise))
		g.git(t, dir, "add", ".")
		g.git(t, dir, "commit", "-qm", "noise")
		g.refused(t, dir, []string{"may not change refs/heads/main", "[remote rejected]"}, "push", "origin", "HEAD:refs/heads/main")
		g.git(t, dir, "push", "-q", "origin", "HEAD:refs/heads/bot/noise")
	})
	t.Run("nothing else has changed", func(t *testing.T) {
		after := heads()
		for line := range strings.SplitSeq(strings.TrimSpace(before), "\n") {
			if !strings.Contains(after, line) {
				t.Errorf("%q is gone:\n%s", line, after)
			}
		}
	})
	t.Run("push options that make a merge request need its permissions", func(t *testing.T) {
		g.commit(t, dir, "with options")
		g.refused(t, dir, []string{"create_merge_request"}, "push", "-o", "merge_request.create", "origin", "HEAD:refs/heads/bot/mr")
		g.refused(t, dir, []string{"another project"}, "push", "-o", "merge_request.target_project=secret/plans", "origin", "HEAD:refs/heads/bot/mr")
		g.git(t, dir, "push", "-q", "-o", "ci.skip", "origin", "HEAD:refs/heads/bot/mr")
	})
}

// otherEnd changes the last character of a token, whatever it is.
func otherEnd(secret string) string {
	last := "x"
	if secret[len(secret)-1] == 'x' {
		last = "y"
	}
	return secret[:len(secret)-1] + last
}
