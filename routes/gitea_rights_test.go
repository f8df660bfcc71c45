package routes_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// What each row of Gitea's table must say beyond its permission. Each entry tells what Gitea 1.26 does, as its own source has it
// (routers/api/v1).

// giteaContainers are the parameters that name a container, a further one or the row's own.
var giteaContainers = []struct{ row, param, rule, why string }{
	{"POST /repos/{}/{}/forks", "organization", "find group", "the organization that the fork goes to; absent is the caller"},
	{"POST /repos/{}/{}/generate", "owner", "find namespace", "whose the new repository is"},
	{"POST /repos/{}/{}/transfer", "new_owner", "target namespace required", "who gets the repository"},
	{"POST /repos/{}/{}/transfer", "team_ids", "pass", "teams of another organization than the new owner's are refused"},
	{"POST /repos/{}/{}/pulls", "head", "target namespace", "owner:branch is read from the owner's fork"},
	{"POST /repos/migrate", "repo_owner", "find namespace", "whose the new repository is; absent is uid, or the caller"},
	{"POST /repos/migrate", "uid", "target namespace", "whose the new repository is, by number"},
	{"POST /repos/migrate", "repo_owner_id", "refuse", "what uid is called in a form"},
	{"GET /repos/issues/search", "owner", "pass", "it narrows a list that needs the permission everywhere"},
	{"GET /repos/issues/search", "priority_repo_id", "pass", "it is not read"},
	{"GET /repos/search", "priority_owner_id", "pass", "it orders a list that needs the permission everywhere"},
	{"GET /repos/search", "team_id", "pass", "it narrows a list that needs the permission everywhere"},
	{"GET /repos/{}/{}/times", "user", "pass", "it narrows a list of this repository"},
	{"GET /repos/{}/{}/issues/{}/times", "user", "pass", "it narrows a list of this repository"},
	{"PUT /repos/{}/{}/contents/{}", "from_path", "pass", "a file of this repository"},
	{"POST /repos/{}/{}/contents", "files", "pass", "files of this repository"},
	{"GET /repos/{}/{}/commits", "path", "pass", "a file of this repository"},
	{"POST /repos/{}/{}/branch_protections/priority", "ids", "pass", "rules of other repositories are left as they are"},
	{"POST /repos/{}/{}/statuses/{}", "target_url", "pass", "a link that is shown"},
	{"POST /repos/{}/{}/pulls/{}/reviews", "commit_id", "pass", "a commit of this pull request"},
	{"POST /repos/{}/{}/hooks", "config", "pass", "where events go, which is the effect exports"},
}

// giteaUncheckable are rows with a container that the table cannot check, which it must refuse.
var giteaUncheckable = map[string]string{
	"POST /repos/{}/{}/issues/{}/dependencies":   "owner and repo together name the other issue's repository (getFormIssue)",
	"DELETE /repos/{}/{}/issues/{}/dependencies": "owner and repo together name the other issue's repository",
	"POST /repos/{}/{}/issues/{}/blocks":         "owner and repo together name the other issue's repository",
	"DELETE /repos/{}/{}/issues/{}/blocks":       "owner and repo together name the other issue's repository",
	"PATCH /repos/{}/{}/hooks/git/{}":            "the hook is a program that the server runs",
}

// giteaEverywhere are rows that show or change what lies in other containers, which nothing in the request names.
var giteaEverywhere = map[string]string{
	"DELETE /repos/{}/{}/issues/{}/times/{}":  "the entry is found by its number, whatever the issue (DeleteTime)",
	"GET /notifications":                      "of every repository",
	"GET /notifications/new":                  "of every repository",
	"GET /orgs":                               "every organization that the caller sees",
	"GET /repos/issues/search":                "of every repository",
	"GET /repos/search":                       "every repository that the caller sees",
	"GET /repos/{}/{}/compare/{}":             "owner:branch shows the commits of the owner's fork (parseCompareInfo)",
	"GET /repos/{}/{}/forks":                  "the forks are other repositories",
	"GET /repos/{}/{}/issues/{}/blocks":       "issues of other repositories",
	"GET /repos/{}/{}/issues/{}/dependencies": "issues of other repositories",
	"GET /repos/{}/{}/issues/{}/timeline":     "it shows what mentions the issue, anywhere",
	"GET /user/actions/jobs":                  "of every repository of the account",
	"GET /user/actions/runs":                  "of every repository of the account",
	"GET /user/orgs":                          "every organization of the account",
	"GET /user/quota/artifacts":               "of every repository of the account (Forgejo)",
	"GET /user/quota/attachments":             "of every repository of the account (Forgejo)",
	"GET /user/quota/packages":                "of everything of the account (Forgejo)",
	"GET /user/repos":                         "every repository of the account",
	"GET /user/starred":                       "in every repository",
	"GET /user/stopwatches":                   "in every repository",
	"GET /user/subscriptions":                 "in every repository",
	"GET /user/teams":                         "in every organization",
	"GET /user/times":                         "in every repository",
	"GET /users/{}/activities/feeds":          "in every repository that the caller sees",
	"GET /users/{}/heatmap":                   "in every repository that the caller sees",
	"GET /users/{}/orgs":                      "every organization that the caller sees",
	"GET /users/{}/repos":                     "every repository that the caller sees",
	"GET /users/{}/starred":                   "every repository that the caller sees",
	"GET /users/{}/subscriptions":             "every repository that the caller sees",
	"POST /repos/{}/{}/merge-upstream":        "it brings in what the repository is a fork of",
	"POST /repos/{}/{}/transfer/accept":       "the new owner is named nowhere",
	"PUT /notifications":                      "of every repository",
}

// giteaMints are the rows of the API whose answer, or whose doing, is as good as a credential. No other row mints.
var giteaMints = regexp.MustCompile(`^(` + strings.Join([]string{
	`GET .*/registration-token`, `POST .*/registration-token`, // runners
	`POST (/repos/\{\}/\{\}|/user|/admin/users/\{\})/keys`,
	`POST /user/gpg_keys`, `GET /user/gpg_key_token`, `POST /user/gpg_key_verify`,
	`POST /user/emails`, // of which one signs in
	`(POST|PATCH) /user/applications/oauth2(/\{\})?`,
	`(POST|PATCH) /admin/users(/\{\})?`, // with a password
}, "|") + `)$`)

// giteaSecrets are the rows that keep a secret of the caller's choice, and speak with it.
var giteaSecrets = regexp.MustCompile(`^(` + strings.Join([]string{
	`PUT .*/actions/secrets/\{\}`, `(POST|PATCH) .*/hooks(/\{\})?`, `POST /repos/\{\}/\{\}/push_mirrors`,
}, "|") + `)$`)

// giteaOtherCredentials are the operations that no token does.
var giteaOtherCredentials = regexp.MustCompile(`^((GET|POST|DELETE) /users/\{\}/tokens(/\{\})?|POST /activitypub/(actor|(user|repository)-id/\{\})/inbox)$`)

// giteaRights are the rows that give rights to others, for ever.
var giteaRights = regexp.MustCompile(`^(` + strings.Join([]string{
	`PUT /repos/\{\}/\{\}/collaborators/\{\}`, `PUT /repos/\{\}/\{\}/teams/\{\}`, `PUT /teams/\{\}/(members/\{\}|repos/\{\}/\{\})`,
	`(POST|PATCH) (/orgs/\{\}/teams|/teams/\{\})`, `POST /repos/\{\}/\{\}/transfer`, `POST /repos/\{\}/\{\}/keys`,
	`(POST|PATCH|DELETE) /repos/\{\}/\{\}/(branch|tag)_protections(/\{\}|/priority)?`, `(POST|PATCH) /admin/users(/\{\})?`,
}, "|") + `)$`)

// TestGiteaRights holds every row against the lists above.
func TestGiteaRights(t *testing.T) {
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range giteaViolations(table) {
		t.Error(v)
	}
}

// TestGiteaRightsNoticesViolations plants one violation of each kind.
func TestGiteaRightsNoticesViolations(t *testing.T) {
	for _, c := range []struct{ name, file, old, new, want string }{
		{"a write under a read permission", "wiki.yaml",
			"    create:\n      - route: POST /repos/{project}/wiki/new\n        body: {limit: 10MiB}\n",
			"      - POST /repos/{project}/wiki/new\n", "read_wiki"},
		{"a container that nothing checks", "projects.yaml",
			"- {param: new_owner, ref: namespace, needs: [create_project], required: true}",
			"- {param: new_owner, ref: namespace, needs: [create_project]}", "new_owner"},
		{"a container that passes", "projects.yaml", "        find: {param: organization, ref: group}\n",
			"        parameters: {organization: pass}\n        find: {param: org, ref: group}\n", "organization"},
		{"a credential without a badge", "system_access.yaml",
			"      - route: POST /user/emails\n        mints: sign-in address of an account\n", "      - POST /user/emails\n",
			"/user/emails"},
		{"a badge where there is no credential", "wiki.yaml", "      - route: POST /repos/{project}/wiki/new\n",
			"      - route: POST /repos/{project}/wiki/new\n        mints: page\n", "wiki/new"},
		{"a secret without a badge", "integrations.yaml", "POST /orgs/{group}/hooks exports stores_secret",
			"POST /orgs/{group}/hooks exports", "/orgs/{}/hooks"},
		{"a list of everything under one container", "project_planning.yaml", "GET /user/stopwatches spans boundary=user",
			"GET /user/stopwatches boundary=user", "/user/stopwatches"},
		{"a row that must be refused", "repository.yaml",
			"        refuse: a Git hook runs on the forge's server, with rights that no token narrows\n", "", "hooks/git"},
		{"rights without a badge", "groups.yaml", "PUT /repos/{project}/collaborators/{user} grants_rights",
			"PUT /repos/{project}/collaborators/{user}", "collaborators"},
		{"a secret in an answer", "integrations.yaml",
			"      - route: GET /orgs/{group}/hooks\n        response: {remove: [authorization_header]}\n",
			"      - GET /orgs/{group}/hooks\n", "authorization_header"},
		{"a push without its effect", "repository.yaml", "POST /repos/{project}/branches runs_as_owner", "POST /repos/{project}/branches",
			"branches"},
		{"a permission that nothing needs", "wiki.yaml", "    delete:\n      - DELETE /repos/{project}/wiki/page/{page_name}\n", "",
			"delete_wiki"},
		{"a boundary that nothing needs", "permissions.yaml", "read: {boundaries: [project], abilities: Read wikis}",
			"read: {boundaries: [project, group], abilities: Read wikis}", "read_wiki"},
	} {
		t.Run(c.name, func(t *testing.T) {
			violations := giteaViolations(giteaWith(t, c.file, c.old, c.new))
			if !slices.ContainsFunc(violations, func(v string) bool { return strings.Contains(v, c.want) }) {
				t.Errorf("not noticed: %q", violations)
			}
		})
	}
}

// giteaViolations lists where the table falls short of what this file says.
func giteaViolations(table *routes.Table) []string {
	var out []string
	violate := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	rows := map[string][]*routes.Route{}
	for _, r := range table.Routes() {
		if r.Surface != "" || strings.HasPrefix(r.Path, "/api/") {
			continue
		}
		shape := r.Method + " " + giteaShape(r.Path)
		rows[shape] = append(rows[shape], r)
		if r.Kind == routes.KindOtherCredential != giteaOtherCredentials.MatchString(shape) {
			violate("%s at %s is of kind %s", shape, r.Source, r.Kind)
		}
		if r.Kind != routes.KindPermission {
			continue
		}
		if r.Mints != "" != giteaMints.MatchString(shape) {
			violate("%s at %s mints %q", shape, r.Source, r.Mints)
		}
		if slices.Contains(r.Effects, routes.EffectStoresSecret) != giteaSecrets.MatchString(shape) {
			violate("%s at %s has effects %q", shape, r.Source, r.Effects)
		}
		if slices.Contains(r.Effects, "grants_rights") != giteaRights.MatchString(shape) {
			violate("%s at %s has effects %q", shape, r.Source, r.Effects)
		}
		if strings.Contains(shape, "/hooks") && !strings.Contains(shape, "/hooks/git") && r.Method != "DELETE" &&
			!strings.HasSuffix(shape, "/tests") &&
			!slices.Contains(r.Response.Remove, "authorization_header") {
			violate("%s at %s answers with authorization_header", shape, r.Source)
		}
		if changesRefs.MatchString(shape) && !slices.Contains(r.Effects, "runs_as_owner") {
			violate("%s at %s starts workflows as the owner, which it does not say", shape, r.Source)
		}
	}
	for _, r := range table.Routes() {
		if r.Kind == routes.KindPermission && r.Writes() && slices.Contains([]string{"read", "download"}, r.Action) {
			violate("%s %s at %s writes under %s", r.Method, r.Path, r.Source, table.Catalogue().Name(r.Needs[0]))
		}
	}
	for shape, why := range giteaUncheckable {
		if r := rows[shape]; len(r) != 1 || r[0].Refused == "" {
			violate("%s is not refused: %s", shape, why)
		}
	}
	for shape, why := range giteaEverywhere {
		if !slices.ContainsFunc(rows[shape], func(r *routes.Route) bool { return r.Spans }) {
			violate("%s does not span: %s", shape, why)
		}
	}
	for shape, list := range rows {
		for _, r := range list {
			if _, listed := giteaEverywhere[shape]; r.Spans && !listed {
				violate("%s at %s spans, for no reason that is listed", shape, r.Source)
			}
		}
	}
	for _, c := range giteaContainers {
		if r := rows[c.row]; len(r) != 1 || ruleOf(r[0], c.param) != c.rule {
			violate("%s: parameter %s is not %q: %s", c.row, c.param, c.rule, c.why)
		}
	}
	return append(out, giteaUnused(table)...)
}

// changesRefs matches the rows that change branches or tags of a repository, which starts workflows, but for those that only
// take away.
var changesRefs = regexp.MustCompile(`^(POST|PUT|PATCH) /repos/\{\}/\{\}/(branches(/\{\})?|tags|releases(/\{\})?|contents(/\{\})?|diffpatch|merge-upstream|mirror-sync|pulls/\{\}/(merge|update))$`)

// ruleOf tells what a row says of a parameter.
func ruleOf(r *routes.Route, param string) string {
	for _, t := range r.Targets {
		if t.Param == param {
			rule := "target " + t.Ref.String()
			if t.Required {
				rule += " required"
			}
			return rule
		}
	}
	switch {
	case r.Find.From == routes.FindInParam && r.Find.Name == param:
		return "find " + r.Find.Ref.String()
	case r.Params[param] == routes.ParamPass, r.Params[param] == routes.ParamRepeat:
		return "pass"
	case r.Params[param] == routes.ParamRefuse:
		return "refuse"
	}
	return ""
}

// giteaUnused lists permissions, and their boundaries, that no row needs.
func giteaUnused(table *routes.Table) []string {
	var out []string
	used := boundariesInUse(table)
	for p, info := range table.Catalogue().All() {
		for _, b := range info.Boundaries {
			if !used[p][b] {
				out = append(out, fmt.Sprintf("%s can be granted on %s, where no row needs it", info.Name, b))
			}
		}
		for b := range used[p] {
			// To the loader a namespace may be a project's, which no target of this table is.
			if !slices.Contains(info.Boundaries, b) && !(b == routes.BoundaryProject && info.Name == "create_project") {
				out = append(out, fmt.Sprintf("%s cannot be granted on %s, where a row needs it", info.Name, b))
			}
		}
	}
	return out
}
