package routes_test

import (
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// What becomes of a row whose answer reaches over everything of the owner, for a token without the permission everywhere. What is
// not filtered is refused, and the reason is why its entries cannot be told apart.
const (
	filtered  = "the client gets the entries that its token reaches"
	chosen    = "filtered with those values of a parameter that are declared, else refused"
	namespace = "entries name their namespace when it is asked for, and a project's has another id than the project"
	single    = "the answer is one object, or has several lists"
	unnamed   = "entries name no container by an id"
	global    = "the path has a global id of which no read tells the container"
	whole     = "the answer is made of everything, without entries"
	mentions  = "what is rendered or included may come from anywhere"
	further   = "it changes what lies elsewhere too"
	answered  = "patgate answers it"
)

// spanning is every row with the flag spans.
var spanning = map[string]map[string][]string{
	"gitlab": {
		filtered: {
			"GET /events",
			"GET /groups",
			"GET /groups/{group}/(-/)epics/{epic_iid}/epics",
			"GET /groups/{group}/-/epics/{epic_iid}/issues",
			"GET /groups/{group}/-/work_items/{work_item_iid}/closing_merge_requests",
			"GET /groups/{group}/-/work_items/{work_item_iid}/related_merge_requests",
			"GET /groups/{group}/epics/{epic_iid}/issues",
			"GET /groups/{group}/epics/{epic_iid}/related_epics",
			"GET /groups/{group}/groups/shared",
			"GET /groups/{group}/projects/shared",
			"GET /groups/{group}/related_epic_links",
			"GET /groups/{group}/transfer_locations",
			"GET /issues",
			"GET /merge_requests",
			"GET /namespaces",
			"GET /namespaces/{namespace}/-/work_items/{work_item_iid}/closing_merge_requests",
			"GET /namespaces/{namespace}/-/work_items/{work_item_iid}/related_merge_requests",
			"GET /pipelines",
			"GET /projects",
			"GET /projects/{project}/-/work_items/{work_item_iid}/closing_merge_requests",
			"GET /projects/{project}/-/work_items/{work_item_iid}/related_merge_requests",
			"GET /projects/{project}/forks",
			"GET /projects/{project}/issues/{issue_iid}/closed_by",
			"GET /projects/{project}/issues/{issue_iid}/links",
			"GET /projects/{project}/issues/{issue_iid}/related_merge_requests",
			"GET /projects/{project}/merge_requests/{merge_request_iid}/blockees",
			"GET /projects/{project}/merge_requests/{merge_request_iid}/blocks",
			"GET /projects/{project}/merge_requests/{merge_request_iid}/closes_issues",
			"GET /projects/{project}/merge_requests/{merge_request_iid}/related_issues",
			"GET /projects/{project}/share_locations",
			"GET /projects/{project}/transfer_locations",
			"GET /runners/{id}/jobs",
			"GET /snippets",
			"GET /snippets/all",
			"GET /todos",
			"GET /users/{user}/contributed_projects",
			"GET /users/{user}/events",
			"GET /users/{user}/projects",
			"GET /users/{user}/starred_projects",
			"GET /vulnerabilities/{id}/issue_links",
		},
		chosen: {
			"GET /search",
		},
		namespace: {
			"GET /groups/{group}/-/work_items/{work_item_iid}/children",
			"GET /groups/{group}/-/work_items/{work_item_iid}/linked_items",
			"GET /namespaces/{namespace}/-/work_items/{work_item_iid}/children",
			"GET /namespaces/{namespace}/-/work_items/{work_item_iid}/linked_items",
			"GET /projects/{project}/-/work_items/{work_item_iid}/children",
			"GET /projects/{project}/-/work_items/{work_item_iid}/linked_items",
		},
		single: {
			"GET /projects/{project}/issues/{issue_iid}/links/{issue_link_id}",
			"GET /projects/{project}/merge_requests/{merge_request_iid}/blocks/{block_id}",
		},
		unnamed: {
			"GET /packages/conan/v1/conans/search",
			"GET /packages/maven/{*path}/{file_name}",
			"GET /runners",
			"GET /users/{user}/project_deploy_keys",
		},
		global: {
			"GET /ai/duo_workflows/workflows/{workflow_id}/trace.jsonl",
			"GET /issues/{id}",
			"GET /security/vulnerability_exports/{id}",
			"GET /security/vulnerability_exports/{id}/download",
			"POST /projects/{project}/deploy_keys/{key_id}/enable",
			"POST /todos/{id}/mark_as_done",
		},
		whole: {
			"GET /issues_statistics",
			"GET /orbit/agent/commands",
			"GET /orbit/graph_status",
			"POST /orbit/agent/commands/{name}",
			"POST /orbit/query",
			"POST /orbit/query/{name}",
		},
		mentions: {
			"GET /projects/{project}/ci/lint",
			"POST /markdown",
			"POST /projects/{project}/ci/lint",
		},
		further: {
			"DELETE /groups/{group}/(-/)epics/{epic_iid}/epics/{child_epic_id}",
			"DELETE /groups/{group}/-/work_items/{work_item_iid}/children/{child_id}",
			"DELETE /namespaces/{namespace}/-/work_items/{work_item_iid}/children/{child_id}",
			"DELETE /projects/{project}/-/work_items/{work_item_iid}/children/{child_id}",
			"POST /projects/{project}/milestones/{milestone_id}/promote",
			"PUT /groups/{group}/(-/)epics/{epic_iid}/epics/{child_epic_id}",
			"PUT /groups/{group}/(-/)epics/{epic_iid}/issues/{epic_issue_id}",
			"PUT /groups/{group}/-/work_items/{work_item_iid}/children/{child_id}",
			"PUT /namespaces/{namespace}/-/work_items/{work_item_iid}/children/{child_id}",
			"PUT /projects/{project}/-/work_items/{work_item_iid}/children/{child_id}",
			"PUT /projects/{project}/labels/promote",
			"PUT /projects/{project}/labels/{name}/promote",
		},
		answered: {
			"GET /personal_access_tokens/self/associations",
		},
	},
	"gitea": {
		filtered: {
			"GET /notifications",
			"GET /orgs",
			"GET /repos/issues/search",
			"GET /repos/search",
			"GET /repos/{project}/forks",
			"GET /repos/{project}/issues/{index}/blocks",
			"GET /repos/{project}/issues/{index}/dependencies",
			"GET /user/actions/runs",
			"GET /user/orgs",
			"GET /user/repos",
			"GET /user/starred",
			"GET /user/subscriptions",
			"GET /user/teams",
			"GET /user/times",
			"GET /users/{user}/activities/feeds",
			"GET /users/{user}/orgs",
			"GET /users/{user}/repos",
			"GET /users/{user}/starred",
			"GET /users/{user}/subscriptions",
		},
		single: {
			"GET /repos/{project}/compare/{*comparison}",
		},
		unnamed: {
			"GET /repos/{project}/issues/{index}/timeline",
			"GET /user/actions/jobs",
			"GET /user/quota/artifacts",
			"GET /user/quota/attachments",
			"GET /user/quota/packages",
			"GET /user/stopwatches",
		},
		whole: {
			"GET /notifications/new",
			"GET /users/{user}/heatmap",
		},
		further: {
			"DELETE /repos/{project}/issues/{index}/times/{id}",
			"POST /repos/{project}/merge-upstream",
			"POST /repos/{project}/transfer/accept",
			"PUT /notifications",
		},
	},
}

// TestEachRowThatSpansIsAccountedFor: a new row that spans has entries, or somebody has said why it can have none.
func TestEachRowThatSpansIsAccountedFor(t *testing.T) {
	for forge, table := range map[string]func() (*routes.Table, error){"gitlab": load.GitLab, "gitea": load.Gitea} {
		rows, err := table()
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]string{}
		for reason, list := range spanning[forge] {
			for _, row := range list {
				if said[row] != "" {
					t.Errorf("%s is there twice", row)
				}
				said[row] = reason
			}
		}
		for _, r := range rows.Routes() {
			if !r.Spans {
				continue
			}
			row := r.Method + " " + r.Path
			reason := said[row]
			delete(said, row)
			always := r.Spanned(func(string) string { return "" }) != nil
			is := map[string]bool{filtered: always, chosen: !always && len(r.Entries) > 0}
			switch want, known := is[reason]; {
			case reason == "":
				t.Errorf("%s: %s spans: give it entries in entries.yaml, or say here why not", r.Source, row)
			case known && !want, !known && len(r.Entries) > 0:
				t.Errorf("%s: %s has entries: %v, although %s", r.Source, row, len(r.Entries), reason)
			}
		}
		for row := range said {
			t.Errorf("no row %s spans", row)
		}
	}
}
