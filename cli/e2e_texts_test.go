package cli_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// textThreat is one way to have the forge do more than the token allows by what a request says. The control is the request
// that differs in nothing but what makes the attack one: another body, or more permissions.
type textThreat struct {
	name    string
	threat  string // who does what, and what would come of it
	method  string
	path    string // below the API; {api} stands for an id, in the body to_project_id is that of {web}
	body    object
	holds   []string // permissions on shop and all that is in it, or on {api} alone where there says what it holds on {web}
	there   []string
	status  int
	says    string
	control object   // the body that passes with the same token; nil: the attack's
	more    []string // permissions with which it passes besides
	all     bool     // these count under all_memberships alone
}

// commanded are permissions for every quick action of work items.
var commanded = []string{"create_work_item", "read_work_item", "update_work_item", "delete_work_item", "create_todo", "update_todo",
	"subscribe_issue", "read_merge_request", "create_merge_request", "update_merge_request", "create_branch", "create_pipeline",
	"read_escalation_policy",
	"create_issuable_resource_link", "delete_issuable_resource_link", "create_timeline_event"}

var textThreats = []textThreat{
	{name: "a template instead of a description",
		threat: "a token that may push puts /move into .gitlab/issue_templates/Default.md and then makes an issue without a description",
		method: "POST", path: "/projects/{api}/issues",
		body:   object{"title": "x"},
		holds:  []string{"create_work_item"},
		status: 403, says: "has no `description`",
		control: object{"title": "x", "description": "What I saw."}},
	{name: "a template instead of a blank description",
		threat: "the same, with a description in which GitLab sees nothing",
		method: "POST", path: "/projects/{api}/issues",
		body:   object{"title": "x", "description": " \r\n\u00a0\t"},
		holds:  []string{"create_work_item"},
		status: 403, says: "has no `description`",
		control: object{"title": "x", "description": "."}},
	{name: "a template instead of a description that is null",
		threat: "the same, with a value that GitLab takes for none",
		method: "POST", path: "/projects/{api}/issues",
		body:   object{"title": "x", "description": nil},
		holds:  []string{"create_work_item"},
		status: 403, says: "has no `description`",
		more: commanded, all: true},
	{name: "a template for a work item",
		threat: "the same by the newer endpoint, whose description stands elsewhere: the one at the top is not read there",
		method: "POST", path: "/projects/{api}/-/work_items",
		body:   object{"title": "x", "work_item_type_name": "issue", "description": "x"},
		holds:  []string{"create_work_item"},
		status: 403, says: "has no `features.description.description`",
		control: object{"title": "x", "work_item_type_name": "issue", "features": object{"description": object{"description": "x"}}}},
	{name: "a template in the project's settings",
		threat: "a token that may change settings has whoever makes the next issue close or move it",
		method: "PUT", path: "/projects/{api}",
		body:   object{"issues_template": "Thank you.\n/confidential\n"},
		holds:  []string{"update_project"},
		status: 403, says: "Line 2 of `issues_template` has the quick action /confidential",
		more: []string{"update_work_item"}},
	{name: "a template of merge requests in the project's settings",
		threat: "the same for merge requests",
		method: "PUT", path: "/projects/{api}",
		body:   object{"merge_requests_template": "/target_branch production"},
		holds:  []string{"update_project"},
		status: 403, says: "`merge_requests_template` has the quick action /target_branch",
		more: []string{"update_merge_request"}},
	{name: "a merge request that is described by a template",
		threat: "/create_merge_request in a note makes a merge request with the commands of the repository's template",
		method: "POST", path: "/projects/{api}/issues/1/notes",
		body:   object{"body": "/create_merge_request x"},
		holds:  []string{"create_work_item", "create_merge_request", "create_branch"},
		status: 403, says: "has the quick action /create_merge_request",
		more: commanded, all: true},
	{name: "a copy that is made with a template's commands",
		threat: "an issue that is moved into another project is made there with the commands of that project's template",
		method: "POST", path: "/projects/{api}/issues/1/move",
		body:   object{"to_project_id": 0},
		holds:  []string{"update_work_item"},
		there:  []string{"create_work_item"},
		status: 403, says: `"missing_permissions":["update_work_item"]`,
		more: []string{"create_work_item"}},
	{name: "drafts that are published with an approval",
		threat: "a token that may only approve publishes the owner's drafts, whose commands GitLab then carries out",
		method: "POST", path: "/projects/{api}/merge_requests/1/approve",
		body:   object{"publish_review": true},
		holds:  []string{"approve_merge_request"},
		status: 400, says: "publish_review",
		control: object{"sha": "0123456789012345678901234567890123456789"}},
	{name: "drafts that are published by a command",
		threat: "the same by /approve in a note",
		method: "POST", path: "/projects/{api}/merge_requests/1/notes",
		body:   object{"body": "/approve"},
		holds:  []string{"create_work_item", "approve_merge_request"},
		status: 403, says: "has the quick action /approve",
		more: []string{"update_merge_request"}},
	{name: "a review's summary",
		threat: "the summary that is sent when drafts are published merges",
		method: "POST", path: "/projects/{api}/merge_requests/1/draft_notes/bulk_publish",
		body:   object{"note": "Done.\n/merge"},
		holds:  []string{"update_merge_request"},
		status: 403, says: "Line 2 of `note` has the quick action /merge",
		control: object{"note": "Done."}},
	{name: "to-dos of the owner by a feature of a work item",
		threat: "a token that may only change work items marks the owner's to-dos as done",
		method: "PATCH", path: "/projects/{api}/-/work_items/1",
		body:   object{"features": object{"current_user_todos": object{"action": "mark_as_done"}}},
		holds:  []string{"update_work_item"},
		status: 400, says: "current_user_todos",
		control: object{"features": object{"labels": object{"add_label_ids": []int{5}}}}},
	{name: "a feature of a work item that nobody declared",
		threat: "a later version of the forge has a feature that names something elsewhere",
		method: "PATCH", path: "/projects/{api}/-/work_items/1",
		body:   object{"features": object{"vulnerabilities": object{"ids": []int{5}}}},
		holds:  []string{"update_work_item"},
		status: 400, says: "features",
		control: object{"features": object{"milestone": object{"milestone_id": 5}}}},
	{name: "a to-do that is named inside a feature",
		threat: "an identifier inside an object that the row lets pass is looked at by nobody",
		method: "PATCH", path: "/projects/{api}/-/work_items/1",
		body:   object{"features": object{"milestone": object{"milestone_id": 5, "todo_id": 6}}},
		holds:  []string{"update_work_item"},
		status: 400, says: "todo_id",
		control: object{"features": object{"milestone": object{"milestone_id": 5}}}},
	{name: "a project that is named inside a commit's action",
		threat: "the same in any other object that passes",
		method: "POST", path: "/projects/{api}/repository/commits",
		holds:  []string{"create_commit"},
		body:   object{"branch": "x", "commit_message": "x", "actions": []object{{"action": "delete", "file_path": "a", "source_project_id": 9}}},
		status: 400, says: "source_project_id",
		control: object{"branch": "x", "commit_message": "x", "actions": []object{{"action": "delete", "file_path": "a"}}}},
}

// TestTextThreats sends each attack through the built binary: nothing of it may reach the forge. Its control must.
func TestTextThreats(t *testing.T) {
	r := unlimited(t)
	w := r.world
	for _, c := range textThreats {
		t.Run(c.name, func(t *testing.T) {
			t.Log(c.threat)
			body := maps.Clone(c.body)
			if body["to_project_id"] != nil {
				body["to_project_id"] = w.web
			}
			target := "/api/v4" + strings.Replace(c.path, "{api}", fmt.Sprint(w.api), 1)
			scopes := []object{{"access": "selected_memberships", "group_ids": []int64{w.shop}, "permissions": c.holds}}
			if c.there != nil {
				scopes = []object{{"access": "selected_memberships", "project_ids": []int64{w.api}, "permissions": c.holds},
					{"access": "selected_memberships", "project_ids": []int64{w.web}, "permissions": c.there}}
			}
			attacker := r.make(t, creation("attack", scopes...)).Token
			w.forge.ForgetRequests()
			a := r.call(t, attacker, c.method, target, body)
			if a.status != c.status || !strings.Contains(a.body, c.says) {
				t.Errorf("the attack got %d, want %d with %q: %s", a.status, c.status, c.says, a.body)
			}
			if n := sentTo(r, c.method, target); n != 0 {
				t.Errorf("the attack reached the forge %d times", n)
			}
			token := attacker
			if c.more != nil {
				access := object{"access": "selected_memberships", "group_ids": []int64{w.shop}}
				if c.all {
					access = object{"access": "all_memberships"}
				}
				permissions := slices.Concat(c.holds, c.more)
				slices.Sort(permissions)
				access["permissions"] = slices.Compact(permissions)
				token = r.make(t, creation("control", access)).Token
			}
			if c.control != nil {
				body = c.control
			}
			if a := r.call(t, token, c.method, target, body); sentTo(r, c.method, target) != 1 {
				t.Errorf("the control did not reach the forge: %d %s", a.status, a.body)
			}
		})
	}
}

// sentTo counts the requests of a method and target that reached the forge.
func sentTo(r *running, method, target string) (n int) {
	for _, got := range r.world.forge.Requests() {
		if path, _, _ := strings.Cut(got.Target, "?"); got.Method == method && path == target && got.Method != http.MethodGet {
			n++
		}
	}
	return n
}
