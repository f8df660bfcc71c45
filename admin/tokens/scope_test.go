package tokens

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		pattern, name string
		want          bool
	}{
		{"read_*", "read_job", true}, {"read_*", "read_", true}, {"read_*", "reread_job", false}, {"*_job", "run_job", true},
		{"*_job", "run_jobs", false}, {"*", "anything", true}, {"r*_j*b", "read_job", true}, {"read_job", "read_job", true}, {"a*a", "a", false},
	} {
		if got := matches(tc.pattern, tc.name); got != tc.want {
			t.Errorf("matches(%q, %q) = %v", tc.pattern, tc.name, got)
		}
	}
}

// TestNoWildcardStandsForASecret: on Gitea, wildcards leave out what yields a credential and what keeps a secret of the
// caller's choice; a name stays a name.
func TestNoWildcardStandsForASecret(t *testing.T) {
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, access := range []string{"selected_memberships", "all_memberships", "user", "instance"} {
		names, err := Expand(&Scope{Access: access, Permissions: []string{"*"}, Groups: []string{"acme"}}, table)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			seen[name] = true
		}
	}
	for _, name := range strings.Fields("create_ssh_key create_gpg_key verify_gpg_key create_deploy_key create_email create_user update_user create_oauth_application " +
		"update_oauth_application read_runner_registration_token create_runner_registration_token create_webhook update_webhook create_secret update_secret create_remote_mirror") {
		if _, known := table.Catalogue().Find(name); !known || seen[name] {
			t.Errorf("a wildcard stands for %s, or the catalogue does not have it (%v)", name, known)
		}
		if names, err := Expand(&Scope{Access: "user", Permissions: []string{name}}, table); err != nil || !slices.Equal(names, []string{name}) {
			t.Errorf("%s by its name is %q, %v", name, names, err)
		}
	}
	for _, name := range []string{"read_webhook", "delete_webhook", "read_secret", "delete_secret", "read_ssh_key", "read_project", "read_cron_task"} {
		if !seen[name] {
			t.Errorf("no wildcard stands for %s", name)
		}
	}
}

// TestTemplatesFitEveryForge: a template names permissions that the catalogue of each forge has.
func TestTemplatesFitEveryForge(t *testing.T) {
	for _, forge := range routes.Forges() {
		table, problems := load.Table(load.Options{Forge: forge})
		if len(problems) > 0 {
			t.Fatal(routes.Problems(problems))
		}
		for _, template := range Templates() {
			for _, name := range template.Scopes[0].Permissions {
				if _, known := table.Catalogue().Find(name); !known {
					t.Errorf("%s: %s is no permission on %s", template.Name, name, forge)
				}
			}
		}
	}
}

// TestGuardsAreGrantedByName: no wildcard stands for a permission with which a push switches off a guard of the forge.
func TestGuardsAreGrantedByName(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	guards := []string{"skip_secret_push_protection", "bypass_security_policy"}
	for _, access := range []string{"all_memberships", "selected_memberships", "personal_projects"} {
		for _, wildcard := range []string{"*", "skip_*", "*_policy", "*s*"} {
			names, err := Expand(&Scope{Access: access, Permissions: []string{wildcard}}, table)
			if slices.ContainsFunc(guards, func(guard string) bool { return slices.Contains(names, guard) }) {
				t.Errorf("%s under %s stands for a guard: %v", wildcard, access, err)
			}
		}
		if names, err := Expand(&Scope{Access: access, Permissions: append([]string{"read_*"}, guards...)}, table); err != nil || !slices.Contains(names, guards[0]) || !slices.Contains(names, guards[1]) {
			t.Errorf("by their names under %s: %v", access, err)
		}
	}
	for _, e := range Catalogue(table) {
		if guard := slices.Contains(guards, e.Name); guard != slices.Contains(e.Effects, routes.EffectSkipsGuard) || guard && len(e.PushOptions) == 0 {
			t.Errorf("%s has the effects %v and the push options %v", e.Name, e.Effects, e.PushOptions)
		}
	}
}
