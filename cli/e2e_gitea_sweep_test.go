package cli_test

import (
	"bufio"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"patgate/routes"
	"patgate/routes/load"
)

// giteaOperations is how many operations the reference has.
const giteaOperations = 467

// giteaSweep makes every operation of Gitea's API with a token that lacks its permission. patgate must refuse each, and
// Gitea's own access log must have no line of it.
func giteaSweep(t *testing.T, g *giteaStage) {
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	// Each operation is made with one of the two, whichever lacks its permission.
	held := map[string]string{
		"read_milestone": g.mint(t, "--name", "sweep 1", "--project", "acme/app", "--allow", "read_milestone"),
		"star_project":   g.mint(t, "--name", "sweep 2", "--project", "acme/app", "--allow", "star_project"),
	}
	control := len(g.heard(t))
	g.gets(t, http.StatusOK, held["read_milestone"], http.MethodGet, "/repos/acme/app/milestones", nil)
	if lines := g.heard(t)[control:]; !strings.Contains(strings.Join(lines, "\n"), "/api/v1/repos/acme/app/milestones") {
		t.Fatalf("what is allowed leaves no trace either: %v", lines)
	}
	before := len(g.heard(t))
	refused, open, own := 0, 0, 0
	for _, o := range sweepOperations(t) {
		target := "/api/v1" + fillSweep(o.path)
		op := &routes.Operation{}
		if err := table.Classify(op, o.method, []byte(target)); err != nil {
			t.Errorf("%s %s: %v", o.method, target, err)
			continue
		}
		if op.Route.Kind == routes.KindOpen {
			open++
			continue
		}
		if o.method == http.MethodGet && o.path == "/user" {
			// The one read that every client begins with: patgate tells the token's own user, and no more.
			if a := g.api(held["read_milestone"], o.method, target, nil); a.status == http.StatusOK && strings.Contains(a.body, `"login":"alice"`) && strings.Contains(a.body, `"email":""`) {
				own++
			} else {
				t.Errorf("GET /user: status %d: %s", a.status, a.body)
			}
			continue
		}
		secret := held["read_milestone"]
		if name := op.Route.Action + "_" + op.Route.Resource; held[name] == secret {
			secret = held["star_project"]
		}
		var body any
		if o.method == http.MethodPost || o.method == http.MethodPut || o.method == http.MethodPatch {
			body = object{}
		}
		a := g.api(secret, o.method, target, body)
		if a.err != nil || a.status != http.StatusForbidden && a.status != http.StatusBadRequest {
			t.Errorf("%s %s: status %d, %v\n%s", o.method, target, a.status, a.err, a.body)
			continue
		}
		refused++
	}
	time.Sleep(500 * time.Millisecond)
	questions := 0
	for _, line := range g.heard(t)[before:] {
		// A row that is public for what is public needs to know what the container is.
		if isQuestion(line) {
			questions++
		} else {
			t.Errorf("Gitea heard: %s", line)
		}
	}
	if questions > 20 {
		t.Errorf("patgate asked %d times what a refused request is about", questions)
	}
	if refused+open+own != giteaOperations || own != 1 {
		t.Errorf("%d were refused, %d are open to everybody, %d are patgate's own, of %d", refused, open, own, giteaOperations)
	}
	t.Logf("%d operations were refused, %d are open to everybody, and one is answered by patgate; it asked %d times what one is about", refused, open, questions)
}

type sweepOperation struct{ method, path string }

// sweepOperations reads the reference.
func sweepOperations(t *testing.T) (all []sweepOperation) {
	t.Helper()
	file, err := os.Open("../routes/testdata/gitea-rest.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if columns := strings.Split(lines.Text(), "\t"); len(columns) > 3 && !strings.HasPrefix(columns[0], "#") {
			all = append(all, sweepOperation{columns[1], columns[2]})
		}
	}
	if len(all) != giteaOperations {
		t.Fatalf("the reference has %d operations", len(all))
	}
	return all
}

var sweepParameter = regexp.MustCompile(`\{[^}]+\}`)

// fillSweep puts values for the parameters of a path, those of things that are there where they can be.
func fillSweep(path string) string {
	if strings.HasPrefix(path, "/repos/{template_owner}") {
		path = strings.NewReplacer("{template_owner}", "acme", "{template_repo}", "app").Replace(path)
	}
	values := map[string]string{"{owner}": "acme", "{repo}": "app", "{org}": "acme", "{username}": "bob", "{user}": "bob", "{diffType}": "diff", "{basehead}": "main...main",
		"{base}": "main", "{head}": "feature", "{sha}": strings.Repeat("ab", 20), "{type}": "generic", "{collaborator}": "bob", "{filepath}": "README.md", "{target}": "bob"}
	return sweepParameter.ReplaceAllStringFunc(path, func(name string) string {
		if v, ok := values[name]; ok {
			return v
		}
		return "1"
	})
}
