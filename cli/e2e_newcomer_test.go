package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"patgate/forge/forgetest"
	"patgate/policy"
)

// botJob is the job of a bot that somebody gave a broad token to: calls of the API, a push by git, and one of an image.
type botJob struct {
	*registryStage
	git        *gitStage
	clone      string
	layout     string
	credential string // a file with the owner's forge token
	project    string
	pipeline   int64 // job id
	runs       int
}

// botBranch is the branch that the job pushes to.
const botBranch = "refs/heads/bot/nightly"

// botRows are the rows of the table on which the job is decided.
func botRows() []string {
	return []string{
		"GET /projects/{project}",
		"GET /projects/{project}/jobs",
		"GET /projects/{project}/jobs/{job_id}/trace",
		"GET /projects/{project}/jobs/{job_id}/artifacts",
		"POST /projects/{project}/merge_requests",
		"POST /projects/{project}/merge_requests/{noteable_id}/notes",
		"POST /projects/{project}/repository/tags",
		"POST /projects/{project}/releases",
		"POST /{project}.git/git-receive-pack",
		"GET /jwt/auth?scope=repository:{project}:pull", // a push asks for both
	}
}

// startBot starts patgate in front of a forge with repositories and a registry.
func startBot(t *testing.T, settings ...string) *botJob {
	t.Helper()
	needs(t, "git", "apt-get install git")
	s := startRegistry(t, false, append(settings, "PATGATE_LIMITS_FAILED_CREDENTIALS=1000000")...)
	b := &botJob{registryStage: s, git: serveGit(t, s.running), credential: filepath.Join(t.TempDir(), "pat")}
	w := s.world
	b.project = fmt.Sprintf("/api/v4/projects/%d", w.api)
	_, b.pipeline = w.forge.AddPipeline(w.api, "main")
	b.layout = b.registryStage.layout(t, "nightly", 4096, "amd64")
	work := t.TempDir()
	b.git.git(t, work, "clone", "-q", w.forge.GitRepository(w.api), "clone")
	b.clone = filepath.Join(work, "clone")
	if err := os.WriteFile(b.credential, []byte(w.alicePAT), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

// run does the job with a token, and tells what of it was refused. With first it ends at the first refusal.
func (b *botJob) run(t *testing.T, secret string, first bool) (denied []string) {
	t.Helper()
	b.runs++
	tag := fmt.Sprintf("nightly-%d", b.runs)
	calls := []struct {
		method, path string
		body         any
	}{
		{"GET", "", nil},
		{"GET", "/jobs", nil},
		{"GET", fmt.Sprintf("/jobs/%d/trace", b.pipeline), nil},
		{"GET", fmt.Sprintf("/jobs/%d/artifacts", b.pipeline), nil},
		{"POST", "/merge_requests", object{"title": "nightly", "source_branch": "bot/nightly", "target_branch": "main"}},
		{"POST", "/merge_requests/1/notes", object{"body": "looked at"}},
		{"POST", "/repository/tags", object{"tag_name": tag, "ref": "main"}},
		{"POST", "/releases", object{"tag_name": tag, "name": tag, "description": "as it says"}},
	}
	for _, c := range calls {
		switch a := b.call(t, secret, c.method, b.project+c.path, c.body); {
		case a.status == http.StatusForbidden || a.status == http.StatusUnauthorized:
			denied = append(denied, c.method+" "+c.path+" "+a.body)
		case a.status >= 300:
			t.Fatalf("%s %s: %d %s", c.method, c.path, a.status, a.body)
		}
		if first && len(denied) > 0 {
			return denied
		}
	}
	clients := []func() (string, error){
		func() (string, error) {
			b.git.commit(t, b.clone, tag)
			return b.git.run(b.clone, "git", "push", "-q", b.git.url(secret, "shop/backend/api.git"), "HEAD:"+botBranch)
		},
		func() (string, error) {
			return b.registryStage.run("skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", "ci:"+secret, b.layout,
				b.image("shop/backend/api:"+tag))
		},
	}
	for _, client := range clients {
		if out, err := client(); err != nil && !strings.Contains(out, "denied") && !strings.Contains(out, "403") {
			t.Fatalf("%v: %s", err, out)
		} else if err != nil {
			denied = append(denied, out)
		}
		if first && len(denied) > 0 {
			return denied
		}
	}
	return denied
}

// patgate runs a command as the owner, against the running server.
func (b *botJob) patgate(args ...string) (string, error) {
	out, err := exec.Command("patgate", append(args, "--server", b.gate, "--credential-file", b.credential)...).Output()
	return string(out), err
}

// proposed is a proposal as learn propose --json prints it.
type proposed struct {
	Scopes      []policy.ScopeSpec
	Certificate struct {
		Allowed int `json:"allowed_kinds"`
		Needed  []struct {
			Permission, Ref, Rule, Witness, Day string
			ProjectID                           int64 `json:"project_id"`
		}
	}
	Confidence struct {
		Once []string `json:"seen_on_one_day"`
	}
	Unticked []struct {
		Method, Route string
		Permissions   []string
		Why           []string
	}
}

// propose asks for a proposal until all of the job has been stored and is in it.
func (b *botJob) propose(t *testing.T, subject string, args ...string) (p proposed) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		out, err := b.patgate(append([]string{"learn", "propose", subject, "--json"}, args...)...)
		missing := botRows()
		if err == nil {
			p = proposed{}
			if err := json.Unmarshal([]byte(out), &p); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			missing = slices.DeleteFunc(missing, func(row string) bool { return slices.Contains(p.Confidence.Once, row) })
		}
		if len(missing) == 0 {
			return p
		}
		if time.Now().After(end) {
			t.Fatalf("%v: %q are not in %s", err, missing, out)
		}
	}
}

// proves holds that the proof has a witness for each permission and each ref pattern in each project: a request and its day.
func (p *proposed) proves(t *testing.T) {
	t.Helper()
	witnesses := map[string]bool{}
	for _, n := range p.Certificate.Needed {
		if day := time.Now().UTC().Format(time.DateOnly); n.Day != day && n.Day != time.Now().Add(-time.Hour).UTC().Format(time.DateOnly) ||
			!strings.Contains(n.Witness, "/") {
			t.Errorf("a witness without its day or route: %+v", n)
		}
		witnesses[fmt.Sprint(n.Permission, n.Ref, n.Rule, " on ", n.ProjectID)] = true
	}
	parts := 0
	for _, s := range p.Scopes {
		for _, id := range s.ProjectIDs {
			for _, part := range slices.Concat(s.Permissions, s.Constraints.RefPatterns) {
				if parts++; !witnesses[fmt.Sprint(part, " on ", id)] {
					t.Errorf("no witness for %s on %d in %+v", part, id, p.Certificate.Needed)
				}
			}
		}
	}
	if parts == 0 || p.Certificate.Allowed < len(botRows()) {
		t.Errorf("%d parts, and %d kinds are allowed", parts, p.Certificate.Allowed)
	}
}

// removals gives all grants that lack one thing of another, by what that is.
func removals(specs []policy.ScopeSpec) map[string][]policy.ScopeSpec {
	all := map[string][]policy.ScopeSpec{}
	for i := range specs {
		less := func(what string, change func(s *policy.ScopeSpec)) {
			other := slices.Clone(specs)
			change(&other[i])
			if s := &other[i]; len(s.Permissions) == 0 || s.Access == "selected_memberships" && len(s.ProjectIDs)+len(s.GroupIDs) == 0 {
				other = slices.Delete(other, i, i+1)
			}
			all[fmt.Sprintf("scope %d without %s", i, what)] = other
		}
		for j, name := range specs[i].Permissions {
			less(name, func(s *policy.ScopeSpec) { s.Permissions = slices.Delete(slices.Clone(s.Permissions), j, j+1) })
		}
		for j, id := range specs[i].ProjectIDs {
			less(fmt.Sprint("project ", id), func(s *policy.ScopeSpec) { s.ProjectIDs = slices.Delete(slices.Clone(s.ProjectIDs), j, j+1) })
		}
		for j, pattern := range specs[i].Constraints.RefPatterns {
			less(pattern, func(s *policy.ScopeSpec) {
				s.Constraints.RefPatterns = slices.Delete(slices.Clone(s.Constraints.RefPatterns), j, j+1)
				if len(s.Constraints.RefPatterns) == 0 {
					s.Permissions = nil // without a pattern it would hold for all refs
				}
			})
		}
	}
	return all
}

// decisions gives the log's lines of decisions about a token, as soon as there are so many.
func (b *botJob) decisions(t *testing.T, id int64, least int) (lines []string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		lines = nil
		for line := range strings.Lines(b.logText()) {
			if strings.Contains(line, `"msg":"decision"`) && strings.Contains(line, fmt.Sprintf(`"token_id":%d,`, id)) {
				lines = append(lines, line)
			}
		}
		if len(lines) >= least {
			return lines
		}
		if time.Now().After(end) {
			t.Fatalf("only %d decisions about token %d: %q", len(lines), id, lines)
		}
	}
}

// newcomer has somebody who knows nothing of permissions replace a broad credential, which has done the job already, by three
// commands. More is what the last of them is told besides.
func (b *botJob) newcomer(t *testing.T, subject string, more ...string) {
	t.Helper()
	p := b.propose(t, subject)
	var accept []string
	for _, u := range p.Unticked {
		if len(u.Why) == 0 {
			t.Errorf("%s %s is left out without a reason", u.Method, u.Route)
		}
		accept = append(accept, u.Permissions...)
	}
	slices.Sort(accept)
	accept = slices.Compact(accept)
	if !slices.Contains(accept, "push_code") {
		t.Errorf("what a push starts is taken for harmless: %v", accept)
	}
	yes := strings.Join(accept, ",")
	if p = b.propose(t, subject, "--accept", yes); len(p.Unticked) > 0 {
		t.Errorf("%+v", p.Unticked)
	}
	p.proves(t)
	apply := append([]string{"learn", "apply", subject, "--accept", yes, "--quiet", "--name", "nightly of " + subject}, more...)
	out, err := b.patgate(apply...)
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	secret := strings.TrimSpace(out)
	b.secret("a minted token", secret)
	b.least(t, p.Scopes, secret)
}

// least holds that the job runs with a token that has been made of a proposal, and that every single removal from it breaks that.
func (b *botJob) least(t *testing.T, granted []policy.ScopeSpec, secret string) {
	t.Helper()
	t.Run("the grant is one project and one branch", func(t *testing.T) {
		patterns := []string{}
		for _, s := range granted {
			if s.Access != "selected_memberships" || !slices.Equal(s.ProjectIDs, []int64{b.world.api}) || len(s.GroupIDs) > 0 {
				t.Errorf("%+v", s)
			}
			patterns = append(patterns, s.Constraints.RefPatterns...)
		}
		if !slices.Equal(patterns, []string{botBranch}) {
			t.Errorf("%v", patterns)
		}
	})
	t.Run("the job runs with the new token, and nothing is denied", func(t *testing.T) {
		if denied := b.run(t, secret, false); len(denied) > 0 {
			t.Error(denied)
		}
		made, _ := b.want(t, 200, secret, "GET", allTokens+"/self", nil)
		if lines := b.decisions(t, made.ID, len(botRows())); strings.Contains(strings.Join(lines, ""), `"verdict":"deny"`) {
			t.Errorf("%q", lines)
		}
	})
	t.Run("every single removal breaks it", func(t *testing.T) {
		parts := removals(granted)
		if len(parts) < len(botRows()) {
			t.Fatalf("only %d parts of %+v", len(parts), granted)
		}
		for what, scopes := range parts {
			if len(scopes) == 0 {
				continue // that is no token at all
			}
			less := b.make(t, object{"name": what, "granular_scopes": scopes, "seal": true})
			if len(b.run(t, less.Token, true)) == 0 {
				t.Errorf("the job runs with %s", what)
			}
		}
	})
}

// forgeToken makes a broad token of the forge's own, has it do the job, and gives the id that it is observed under.
func (b *botJob) forgeToken(t *testing.T) (subject string) {
	t.Helper()
	const name = "nightly bot"
	secret := b.world.forge.AddToken(b.world.alice, forgetest.Token{Name: name})
	b.secret("the bot's forge token", secret)
	if denied := b.run(t, secret, false); len(denied) > 0 {
		t.Fatal(denied)
	}
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		out, err := b.patgate("learn", "list", "--json")
		var list []listedSubject
		if err == nil {
			err = json.Unmarshal([]byte(out), &list)
		}
		if at := slices.IndexFunc(list, func(l listedSubject) bool { return l.Name == name && l.Kind == "personal" }); at >= 0 {
			return strconv.FormatInt(list[at].ID, 10)
		}
		if time.Now().After(end) {
			t.Fatalf("%v: it is not in %s", err, out)
		}
	}
}

// TestNewcomer has somebody who knows nothing of permissions, and a bot that does its job with a broad token of the forge's own,
// replace that by three commands: list, propose and apply. Nothing of the bot's was in patgate before.
func TestNewcomer(t *testing.T) {
	b := startBot(t, "PATGATE_LEARN_MODE=on")
	b.newcomer(t, b.forgeToken(t), "--seal")
}

// TestNewcomerByClicks has somebody who knows nothing of permissions replace what a job uses in the console, a broad token of the
// forge's own and a broad patgate token: five clicks from the page of either, and the forge credential.
func TestNewcomerByClicks(t *testing.T) {
	t.Parallel() // it waits most of the time
	origin, setting := consoleAddress(t)
	b := startBot(t, setting, "PATGATE_LEARN_MODE=on")
	s := &consoleStage{b.running, openBrowser(t, origin)}
	s.signIn(t)
	subject := b.forgeToken(t)
	b.propose(t, subject) // all of the job is there now
	b.clicks(t, s, "a forge token", func() {
		s.open("/forge-tokens")
		s.follow("a[href$='/forge-tokens/" + subject + "/smaller']")
		s.sees("Its scopes at GitLab")
	}, func() { s.click("#seal") })
	broad := b.make(t, creation("broad", object{"access": "all_memberships", "permissions": []string{"*"}}))
	if denied := b.run(t, broad.Token, false); len(denied) > 0 {
		t.Fatal(denied)
	}
	b.propose(t, strconv.FormatInt(broad.ID, 10))
	b.clicks(t, s, "a patgate token", func() {
		s.tokenPage("broad")
		s.follow("#smaller")
	}, func() {})
}

// clicks makes the smaller token in the console, from the page that begin opens; seals says yes to what the form asks besides.
func (b *botJob) clicks(t *testing.T, s *consoleStage, from string, begin, seals func()) {
	t.Helper()
	var secret string
	s.step(t, "the smaller token is made in place of "+from, func(t *testing.T) {
		begin()
		s.sees("What is enough", "Left out until you say yes")
		evaluate[bool](s.browser, `(() => { document.querySelectorAll("#left input").forEach(i => i.click()); return true })()`)
		s.follow("#show-accepted")
		s.sees("Push to " + botBranch)
		s.follow("#fill")
		s.fill("#credential", b.world.alicePAT)
		seals()
		if status := s.follow("#generate"); status != 200 {
			t.Fatalf("%d\n%s", status, s.body())
		}
		secret = s.minted(t)
	})
	_, text := b.want(t, 200, secret, "GET", allTokens+"/self", nil)
	var made struct {
		Scopes []struct {
			policy.ScopeSpec
			Project int64 `json:"project_id"`
		} `json:"granular_scopes"`
	}
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatal(err)
	}
	var granted []policy.ScopeSpec
	for _, s := range made.Scopes {
		if s.Project != 0 {
			s.ProjectIDs = []int64{s.Project}
		}
		granted = append(granted, s.ScopeSpec)
	}
	b.least(t, granted, secret)
}
