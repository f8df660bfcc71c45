package cli_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// reading is what the clients' token may do: read two of alice's three projects, and look around in their group.
func reading() []string {
	return []string{"--name", "clients", "--project", "shop/backend/api", "--project", "shop/my.web-site",
		"--allow", "read_project,read_work_item,read_repository,read_repository_tag",
		"--group", "shop", "--allow", "read_group,read_namespace,read_merge_request,use_global_search"}
}

// content gives the project with dots in its name a tag and a file with dots and slashes in theirs, and the projects that lists
// must tell apart an issue and a merge request.
func content(t *testing.T, w *world) {
	t.Helper()
	for _, id := range []int64{w.api, w.plans} {
		for path, body := range map[string]object{"issues": {"title": "found everywhere"},
			"merge_requests": {"title": "proposed", "source_branch": "a", "target_branch": "main"}} {
			if err := w.post(fmt.Sprintf("/projects/%d/%s", id, path), body); err != nil {
				t.Fatal(err)
			}
		}
	}
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
	t.Run("client-go, lists", func(t *testing.T) { goClientLists(t, r, token) })

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

// optIn skips a test whose program takes too long to get for every run of the tests.
func optIn(t *testing.T) {
	t.Helper()
	if os.Getenv("PATGATE_E2E_CLIENTS") == "" {
		t.Skip("it needs a program that takes minutes to get: make e2e-clients")
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
		if found != issuesOfAPI+1 || pages != 5 {
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

// goClientLists asks for lists that reach over all that alice sees.
func goClientLists(t *testing.T, r *running, token string) {
	client, err := gitlab.NewClient(token, gitlab.WithBaseURL(r.gate), gitlab.WithoutRetries())
	if err != nil {
		t.Fatal(err)
	}
	yes, all := true, "all"
	projects := func(list []*gitlab.Project, _ *gitlab.Response, err error) (names []string, _ error) {
		for _, p := range list {
			names = append(names, p.PathWithNamespace)
		}
		return names, err
	}
	both := []string{"shop/backend/api", "shop/my.web-site"}
	for name, c := range map[string]struct {
		ask  func() ([]string, error)
		want []string
	}{
		"projects": {func() ([]string, error) {
			return projects(client.Projects.ListProjects(&gitlab.ListProjectsOptions{Membership: &yes}))
		}, both},
		"a search for projects": {func() ([]string, error) {
			return projects(client.Search.Projects("", &gitlab.SearchOptions{}))
		}, both},
		"groups": {func() (names []string, _ error) {
			list, _, err := client.Groups.ListGroups(nil)
			for _, g := range list {
				names = append(names, g.FullPath)
			}
			return names, err
		}, []string{"shop", "shop/backend"}},
		"namespaces": {func() (names []string, _ error) {
			list, _, err := client.Namespaces.ListNamespaces(nil)
			for _, n := range list {
				names = append(names, n.FullPath)
			}
			return names, err
		}, []string{"shop", "shop/backend"}},
		"issues": {func() (names []string, _ error) {
			list, response, err := client.Issues.ListIssues(&gitlab.ListIssuesOptions{Scope: &all, Search: new("everywhere")})
			for _, i := range list {
				names = append(names, i.References.Full)
			}
			if response != nil && response.NextLink != "" {
				t.Errorf("there is another page: %s", response.NextLink)
			}
			return names, err
		}, []string{"shop/backend/api#46"}},
		"merge requests": {func() (names []string, _ error) {
			list, _, err := client.MergeRequests.ListMergeRequests(&gitlab.ListMergeRequestsOptions{Scope: &all})
			for _, m := range list {
				names = append(names, m.References.Full)
			}
			return names, err
		}, []string{"shop/backend/api!1"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.ask()
			slices.Sort(got)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
		})
	}
}
