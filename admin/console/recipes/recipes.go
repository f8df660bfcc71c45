// Package recipes says how tools are given a token, as docs/clients.md and its neighbours do.
package recipes

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"patgate/policy"
	"patgate/routes"
)

// Recipe is the set-up of one tool. $PATGATE_TOKEN in it stands for the secret.
type Recipe struct{ Title, Text string }

// For gives the recipes for what the scopes of a token allow, at a gateway in front of a forge: table is the name of its route
// table, called its own. path gives that of a project by its id; empty when it is not known.
func For(gateway, table, called string, scopes []policy.ScopeSpec, path func(id int64) string) (all []Recipe) {
	u, err := url.Parse(gateway)
	if err != nil || u.Host == "" {
		return nil
	}
	project, permissions := "", []string(nil)
	for i := range scopes {
		permissions = append(permissions, scopes[i].Permissions...)
		if project == "" && len(scopes[i].ProjectIDs) > 0 {
			project = path(scopes[i].ProjectIDs[0])
		}
	}
	project = cmp.Or(project, "group/project")
	may := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(permissions, name) })
	}
	add := func(title string, lines ...string) { all = append(all, Recipe{title, strings.Join(lines, "\n")}) }
	base := strings.TrimSuffix(gateway, "/")
	gitlab := table == routes.ForgeGitLab
	add("curl", `curl -H "Authorization: Bearer $PATGATE_TOKEN" `+base+"/-/patgate/api/tokens/self")
	if may("download_code", "push_code") {
		add("git", "git clone "+u.Scheme+"://ci:$PATGATE_TOKEN@"+u.Host+strings.TrimSuffix(u.Path, "/")+"/"+project+".git")
	}
	if may("read_container_repository", "create_container_repository") {
		add("docker, podman", `echo "$PATGATE_TOKEN" | docker login -u ci --password-stdin `+u.Host)
	}
	if may("read_package", "create_package") && gitlab {
		add("npm", "npm config set '"+"//"+u.Host+u.Path+"/api/v4/packages/npm/:_authToken' "+`"$PATGATE_TOKEN"`)
	}
	issues := may("read_merge_request", "read_work_item", "create_merge_request", "create_work_item")
	switch {
	case issues && gitlab:
		add("glab", "export GITLAB_HOST="+base+` GITLAB_TOKEN="$PATGATE_TOKEN"`, "glab repo clone "+project)
	case issues || may("read_pull_request", "read_issue"):
		add("tea", "tea login add --name patgate --url "+base+` --token "$PATGATE_TOKEN"`)
	}
	if may("create_merge_request", "create_pull_request") && may("push_code") {
		platform, api := "gitlab", "/api/v4"
		if !gitlab {
			platform, api = "gitea", "/api/v1"
		}
		add("Renovate", "export RENOVATE_PLATFORM="+platform+" RENOVATE_ENDPOINT="+base+api,
			`export RENOVATE_TOKEN="$PATGATE_TOKEN"`)
	}
	if gitlab {
		add("GitLab CI", "# Settings, CI/CD, Variables: PATGATE_TOKEN, masked and hidden, protected where the branch is",
			"job:", "  script:", `    - 'curl --fail -H "Authorization: Bearer " +
				"$PATGATE_TOKEN" `+base+"/api/v4/projects/$CI_PROJECT_ID'")
	} else {
		add(called+" Actions", "# Settings, Actions, Secrets: PATGATE_TOKEN", "- env:",
			"    PATGATE_TOKEN: ${{ secrets.PATGATE_TOKEN }}",
			`  run: 'curl --fail -H "Authorization: Bearer $PATGATE_TOKEN" `+base+"/api/v1/version'")
	}
	return all
}
