package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"patgate/forge/giteatest"
)

// giteaStage is a running server in front of a real Gitea. Alice is a member of the organizations acme and umbra and bob of
// none; acme/app, umbra/app, alice/app and bob/app are private repositories with the same name.
type giteaStage struct {
	*gitStage
	forge      *giteatest.Instance
	alice, bob int64
	app        int64 // acme/app
	bobToken   string
	images     *registryStage // the same server, for image clients
}

// startGitea starts both. Without a Gitea the test is skipped with a line that says how to run it.
func startGitea(t *testing.T) *giteaStage {
	t.Helper()
	return startGiteaAs(t, "", false)
}

// startGiteaAs starts a Gitea with a way to find out its own address, which may be patgate's.
func startGiteaAs(t *testing.T, detection string, ours bool) *giteaStage {
	t.Helper()
	r := &running{stage: &stage{world: &world{}, dir: t.TempDir()}}
	listen, admin, err := r.ports()
	if err != nil {
		t.Fatal(err)
	}
	r.gate, r.operators = "http://"+listen, "http://"+admin
	as := giteatest.Naming{Detection: detection}
	if ours {
		as.RootURL = r.gate + "/"
	}
	f := giteatest.StartAs(t, as)
	g := &giteaStage{forge: f}
	var aliceToken string
	g.alice, aliceToken = f.AddUser("alice")
	g.bob, g.bobToken = f.AddUser("bob")
	for _, org := range []string{"acme", "umbra"} {
		f.AddOrganization(org, "private")
	}
	for _, path := range []string{"acme/app", "umbra/app", "alice/app", "bob/app", "acme/site"} {
		id := f.AddRepository(path, true)
		if path == "acme/app" {
			g.app = id
		}
		owner, name, _ := strings.Cut(path, "/")
		g.direct(t, f.AdminToken, http.MethodPost, "/repos/"+path+"/contents/README.md", object{"content": "cmVhZCBtZQo=", "message": "first", "branch": "main"}, http.StatusCreated)
		if owner == "acme" && name == "app" || owner == "umbra" {
			f.AddTeam(owner, "builders", "admin", "alice", name)
		}
	}
	f.AddTeam("acme", "rest", "admin", "alice", "site")

	r.world.alicePAT = aliceToken
	for name, text := range map[string]string{"alice's forge token": aliceToken, "bob's forge token": g.bobToken, "the administrator's token": f.AdminToken} {
		r.secret(name, text)
	}
	r.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "PATGATE_UPSTREAM_URL=" + f.URL(), "PATGATE_LISTEN=" + listen,
		"PATGATE_ADMIN_LISTEN=" + admin, "PATGATE_DATA_DIR=" + r.dir + "/data", "PATGATE_PUBLIC_URL=" + r.gate}
	if err := r.start(r.env, nil, "http://"+admin); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.stop(syscall.SIGTERM); err != nil {
			t.Errorf("stopping the server: %v\n%s", err, r.logText())
		}
		if found := leaks(r.dir, r.secrets); len(found) > 0 {
			t.Errorf("secrets were written: %v", found)
		}
	})
	g.gitStage = &gitStage{running: r, home: t.TempDir()}
	g.images = &registryStage{running: r, home: g.home, registry: listen, gateway: listen}
	return g
}

// prepareGit gives git a home.
func (g *giteaStage) prepareGit(t *testing.T) {
	t.Helper()
	needs(t, "git", "apt-get install git")
	for name, value := range map[string]string{"user.name": "Alice", "user.email": "alice@example.com", "init.defaultBranch": "main",
		"advice.detachedHead": "false", "http.version": "HTTP/1.1"} {
		g.git(t, g.home, "config", "--global", name, value)
	}
}

// command prepares one of patgate's commands.
func (g *giteaStage) command(args ...string) *exec.Cmd {
	cmd := exec.Command("patgate", args...)
	cmd.Env, cmd.Dir = g.env[:len(g.env):len(g.env)], g.dir
	return cmd
}

// direct makes a request to Gitea itself and gives what it answered.
func (g *giteaStage) direct(t *testing.T, credential, method, path string, body any, status int) []byte {
	t.Helper()
	got, answer, err := g.forge.Do(credential, method, path, body)
	if err != nil || got != status {
		t.Fatalf("%s %s at Gitea: status %d, %v, want %d\n%s", method, path, got, err, status, answer)
	}
	return answer
}

// api makes a request of the API through patgate.
func (g *giteaStage) api(token, method, path string, body any) answer {
	header := http.Header{"Authorization": {"token " + token}}
	var data []byte
	if body != nil {
		header.Set("Content-Type", "application/json")
		data, _ = json.Marshal(body)
	}
	return send(method, g.gate+path, header, data)
}

// gets makes a request of the API through patgate and expects a status.
func (g *giteaStage) gets(t *testing.T, status int, token, method, path string, body any) string {
	t.Helper()
	a := g.api(token, method, "/api/v1"+path, body)
	if a.err != nil || a.status != status {
		t.Errorf("%s %s: status %d, %v, want %d\n%s\nthe server's log:\n%s", method, path, a.status, a.err, status, a.body, g.lastLines(2))
	}
	if strings.Contains(a.body, g.world.alicePAT) {
		t.Errorf("%s %s: the answer holds the owner's credential", method, path)
	}
	return a.body
}

// denied makes a request through patgate that it must refuse, naming a permission when there is one to name, and holds that
// Gitea heard nothing of it.
func (g *giteaStage) denied(t *testing.T, token, method, path string, body any, names string) {
	t.Helper()
	before := g.heard(t)
	answer := g.gets(t, http.StatusForbidden, token, method, path, body)
	if !strings.Contains(answer, names) {
		t.Errorf("%s %s: the refusal does not name %q:\n%s", method, path, names, answer)
	}
	for _, line := range g.heard(t)[len(before):] {
		if !isQuestion(line) {
			t.Errorf("%s %s: Gitea was asked: %s", method, path, line)
		}
	}
}

// isQuestion tells whether a line of the access log is one of patgate's own questions of what a request refers to: a read
// that patgate makes itself, by its own name.
func isQuestion(line string) bool {
	return strings.Contains(line, `"GET /api/v1/`) && strings.HasSuffix(line, `"patgate"`)
}

// heard gives the lines of Gitea's access log, once everything that was asked until now stands in it, without those that
// this test makes to know that.
func (g *giteaStage) heard(t *testing.T) []string {
	t.Helper()
	mark := fmt.Sprintf("mark=%d", time.Now().UnixNano())
	response, err := http.Get(g.forge.URL() + "/api/healthz?" + mark)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		lines := g.forge.AccessLog()
		if len(lines) == 0 || !strings.Contains(strings.Join(lines[max(0, len(lines)-5):], "\n"), mark) {
			continue
		}
		var heard []string
		for _, line := range lines {
			if !strings.Contains(line, "/api/healthz") {
				heard = append(heard, line)
			}
		}
		return heard
	}
	t.Fatal("Gitea's access log does not grow")
	return nil
}
