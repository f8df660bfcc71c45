package cli_test

import (
	"math/rand"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"patgate/routes/load"
)

// giteaMutations sends requests that name other containers wherever a name or an id could stand, with a token that holds all
// that one repository has. Whatever reaches Gitea with the owner's credential must be about that repository, and nothing
// else may have changed.
func giteaMutations(t *testing.T, g *giteaStage) {
	const seed, count = 42, 3000
	everything := g.mint(t, "--name", "everything of one repository", "--project", "acme/app", "--allow", "read_*,create_*,update_*,delete_*,download_*,push_*,merge_*,"+
		"render_*,fork_*,approve_*,subscribe_*,trigger_*,create_webhook,update_webhook,create_secret,update_secret,create_remote_mirror,"+
		"transfer_project,share_project,update_project,create_member,update_member,create_protected_branch,update_protected_branch,"+
		"delete_protected_branch,create_protected_tag,update_protected_tag,delete_protected_tag")
	others, before := g.others(t), len(g.heard(t))
	m := mutator{rand.New(rand.NewSource(seed))}
	operations := slices.DeleteFunc(sweepOperations(t), func(o sweepOperation) bool {
		return o.path == "/repos/{owner}/{repo}" && o.method != http.MethodGet // deletes and renames what all others are about
	})
	statuses := map[int]int{}
	for range count {
		o := operations[m.Intn(len(operations))]
		a := g.api(everything, o.method, "/api/v1"+m.path(o.path)+m.query(), m.body(o.method))
		if a.err != nil {
			t.Fatal(a.err)
		}
		statuses[a.status]++
		for _, shown := range fullName.FindAllStringSubmatch(a.body, -1) {
			if shown[1] != "acme/app" {
				t.Errorf("%s %s shows %s", o.method, o.path, shown[1])
			}
		}
	}
	lines := g.heard(t)[before:]
	for _, line := range strays(lines) {
		t.Errorf("beyond the repository: %s", line)
	}
	was := strings.Split(others, "\n")
	for i, now := range strings.Split(g.others(t), "\n") {
		if now != was[i] {
			t.Errorf("what the token does not reach is not what it was:\n%s\n%s", was[i], now)
		}
	}
	t.Logf("%d requests, answered %v; Gitea heard %d", count, statuses, len(lines))
	if len(lines) < count/50 {
		t.Errorf("Gitea heard only %d of %d requests: the mutations are too wild", len(lines), count)
	}
}

var ofTheRepository = regexp.MustCompile(`"[A-Z]+ /api/v1/(repos/acme/app|repositories/1|user/starred/acme/app|user/subscriptions/acme/app)[/? ]`)

// fullName is a repository in an answer.
var fullName = regexp.MustCompile(`"full_name":"([^"/]+/[^"]+)"`)

// ofAList is a page of a list that patgate asks for, to hand on what the token reaches of it.
var ofAList = sync.OnceValue(func() *regexp.Regexp {
	table, err := load.Gitea()
	if err != nil {
		panic(err)
	}
	var lists []string
	for _, r := range table.Routes() {
		if len(r.Entries) > 0 && !strings.Contains(r.Path, "{project}") {
			lists = append(lists, sweepParameter.ReplaceAllLiteralString(r.Path, "[^/ ]+"))
		}
	}
	return regexp.MustCompile(`"GET /api/v1(` + strings.Join(lists, "|") + `)\?([^ ]*&)?page=\d+&limit=\d+ `)
})

// strays gives the lines of the access log that came with a credential, are none of patgate's own questions, and are not about
// acme/app, nor pages of lists.
func strays(lines []string) (found []string) {
	for _, line := range lines {
		if anonymous := strings.Contains(line, " - - ["); !anonymous && !isQuestion(line) && !ofTheRepository.MatchString(line) &&
			!ofAList().MatchString(line) {
			found = append(found, line)
		}
	}
	return found
}

func TestStraysAreSeen(t *testing.T) {
	lines := []string{
		`127.0.0.1 - alice [25/Nov/2026:10:03:05 +0000] "GET /api/v1/repos/acme/app/issues HTTP/1.1" 200 3 "" "Go-http-client/1.1"`,
		`127.0.0.1 - alice [25/Nov/2026:10:03:05 +0000] "GET /api/v1/repos/umbra/app HTTP/1.1" 200 3 "" "patgate"`,
		`127.0.0.1 - alice [25/Nov/2026:10:03:05 +0000] "GET /api/v1/user/actions/runs?q=x&page=1&limit=50 HTTP/1.1" 200 3 "" "patgate"`,
		`127.0.0.1 - alice [25/Nov/2026:10:03:05 +0000] "GET /api/v1/users/bob/repos?page=1&limit=50 HTTP/1.1" 200 3 "" "patgate"`,
		`127.0.0.1 - - [25/Nov/2026:10:03:05 +0000] "GET /api/v1/version HTTP/1.1" 200 3 "" "Go-http-client/1.1"`,
		`127.0.0.1 - alice [25/Nov/2026:10:03:05 +0000] "GET /api/v1/repos/acme/apple HTTP/1.1" 200 3 "" "Go-http-client/1.1"`,
		`127.0.0.1 - alice [25/Nov/2026:10:03:05 +0000] "POST /api/v1/repos/umbra/app/issues HTTP/1.1" 201 3 "" "patgate"`,
	}
	if found := strays(lines); !slices.Equal(found, lines[5:]) {
		t.Errorf("found %q", found)
	}
}

// others is what the administrator sees of everything but acme/app.
func (g *giteaStage) others(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, path := range []string{"/orgs/umbra/repos", "/users/alice/repos", "/users/bob/repos", "/repos/acme/site/branches", "/repos/umbra/app/issues?state=all", "/repos/umbra/app/branches",
		"/repos/umbra/app/hooks", "/repos/umbra/app/pulls?state=all", "/repos/umbra/app/collaborators", "/orgs/acme/teams", "/orgs/umbra/teams", "/orgs/acme/hooks", "/admin/orgs"} {
		shown := sorted(string(g.direct(t, g.forge.AdminToken, http.MethodGet, path, nil, http.StatusOK)))
		out.WriteString(path + " " + updated.ReplaceAllString(shown, "") + "\n")
	}
	return out.String()
}

// updated is a time that Gitea moves by itself for a while after a repository was filled.
var updated = regexp.MustCompile(`"updated_at":"[^"]*",`)

// mutator makes requests that are mostly about acme/app, and name something else somewhere.
type mutator struct{ *rand.Rand }

func (m mutator) one(of ...string) string { return of[m.Intn(len(of))] }

func (m mutator) path(template string) string {
	return sweepParameter.ReplaceAllStringFunc(template, func(name string) string {
		stays := m.Intn(5) > 0
		switch name {
		case "{owner}", "{template_owner}":
			if stays {
				return m.one("acme", "ACME")
			}
			return m.one("umbra", "bob", "alice", "4", "acme%2f..", "umbra%2fapp", ".", "acme;x")
		case "{repo}", "{template_repo}":
			if stays {
				return m.one("app", "App")
			}
			return m.one("site", "app.git", "app.wiki", "1", "app%2e%2e", "app%20", "app;x=1", "..%2f..%2fumbra%2fapp")
		case "{org}", "{username}", "{user}":
			return m.one("acme", "umbra", "bob", "alice")
		case "{sha}", "{ref}", "{branch}", "{tag}", "{basehead}", "{base}", "{head}", "{archive}", "{filepath}":
			return m.one("main", "umbra:main", "main...umbra:main", "umbra/app:main", "README.md", "..%2fx", "%2e%2e", "main%2f..%2f..", "HEAD", "refs%2fheads%2fmain")
		}
		return m.one("1", "2", "3", "umbra", "bob", "builders", "x")
	})
}

func (m mutator) query() string {
	if m.Intn(3) > 0 {
		return ""
	}
	return "?" + m.one("owner", "repo", "uid", "team", "org", "user", "ref", "sha", "q", "state", "token", "access_token", "sudo", "labels", "milestones", "priority_repo_id", "team_id",
		"organization", "base", "head", "path", "limit", "page", "mode", "created_by", "mentioned_by") + "=" + m.one("umbra", "umbra/app", "2", "3", "bob", "main", "umbra:main", "1")
}

func (m mutator) body(method string) any {
	if method == http.MethodGet {
		return nil
	}
	body := object{}
	for range m.Intn(5) {
		name := m.one("owner", "repo", "repo_id", "organization", "new_owner", "head", "base", "title", "body", "description", "private", "head_branch", "branch", "new_branch", "from_path",
			"teams", "team_ids", "assignees", "milestone", "labels", "index", "id", "repository", "parent", "source", "clone_addr", "repo_owner", "git_content", "content", "message", "sha",
			"files", "ref", "target_commitish", "tag_name", "permission", "collaborators", "reviewers", "team_reviewers", "project_id", "name")
		body[name] = []any{"umbra", "umbra/app", "umbra:main", "main", "x", 2, 3, true, []string{"umbra"}, []int{2}, object{"owner": "umbra", "repo": "app", "name": "app", "id": 2},
			"cmVhZA==", "bob", ""}[m.Intn(14)]
	}
	return body
}
