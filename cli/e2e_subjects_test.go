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
)

// subjectStage is a gateway that observes the forge's own tokens.
type subjectStage struct {
	*gitStage
	dir string
}

// learn runs patgate learn with a credential.
func (s *subjectStage) learn(t *testing.T, credential string, args ...string) (string, error) {
	t.Helper()
	file := filepath.Join(s.dir, "credential")
	if err := os.WriteFile(file, []byte(credential), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("patgate", append([]string{"learn"}, append(args, "--server", s.gate, "--credential-file", file)...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	return string(out), err
}

// listedSubject is a line of patgate learn list.
type listedSubject struct {
	ID       int64
	Kind     string
	Name     string
	Username string
	Requests int64
}

// subjects lists the forge's own tokens that a credential may see.
func (s *subjectStage) subjects(t *testing.T, credential string, args ...string) (list []listedSubject) {
	t.Helper()
	out, err := s.learn(t, credential, append([]string{"list", "--json"}, args...)...)
	if err == nil {
		err = json.Unmarshal([]byte(out), &list)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return slices.DeleteFunc(list, func(l listedSubject) bool { return l.Kind == "token" })
}

// TestForgeTokensAreObserved has a bot do its job with a token of the forge's own. It passes as it came; what it did is found out
// beside it, is told to its owner alone, and becomes the smallest grant, with which the job runs.
func TestForgeTokensAreObserved(t *testing.T) {
	needs(t, "git", "apt-get install git")
	g := serveGit(t, startRunningWith(t, func(w *world) []string {
		return []string{"PATGATE_LEARN_MODE=on", fmt.Sprint("PATGATE_ADMINISTRATORS=", w.bob),
			"PATGATE_LIMITS_FAILED_CREDENTIALS=1000000"}
	}))
	s, w := &subjectStage{g, t.TempDir()}, g.world
	bot := w.forge.AddToken(w.alice, forgetest.Token{Name: "nightly bot"})
	deploy := w.forge.AddToken(w.alice, forgetest.Token{Kind: "deploy"})
	g.secret("the bot's forge token", bot)
	project := "/api/v4/projects/shop%2Fbackend%2Fapi"
	work := t.TempDir()
	pushed := 0
	job := func(secret string) (failed []string) {
		ask := func(method, path string, header http.Header, body string) {
			if header == nil {
				header = http.Header{"PRIVATE-TOKEN": {secret}}
			}
			if a := send(method, g.gate+path, header, []byte(body)); a.status >= 300 {
				failed = append(failed, fmt.Sprint(method, " ", path, " ", a.status, " ", a.body))
			}
		}
		ask("GET", project, nil, "")
		ask("GET", project+"/jobs", nil, "")
		ask("GET", project+"/issues?per_page=1", http.Header{"Authorization": {"Bearer " + secret}}, "")
		ask("POST", project+"/issues", http.Header{"PRIVATE-TOKEN": {secret}, "Content-Type": {"application/json"}},
			`{"title" : "found",  "description":"as it says"}`)
		ask("POST", fmt.Sprintf("/api/v4/projects/%d/issues/1/notes", w.api), http.Header{"PRIVATE-TOKEN": {secret},
			"Content-Type": {"application/x-www-form-urlencoded"}}, "body=looked+at")
		pushed++
		dir := filepath.Join(work, strconv.Itoa(pushed))
		g.git(t, work, "clone", "-q", g.url(secret, "shop/backend/api.git"), dir)
		g.commit(t, dir, strconv.Itoa(pushed))
		if out, err := g.run(dir, "git", "push", "-qf", "origin", "HEAD:refs/heads/nightly"); err != nil {
			failed = append(failed, out)
		}
		return failed
	}
	if failed := job(bot); len(failed) > 0 {
		t.Fatal(failed)
	}
	// What is no use: what was refused, and what nobody can tell the owner of.
	send("GET", g.gate+project, http.Header{"PRIVATE-TOKEN": {"glpat-made-up"}}, nil)
	send("GET", g.gate+"/api/v4/projects/999999", http.Header{"PRIVATE-TOKEN": {bot}}, nil)
	send("GET", g.gate+project+"/packages", http.Header{"Deploy-Token": {deploy}}, nil)
	var id string
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		list := s.subjects(t, w.alicePAT)
		at := slices.IndexFunc(list, func(l listedSubject) bool { return l.Name == "nightly bot" })
		// Five of the API, and of git three for the clone and two for the push.
		if at >= 0 && list[at].Requests >= 10 && list[at].Username == "alice" && list[at].Kind == "personal" {
			id = strconv.FormatInt(list[at].ID, 10)
			break
		}
		if time.Now().After(end) {
			a := send("GET", g.operators+"/metrics", nil, nil)
			lost := slices.DeleteFunc(strings.Split(a.body, "\n"), func(line string) bool {
				return !strings.HasPrefix(line,
					"patgate_learn")
			})
			t.Fatalf("%+v\n%s", list, lost)
		}
	}
	t.Run("what passes is what came", func(t *testing.T) {
		if !slices.ContainsFunc(w.forge.Requests(), func(q forgetest.Request) bool {
			return q.Method == "POST" && q.Target == project+"/issues" && q.Secret == bot &&
				string(q.Body) == `{"title" : "found",  "description":"as it says"}`
		}) {
			t.Error("the issue did not come to the forge as it was sent")
		}
	})
	t.Run("it is shown what it did, and nothing else", func(t *testing.T) {
		out, err := s.learn(t, w.alicePAT, "show", id)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"nightly bot", "GET /projects/{project}/jobs",
			"POST /projects/{project}/issues/{noteable_id}/notes",
			fmt.Sprintf("project %d refs/heads/nightly", w.api)} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is not in\n%s", want, out)
			}
		}
		for _, never := range []string{"999999", "/packages", "looked at", "found", "not known where"} {
			if strings.Contains(out, never) {
				t.Errorf("%q is in\n%s", never, out)
			}
		}
	})
	t.Run("it is told to its owner alone, in one way whatever there is", func(t *testing.T) {
		broad := g.make(t, creation("broad", object{"access": "user", "permissions": []string{"read_personal_access_token"}}))
		for _, c := range []struct{ who, id string }{{w.bobPAT, id}, {w.bobPAT, "424242"}, {broad.Token, id}, {w.alicePAT, "424242"}} {
			for _, rest := range []string{"", "/proposal"} {
				if _, text := g.want(t, 404, c.who, "GET", ownAPI+"/subjects/"+c.id+rest, nil); text != `{"message":"404 Not Found"}` {
					t.Error(text)
				}
			}
		}
		if list := s.subjects(t, w.bobPAT); slices.ContainsFunc(list, func(l listedSubject) bool { return l.Username == "alice" }) {
			t.Errorf("%+v", list)
		}
		g.want(t, 401, "", "GET", ownAPI+"/subjects", nil)
		for _, command := range []string{"show", "propose", "apply"} {
			said := map[string]bool{}
			for _, c := range []struct{ who, id string }{{w.bobPAT, id}, {w.bobPAT, "424242"}, {w.alicePAT, "424242"}} {
				out, err := s.learn(t, c.who, command, c.id)
				if err == nil {
					t.Fatalf("learn %s %s: %s", command, c.id, out)
				}
				said[out+strings.ReplaceAll(err.Error(), "the id "+c.id+":", "the id ID:")] = true
			}
			if len(said) != 1 || !strings.Contains(fmt.Sprint(said),
				"none of yours that was seen at work has the id ID: patgate learn list shows them") {
				t.Errorf("learn %s says %v", command, said)
			}
		}
		if list := s.subjects(t, w.bobPAT, "--all"); !slices.ContainsFunc(list,
			func(l listedSubject) bool { return l.Name == "nightly bot" }) {
			t.Errorf("an administrator does not see that it exists: %+v", list)
		}
	})
	t.Run("an administrator makes nothing of it", func(t *testing.T) { adminMakesNothing(t, s, id) })
	t.Run("the least that is enough takes its place", func(t *testing.T) {
		out, err := s.learn(t, w.alicePAT, "apply", id, "--accept", "push_code", "--seal", "--quiet")
		if err != nil {
			t.Fatal(err)
		}
		secret := strings.TrimSpace(out)
		g.secret("the new token", secret)
		if failed := job(secret); len(failed) > 0 {
			t.Error(failed)
		}
		if out, err := g.run(filepath.Join(work, "2"), "git", "push", "-q", "origin", "HEAD:refs/heads/other"); err == nil {
			t.Errorf("another ref is pushed: %s", out)
		}
	})
}

// adminMakesNothing holds that an administrator of patgate neither makes a token for himself of what others did, nor has the
// forge asked with their credentials.
func adminMakesNothing(t *testing.T, s *subjectStage, id string) {
	w := s.world
	if out, err := s.learn(t, w.bobPAT, "apply", id); err == nil {
		t.Errorf("%s", out)
	}
	v := s.make(t, creation("alice's", on(w.api, "read_job")))
	s.want(t, 200, v.Token, "GET", fmt.Sprintf("/api/v4/projects/%d/jobs", w.api), nil)
	token := strconv.FormatInt(v.ID, 10)
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		out, err := s.learn(t, w.bobPAT, "apply", token)
		if err == nil {
			t.Fatalf("an administrator has a token of his own for what alice's did: %s", out)
		}
		if strings.Contains(err.Error(), "is shown to its owner alone") {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	w.forge.ForgetRequests()
	s.want(t, 403, w.bobPAT, "GET", extra(v.ID, "/can?method=GET&path=/projects/secret%252Fplans"), nil)
	s.want(t, 403, w.bobPAT, "GET", extra(v.ID, "/prove?never=read_job&project=secret/plans"), nil)
	a := s.call(t, w.bobPAT, "GET", ownAPI+"/who-can?permission=read_job&all=true&project=secret/plans", nil)
	if a.status != 200 || !strings.Contains(a.body, `"tokens":[]`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, q := range w.forge.Requests() {
		if q.User == "alice" {
			t.Errorf("the forge was asked as alice: %s %s", q.Method, q.Target)
		}
	}
}

// TestOAuthTokensAreObserved has an application work on alice's word, each time with the next access token: it is one subject, is
// told to alice alone, and the least that is enough takes its place. None of its tokens counts as a wrong credential.
func TestOAuthTokensAreObserved(t *testing.T) {
	g := startGit(t, "PATGATE_LEARN_MODE=on")
	s, w := &subjectStage{g, t.TempDir()}, g.world
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	const dashboard, other = "dddddddd11111111", "eeeeeeee22222222"
	next := func(application string, scopes ...string) string {
		secret := w.forge.AddToken(w.alice, forgetest.Token{Kind: "oauth", Application: application, Scopes: scopes})
		g.secret("an OAuth token", secret)
		return secret
	}
	ask := func(secret, method, path, body string) {
		t.Helper()
		header := http.Header{"Authorization": {"Bearer " + secret}, "Content-Type": {"application/json"}}
		if strings.HasSuffix(path, "access_token=") {
			path, header = path+secret, http.Header{}
		}
		if a := send(method, g.gate+path, header, []byte(body)); a.status >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
		}
	}
	first := next(dashboard)
	ask(first, "GET", project, "")
	ask(first, "GET", project+"/jobs", "")
	for range 12 { // more than may be wrong
		ask(next(dashboard), "GET", project+"/jobs?access_token=", "")
	}
	second := next(dashboard)
	ask(second, "POST", project+"/issues", `{"title":"found","description":"as it says"}`)
	ask(second, "GET", project+"/issues", "")
	ask(next(other, "read_api"), "GET", project, "")
	work := t.TempDir()
	g.git(t, work, "clone", "-q", strings.Replace(g.url(second, "shop/backend/api.git"), "//ci:", "//oauth2:", 1), "clone")

	var id string
	for end := time.Now().Add(2 * patience); id == ""; time.Sleep(100 * time.Millisecond) {
		list := slices.DeleteFunc(s.subjects(t, w.alicePAT), func(l listedSubject) bool { return l.Kind != "oauth" })
		of := map[string]listedSubject{}
		for _, l := range list {
			of[l.Name] = l
		}
		if d := of["OAuth application dddddddd"]; len(list) == 2 && d.Requests >= 18 && of["OAuth application eeeeeeee"].Requests == 1 {
			id = strconv.FormatInt(d.ID, 10)
		} else if time.Now().After(end) {
			t.Fatalf("%+v\n%s", list, g.lastLines(3))
		}
	}
	ask(next(dashboard), "GET", project, "") // who is not locked out now is not at all
	t.Run("it is told to its user alone", func(t *testing.T) {
		g.want(t, 404, w.bobPAT, "GET", ownAPI+"/subjects/"+id, nil)
		g.want(t, 401, second, "GET", ownAPI+"/subjects/"+id, nil) // an application is nobody there
		if list := s.subjects(t, w.bobPAT); len(list) != 0 {
			t.Errorf("%+v", list)
		}
	})
	t.Run("what a template may have the forge do is not ticked", func(t *testing.T) {
		ask(second, "POST", project+"/issues", `{"title":"without a description"}`)
		for end := time.Now().Add(2 * patience); ; time.Sleep(200 * time.Millisecond) {
			out, err := s.learn(t, w.alicePAT, "propose", id)
			if scopes, left, found := strings.Cut(out, "Left out until you say so"); found {
				if strings.Contains(scopes, "create_pipeline") || !strings.Contains(left, "create_pipeline") ||
					!strings.Contains(left, "with a description that is not blank") {
					t.Errorf("%s", out)
				}
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%v %s", err, out)
			}
		}
	})
	t.Run("the least that is enough takes its place", func(t *testing.T) {
		out, err := s.learn(t, w.alicePAT, "apply", id, "--seal", "--quiet")
		if err != nil {
			t.Fatal(err)
		}
		secret := strings.TrimSpace(out)
		g.secret("the new token", secret)
		ask(secret, "GET", project+"/jobs", "")
		ask(secret, "POST", project+"/issues", `{"title":"found again","description":"as it says"}`)
		g.git(t, work, "clone", "-q", g.url(secret, "shop/backend/api.git"), "again")
		g.want(t, 403, secret, "GET", project+"/releases", nil)
		g.want(t, 403, secret, "GET", fmt.Sprintf("/api/v4/projects/%d", w.web), nil)
	})
}
