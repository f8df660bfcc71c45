package forgetest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// world is a demo forge behind a server, with GitLab's own Go client for it.
func startDemo(t *testing.T) (*Forge, Demo, string, *gitlab.Client) {
	t.Helper()
	f, d := NewDemo(Options{})
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	c, err := gitlab.NewClient(d.Secret, gitlab.WithBaseURL(server.URL), gitlab.WithCustomRetryMax(0))
	if err != nil {
		t.Fatal(err)
	}
	return f, d, server.URL, c
}

func must[T any](t *testing.T) func(T, *gitlab.Response, error) T {
	return func(v T, _ *gitlab.Response, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestGitLabsOwnClient goes through what tools do with GitLab's own Go client.
func TestGitLabsOwnClient(t *testing.T) {
	f, d, _, c := startDemo(t)
	ptr := func(s string) *string { return &s }

	t.Run("who am I", func(t *testing.T) {
		u := must[*gitlab.User](t)(c.Users.CurrentUser())
		if u.ID != d.UserID || u.Username != d.Username || u.IsAdmin {
			t.Fatalf("%+v", u)
		}
		v := must[*gitlab.Version](t)(c.Version.GetVersion())
		if v.Version != "19.3.0-ee" {
			t.Fatalf("%+v", v)
		}
	})
	t.Run("a project by path and by id", func(t *testing.T) {
		a := must[*gitlab.Project](t)(c.Projects.GetProject(d.Project, nil))
		b := must[*gitlab.Project](t)(c.Projects.GetProject(d.ProjectID, nil))
		if a.ID != d.ProjectID || b.PathWithNamespace != d.Project || a.Namespace.ID != d.GroupID || a.Permissions.GroupAccess == nil || a.RunnersToken == "" {
			t.Fatalf("%+v", a)
		}
	})
	t.Run("all projects of a group, page by page", func(t *testing.T) {
		for i := range 25 {
			f.AddProject(d.Group+"/many-"+string(rune('a'+i)), Private)
		}
		opt := &gitlab.ListGroupProjectsOptions{ListOptions: gitlab.ListOptions{PerPage: 10}, IncludeSubGroups: gitlab.Ptr(true)}
		seen := map[int64]bool{}
		for pages := 0; ; pages++ {
			list, res, err := c.Groups.ListGroupProjects(d.GroupID, opt)
			if err != nil || pages > 5 {
				t.Fatalf("page %d: %v", pages, err)
			}
			for _, p := range list {
				seen[p.ID] = true
			}
			if res.TotalItems != 27 || res.TotalPages != 3 {
				t.Fatalf("total is %d in %d pages", res.TotalItems, res.TotalPages)
			}
			if res.NextPage == 0 {
				break
			}
			opt.Page = res.NextPage
		}
		if len(seen) != 27 {
			t.Fatalf("%d projects", len(seen))
		}
	})
	t.Run("issues", func(t *testing.T) {
		labels := gitlab.LabelOptions{"bug", "urgent"}
		i := must[*gitlab.Issue](t)(c.Issues.CreateIssue(d.Project, &gitlab.CreateIssueOptions{Title: ptr("Broken"), Labels: &labels}))
		all := must[[]*gitlab.Issue](t)(c.Issues.ListProjectIssues(d.ProjectID, nil))
		if len(all) != 4 || all[0].IID != i.IID || len(all[0].Labels) != 2 || all[0].Author.Username != d.Username {
			t.Fatalf("%+v", all)
		}
		n := must[*gitlab.Note](t)(c.Notes.CreateIssueNote(d.ProjectID, i.IID, &gitlab.CreateIssueNoteOptions{Body: ptr("Me too")}))
		if n.Body != "Me too" {
			t.Fatalf("%+v", n)
		}
	})
	t.Run("tags and files with dots and slashes", func(t *testing.T) {
		tag := must[*gitlab.Tag](t)(c.Tags.GetTag(d.Project, "release/2024.1"))
		if tag.Name != "release/2024.1" {
			t.Fatalf("%+v", tag)
		}
		b := must[*gitlab.Branch](t)(c.Branches.GetBranch(d.Project, "feature/login.page"))
		if b.Name != "feature/login.page" {
			t.Fatalf("%+v", b)
		}
		raw := must[[]byte](t)(c.RepositoryFiles.GetRawFile(d.ProjectID, "docs/index.md", &gitlab.GetRawFileOptions{Ref: ptr("main")}))
		file := must[*gitlab.File](t)(c.RepositoryFiles.GetFile(d.ProjectID, ".gitlab-ci.yml", &gitlab.GetFileOptions{Ref: ptr("main")}))
		if string(raw) != "# Website\n" || file.Encoding != "base64" || file.Size == 0 {
			t.Fatalf("%q, %+v", raw, file)
		}
	})
	t.Run("pipelines and jobs", func(t *testing.T) {
		list := must[[]*gitlab.PipelineInfo](t)(c.Pipelines.ListProjectPipelines(d.ProjectID, nil))
		if len(list) != 1 || list[0].ID != d.PipelineID {
			t.Fatalf("%+v", list)
		}
		trace := must[*bytes.Reader](t)(c.Jobs.GetTraceFile(d.ProjectID, d.JobID))
		if trace.Len() == 0 {
			t.Fatal("empty trace")
		}
	})
	t.Run("a merge request", func(t *testing.T) {
		mr := must[*gitlab.MergeRequest](t)(c.MergeRequests.CreateMergeRequest(d.Project, &gitlab.CreateMergeRequestOptions{
			Title: ptr("Login"), SourceBranch: ptr("feature/login.page"), TargetBranch: ptr("main")}))
		if mr.IID != 1 || mr.SourceProjectID != d.ProjectID {
			t.Fatalf("%+v", mr)
		}
	})
	t.Run("variables", func(t *testing.T) {
		must[*gitlab.ProjectVariable](t)(c.ProjectVariables.CreateVariable(d.ProjectID, &gitlab.CreateProjectVariableOptions{Key: ptr("K"), Value: ptr("v")}))
		v := must[*gitlab.ProjectVariable](t)(c.ProjectVariables.GetVariable(d.ProjectID, "K", nil))
		if v.Value != "v" || v.EnvironmentScope != "*" {
			t.Fatalf("%+v", v)
		}
		if _, err := c.ProjectVariables.RemoveVariable(d.ProjectID, "K", nil); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a package file", func(t *testing.T) {
		content := bytes.Repeat([]byte("patgate"), 1000)
		must[*gitlab.GenericPackagesFile](t)(c.GenericPackages.PublishPackageFile(d.ProjectID, "tool", "1.0.0", "tool.tar.gz", bytes.NewReader(content), nil))
		back := must[[]byte](t)(c.GenericPackages.DownloadPackageFile(d.ProjectID, "tool", "1.0.0", "tool.tar.gz"))
		if size, _, ok := f.Package(d.ProjectID, "tool", "1.0.0", "tool.tar.gz"); !ok || size != int64(len(content)) || !bytes.Equal(back, content) {
			t.Fatalf("%d bytes kept, %d came back", size, len(back))
		}
	})
	t.Run("what is hidden is 404, what is not allowed 403", func(t *testing.T) {
		hidden := f.AddProject("bob/secret", Private)
		if _, res, err := c.Projects.GetProject(hidden, nil); err == nil || res.StatusCode != http.StatusNotFound {
			t.Fatalf("%v", err)
		}
		if _, res, err := c.ProjectVariables.ListVariables(d.PublicID, nil); err == nil || res.StatusCode != http.StatusForbidden {
			t.Fatalf("%v", err)
		}
	})
}
