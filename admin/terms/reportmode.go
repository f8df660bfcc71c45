package terms

import (
	"slices"

	"patgate/routes"
)

// pushes are the permissions of a git push, and of commits, branches and tags by the API. They pass in report mode although what
// they start runs as the owner: report mode is for jobs that push, and what a push starts does not outlast it.
var pushes = [...]string{"push_code", "create_branch", "create_commit", "create_repository", "create_repository_tag",
	"delete_repository", "update_repository", "update_repository_submodule"}

// lasting are the resources that a request in report mode does not change, whatever the effects of their rows: a change there
// goes on acting after report mode has ended.
var lasting = [...]string{
	// What jobs get, and where they run.
	"cluster", "cluster_agent", "cluster_agent_token", "cluster_agent_url_configuration", "job_token_scope_allowlist",
	"pipeline_schedule", "runner", "secret", "secure_file", "trigger", "variable", "workflow",
	// What guards a project.
	"container_registry_protection_tag_rule", "container_repository_protection_rule", "external_status_check_service",
	"freeze_period", "git_hook", "policy_store_policy", "push_rule", "security_setting", "terraform_state_protection_rule",
	// What sends something elsewhere, or takes it from there.
	"error_tracking_client_key", "error_tracking_setting", "integration", "jira_connect_subscription", "mobile_push_subscription",
	"pages_domain", "pull_mirror", "remote_mirror", "virtual_registry", "vscode_setting", "webhook",
	// Membership.
	"access_request", "blocked_user", "enterprise_user", "invitation", "ldap_group_link", "member", "member_role",
	"saml_group_identity", "saml_group_link", "scim_identity", "service_account", "team",
	// Credentials, also that they are gone.
	"deploy_key", "deploy_token", "email", "gpg_key", "oauth_application", "personal_access_token", "resource_access_token",
	"service_account_personal_access_token", "ssh_certificate", "ssh_key",
	// What an agent does for the owner: no row says what that is.
	"duo_workflow", "mcp_tool",
}

// InReportMode gives the permissions with which a request passes in report mode. They are those that a wildcard may stand for,
// but for each that a writing row needs which is a danger or changes something lasting: such a permission stays with the grant
// for all its rows. Those of pushes pass all the same.
func InReportMode(t *routes.Table) (set routes.PermissionSet) {
	var kept routes.PermissionSet
	for _, row := range t.Routes() {
		if !row.Writes() {
			continue
		}
		last := slices.Contains(lasting[:], row.Resource)
		danger := len(row.Dangers()) > 0
		for _, p := range row.Needs {
			if last || danger && !slices.Contains(pushes[:], t.Catalogue().Name(p)) {
				kept.Add(p)
			}
		}
	}
	unnamed := Unnamed(t)
	for p := range t.Catalogue().All() {
		if unnamed.Has(p) && !kept.Has(p) {
			set.Add(p)
		}
	}
	return set
}
