package cli_test

import (
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// fluxKey is a public key as `flux bootstrap` makes it.
const fluxKey = "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBPb4XzjZJ3l2 flux"

// mints are the requests that hand a credential out, by the permission that is named for it; the body is a client's.
func (r *running) mints() []struct {
	permission, path string
	body             object
} {
	project, group := fmt.Sprintf("/api/v4/projects/%d", r.world.api), fmt.Sprintf("/api/v4/groups/%d", r.world.shop)
	access := object{"name": "terraform", "scopes": []string{"api"}, "access_level": 40, "expires_at": "2027-01-01",
		"description": "made by a plan"}
	deploy := object{"name": "pull", "username": "puller", "scopes": []string{"read_registry"}, "expires_at": "2027-01-01T00:00:00Z"}
	return []struct {
		permission, path string
		body             object
	}{
		{"create_deploy_key", project + "/deploy_keys", object{"title": "flux-system-main-flux-system-./clusters/my", "key": fluxKey,
			"can_push": false}},
		{"create_deploy_token", project + "/deploy_tokens", deploy},
		{"create_deploy_token", group + "/deploy_tokens", deploy},
		{"create_resource_access_token", project + "/access_tokens", access},
		{"create_resource_access_token", group + "/access_tokens", access},
		{"create_trigger", project + "/triggers", object{"description": "from a plan"}},
		{"rotate_resource_access_token", project + "/access_tokens/1/rotate", object{"expires_at": "2027-01-01"}},
		{"rotate_resource_access_token", group + "/access_tokens/1/rotate", object{"expires_at": "2027-01-01"}},
		{"create_cluster_agent_token", project + "/cluster_agents/1/tokens", object{"name": "agent"}},
	}
}

// TestMinting: what hands out a credential is reached by a permission that is named, in the places of its scope, and by no
// wildcard, older token, token made by one without it, or scope with limits; and the credential is nowhere but in the answer.
func TestMinting(t *testing.T) {
	r := startRunning(t)
	w := r.world
	everywhere := func(permissions ...string) object {
		return object{"access": "selected_memberships", "permissions": permissions, "project_ids": []int64{w.web},
			"group_ids": []int64{w.shop}}
	}
	wild := r.make(t, creation("wild", everywhere("*", "create_*")))
	t.Run("no wildcard", func(t *testing.T) {
		for _, c := range r.mints() {
			r.world.forge.ForgetRequests()
			a := r.call(t, wild.Token, "POST", c.path, c.body)
			if a.status != 403 || !strings.Contains(a.body, `"missing_permissions":["`+c.permission+`"]`) ||
				!strings.Contains(a.body, `"reason":"permission_missing"`) {
				t.Errorf("POST %s: %d %s", c.path, a.status, a.body)
			}
			if got := r.world.forge.Requests(); len(got) > 0 {
				t.Errorf("POST %s: the forge was asked %s", c.path, got[0].Target)
			}
		}
	})
	t.Run("by name, with a warning that says what escapes", func(t *testing.T) {
		for _, c := range r.mints() {
			v := r.make(t, creation(c.permission, everywhere(c.permission)))
			if text := strings.Join(v.Warnings, "\n"); !strings.Contains(text,
				c.permission+" makes credentials that no limit of this token holds: whoever has") ||
				!strings.Contains(text, "past patgate") {
				t.Errorf("%s is made without a warning: %q", c.permission, text)
			}
			r.world.forge.ForgetRequests()
			a := r.call(t, v.Token, "POST", c.path, c.body)
			got := r.world.forge.LastRequest()
			if at, _, _ := strings.Cut(got.Target, "?"); a.status == 403 || at != c.path || got.Header.Get("Private-Token") != w.alicePAT {
				t.Errorf("POST %s: %d %s; the forge got %s by %q", c.path, a.status, a.body, got.Target, got.Header)
			}
			for _, name := range []string{"name", "title", "description", "expires_at"} {
				if text, ok := c.body[name].(string); ok && !strings.Contains(string(got.Body), text) {
					t.Errorf("POST %s: the forge did not get %s: %s", c.path, name, got.Body)
				}
			}
			if other := r.call(t, v.Token, "POST", strings.NewReplacer(fmt.Sprintf("projects/%d", w.api),
				fmt.Sprintf("projects/%d", w.plans),
				fmt.Sprintf("groups/%d", w.shop), fmt.Sprintf("groups/%d", w.secret)).Replace(c.path), c.body); other.status != 403 {
				t.Errorf("POST %s elsewhere: %d %s", c.path, other.status, other.body)
			}
		}
	})
	t.Run("what no grant reaches", func(t *testing.T) {
		v := r.make(t, creation("all by name", everywhere("create_deploy_key", "create_resource_access_token",
			"rotate_resource_access_token"),
			account("create_ssh_key", "create_runner"), object{"access": "instance", "permissions": []string{"create_deploy_key"}}))
		for _, target := range []string{"/deploy_keys", "/user/keys", "/user/runners",
			fmt.Sprintf("/projects/%d/access_tokens/self/rotate", w.api),
			fmt.Sprintf("/groups/%d/manage/resource_access_tokens/1/rotate", w.shop)} {
			if a := r.call(t, v.Token, "POST", "/api/v4"+target, object{"title": "x", "key": fluxKey}); a.status != 403 ||
				!strings.Contains(a.body, `"reason":"mints"`) {
				t.Errorf("POST %s: %d %s", target, a.status, a.body)
			}
		}
	})
	t.Run("a token from before is not widened until its owner confirms it", func(t *testing.T) {
		v := r.make(t, creation("old", everywhere("create_deploy_token")))
		r.alter(t, "UPDATE tokens SET table_version = 1 WHERE id = "+strconv.FormatInt(v.ID, 10))
		body, target := r.mints()[1].body, r.mints()[1].path
		if a := r.call(t, v.Token, "POST", target, body); a.status != 403 || !strings.Contains(a.body, `"reason":"newer_than_token"`) {
			t.Fatalf("%d %s", a.status, a.body)
		}
		r.want(t, 200, w.alicePAT, "POST", extra(v.ID, "/confirm"), nil)
		r.want(t, 201, v.Token, "POST", target, body)
	})
	t.Run("a scope with limits on pushes makes none", func(t *testing.T) {
		scope := on(w.api, "create_deploy_key")
		scope["constraints"] = object{"ref_patterns": []string{"refs/heads/bot/*"}}
		v := r.make(t, creation("limited", scope))
		if a := r.call(t, v.Token, "POST", r.mints()[0].path, r.mints()[0].body); a.status != 403 ||
			!strings.Contains(a.body, `"reason":"constrained"`) {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("a token gives on what it has", func(t *testing.T) {
		child := creation("child", on(w.api, "create_deploy_token"))
		delete(child, "seal")
		without := r.make(t, creation("without", on(w.api, "read_deploy_token"), account("create_personal_access_token")))
		if _, text := r.want(t, 403, without.Token, "POST", userTokens, child); !strings.Contains(text, "create_deploy_token") {
			t.Error(text)
		}
		with := r.make(t, creation("with", on(w.api, "create_deploy_token"), account("create_personal_access_token")))
		made, _ := r.want(t, 201, with.Token, "POST", userTokens, child)
		r.want(t, 201, made.Token, "POST", r.mints()[1].path, r.mints()[1].body)
	})
	t.Run("Flux and Terraform", func(t *testing.T) { r.fluxAndTerraform(t) })
	t.Run("the command and the report tell", func(t *testing.T) {
		cmd := exec.Command("patgate", "token", "create", "--name", "flux", "--project", "shop/backend/api", "--allow", "create_deploy_key")
		cmd.Env, cmd.Dir = append(r.env, "PATGATE_OWNER_CREDENTIAL="+w.alicePAT), r.dir
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out),
			"patgate: note: create_deploy_key makes credentials that no limit of this token holds") {
			t.Errorf("%v %s", err, out)
		}
		for _, args := range [][]string{{"token", "list"}, {"token", "list", "--server", r.gate}} {
			list := exec.Command("patgate", args...)
			list.Env, list.Dir = cmd.Env, r.dir
			out, err := list.CombinedOutput()
			marked := strings.Count(string(out), "MAKES CREDENTIALS: create_deploy_key on project")
			if err != nil || marked == 0 || strings.Contains(string(out), "MAKES CREDENTIALS: read_") {
				t.Errorf("patgate %v: %v\n%s", args, err, out)
			}
		}
		if _, text := r.want(t, 200, w.alicePAT, "GET", ownAPI+"/report", nil); !strings.Contains(text, `"makes_credentials"`) {
			t.Error(text)
		}
		out, err := exec.Command("patgate", "routes", "explain", "POST", "/api/v4/projects/7/deploy_tokens").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "past patgate") {
			t.Errorf("%v %s", err, out)
		}
	})
}

// fluxAndTerraform asks what `flux bootstrap gitlab` and resources of Terraform's provider for GitLab ask, by the library that
// both use. What is minted comes, and nothing of it is written anywhere.
func (r *running) fluxAndTerraform(t *testing.T) {
	w := r.world
	v := r.make(t, creation("infrastructure", object{"access": "selected_memberships", "group_ids": []int64{w.shop},
		"permissions": []string{
			"read_project", "read_deploy_key", "create_deploy_key", "delete_deploy_key", "read_deploy_token", "create_deploy_token",
			"delete_deploy_token",
			"read_resource_access_token", "create_resource_access_token", "rotate_resource_access_token", "delete_resource_access_token",
			"read_trigger", "create_trigger", "delete_trigger"}}))
	client, err := gitlab.NewClient(v.Token, gitlab.WithBaseURL(r.gate), gitlab.WithoutRetries())
	if err != nil {
		t.Fatal(err)
	}
	kept := func(name, secret, prefix string, err error) {
		t.Helper()
		if err != nil || !strings.HasPrefix(secret, prefix) {
			t.Errorf("%s: %q %v", name, secret, err)
			return
		}
		r.secret(name, secret)
	}
	yes, until := true, gitlab.ISOTime(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	key, _, err := client.DeployKeys.AddDeployKey("shop/backend/api", &gitlab.AddDeployKeyOptions{Title: gitlab.Ptr("flux"),
		Key: gitlab.Ptr(fluxKey), CanPush: &yes})
	if err != nil || key.Key != fluxKey {
		t.Fatalf("deploy key: %v %+v", err, key)
	}
	if keys, _, err := client.DeployKeys.ListProjectDeployKeys("shop/backend/api", nil); err != nil || len(keys) == 0 {
		t.Errorf("deploy keys: %v %v", err, keys)
	}
	scopes := []string{"read_repository"}
	token, _, err := client.DeployTokens.CreateProjectDeployToken(w.api, &gitlab.CreateProjectDeployTokenOptions{Name: gitlab.Ptr("tf"),
		Scopes: &scopes})
	if err != nil {
		t.Fatal(err)
	}
	kept("deploy token", token.Token, "gldt-", nil)
	ofGroup, _, err := client.DeployTokens.CreateGroupDeployToken("shop", &gitlab.CreateGroupDeployTokenOptions{Name: gitlab.Ptr("tf"),
		Scopes: &scopes})
	if err != nil {
		t.Fatal(err)
	}
	kept("group deploy token", ofGroup.Token, "gldt-", nil)
	access, _, err := client.ProjectAccessTokens.CreateProjectAccessToken("shop/backend/api",
		&gitlab.CreateProjectAccessTokenOptions{Name: gitlab.Ptr("tf"),
			Scopes: &scopes, AccessLevel: gitlab.Ptr(gitlab.MaintainerPermissions), ExpiresAt: &until})
	if err != nil {
		t.Fatal(err)
	}
	kept("access token", access.Token, "glpat-", nil)
	rotated, _, err := client.ProjectAccessTokens.RotateProjectAccessToken("shop/backend/api", access.ID,
		&gitlab.RotateProjectAccessTokenOptions{ExpiresAt: &until})
	if err != nil || rotated.Token == access.Token {
		t.Fatalf("%v %+v", err, rotated)
	}
	kept("rotated access token", rotated.Token, "glpat-", nil)
	if _, err := client.ProjectAccessTokens.RevokeProjectAccessToken("shop/backend/api", access.ID); err != nil {
		t.Error(err)
	}
	trigger, _, err := client.PipelineTriggers.AddPipelineTrigger(w.api, &gitlab.AddPipelineTriggerOptions{Description: gitlab.Ptr("tf")})
	if err != nil {
		t.Fatal(err)
	}
	kept("trigger token", trigger.Token, "glptt-", nil)
	if text := r.logText(); strings.Contains(text, trigger.Token) || strings.Contains(text, rotated.Token) ||
		strings.Contains(text, token.Token) {
		t.Error("the log holds what was minted")
	}
}

// alter changes what is stored, as an older patgate would have stored it.
func (r *running) alter(t *testing.T, statement string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(r.dir, "data", "db", "*.db"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	db, err := sql.Open("sqlite", "file:"+names[0]+"?_txlock=immediate&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
