package catalogue

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"patgate/admin/terms"
	"patgate/routes"
	"patgate/routes/load"
)

// TestNoWildcardStandsForASecret: on Gitea, wildcards leave out what yields a credential and what keeps a secret of the
// caller's choice; a name stays a name.
func TestNoWildcardStandsForASecret(t *testing.T) {
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, access := range []string{"selected_memberships", "all_memberships", "user", "instance"} {
		names, err := terms.Expand(&terms.Scope{Access: access, Permissions: []string{"*"}, Groups: []string{"acme"}}, table)
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
		if names, err := terms.Expand(&terms.Scope{Access: "user", Permissions: []string{name}}, table); err != nil ||
			!slices.Equal(names, []string{name}) {
			t.Errorf("%s by its name is %q, %v", name, names, err)
		}
	}
	for _, name := range []string{"read_webhook", "delete_webhook", "read_secret", "delete_secret", "read_ssh_key", "read_project",
		"read_cron_task"} {
		if !seen[name] {
			t.Errorf("no wildcard stands for %s", name)
		}
	}
}

// letsOthersIn are rows, by method and path, that give rights to others or show things to everybody: written down from the forges' own
// API, not from the table.
var letsOthersIn = regexp.MustCompile(`^((POST|PUT) /(projects|groups)/\{[a-z]+\}/(members|invitations|share|transfer|access_requests/|deploy_keys)\b` +
	`|(POST|PUT|PATCH|DELETE) /(projects|groups)/\{[a-z]+\}/protected_(branches|tags|environments)\b` +
	`|PUT /(projects|groups)/\{(project|group)\}$|PUT /(projects/\{project\}/)?snippets/\{[a-z_]+\}$` +
	`|(POST|PUT) /(projects|groups)/\{[a-z]+\}/(approvals|merge_request_approval_setting|approval_rules)\b` +
	`|PATCH /(repos/\{project\}|orgs/\{group\})$|PUT /repos/\{project\}/(collaborators|teams)/` +
	`|PUT /teams/\{id\}/|POST /repos/\{project\}/(keys|transfer)$|(POST|PATCH|DELETE) /repos/\{project\}/(branch|tag)_protections\b)`)

// TestNoWildcardAndNoTemplateLetsOthersIn: with every wildcard, and with every template, no row is within reach that gives rights to
// others or changes who sees what.
func TestNoWildcardAndNoTemplateLetsOthersIn(t *testing.T) {
	for _, forge := range routes.Forges() {
		table, problems := load.Table(load.Options{Forge: forge})
		if problems != nil {
			t.Fatal(problems)
		}
		var held routes.PermissionSet
		hold := func(s terms.Scope) {
			s.Groups = []string{"acme"}
			names, err := terms.Expand(&s, table)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				p, _ := table.Catalogue().Find(name)
				held.Add(p)
			}
		}
		for _, access := range []string{"selected_memberships", "all_memberships", "user", "instance"} {
			hold(terms.Scope{Access: access, Permissions: []string{"*"}})
		}
		for _, template := range Templates() {
			for _, s := range template.Scopes {
				hold(s)
			}
		}
		rows := 0
		for _, r := range table.Routes() {
			if len(r.Needs) == 0 || !letsOthersIn.MatchString(r.Method+" "+r.Path) {
				continue
			}
			rows++
			if held.Contains(&r.NeedSet) {
				t.Errorf("%s: %s %s is within reach of wildcards or templates", forge, r.Method, r.Path)
			}
		}
		if rows < 15 {
			t.Errorf("%s: only %d rows were looked at", forge, rows)
		}
		for _, name := range []string{"update_work_item", "create_merge_request", "create_branch", "update_release", "create_project"} {
			if p, known := table.Catalogue().Find(name); known && !held.Has(p) {
				t.Errorf("%s: no wildcard stands for %s", forge, name)
			}
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
			names, err := terms.Expand(&terms.Scope{Access: access, Permissions: []string{wildcard}}, table)
			if slices.ContainsFunc(guards, func(guard string) bool { return slices.Contains(names, guard) }) {
				t.Errorf("%s under %s stands for a guard: %v", wildcard, access, err)
			}
		}
		if names, err := terms.Expand(&terms.Scope{Access: access, Permissions: append([]string{"read_*"}, guards...)},
			table); err != nil ||
			!slices.Contains(names, guards[0]) || !slices.Contains(names, guards[1]) {
			t.Errorf("by their names under %s: %v", access, err)
		}
	}
	for _, e := range All(table) {
		if guard := slices.Contains(guards, e.Name); guard != slices.Contains(e.Effects, routes.EffectSkipsGuard) || guard &&
			len(e.PushOptions) == 0 {
			t.Errorf("%s has the effects %v and the push options %v", e.Name, e.Effects, e.PushOptions)
		}
	}
}
