package tokens

import (
	"slices"

	"patgate/routes"
)

// Template is a set of permissions for a job that many have.
type Template struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description"`
	// Scopes have no projects and groups yet: whoever uses the template says where.
	Scopes []Scope `json:"granular_scopes"`
	// ExpiresIn is a fitting lifetime.
	ExpiresIn string `json:"expires_in"`
}

//go:generate go test . -run ^TestPermissionsPage$ -update

// Templates gives the templates. None holds a permission that yields another credential.
func Templates() []Template {
	on := func(permissions ...string) []Scope {
		return []Scope{{Access: "selected_memberships", Permissions: permissions}}
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
			Scopes: on("read_project", "download_code", "read_repository", "read_branch", "read_commit", "read_pipeline", "read_job",
				"read_job_artifact"),
		},
		{
			Name:        "release-bot",
			Title:       "Release bot",
			ExpiresIn:   "90d",
			Description: "Makes tags and releases, and uploads packages.",
			Scopes: on("read_project", "download_code", "read_repository", "read_commit", "read_repository_tag",
				"create_repository_tag", "read_release", "create_release", "update_release", "create_package"),
		},
		{
			Name:        "dependency-updater",
			Title:       "Dependency updater",
			ExpiresIn:   "180d",
			Description: "Reads code, pushes branches and opens merge requests, as Renovate does.",
			Scopes: on("read_project", "download_code", "push_code", "read_repository", "read_branch", "create_branch", "delete_branch",
				"read_commit", "create_commit", "read_merge_request", "create_merge_request", "update_merge_request", "read_pipeline",
				"read_work_item", "create_work_item", "update_work_item"),
		},
		{
			Name:      "ai-agent",
			Title:     "AI coding agent on one repository",
			ExpiresIn: "7d",
			Description: "Reads code, issues and pipelines, pushes branches and opens merge requests; merges, deletes and " +
				"administers nothing.",
			Scopes: on("read_project", "download_code", "push_code", "read_repository", "read_branch", "create_branch", "read_commit",
				"create_commit", "read_merge_request", "create_merge_request", "update_merge_request", "read_work_item",
				"create_work_item", "read_pipeline", "read_job"),
		},
	}
}

// Entry is a permission of the catalogue.
type Entry struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Category    string   `json:"category"`
	Resource    string   `json:"resource"`
	Title       string   `json:"title"`
	Action      string   `json:"action"`
	Boundaries  []string `json:"boundaries"`
	Deprecated  bool     `json:"deprecated"`
	// Endpoints are the rows of the route table that need the permission.
	Endpoints []string `json:"endpoints"`
	// PushOptions are the options of git push that need the permission.
	PushOptions []string `json:"push_options"`
	// Mints tells that some of them yield another credential: no wildcard stands for such a permission.
	Mints bool `json:"mints"`
	// Escapes says what the credentials that are handed out can do past patgate; empty when none is.
	Escapes []string `json:"escapes"`
	Effects []string `json:"effects"`
	// Words are those by which people look for the permission, beside its name and texts.
	Words []string `json:"words"`
}

// Catalogue gives every permission with what it is for, in the catalogue's own order.
func Catalogue(t *routes.Table) []Entry {
	rows := map[routes.Permission][]*routes.Route{}
	for _, r := range t.Routes() {
		for _, p := range r.Needs {
			rows[p] = append(rows[p], r)
		}
	}
	var all []Entry
	options := map[routes.Permission][]string{}
	for _, o := range t.PushOptions().All() {
		for _, p := range o.Needs {
			options[p] = append(options[p], o.Name)
		}
	}
	guards := t.PushOptions().Guards()
	for p, info := range t.Catalogue().All() {
		e := Entry{
			Name:        info.Name,
			Description: info.Abilities,
			Category:    info.Category,
			Resource:    info.Resource,
			Title:       info.Title,
			Action:      info.Action,
			Boundaries:  []string{},
			Deprecated:  info.Deprecated,
			Endpoints:   []string{},
			PushOptions: append([]string{}, options[p]...),
			Escapes:     []string{},
			Effects:     []string{},
		}
		for _, b := range info.Boundaries {
			e.Boundaries = append(e.Boundaries, b.String())
		}
		for _, r := range rows[p] {
			e.Endpoints = append(e.Endpoints, r.Method+" "+r.Path)
			e.Mints = e.Mints || r.Mints != ""
			if r.Escapes != "" && !slices.Contains(e.Escapes, r.Escapes) {
				e.Escapes = append(e.Escapes, r.Escapes)
			}
			for _, effect := range r.Effects {
				if !slices.Contains(e.Effects, effect) {
					e.Effects = append(e.Effects, effect)
				}
			}
		}
		if guards.Has(p) {
			e.Effects = append(e.Effects, routes.EffectSkipsGuard)
		}
		slices.Sort(e.Endpoints)
		e.Words = wordsOf(&e)
		all = append(all, e)
	}
	return all
}

// Wide tells whether a scope of the forge's own tokens reaches more than any one job needs.
func Wide(scope string) bool {
	switch scope {
	case "api", "read_api", "sudo", "admin_mode":
		return true
	}
	return false
}

// TemplateFor names the template that comes nearest to what a token of the forge's own with these scopes is used for; empty
// when they are too wide to tell.
func TemplateFor(scopes []string) string {
	has := func(names ...string) bool {
		return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(names, s) })
	}
	switch {
	case slices.ContainsFunc(scopes, Wide):
		return ""
	case has("write_registry"):
		return "container-push"
	case has("write_repository"):
		return "dependency-updater"
	case has("read_registry"):
		return "container-pull"
	case has("read_repository"):
		return "read-only-ci"
	}
	return ""
}
