package catalogue

import (
	"slices"
	"strings"

	"patgate/routes"
)

// words are those by which people look for permissions, beside the permissions' own names and texts. A permission may stand
// in several lines.
var words = []struct{ permissions, mean string }{
	{"read_work_item create_work_item update_work_item delete_work_item",
		"issue ticket bug task epic comment note discussion thread reply"},
	{"read_merge_request create_merge_request update_merge_request delete_merge_request", "mr pr pull request"},
	{"approve_merge_request", "mr pr pull request review lgtm"},
	{"merge_merge_request", "mr pr pull request accept automerge land"},
	{"download_code", "git clone fetch pull checkout lfs archive tarball zip repository repo"},
	{"push_code", "git push lfs write commit upload repository repo"},
	{"read_repository", "repo file content tree raw blame diff compare"},
	{"create_repository update_repository delete_repository", "repo file content write edit"},
	{"create_commit", "file write edit cherry pick revert"},
	{"read_commit", "log history sha"},
	{"create_commit_status", "check build ci state"},
	{"read_repository_tag create_repository_tag delete_repository_tag", "git version"},
	{"read_release create_release update_release", "changelog asset version"},
	{"read_container_repository", "docker oci image podman buildah skopeo crane oras helm registry pull download"},
	{"create_container_repository", "docker oci image podman buildah skopeo crane oras helm registry push upload publish"},
	{"delete_container_repository", "docker oci image tag registry remove cleanup"},
	{"read_dependency_proxy", "docker oci base image pull cache mirror"},
	{"read_package", packageFormats + " install download"},
	{"create_package", packageFormats + " publish upload push deploy"},
	{"delete_package", packageFormats + " remove cleanup unpublish"},
	{"read_terraform_state create_terraform_state lock_terraform_state delete_terraform_state", "opentofu tofu tfstate backend"},
	{"read_wiki create_wiki update_wiki delete_wiki", "page documentation docs"},
	{"read_job", "ci log trace output build"},
	{"run_job", "ci play retry start build"},
	{"read_job_artifact", "ci download build file"},
	{"read_pipeline", "ci build workflow action"},
	{"create_pipeline", "ci build workflow action run start"},
	{"read_variable create_variable update_variable delete_variable", "ci secret environment env"},
	{"read_webhook create_webhook update_webhook delete_webhook", "hook callback notify"},
	{"read_snippet create_snippet update_snippet delete_snippet", "gist paste"},
	{"read_member create_member update_member delete_member", "admin user role access collaborator maintainer invite"},
	{"share_project share_group", "admin invite access"},
	{"update_project", "admin settings visibility public private"},
	{"read_project", "repo list discover autodiscover"},
	{"read_user", "whoami profile email me"},
	{"read_deploy_key create_deploy_key delete_deploy_key", "ssh"},
	{"read_todo create_todo update_todo", "notification inbox"},
}

// packageFormats are the formats of packages, and the programs that install them.
const packageFormats = "npm yarn pnpm node maven gradle pypi pip twine poetry python nuget dotnet composer php " +
	"gem ruby cargo rust go helm chart conan debian apt rpm generic terraform module registry library"

// wordsOf gives the words of a permission, each once. What gives others rights is found as "admin".
func wordsOf(e *Entry) []string {
	all := []string{}
	for _, line := range words {
		if slices.Contains(strings.Fields(line.permissions), e.Name) {
			all = append(all, strings.Fields(line.mean)...)
		}
	}
	if slices.Contains(e.Effects, routes.EffectGrantsRights) {
		all = append(all, "admin")
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Matching gives the permissions that a text is about: each of its words stands in the permission's name, texts or words. A
// permission comes first when its name or words hold each of them whole. "admin" also finds what is granted on the instance,
// behind the others.
func Matching(all []Entry, text string) []Entry {
	asked := strings.Fields(strings.ToLower(strings.ReplaceAll(text, "_", " ")))
	var first, others []Entry
	for i := range all {
		e := &all[i]
		exact := append(strings.Split(e.Name, "_"), e.Words...)
		loose := strings.ToLower(strings.Join(append(exact, e.Title, e.Description, e.Category), " "))
		if slices.Contains(e.Boundaries, routes.BoundaryInstance.String()) {
			loose += " admin"
		}
		switch missing := func(word string) bool { return !strings.Contains(loose, word) }; {
		case len(asked) == 0, slices.ContainsFunc(asked, missing):
		case slices.ContainsFunc(asked, func(word string) bool { return !slices.Contains(exact, word) }):
			others = append(others, *e)
		default:
			first = append(first, *e)
		}
	}
	return append(first, others...)
}
