package fast

import "strings"

// treePaths are the path segments of the rows that move, hide, share or delete projects and groups, or change members: first
// GitLab's, then what Gitea has besides.
var treePaths = []string{
	"/members", "/share", "/transfer", "/transfer_to_organization", "/invitations", "/access_requests", "/archive", "/unarchive",
	"/restore", "/import_project_members", "/fork", "/ldap_group_links", "/saml_group_links", "/service_accounts",
	"/job_token_scope",
	"/billable_members", "/shared_projects",
	"/collaborators", "/teams", "/forks", "/generate", "/migrate", "/rename", "/admin/users",
}

// ChangesTree tells whether a row that writes can change what resolving a container gives.
func ChangesTree(path string) bool {
	if strings.HasPrefix(path, "/projects/user/") {
		return true // makes a project
	}
	switch path { // of Gitea
	case "/repos/{project}", "/orgs/{group}", "/orgs", "/user/repos", "/orgs/{group}/repos", "/org/{group}/repos":
		return true
	}
	segments := strings.Count(path, "/")
	if segments <= 2 && (strings.HasPrefix(path, "/projects") || strings.HasPrefix(path, "/groups") ||
		strings.HasPrefix(path, "/namespaces")) {
		return true
	}
	if strings.HasPrefix(path, "/groups/") && strings.Contains(path, "/projects/") && segments == 4 {
		return true // moves a project into a group
	}
	for _, p := range treePaths {
		if i := strings.Index(path, p); i >= 0 && (i+len(p) == len(path) || path[i+len(p)] == '/') {
			return true
		}
	}
	return false
}
