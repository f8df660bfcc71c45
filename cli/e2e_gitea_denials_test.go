package cli_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

// giteaDenials asks for what lies outside the one repository of a token that holds every permission there.
func giteaDenials(t *testing.T, g *giteaStage) {
	const every = "read_project,update_project,delete_project,read_work_item,create_work_item,read_repository,read_member,create_member,read_webhook,create_webhook"
	secret := g.mint(t, "--name", "one repository", "--project", "acme/app", "--allow", every)
	g.gets(t, http.StatusOK, secret, http.MethodGet, "/repos/acme/app", nil) // positive control
	t.Run("the other repositories of that name", func(t *testing.T) {
		for _, path := range []string{"umbra/app", "alice/app", "bob/app", "acme/site", "acme/no-such-thing"} {
			g.denied(t, secret, http.MethodGet, "/repos/"+path, nil, "read_project")
			g.denied(t, secret, http.MethodGet, "/repos/"+path+"/issues", nil, "read_work_item")
			g.denied(t, secret, http.MethodPatch, "/repos/"+path, object{"description": "x"}, "update_project")
			g.denied(t, secret, http.MethodDelete, "/repos/"+path, nil, "delete_project")
		}
	})
	t.Run("organizations, and what lies in them", func(t *testing.T) {
		g.denied(t, secret, http.MethodGet, "/orgs/acme", nil, "read_group")
		g.denied(t, secret, http.MethodGet, "/orgs/umbra/repos", nil, "read_project")
		g.denied(t, secret, http.MethodPost, "/orgs/acme/repos", object{"name": "new"}, "create_project")
		g.denied(t, secret, http.MethodDelete, "/orgs/acme", nil, "delete_group")
	})
	t.Run("a user as a group", func(t *testing.T) {
		own := g.mint(t, "--name", "own repositories", "--group", "alice", "--allow", "read_project,read_package")
		personal := g.mint(t, "--name", "personal", "--personal", "--allow", "read_project")
		everywhere := g.mint(t, "--name", "everywhere", "--all-memberships", "--allow", "read_project")
		for _, token := range []string{own, personal} {
			g.gets(t, http.StatusOK, token, http.MethodGet, "/repos/alice/app", nil)
			g.denied(t, token, http.MethodGet, "/repos/acme/app", nil, "read_project")
			g.denied(t, token, http.MethodGet, "/repos/bob/app", nil, "read_project")
		}
		g.gets(t, http.StatusOK, own, http.MethodGet, "/packages/alice", nil)
		g.denied(t, own, http.MethodGet, "/packages/acme", nil, "read_package")
		for _, path := range []string{"alice/app", "acme/app", "umbra/app"} {
			g.gets(t, http.StatusOK, everywhere, http.MethodGet, "/repos/"+path, nil)
		}
		g.gets(t, http.StatusNotFound, everywhere, http.MethodGet, "/repos/bob/app", nil)
	})
	t.Run("what is public", func(t *testing.T) {
		g.forge.AddRepository("bob/open", false)
		g.gets(t, http.StatusOK, secret, http.MethodGet, "/repos/bob/open", nil) // as anybody may
		g.denied(t, secret, http.MethodPatch, "/repos/bob/open", object{"description": "x"}, "update_project")
		everywhere := g.mint(t, "--name", "memberships", "--all-memberships", "--allow",
			"read_project,star_project,update_notification_setting")
		g.denied(t, everywhere, http.MethodPut, "/repos/bob/open/subscription", nil, "update_notification_setting")
	})
	t.Run("everything of the owner", func(t *testing.T) {
		for _, path := range []string{"/user/orgs", "/user/teams", "/notifications", "/user/emails"} {
			g.denied(t, secret, http.MethodGet, path, nil, "read_")
		}
		for _, path := range []string{"/user/repos", "/repos/search", "/repos/search?q=app&limit=1", "/repos/issues/search"} {
			a := g.api(secret, http.MethodGet, "/api/v1"+path, nil)
			if a.status != http.StatusOK || strings.Contains(a.body, "umbra") || strings.Contains(a.body, "alice/app") ||
				!strings.Contains(path, "issues") && (!strings.Contains(a.body, `"full_name":"acme/app"`) ||
					a.header.Get("X-Total-Count") != "1") {
				t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
			}
		}
	})
	t.Run("administration", func(t *testing.T) {
		g.denied(t, secret, http.MethodGet, "/admin/users", nil, "read_user")
		g.denied(t, secret, http.MethodPost, "/admin/users", object{"username": "mallory", "email": "m@localhost.invalid",
			"password": "Secret-123456"}, "password of an account")
		g.denied(t, secret, http.MethodPost, "/admin/cron/update_mirrors", nil, "run_cron_task")
	})
	t.Run("GraphQL", func(t *testing.T) {
		a := g.api(secret, http.MethodPost, "/api/graphql", object{"query": "{currentUser{id}}"})
		if a.status != http.StatusNotFound || !strings.Contains(a.body, "have no GraphQL") {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	})
	t.Run("another method, hidden", func(t *testing.T) {
		a := send(http.MethodGet, g.gate+"/api/v1/repos/acme/app?_method=DELETE", http.Header{"Authorization": {"token " + secret}}, nil)
		if a.status != http.StatusBadRequest {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	})
}

// giteaSecondContainers names a second container in a parameter.
func giteaSecondContainers(t *testing.T, g *giteaStage) {
	secret := g.mint(t, "--name", "second containers", "--project", "acme/app", "--allow",
		"read_project,fork_project,transfer_project,create_merge_request,read_merge_request,update_project,read_repository")
	t.Run("a fork into another owner", func(t *testing.T) {
		g.denied(t, secret, http.MethodPost, "/repos/acme/app/forks", object{"organization": "umbra", "name": "stolen"}, "create_project")
		g.denied(t, secret, http.MethodPost, "/repos/acme/app/forks", object{"name": "stolen"}, "")
		g.direct(t, g.world.alicePAT, http.MethodGet, "/repos/umbra/stolen", nil, http.StatusNotFound)
		g.direct(t, g.world.alicePAT, http.MethodGet, "/repos/alice/stolen", nil, http.StatusNotFound)
	})
	t.Run("a transfer", func(t *testing.T) {
		g.denied(t, secret, http.MethodPost, "/repos/acme/app/transfer", object{"new_owner": "umbra"}, "")
		g.direct(t, g.world.alicePAT, http.MethodGet, "/repos/acme/app", nil, http.StatusOK)
	})
	t.Run("a repository made from a template", func(t *testing.T) {
		g.direct(t, g.forge.AdminToken, http.MethodPatch, "/repos/acme/app", object{"template": true}, http.StatusOK)
		g.denied(t, secret, http.MethodPost, "/repos/acme/app/generate", object{"owner": "umbra", "name": "stolen", "git_content": true},
			"create_project")
		g.direct(t, g.world.alicePAT, http.MethodGet, "/repos/umbra/stolen", nil, http.StatusNotFound)
	})
	t.Run("a pull request from another owner's fork", func(t *testing.T) {
		g.denied(t, secret, http.MethodPost, "/repos/acme/app/pulls", object{"head": "umbra:main", "base": "main", "title": "x"},
			"read_repository")
	})
	t.Run("a migration", func(t *testing.T) {
		g.denied(t, secret, http.MethodPost, "/repos/migrate", object{"clone_addr": g.forge.URL() + "/umbra/app.git",
			"repo_name": "stolen", "repo_owner": "acme"}, "create_project")
	})
	t.Run("allowed where both ends are", func(t *testing.T) {
		both := g.mint(t, "--name", "both ends", "--group", "acme", "--group", "umbra", "--allow",
			"read_project,fork_project,create_project,read_repository")
		g.gets(t, http.StatusAccepted, both, http.MethodPost, "/repos/acme/app/forks", object{"organization": "umbra", "name": "forked"})
		g.direct(t, g.world.alicePAT, http.MethodGet, "/repos/umbra/forked", nil, http.StatusOK)
	})
}

// giteaCredentials asks for what mints credentials or acts as somebody else, and puts the token wherever Gitea takes one.
func giteaCredentials(t *testing.T, g *giteaStage) {
	wide := g.mint(t, "--name", "wide", "--all-memberships", "--allow", "read_*,create_*,update_*,delete_*")
	t.Run("no wildcard holds what mints a credential", func(t *testing.T) {
		for path, body := range map[string]any{
			"/user/keys": object{"title": "k",
				"key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIdIVtOZcr1zmgjqRqAhOUcOlJYcmkrq5nV5KZ9ZzFJZ"},
			"/repos/acme/app/keys": object{"title": "k",
				"key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIdIVtOZcr1zmgjqRqAhOUcOlJYcmkrq5nV5KZ9ZzFJZ"},
			"/user/applications/oauth2": object{"name": "o", "redirect_uris": []string{"http://localhost"}},
			"/repos/acme/app/hooks": object{"type": "gitea", "active": true, "events": []string{"push"},
				"config": object{"url": "http://127.0.0.1:1/", "content_type": "json"}},
			"/users/alice/tokens":                                object{"name": "t", "scopes": []string{"all"}},
			"/repos/acme/app/push_mirrors":                       object{"remote_address": "http://127.0.0.1:1/x.git", "interval": "8h"},
			"/orgs/acme/actions/runners/registration-token":      nil,
			"/repos/acme/app/actions/runners/registration-token": nil,
		} {
			g.denied(t, wide, http.MethodPost, path, body, "")
		}
		g.denied(t, wide, http.MethodGet, "/repos/acme/app/actions/runners/registration-token", nil, "")
	})
	t.Run("no wildcard lets others in or makes things public", func(t *testing.T) {
		wild := g.mint(t, "--name", "wild", "--project", "acme/app", "--allow", "create_*,update_*")
		g.denied(t, wild, http.MethodPut, "/repos/acme/app/collaborators/bob", object{"permission": "admin"}, "create_member")
		g.denied(t, wild, http.MethodPatch, "/repos/acme/app", object{"private": false}, "update_project")
		g.denied(t, wild, http.MethodPost, "/repos/acme/app/branch_protections", object{"rule_name": "main", "enable_push": true},
			"create_protected_branch")
		named := g.mint(t, "--name", "named", "--project", "acme/app", "--allow", "update_*,update_project")
		g.gets(t, http.StatusOK, named, http.MethodPatch, "/repos/acme/app", object{"description": "by name"})
	})
	reads := g.mint(t, "--name", "reads", "--project", "acme/app", "--allow", "read_project")
	const path = "/api/v1/repos/acme/app"
	t.Run("wherever Gitea takes a credential", func(t *testing.T) {
		basic := func(user, password string) string {
			return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
		}
		for name, header := range map[string]string{"token": "token " + reads, "Bearer": "Bearer " + reads,
			"a password": basic("ci", reads), "a user name": basic(reads, ""),
			"a user name with x-oauth-basic": basic(reads, "x-oauth-basic")} {
			if a := send(http.MethodGet, g.gate+path, http.Header{"Authorization": {header}}, nil); a.status != http.StatusOK {
				t.Errorf("%s: status %d: %s", name, a.status, a.body)
			}
		}
		for _, parameter := range []string{"token", "access_token"} {
			a := send(http.MethodGet, g.gate+path+"?"+parameter+"="+reads, http.Header{}, nil)
			if a.status != http.StatusBadRequest || !strings.Contains(a.body, "URL") {
				t.Errorf("the parameter %s, which logs would keep: status %d: %s", parameter, a.status, a.body)
			}
		}
		two := send(http.MethodGet, g.gate+path, http.Header{"Authorization": {"token " + reads}, "Private-Token": {wide}}, nil)
		if two.status != http.StatusBadRequest {
			t.Errorf("two credentials: status %d: %s", two.status, two.body)
		}
	})
	t.Run("nobody acts as somebody else", func(t *testing.T) {
		before := len(g.heard(t))
		for name, header := range map[string]http.Header{"Sudo": {"Sudo": {"bob"}},
			"the header of a reverse proxy": {"X-Webauth-User": {"bob"}},
			"its address":                   {"X-Webauth-Email": {"bob@localhost.invalid"}},
			"a second factor":               {"X-Gitea-Otp": {"123456"}}} {
			header.Set("Authorization", "token "+reads)
			a := send(http.MethodGet, g.gate+path, header, nil)
			if a.status != http.StatusBadRequest && a.status != http.StatusForbidden {
				t.Errorf("%s: status %d: %s", name, a.status, a.body)
			}
		}
		if a := send(http.MethodGet, g.gate+path+"?sudo=bob", http.Header{"Authorization": {"token " + reads}},
			nil); a.status != http.StatusBadRequest {
			t.Errorf("sudo: status %d: %s", a.status, a.body)
		}
		for _, line := range g.heard(t)[before:] {
			if !isQuestion(line) {
				t.Errorf("Gitea was asked: %s", line)
			}
		}
	})
	t.Run("a Gitea token passes through as it did before", func(t *testing.T) {
		if a := send(http.MethodGet, g.gate+"/api/v1/user", http.Header{"Authorization": {"token " + g.bobToken}},
			nil); a.status != http.StatusOK || !strings.Contains(a.body, `"login":"bob"`) {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	})
}

// giteaOwners makes tokens on the word of forge credentials that must not count.
func giteaOwners(t *testing.T, g *giteaStage) {
	create := func(credential string) (string, error) {
		cmd := g.command("token", "create", "--json", "--name", "x", "--project", "acme/app", "--allow", "read_project")
		cmd.Env = append(cmd.Env, "PATGATE_OWNER_CREDENTIAL="+credential)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for name, c := range map[string]struct{ credential, says string }{
		"an administrator's":            {g.forge.AdminToken, "administrator"},
		"one that cannot read the user": {g.forge.AddToken("alice", "blind", "write:repository"), "read:user"},
		"one for organizations alone": {g.forge.AddToken("alice", "organizations", "read:organization", "read:user"),
			"read:repository"},
		"somebody else's, for what he does not see": {g.bobToken, "acme/app"},
		"a made-up one": {"0123456789abcdef0123456789abcdef01234567", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := create(c.credential); err == nil || !strings.Contains(out, c.says) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	t.Run("a token of narrow scopes seals and serves what they reach", func(t *testing.T) {
		narrow := g.forge.AddToken("alice", "narrow", "read:repository", "read:organization", "read:user")
		g.secret("a narrow forge token", narrow)
		was := g.world.alicePAT
		g.world.alicePAT = narrow
		defer func() { g.world.alicePAT = was }()
		secret := g.mint(t, "--name", "narrow", "--project", "acme/app", "--allow", "read_project,update_project")
		g.gets(t, http.StatusOK, secret, http.MethodGet, "/repos/acme/app", nil)
		g.gets(t, http.StatusForbidden, secret, http.MethodPatch, "/repos/acme/app", object{"description": "x"})
	})
}
