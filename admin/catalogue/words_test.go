package catalogue

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// TestMatching looks for what people call things, in both tables.
func TestMatching(t *testing.T) {
	gitlab, gitea := catalogueOf(t, load.GitLab), catalogueOf(t, load.Gitea)
	for text, want := range map[string]string{
		"comment":          "create_work_item",
		"Issue":            "read_work_item",
		"docker":           "create_container_repository",
		"push image":       "create_container_repository",
		"pull docker":      "read_container_repository",
		"npm":              "read_package",
		"publish npm":      "create_package",
		"maven":            "create_package",
		"pypi":             "read_package",
		"admin":            "update_member",
		"clone":            "download_code",
		"git push":         "push_code",
		"wiki page":        "update_wiki",
		"pull request":     "create_merge_request",
		"create_wiki":      "create_wiki",
		"whoami":           "read_user",
		"  merge   pr ":    "merge_merge_request",
		"deploy key ssh":   "create_deploy_key",
		"webhook callback": "create_webhook",
	} {
		for forge, all := range map[string][]Entry{"GitLab": gitlab, "Gitea": gitea} {
			found := Matching(all, text)
			at := slices.IndexFunc(found, func(e Entry) bool { return e.Name == want })
			if at < 0 || at > 15 && text != "admin" {
				t.Errorf("%s: %q finds %s at %d of %d", forge, text, want, at, len(found))
			}
		}
	}
	for _, nothing := range []string{"", "  ", "nosuchthing", "docker nosuchthing"} {
		if found := Matching(gitlab, nothing); len(found) > 0 {
			t.Errorf("%q finds %d permissions", nothing, len(found))
		}
	}
}

// TestWordsArePlainAndOfPermissions: each line names permissions of one of the tables.
func TestWordsArePlainAndOfPermissions(t *testing.T) {
	known := map[string]bool{}
	for _, e := range append(catalogueOf(t, load.GitLab), catalogueOf(t, load.Gitea)...) {
		known[e.Name] = true
	}
	for _, line := range words {
		for _, name := range strings.Fields(line.permissions) {
			if !known[name] {
				t.Errorf("%s is no permission of either table", name)
			}
		}
		if line.mean != strings.ToLower(line.mean) || strings.Contains(line.mean, "_") {
			t.Errorf("%q is not lower case", line.mean)
		}
	}
}

func catalogueOf(t *testing.T, read func() (*routes.Table, error)) []Entry {
	t.Helper()
	table, err := read()
	if err != nil {
		t.Fatal(err)
	}
	return All(table)
}
