package routes_test

import (
	"regexp"
	"slices"
	"testing"

	"patgate/routes"
)

// The rows below reach beyond the container that their path names, or show what is as good as a credential. Each entry
// says what GitLab 19.3 does, and where that was read.

// TestRowsThatReachAnotherContainer demands the permission under all_memberships where the object that a row takes or
// shows may lie in another project or group, which a global id does not tell.
func TestRowsThatReachAnotherContainer(t *testing.T) {
	rows := rowsByShape(t)
	for _, c := range []struct{ row, why string }{
		{"POST /projects/{}/deploy_keys/{}/enable", "key_id is a key of any project of the owner (Projects::EnableDeployKeyService)"},
		{"PUT /groups/{}/(-/)epics/{}/epics/{}", "the answer is the list of all children, of other groups too (ee/lib/api/epic_links.rb)"},
		{"DELETE /groups/{}/(-/)epics/{}/epics/{}", "the answer is the child, of another group perhaps (ee/lib/api/epic_links.rb)"},
		{"PUT /groups/{}/(-/)epics/{}/issues/{}", "the answer is the list of all issues of the epic (ee/lib/api/epic_issues.rb)"},
		{"PUT /projects/{}/-/work_items/{}/children/{}", "child_id is a global id (lib/api/work_items/children.rb)"},
		{"DELETE /projects/{}/-/work_items/{}/children/{}", "child_id is a global id"},
		{"PUT /groups/{}/-/work_items/{}/children/{}", "child_id is a global id"},
		{"DELETE /groups/{}/-/work_items/{}/children/{}", "child_id is a global id"},
		{"PUT /namespaces/{}/-/work_items/{}/children/{}", "child_id is a global id"},
		{"DELETE /namespaces/{}/-/work_items/{}/children/{}", "child_id is a global id"},
	} {
		t.Run(c.row, func(t *testing.T) {
			switch r := rows[c.row]; {
			case r == nil:
				t.Fatal("there is no such row")
			case !r.Spans && r.Refused == "":
				t.Errorf("%s: %s", r.Source, c.why)
			}
		})
	}
}

// TestRefusedParameters demands that a row refuses a parameter which names another container or takes over an account.
func TestRefusedParameters(t *testing.T) {
	rows := rowsByShape(t)
	for _, c := range []struct{ row, param, why string }{
		{"POST /projects", "use_custom_template", "template_name is then a project whose content is copied (Projects::CreateFromTemplateService)"},
		{"POST /projects/user/{}", "use_custom_template", "template_name is then a project whose content is copied"},
		{"PATCH /groups/{}/enterprise_users/{}", "email", "it changes the sign-in address without confirmation (ee/lib/api/group_enterprise_users.rb)"},
	} {
		t.Run(c.row+" "+c.param, func(t *testing.T) {
			if r := rows[c.row]; r == nil || r.Params[c.param] != routes.ParamRefuse {
				t.Errorf("not refused: %s", c.why)
			}
		})
	}
}

// workItemShown matches the rows whose answers hold API::Entities::WorkItemBasic.
var workItemShown = regexp.MustCompile(`^(GET|POST|PATCH|PUT) .*/-/work_items(/\{\}(/(children(/\{\})?|linked_items))?)?$`)

// TestAnswersAreStripped demands that rows take out of their answers what is as good as a credential, or what shows
// another container.
func TestAnswersAreStripped(t *testing.T) {
	rows := rowsByShape(t)
	type expectation struct{ row, key, why string }
	wanted := []expectation{
		{"DELETE /groups/{}/(-/)epics/{}/issues/{}", "issue", "the issue may lie in a project outside the group (API::Entities::EpicIssueLink)"},
		{"DELETE /vulnerabilities/{}/issue_links/{}", "issue", "the issue may lie in another project (API::Entities::VulnerabilityIssueLink)"},
		{"GET /projects/{}/invitations", "invite_token", "who has it accepts the invitation"},
		{"PUT /projects/{}/invitations/{}", "invite_token", "the answer is API::Entities::Invitation (lib/api/invitations.rb)"},
		{"PUT /groups/{}/invitations/{}", "invite_token", "the answer is API::Entities::Invitation"},
	}
	shown := 0
	for row, r := range rows {
		if !workItemShown.MatchString(row) || r.Refused != "" {
			continue
		}
		shown++
		wanted = append(wanted,
			expectation{row, "create_note_email", "it holds the owner's incoming email token (Noteable#creatable_note_email_address)"},
			expectation{row, "title_html", "it shows the titles of what it mentions, in any project of the owner"},
			expectation{row, "description_html", "it shows the titles of what it mentions, in any project of the owner"})
	}
	if shown < 18 {
		t.Errorf("only %d rows show work items: the test proves nothing", shown)
	}
	for _, c := range wanted {
		t.Run(c.row+" "+c.key, func(t *testing.T) {
			switch r := rows[c.row]; {
			case r == nil:
				t.Fatal("there is no such row")
			case !slices.Contains(r.Response.Remove, c.key):
				t.Errorf("%s: %s", r.Source, c.why)
			}
		})
	}
}
