package cli_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// TestGraphQLOfClientGo has client-go read and change work items and rules for branches, which it does by GraphQL alone.
func TestGraphQLOfClientGo(t *testing.T) {
	r := startRunning(t)
	if err := r.world.post(fmt.Sprintf("/projects/%d/issues", r.world.plans), object{"title": "a plan"}); err != nil {
		t.Fatal(err)
	}
	r.world.forge.ForgetRequests()
	client := func(token string) *gitlab.Client {
		c, err := gitlab.NewClient(token, gitlab.WithBaseURL(r.gate), gitlab.WithoutRetries())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const path = "shop/backend/api"
	// The documents of client-go ask for linked items, for parents and for rendered texts, which may be of any project.
	everything := r.make(t, creation("everything", object{"access": "all_memberships", "permissions": []string{"*"}},
		object{"access": "user", "permissions": []string{"read_user"}}))
	narrow := r.make(t, creation("narrow", on(r.world.api, "read_work_item", "delete_work_item", "read_namespace", "read_project")))
	all, one := client(everything.Token), client(narrow.Token)

	var made int64
	t.Run("work items are made, read, changed and deleted", func(t *testing.T) {
		text, newer := "as it says", "Newer"
		item, _, err := all.WorkItems.CreateWorkItem(path, gitlab.WorkItemTypeIssue, &gitlab.CreateWorkItemOptions{Title: "New",
			Description: &text})
		if err != nil || item.Title != "New" || item.Description != text || item.Author.Username != "alice" {
			t.Fatal(item, err)
		}
		made = item.IID
		closed := gitlab.WorkItemStateEventClose
		item, _, err = all.WorkItems.UpdateWorkItem(path, made, &gitlab.UpdateWorkItemOptions{Title: &newer, StateEvent: &closed})
		if err != nil || item.Title != newer || item.State != "CLOSED" {
			t.Fatal(item, err)
		}
		if item, _, err = all.WorkItems.GetWorkItem(path, made); err != nil || item.Title != newer || item.IID != made {
			t.Fatal(item, err)
		}
		items, _, err := all.WorkItems.ListWorkItems(path, &gitlab.ListWorkItemsOptions{State: gitlab.Ptr("closed")})
		if err != nil || len(items) != 1 || items[0].IID != made {
			t.Fatal(items, err)
		}
	})
	t.Run("a token for one project reads there what stays there", func(t *testing.T) {
		items, _, err := one.WorkItems.ListWorkItems(path, &gitlab.ListWorkItemsOptions{First: gitlab.Ptr(int64(3)),
			ReturnedFields: []string{"id", "iid", "title", "state", "milestone"}})
		if err != nil || len(items) != 3 || items[0].IID != made {
			t.Fatal(items, err)
		}
		if _, err := one.WorkItems.DeleteWorkItem(path, made); err != nil {
			t.Fatal(err)
		}
		if _, _, err := all.WorkItems.GetWorkItem(path, made); !errors.Is(err, gitlab.ErrNotFound) {
			t.Error(err)
		}
	})
	t.Run("rules for branches are made, listed and deleted", func(t *testing.T) {
		rule, _, err := all.Projects.CreateTargetBranchRule(r.world.api, &gitlab.CreateTargetBranchRuleOptions{Name: "fix/*",
			TargetBranch: "main"})
		if err != nil || rule.Name != "fix/*" {
			t.Fatal(rule, err)
		}
		rules, _, err := one.Projects.ListProjectTargetBranchRules(path)
		if err != nil || len(rules) != 1 || rules[0].ID != rule.ID {
			t.Fatal(rules, err)
		}
		if _, err := all.Projects.DeleteTargetBranchRule(rule.ID); err != nil {
			t.Fatal(err)
		}
	})
	id := func(t *testing.T, project, iid int64) string {
		t.Helper()
		for _, item := range itemsOf(t, r, project) {
			if item.IID == iid {
				return fmt.Sprintf("gid://gitlab/WorkItem/%d", item.ID)
			}
		}
		t.Fatal("there is no such issue")
		return ""
	}
	for _, c := range []struct {
		name    string
		do      func() error
		missing string
	}{
		{"reading with what may be of other projects", func() error {
			_, _, err := one.WorkItems.GetWorkItem(path, 1)
			return err
		}, "read_"},
		{"reading another project", func() error {
			_, _, err := one.WorkItems.ListWorkItems("secret/plans", &gitlab.ListWorkItemsOptions{First: gitlab.Ptr(int64(1)),
				ReturnedFields: []string{"title"}})
			return err
		}, "read_"},
		{"making", func() error {
			_, _, err := one.WorkItems.CreateWorkItem(path, gitlab.WorkItemTypeIssue, &gitlab.CreateWorkItemOptions{Title: "New"})
			return err
		}, "create_work_item"},
		{"changing", func() error {
			_, _, err := one.WorkItems.UpdateWorkItem(path, 1, &gitlab.UpdateWorkItemOptions{Title: gitlab.Ptr("x")})
			return err
		}, "update_work_item"},
		{"deleting in another project", func() error {
			_, err := one.WorkItems.DeleteWorkItem("secret/plans", 1)
			return err
		}, "read_"},
		{"a rule of branches", func() error {
			_, _, err := one.Projects.CreateTargetBranchRule(r.world.api, &gitlab.CreateTargetBranchRuleOptions{Name: "a", TargetBranch: "b"})
			if err == nil || errors.Is(err, gitlab.ErrNotFound) { // client-go reads no errors here
				return nil
			}
			return err
		}, ""},
	} {
		t.Run("denied: "+c.name, func(t *testing.T) {
			before := len(r.world.forge.Requests())
			err := c.do()
			if c.missing != "" && (err == nil || !strings.Contains(err.Error(), "Access denied") || !strings.Contains(err.Error(), c.missing)) {
				t.Error(err)
			}
			for _, q := range r.world.forge.Requests()[before:] {
				if q.Method == "POST" && strings.Contains(string(q.Body), "mutation") {
					t.Errorf("the forge got %s", q.Body)
				}
			}
		})
	}
	if rules, _, err := all.Projects.ListProjectTargetBranchRules(path); err != nil || len(rules) != 0 {
		t.Error(rules, err)
	}

	t.Run("global ids are looked up at the forge", func(t *testing.T) {
		ask := func(id string) answer {
			return r.call(t, narrow.Token, "POST", "/api/graphql", object{"query": `query($id: WorkItemID!) { workItem(id: $id) { title } }`,
				"variables": object{"id": id}})
		}
		if a := ask(id(t, r.world.api, 1)); a.status != 200 || !strings.Contains(a.body, `"title":"Issue 1"`) {
			t.Errorf("%d %s", a.status, a.body)
		}
		for _, other := range []string{id(t, r.world.plans, 1), "gid://gitlab/WorkItem/404404"} {
			if a := ask(other); a.status != 200 || !strings.Contains(a.body, "insufficient_granular_scope") || strings.Contains(a.body, "a plan") {
				t.Errorf("%d %s", a.status, a.body)
			}
		}
	})
	t.Run("a project is named by the path that it has now", func(t *testing.T) {
		ask := func(path string) string {
			return r.call(t, narrow.Token, "POST", "/api/graphql", object{"query": `{project(fullPath:"` + path + `"){name}}`}).body
		}
		if body := ask(path); !strings.Contains(body, `"name":"api"`) {
			t.Fatal(body)
		}
		r.world.forge.MoveProject(r.world.api, "shop/backend/moved")
		for name, allowed := range map[string]bool{path: false, "shop/backend/moved": true} {
			// Until the forge is asked again, the path is known as it was: the forge itself says then that there is nothing.
			for end := time.Now().Add(2 * patience); strings.Contains(ask(name), `"name":"api"`) != allowed; time.Sleep(100 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal(name, ask(name))
				}
			}
		}
	})
	r.pastPatgate(t)
}

// itemsOf gives the issues of a project, as alice sees them.
func itemsOf(t *testing.T, r *running, project int64) []*gitlab.Issue {
	t.Helper()
	c, err := gitlab.NewClient(r.world.alicePAT, gitlab.WithBaseURL(r.world.url), gitlab.WithoutRetries(), gitlab.WithUserAgent("patgate"))
	if err != nil {
		t.Fatal(err)
	}
	options := &gitlab.ListProjectIssuesOptions{}
	options.PerPage = 100
	issues, _, err := c.Issues.ListProjectIssues(project, options)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clip(issues)
}
