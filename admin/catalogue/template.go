package catalogue

import "patgate/admin/terms"

// Template is a set of permissions for a job that many have.
type Template struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description"`
	// Scopes have no projects and groups yet: whoever uses the template says where.
	Scopes []terms.Scope `json:"granular_scopes"`
	// ExpiresIn is a fitting lifetime.
	ExpiresIn string `json:"expires_in"`
	// File is the file of policy as code that it stands in; empty for one that patgate brings.
	File string `json:"file,omitempty"`
}

// Templates gives the templates. None holds a permission that yields another credential.
func Templates() []Template {
	on := func(permissions ...string) []terms.Scope {
		return []terms.Scope{{Access: "selected_memberships", Permissions: permissions}}
	}
	return []Template{
		{
			Name:        "container-push",
			Title:       "Push container images for one project",
			ExpiresIn:   "90d",
			Description: "Pushes images to the container registry of the project that is chosen, and pulls them; deletes none.",
			Scopes:      on("read_container_repository", "create_container_repository"),
		},
		{
			Name:        "container-pull",
			Title:       "Pull container images",
			ExpiresIn:   "90d",
			Description: "Reads the container registry of the projects that are chosen.",
			Scopes:      on("read_container_repository"),
		},
		{
			Name:      "package-publish",
			Title:     "Publish packages",
			ExpiresIn: "90d",
			Description: "Publishes packages of every format to the registry of the projects that are chosen, and reads them; " +
				"deletes none.",
			Scopes: on("read_package", "create_package"),
		},
		{
			Name:        "package-install",
			Title:       "Install packages",
			ExpiresIn:   "90d",
			Description: "Downloads packages of every format from the registry of the projects or groups that are chosen.",
			Scopes:      on("read_package"),
		},
		{
			Name:        "read-only-ci",
			Title:       "Read-only CI",
			ExpiresIn:   "90d",
			Description: "Reads code, pipelines, jobs and their artifacts.",
			Scopes: on("read_project", "download_code", "read_repository", "read_branch", "read_commit", "read_pipeline",
				"read_job", "read_job_artifact"),
		},
		{
			Name:      "release-bot",
			Title:     "Release bot",
			ExpiresIn: "90d",
			Description: "Pushes tags, makes releases, uploads packages, and comments on what was released, as " +
				"semantic-release does.",
			Scopes: on("read_project", "download_code", "push_code", "read_repository", "read_commit", "read_repository_tag",
				"create_repository_tag", "read_release", "create_release", "update_release", "create_package",
				"read_merge_request", "read_work_item", "create_work_item"),
		},
		{
			Name:        "dependency-updater",
			Title:       "Dependency updater",
			ExpiresIn:   "180d",
			Description: "Reads code, pushes branches and opens merge requests, as Renovate does.",
			Scopes: on("read_project", "download_code", "push_code", "read_repository", "read_branch", "create_branch",
				"delete_branch", "read_commit", "create_commit", "read_repository_tag", "read_release", "read_merge_request",
				"create_merge_request", "update_merge_request", "read_pipeline", "read_work_item", "create_work_item",
				"update_work_item"),
		},
		{
			Name:      "ai-agent",
			Title:     "AI coding agent on one repository",
			ExpiresIn: "7d",
			Description: "Reads code, issues and pipelines, pushes branches and opens merge requests; merges, deletes and " +
				"administers nothing.",
			Scopes: on("read_project", "download_code", "push_code", "read_repository", "read_branch", "create_branch",
				"read_commit", "create_commit", "read_merge_request", "create_merge_request", "update_merge_request",
				"read_work_item", "create_work_item", "read_pipeline", "read_job"),
		},
	}
}
