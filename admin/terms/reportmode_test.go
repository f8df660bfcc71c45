package terms

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// pushed are the rows that pass in report mode although what they start runs as the owner.
var pushed = map[string][]string{
	routes.ForgeGitLab: {
		"DELETE /projects/{project}/repository/files/{file_path}",
		"POST /api/graphql#Mutation.commitCreate",
		"POST /api/graphql#Mutation.configureContainerScanning",
		"POST /api/graphql#Mutation.configureDependencyScanning",
		"POST /api/graphql#Mutation.configureSast",
		"POST /api/graphql#Mutation.configureSastIac",
		"POST /api/graphql#Mutation.configureSecretDetection",
		"POST /api/graphql#Mutation.createBranch",
		"POST /api/graphql#Mutation.tagCreate",
		"POST /projects/{project}/repository/branches",
		"POST /projects/{project}/repository/changelog",
		"POST /projects/{project}/repository/commits",
		"POST /projects/{project}/repository/commits/{sha}/cherry_pick",
		"POST /projects/{project}/repository/commits/{sha}/revert",
		"POST /projects/{project}/repository/files/{file_path}",
		"POST /projects/{project}/repository/tags",
		"POST /{project}.git/git-receive-pack",
		"PUT /projects/{project}/repository/files/{file_path}",
		"PUT /projects/{project}/repository/submodules/{submodule}",
	},
	routes.ForgeGitea: {
		"DELETE /repos/{project}/contents/{*filepath}",
		"POST /repos/{project}/branches",
		"POST /repos/{project}/contents",
		"POST /repos/{project}/contents/{*filepath}",
		"POST /repos/{project}/diffpatch",
		"POST /repos/{project}/merge-upstream",
		"POST /repos/{project}/tags",
		"POST /{project}.git/git-receive-pack",
		"PUT /repos/{project}/contents/{*filepath}",
	},
}

// TestNothingLastingPassesInReportMode reads both tables: of the rows that write, none passes that is a danger or changes something
// lasting, but for those of pushes; and each name that is written down is in a table.
func TestNothingLastingPassesInReportMode(t *testing.T) {
	var resources, permissions []string
	for forge, load := range map[string]func() (*routes.Table, error){
		routes.ForgeGitLab: func() (*routes.Table, error) { return load.GitLab() },
		routes.ForgeGitea:  func() (*routes.Table, error) { return load.Gitea() },
	} {
		table, err := load()
		if err != nil {
			t.Fatal(err)
		}
		set, unnamed := InReportMode(table), Unnamed(table)
		var passed []string
		for _, row := range table.Routes() {
			resources = append(resources, row.Resource)
			names := table.Catalogue().Names(row.Needs)
			permissions = append(permissions, names...)
			if !row.Writes() || row.Kind != routes.KindPermission || !set.Contains(&row.NeedSet) {
				continue
			}
			what, why := row.Method+" "+row.Path, row.Dangers()
			switch {
			case slices.Contains(lasting[:], row.Resource):
				t.Errorf("%s changes a %s, and passes", what, row.Resource)
			case slices.Equal(why, []string{routes.EffectRunsAsOwner}):
				passed = append(passed, what)
			case len(why) > 0:
				t.Errorf("%s passes: %v", what, why)
			}
		}
		slices.Sort(passed)
		if !slices.Equal(passed, pushed[forge]) {
			t.Errorf("of %v these run as the owner and pass:\n%s", forge, strings.Join(passed, "\n"))
		}
		for p, info := range table.Catalogue().All() {
			switch passes := set.Has(p); {
			case passes && !unnamed.Has(p):
				t.Errorf("%s is granted by name alone, and passes", info.Name)
			case !passes && strings.HasPrefix(info.Name, "read_") && unnamed.Has(p):
				t.Log("does not pass:", info.Name)
			}
		}
		for _, name := range []string{"push_code", "read_project", "create_work_item", "create_package"} {
			if p, known := table.Catalogue().Find(name); !known || !set.Has(p) {
				t.Errorf("%v: %s does not pass", forge, name)
			}
		}
	}
	for _, name := range lasting {
		if !slices.Contains(resources, name) {
			t.Errorf("no table has a resource %s", name)
		}
	}
	for _, name := range pushes {
		if !slices.Contains(permissions, name) {
			t.Errorf("no row needs %s", name)
		}
	}
}
