package cli_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"patgate/forge/forgetest"
)

// elsewhere are the lines of README.md and docs that are not run by TestDocumentedLines, by what they begin with: why, and which test
// runs the program. A line that is not here is run.
var elsewhere = map[string]string{
	"go run ./demo":      "it is the demo, which TestTheDemoRunsUntilItIsEnded runs",
	"docker run":         "it needs a daemon: TestContainerRegistry makes the image and runs it",
	"docker login":       "it needs a daemon: TestImageClients has podman, which reads the same commands",
	"docker pull":        "it needs a daemon: TestDependencyProxy pulls with others",
	"make test":          "it is what runs this",
	"make ":              "it takes minutes: TestTheReadmeNamesWhatIsThere knows the targets",
	"apt-get":            "it installs programs",
	"patgate diff":       "it needs the files of the page: TestScripts runs apply",
	"patgate apply":      "as patgate diff: TestScripts",
	"patgate lint":       "as patgate diff: TestScripts",
	"renovate":           "TestRenovate",
	"npx":                "TestSemanticRelease",
	"glab":               "TestRequestsOfGlab",
	"tea":                "it needs a Gitea: TestGitea",
	"go env -w":          "the address is no https here: TestGoModules",
	"go get":             "the address is no https here: TestGoModules",
	"terraform":          "TestTheConversationOfTheTerraformProvider",
	"helm":               "TestPackageClients, TestImageClients",
	"argocd":             "docs/clients.md says: by documentation",
	"flux":               "docs/clients.md says: by documentation",
	"GITLAB_TOKEN=":      "it is flux. docs/clients.md says: by documentation",
	"dotnet":             "TestPackageClients",
	"composer":           "TestPackageClients",
	"GEM_HOST_API_KEY=":  "TestPackageClients",
	"gem":                "TestPackageClients",
	"conan":              "TestConan",
	"crane":              "TestImageClients",
	"PATGATE_STORE_URL=": "it names two servers of PostgreSQL: TestAFleet",
	"docs/gitea.md":      "it needs a Gitea: TestGitea",
}

// failing are the lines whose exit code is 1, and what they print then.
var failing = map[string]string{
	"patgate routes simulate": "would have",
	"patgate token narrow":    "too young to be judged", // everything here is: TestUnusedRights
	"patgate token undo":      "there is nothing to undo",
}

// documented is a command of a block of README.md or docs, with all the lines that it goes over.
type documented struct {
	page    string
	line    int
	command string
	exports []string // of the same block, before it
	first   bool     // of its block
}

var (
	fence    = regexp.MustCompile("^ *```([a-z]*)$")
	secretOf = regexp.MustCompile(`patgate_[0-9A-Za-z]{36}`)
	idOf     = regexp.MustCompile(`(?m)^Token +(\d+)$`)
)

// commandsOf gives the commands of a page's shell blocks. Every block has a language, so that nothing to paste is overlooked.
func commandsOf(t *testing.T, page string) (all []documented) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", page))
	if err != nil {
		t.Fatal(err)
	}
	language, inside := "", false
	var exports []string
	first, open := false, ""
	for i, line := range strings.Split(string(data), "\n") {
		if m := fence.FindStringSubmatch(line); m != nil {
			if open != "" {
				t.Errorf("%s:%d: the command %q has no end", page, i+1, open)
			}
			if inside = !inside; inside && m[1] == "" {
				t.Errorf("%s:%d: the block has no language: sh or console for what is to be pasted, else text or another", page, i+1)
			}
			language, exports, first, open = m[1], nil, true, ""
			continue
		}
		if !inside || language != "sh" && language != "console" {
			continue
		}
		line, prompt := strings.CutPrefix(line, "$ ")
		if language == "console" && !prompt || strings.TrimSpace(line) == "" && open == "" {
			continue
		}
		open += line
		code, _, _ := strings.Cut(open, " #")
		if rest, more := strings.CutSuffix(open, "\\"); more || strings.Count(code, "'")%2 == 1 {
			open = rest
			if !more {
				open += "\n"
			}
			continue
		}
		all = append(all, documented{page, i + 1, open, slices.Clone(exports), first})
		if strings.HasPrefix(open, "export ") {
			exports = append(exports, open)
		}
		first, open = false, ""
	}
	return all
}

// notRun gives why a command is not run, by which entry of elsewhere.
func (d *documented) notRun() (entry, why string) {
	for begin, reason := range elsewhere {
		if begin == d.page || strings.HasPrefix(d.command, begin) && len(begin) > len(entry) {
			entry, why = begin, reason
		}
	}
	return entry, why
}

// TestDocumentedLines runs what README.md and docs give to paste, as it stands but for addresses and ids, over the built binary and in
// front of the stand-in forge. A command that is not run is in elsewhere, with the reason; one that is there and nowhere else is told.
func TestDocumentedLines(t *testing.T) {
	t.Parallel() // it waits most of the time
	needs(t, "curl", "apt-get install curl")
	needs(t, "git", "apt-get install git")
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	guides, err := filepath.Glob("../docs/howto/*.md")
	if err != nil || len(guides) < 10 {
		t.Fatalf("%d pages, %v", len(guides), err)
	}
	pages = append(pages, guides...)
	unused, ran := map[string]bool{}, 0
	for begin := range elsewhere {
		unused[begin] = true
	}
	for _, file := range append(pages, "../README.md") {
		page, _ := filepath.Rel("..", file)
		var mine []documented
		for _, d := range commandsOf(t, page) {
			if entry, _ := d.notRun(); entry != "" {
				delete(unused, entry)
				continue
			}
			mine = append(mine, d)
		}
		if len(mine) == 0 {
			continue
		}
		ran += len(mine)
		t.Run(strings.TrimSuffix(filepath.Base(page), ".md"), func(t *testing.T) {
			s := startDocumented(t, page)
			for i := range mine {
				s.paste(t, &mine[i])
			}
		})
	}
	for begin := range unused {
		t.Errorf("no page has a command that begins with %q: elsewhere names it", begin)
	}
	if ran < 40 {
		t.Errorf("only %d commands were run", ran)
	}
}

// TestElsewhereNamesTests holds the reasons of elsewhere to the tests that there are.
func TestElsewhereNamesTests(t *testing.T) {
	var sources strings.Builder
	for _, pattern := range []string{"*_test.go", "../demo/*_test.go", "../*_test.go"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(data)
		}
	}
	for begin, why := range elsewhere {
		for _, name := range regexp.MustCompile(`Test[A-Z]\w+`).FindAllString(why, -1) {
			if !strings.Contains(sources.String(), "func "+name+"(t *testing.T)") {
				t.Errorf("%q: there is no %s", begin, name)
			}
		}
	}
}

// documentedStage is where the commands of a page run.
type documentedStage struct {
	*gitStage
	dir     string // the working directory
	env     []string
	admin   string
	names   []string // what stands in pages, and what it is here, in turn
	broad   string   // the secret of a token that may do what clients of the pages do
	nightly string   // the id of one that a job used
	secret  string   // of the token that was made last in the block, and its id
	id      string
}

// startDocumented starts patgate in front of a forge that has the projects of the pages.
func startDocumented(t *testing.T, page string) *documentedStage {
	t.Helper()
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if sent := fmt.Sprint(q.URL, q.Header); secretOf.MatchString(sent) || q.Header.Get("Authorization") != "" {
			t.Errorf("a client that follows the link of an asset shows its token to another host: %s", sent)
		}
	}))
	t.Cleanup(storage.Close)
	r := startRunningWith(t, func(*world) []string {
		return []string{"PATGATE_UPSTREAM_STORAGE_URLS=" + storage.URL, "PATGATE_LEARN_MODE=on", "PATGATE_TOKENS_REPORT_MODE=allow", "PATGATE_LIMITS_FAILED_CREDENTIALS=1000000"}
	})
	s, f := &documentedStage{gitStage: serveGit(t, r), dir: t.TempDir(), admin: r.operators}, r.world.forge
	group := f.AddGroup("group", forgetest.Private)
	f.AddGroupMember(group, r.world.alice, forgetest.Maintainer)
	project, app := f.AddProject("group/project", forgetest.Private), f.AddProject("group/app", forgetest.Private)
	f.AddTag(project, "v1.0.0")
	f.AddFile(project, "composer.json", []byte(`{"name": "group/project"}`))
	f.SetReleaseLink(project, storage.URL+"/app.tar.gz")
	for _, id := range []int64{project, app} {
		s.git(t, filepath.Join(s.home, "seed"), "push", "-q", f.GitRepository(id), "main", "v1")
	}
	broad := r.make(t, creation("nightly", object{"access": "all_memberships", "permissions": []string{"*"}}))
	s.broad, s.nightly = broad.Token, fmt.Sprint(broad.ID)
	console, _, err := s.ports()
	if err != nil {
		t.Fatal(err)
	}
	s.names = []string{"https://gitlab.example.com", r.world.url, "https://ci:$PATGATE_TOKEN@patgate.example.com",
		strings.Replace(r.gate, "://", "://ci:$PATGATE_TOKEN@", 1), "https://patgate.example.com", r.gate, "https://git.example.com",
		r.gate, "http://localhost:8080", r.gate, "127.0.0.1:9091", console, "projects/42/", fmt.Sprintf("projects/%d/", project),
		`"project_ids": [6]`, fmt.Sprintf(`"project_ids": [%d]`, project), "./patgate ", "patgate "}
	for _, setting := range append(r.env, "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "PATGATE_OWNER_CREDENTIAL="+r.world.alicePAT,
		"FORGE_TOKEN="+r.world.alicePAT, "NO_PROXY=*") {
		if !strings.HasPrefix(setting, "PATGATE_UPSTREAM_URL=") && !strings.HasPrefix(setting, "HOME=") { // the store knows the forge
			s.env = append(s.env, setting)
		}
	}
	s.env = append(s.env, "HOME="+s.home)
	s.write(t, s.home, ".forge-token", r.world.alicePAT)
	switch page {
	case "README.md":
		s.checkout(t)
	case "docs/learning.md":
		s.learnt(t, app)
	case "docs/routes.md":
		s.write(t, s.dir, "requests.txt", "GET /projects/5/issues\nPOST /projects/5/issues\n")
		s.write(t, s.dir, "schema.graphql", "type Query { project(fullPath: ID!): Project }\ntype Project { name: String }\n")
		s.write(t, s.dir, "openapi_v3.yaml", "openapi: 3.0.1\nservers: [{url: 'https://gitlab.example.com/api/v4'}]\n"+
			"paths: {'/projects/{id}': {get: {}}}\n")
	case "docs/packages.md":
		for _, name := range []string{"app.tar.gz", "app_1.0_amd64.deb", "app.rpm"} {
			s.write(t, s.dir, name, name)
		}
		s.write(t, s.dir, "app-1.0.0.tgz", chartOf(r.world.url).String())
	}
	return s
}

// checkout makes the working directory one of the sources, for go build, which writes its binary there.
func (s *documentedStage) checkout(t *testing.T) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "patgate" {
			if err := os.Symlink(filepath.Join(root, e.Name()), filepath.Join(s.dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.env = append(s.env, "GOFLAGS=-trimpath", "CGO_ENABLED=0") // as TestMain builds, so that all of it is in the cache
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		s.env = append(s.env, name+"="+strings.TrimSpace(string(out)))
	}
}

// learnt has a patgate token and one of the forge's own do a job, and waits until both were seen.
func (s *documentedStage) learnt(t *testing.T, app int64) {
	t.Helper()
	bot := s.world.forge.AddToken(s.world.alice, forgetest.Token{Name: "nightly bot"})
	s.running.secret("the bot's forge token", bot)
	for _, secret := range []string{s.broad, bot} {
		for _, q := range []struct {
			method, path string
			body         any
		}{{"GET", "/jobs", nil}, {"GET", "", nil}, {"POST", "/issues", object{"title": "found", "description": "as it says"}}} {
			if a := s.call(t, secret, q.method, fmt.Sprint("/api/v4/projects/", app, q.path), q.body); a.status >= 300 {
				t.Fatal(q, a.status, a.body)
			}
		}
	}
	s.write(t, s.dir, "patgate.yaml", "legacy: allow\n")
	s.write(t, s.dir, "stricter.yaml", "legacy: deny\n")
	if err := os.Mkdir(filepath.Join(s.dir, "my-routes"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write(t, filepath.Join(s.dir, "my-routes"), "a.yaml", "resources: {job: {read: [{route: 'GET /projects/{project}/jobs', refuse: not here}]}}\n")
	for end := time.Now().Add(2 * patience); ; time.Sleep(200 * time.Millisecond) {
		list, _ := s.bash("patgate learn list --json")
		if m := regexp.MustCompile(`"id": (\d+),\s+"kind": "personal"`).FindStringSubmatch(list); m != nil {
			_, err := s.bash("patgate learn propose " + m[1] + "; patgate learn propose " + s.nightly)
			if err == nil {
				s.names = append(s.names, "show 17", "show "+m[1], "propose 17", "propose "+m[1], "apply 17", "apply "+m[1])
				return
			}
		}
		if time.Now().After(end) {
			t.Fatalf("the forge token was not seen: %s\n%s", list, s.lastLines(5))
		}
	}
}

// bash runs a line, and gives what it prints.
func (s *documentedStage) bash(line string) (string, error) {
	cmd := exec.Command("bash", "-o", "pipefail", "-ec", line)
	cmd.Dir, cmd.Env = s.dir, append(slices.Clone(s.env), "PATGATE_TOKEN="+s.secret)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// paste runs a command. One that serves ends the server that runs, and is the one that runs then.
func (s *documentedStage) paste(t *testing.T, d *documented) {
	t.Helper()
	if d.first {
		s.secret, s.id = s.broad, s.nightly
		if err := os.RemoveAll(filepath.Join(s.dir, "project")); err != nil { // that another block cloned
			t.Fatal(err)
		}
	}
	line := strings.NewReplacer(append(slices.Clone(s.names), "patgate_...", s.secret, "1000000000042", s.id)...).Replace(
		strings.Join(append(slices.Clone(d.exports), d.command), "\n"))
	if args, serves := strings.CutPrefix(line, "patgate serve "); serves {
		args, _, _ = strings.Cut(args, " #")
		if err := s.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := s.start(s.env, strings.Fields(args), s.admin); err != nil {
			t.Fatalf("%s:%d: %s: %v", d.page, d.line, d.command, err)
		}
		return
	}
	out, err := s.bash(line)
	for begin, text := range failing {
		if strings.HasPrefix(d.command, begin) {
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(out, text) {
				t.Errorf("%s:%d: %s: %v, not exit code 1 with %q\n%s", d.page, d.line, d.command, err, text, out)
			}
			return
		}
	}
	if err != nil {
		t.Errorf("%s:%d: %s: %v\n%s\nthe server's log:\n%s", d.page, d.line, d.command, err, out, s.lastLines(3))
	}
	for _, secret := range secretOf.FindAllString(out, -1) {
		s.secret = secret
		s.running.secret("a minted token", secret)
	}
	if m := idOf.FindStringSubmatch(out); m != nil {
		s.id = m[1]
	}
}
