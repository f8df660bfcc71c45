package cli_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// reading is what the clients' token may do: read two of alice's three projects.
func reading() []string {
	return []string{"--name", "clients", "--project", "shop/backend/api", "--project", "shop/my.web-site",
		"--allow", "read_project,read_work_item,read_repository,read_repository_tag"}
}

// content gives the project with dots in its name a tag and a file with dots and slashes in theirs.
func content(t *testing.T, w *world) {
	t.Helper()
	project := "/projects/shop%2Fmy.web-site/repository"
	if err := w.post(project+"/files/docs%2Fread.me.md", map[string]any{"branch": "main", "content": "read me\n", "commit_message": "add"}); err != nil {
		t.Fatal(err)
	}
	if err := w.post(project+"/tags", map[string]any{"tag_name": "release/v1.0", "ref": "main"}); err != nil {
		t.Fatal(err)
	}
}

// TestRealClients runs three clients as they are published, against patgate in front of the stand-in forge.
func TestRealClients(t *testing.T) {
	r := startRunning(t)
	content(t, r.world)
	token := r.mint(t, reading()...)

	t.Run("client-go", func(t *testing.T) { goClient(t, r, token) })

	t.Run("python-gitlab", func(t *testing.T) {
		const python = "/usr/bin/python3" // Debian's own, which sees Debian's packages
		if err := exec.Command(python, "-c", "import gitlab").Run(); err != nil {
			missing(t, "python-gitlab is not here: apt-get install python3-gitlab")
		}
		r.script(t, token, exec.Command(python, "testdata/clients/python_gitlab.py"))
	})

	t.Run("gitbeaker", func(t *testing.T) {
		dir := filepath.Join("testdata", "clients", "gitbeaker")
		needs(t, "node", "apt-get install nodejs")
		if _, err := os.Stat(filepath.Join(dir, "node_modules", "@gitbeaker", "rest")); err != nil {
			missing(t, "@gitbeaker/rest is not here: make clients")
		}
		cmd := exec.Command("node", "client.mjs")
		cmd.Dir = dir
		r.script(t, token, cmd)
	})
}

// missing skips a test whose program is not here, or fails it where everything must run.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("PATGATE_E2E_REQUIRED") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// needs is missing for a program that is not on the PATH; how says how to get it.
func needs(t *testing.T, program, how string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		missing(t, program+" is not here: "+how)
	}
}

// getCrane is how to get crane.
const getCrane = "go install github.com/google/go-containerregistry/cmd/crane@latest"

// script runs a client's script, which ends with an error when something is not as it should be.
func (r *running) script(t *testing.T, token string, cmd *exec.Cmd) {
	t.Helper()
	cmd.Env = append(os.Environ(), "GATE="+r.gate, "CI="+token, "NO_PROXY=*")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\nthe server's log:\n%s", err, out, r.lastLines(5))
	}
	t.Logf("%s", out)
}

func goClient(t *testing.T, r *running, token string) {
	client, err := gitlab.NewClient(token, gitlab.WithBaseURL(r.gate), gitlab.WithoutRetries())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a project by its path", func(t *testing.T) {
		p, _, err := client.Projects.GetProject("shop/backend/api", nil)
		if err != nil || p.PathWithNamespace != "shop/backend/api" {
			t.Fatal(p, err)
		}
	})
	t.Run("a project, a tag and a file with dots and slashes in their names", func(t *testing.T) {
		if _, _, err := client.Projects.GetProject("shop/my.web-site", nil); err != nil {
			t.Fatal(err)
		}
		tag, _, err := client.Tags.GetTag("shop/my.web-site", "release/v1.0")
		if err != nil || tag.Name != "release/v1.0" {
			t.Fatal(tag, err)
		}
		ref := "main"
		raw, _, err := client.RepositoryFiles.GetRawFile("shop/my.web-site", "docs/read.me.md", &gitlab.GetRawFileOptions{Ref: &ref})
		if err != nil || string(raw) != "read me\n" {
			t.Fatal(string(raw), err)
		}
	})
	t.Run("pagination follows through patgate", func(t *testing.T) {
		options := &gitlab.ListProjectIssuesOptions{}
		options.PerPage = 10
		var found, pages int
		for {
			issues, response, err := client.Issues.ListProjectIssues("shop/backend/api", options)
			if err != nil {
				t.Fatal(err)
			}
			found, pages = found+len(issues), pages+1
			if next := response.NextLink; next != "" && !strings.HasPrefix(next, r.gate+"/") {
				t.Fatalf("the next page is at %s", next)
			}
			if response.NextPage == 0 {
				break
			}
			options.Page = response.NextPage
		}
		if found != issuesOfAPI || pages != 5 {
			t.Fatalf("found %d issues on %d pages", found, pages)
		}
	})
	t.Run("a denied call is the client's own 403 and names the permission", func(t *testing.T) {
		title := "not allowed"
		_, _, err := client.Issues.CreateIssue("shop/backend/api", &gitlab.CreateIssueOptions{Title: &title})
		var denied *gitlab.ErrorResponse
		if !errors.As(err, &denied) || !denied.HasStatusCode(http.StatusForbidden) || !strings.Contains(err.Error(), "create_work_item") {
			t.Fatal(err)
		}
	})
}
