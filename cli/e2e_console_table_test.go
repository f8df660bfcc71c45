package cli_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// tableOfMany makes tokens as a team has them, looks at the table, sorts and searches it, and takes the pictures for the
// documentation.
func (s *consoleStage) tableOfMany(t *testing.T) {
	w := s.world
	group := func(id int64, permissions ...string) object {
		return object{"access": "selected_memberships", "permissions": permissions, "group_ids": []int64{id}}
	}
	for _, c := range []struct {
		name, description, life string
		scopes                  []object
	}{
		{"image pipeline", "pushes the API's images", "90d", []object{on(w.api, "read_container_repository", "create_container_repository")}},
		{"nightly tests", "reads jobs and artifacts of both", "30d", []object{{"access": "selected_memberships", "permissions": []string{"read_project", "read_pipeline", "read_job", "read_job_artifact"}, "project_ids": []int64{w.api, w.web}}}},
		{"release bot", "tags and publishes the web site", "90d", []object{on(w.web, "read_project", "download_code", "read_repository_tag", "create_repository_tag", "read_release", "create_release"), on(w.api, "read_project", "read_release")}},
		{"Renovate", "dependency updates in the whole group", "180d", []object{group(w.shop, "read_project", "download_code", "push_code", "read_branch", "create_branch", "delete_branch", "create_commit", "read_merge_request", "create_merge_request", "update_merge_request", "read_work_item", "create_work_item", "update_work_item")}},
		{"dashboard", "", "12h", []object{{"access": "all_memberships", "permissions": []string{"read_project", "read_pipeline", "read_merge_request"}}, account("read_user")}},
	} {
		s.make(t, object{"name": c.name, "description": c.description, "expires_in": c.life, "granular_scopes": c.scopes})
	}
	agent := s.make(t, object{"name": "agent on the API", "description": "Opens merge requests, merges nothing", "expires_in": "7d",
		"granular_scopes": []object{on(w.api, "read_project", "download_code", "push_code", "read_branch", "create_branch", "read_merge_request", "create_merge_request", "read_work_item", "create_work_item")}})
	for range 3 {
		s.want(t, 200, agent.Token, "GET", fmt.Sprintf("/api/v4/projects/%d/issues", w.api), nil)
	}
	s.want(t, 200, agent.Token, "GET", fmt.Sprintf("/api/v4/projects/%d", w.api), nil)

	s.open("/tokens?state=active&sort=name_asc")
	names := func() []string {
		return evaluate[[]string](s.browser, `[...document.querySelectorAll("table.tokens a.name")].map(a => a.innerText)`)
	}
	if got := strings.Join(names(), ", "); got != "Renovate, agent on the API, dashboard, image pipeline, nightly tests, release bot" &&
		got != "agent on the API, dashboard, image pipeline, nightly tests, release bot, Renovate" {
		t.Errorf("sorted by name: %s", got)
	}
	s.sees("Broad", "Expiring soon")
	s.accessible("the table")
	s.fill("#token-search", "nightly")
	s.follow("#apply")
	if got := strings.Join(names(), ", "); got != "nightly tests" {
		t.Errorf("searched: %s", got)
	}
	s.open("/tokens?can=push_code&on=shop/backend/api")
	if got := strings.Join(names(), ", "); got != "agent on the API, Renovate" {
		t.Errorf("who can push there: %s", got)
	}
	s.sees("names shop/backend/api", "by a group above")
	s.accessible("who can push to a project")
	s.click("input.pick")
	s.follow(`#several button[value="pause"]`)
	s.sees("Pause 1 token?", "agent on the API")
	s.accessible("what is asked before several tokens are paused")
	if !evaluate[bool](s.browser, `(() => {
		const li = document.querySelector("#selected li"), name = li.querySelector("a")
		name.firstChild.data = "a\u202eb"
		return li.querySelector("code").getBoundingClientRect().left >= name.getBoundingClientRect().right
	})()`) {
		t.Error("a name turns around what stands behind it")
	}
	s.waitForUses(t, "agent on the API", "4 uses")
	s.open("/tokens?state=active")
	s.picture("console-tokens", 1000)
	s.tokenPage("agent on the API")
	s.picture("console-details", 790)

	s.open("/tokens/new")
	s.template("container-push")
	s.find("backend", "shop/backend/api")
	s.becomes(`document.querySelector("[data-summary]").innerText.includes("shop/backend/api")`)
	s.click(".code-box summary")
	s.picture("console-create", 1300)
	evaluate[bool](s.browser, `(onbeforeunload = null, document.querySelector("#token-form").dispatchEvent(new Event("submit")), true)`) // no question about leaving
	s.open("/tokens")
}

// waitForUses waits until the table shows that a token was used: that is stored now and then.
func (s *consoleStage) waitForUses(t *testing.T, name, uses string) {
	t.Helper()
	for range 40 {
		s.open("/tokens?state=active&search=" + strings.ReplaceAll(name, " ", "+"))
		if strings.Contains(s.body(), uses) {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Fatalf("%s is not shown:\n%s", uses, s.body())
}
