package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
	"golang.org/x/oauth2"

	"patgate/forge/forgetest"
)

// provider is Terraform's provider for GitLab, as far as its resources for tokens go (19.1): the same library, the credential in the
// same place, the same requests in the same order.
type provider struct{ *gitlab.Client }

// provider configures it, which asks who it is (early_auth_check).
func (r *running) provider(t *testing.T, credential string) provider {
	t.Helper()
	source := gitlab.OAuthTokenSource{TokenSource: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: credential})}
	client, err := gitlab.NewAuthSourceClient(source, gitlab.WithBaseURL(r.gate+"/api/v4/"), gitlab.WithCustomRetryMax(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := client.Users.CurrentUser(); err != nil {
		t.Fatal(err)
	}
	return provider{client}
}

// state is what the resources keep of a token.
type state struct {
	id, user                  int64
	name, about, ends, secret string
	scopes                    []string
	active, revoked           bool
}

func (r *running) stateOf(t *testing.T, v *gitlab.PersonalAccessToken, err error) state {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if v.CreatedAt == nil || v.ExpiresAt == nil {
		t.Fatalf("created %v, expires %v: the plan would never be empty", v.CreatedAt, v.ExpiresAt)
	}
	if v.Token != "" {
		r.secret("Terraform's token", v.Token)
	}
	return state{v.ID, v.UserID, v.Name, v.Description, v.ExpiresAt.String(), v.Token, v.Scopes, v.Active, v.Revoked}
}

// refresh reads a token, which must be as it was left; the secret is not told again.
func (p provider) refresh(t *testing.T, r *running, want state) {
	t.Helper()
	v, _, err := p.PersonalAccessTokens.GetSinglePersonalAccessTokenByID(want.id)
	got := r.stateOf(t, v, err)
	if want.secret = ""; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%+v, was %+v", got, want)
	}
}

// rotate is what rotation_configuration does.
func (p provider) rotate(t *testing.T, r *running, old state, ends gitlab.ISOTime) state {
	t.Helper()
	v, _, err := p.PersonalAccessTokens.RotatePersonalAccessTokenByID(old.id, &gitlab.RotatePersonalAccessTokenOptions{ExpiresAt: &ends})
	s := r.stateOf(t, v, err)
	if s.id == old.id || s.secret == "" || s.secret == old.secret || s.ends != ends.String() || !s.active {
		t.Fatalf("%+v of %+v", s, old)
	}
	if s.name != old.name || s.about != old.about || !slices.Equal(s.scopes, old.scopes) || s.user != old.user {
		t.Errorf("%+v, and was %+v: an apply would not end as planned", s, old)
	}
	return s
}

// destroy revokes it, as often as it is asked to; the next refresh sees that it is revoked.
func (p provider) destroy(t *testing.T, r *running, s state) {
	t.Helper()
	for range 2 {
		if _, err := p.PersonalAccessTokens.RevokePersonalAccessTokenByID(s.id); err != nil {
			t.Error(err)
		}
	}
	s.active, s.revoked = false, true
	p.refresh(t, r, s)
}

// refusedTo tells the text of a 403.
func refusedTo(t *testing.T, response *gitlab.Response, err error) string {
	t.Helper()
	if err == nil || response == nil || response.StatusCode != http.StatusForbidden {
		t.Fatalf("not refused: %v", err)
	}
	return err.Error()
}

// TestTheConversationOfTheTerraformProvider makes the requests of the provider's resources for tokens, by the library that it is made
// with: create, read, rotate ahead of expiry, destroy.
func TestTheConversationOfTheTerraformProvider(t *testing.T) {
	r := startRunning(t)
	w := r.world
	r.make(t, creation("the owner seals a credential once", on(w.api, "read_job")))
	day := func(days int) gitlab.ISOTime {
		return gitlab.ISOTime(time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, days))
	}
	soon, later := day(30), day(60)
	works := func(t *testing.T, status int, secret string) {
		t.Helper()
		if a := send("GET", fmt.Sprintf("%s/api/v4/projects/%d", r.gate, w.api),
			http.Header{"Authorization": {"Bearer " + secret}}, nil); a.status != status {
			t.Errorf("%d, want %d: %s", a.status, status, a.body)
		}
	}

	// gitlab_personal_access_token makes tokens of the forge's own: it sends scopes, and an administrator's credential.
	t.Run("plain tokens", func(t *testing.T) {
		root := w.forge.AddUser("root")
		w.forge.SetAdmin(root)
		pat := w.forge.AddToken(root, forgetest.Token{Name: "terraform"})
		r.secret("root's forge token", pat)
		p := r.provider(t, pat)
		v, _, err := p.Users.CreatePersonalAccessToken(w.alice, &gitlab.CreatePersonalAccessTokenOptions{Name: gitlab.Ptr("plain"),
			Description: gitlab.Ptr("made by Terraform"), Scopes: &[]string{"read_api"}, ExpiresAt: &soon})
		made := r.stateOf(t, v, err)
		if made.secret == "" || made.name != "plain" || made.about != "made by Terraform" || !slices.Equal(made.scopes,
			[]string{"read_api"}) ||
			made.ends != soon.String() || made.user != w.alice {
			t.Fatalf("%+v", made)
		}
		p.refresh(t, r, made)
		works(t, 200, made.secret)
		rotated := p.rotate(t, r, made, later)
		works(t, 200, rotated.secret)
		works(t, 401, made.secret)
		p.destroy(t, r, rotated)
		works(t, 401, rotated.secret)
		if list, _, err := r.provider(t, w.alicePAT).PersonalAccessTokens.ListPersonalAccessTokens(nil); err != nil ||
			!slices.ContainsFunc(list,
				func(v *gitlab.PersonalAccessToken) bool { return v.ID == rotated.id && v.Revoked }) {
			t.Errorf("%v %v", list, err)
		}
	})

	// A fine-grained token, made elsewhere, is imported by its id: Terraform rotates it, and ends it.
	t.Run("a fine-grained token that is imported", func(t *testing.T) {
		p := r.provider(t, w.alicePAT)
		body := creation("imported", on(w.api, "read_project"))
		body["description"], body["expires_at"] = "made by hand", soon.String()
		made := r.make(t, body)
		v, _, err := p.PersonalAccessTokens.GetSinglePersonalAccessTokenByID(made.ID)
		s := r.stateOf(t, v, err)
		if want := (state{made.ID, w.alice, "imported", "made by hand", soon.String(), "", []string{"granular"}, true,
			false}); fmt.Sprint(s) !=
			fmt.Sprint(want) {
			t.Fatalf("%+v, want %+v", s, want)
		}
		var list []shown
		a := send("GET", r.gate+"/api/v4/personal_access_tokens?granular=true&state=active&search=imported&per_page=100",
			http.Header{"Authorization": {"Bearer " + w.alicePAT}}, nil)
		if a.status != 200 || json.Unmarshal([]byte(a.body), &list) != nil || len(list) != 1 || list[0].ID != made.ID {
			t.Error(a.status, a.body)
		}
		rotated := p.rotate(t, r, s, later)
		works(t, 200, rotated.secret)
		works(t, 401, made.Token)
		p.refresh(t, r, rotated)
		p.destroy(t, r, rotated)
		works(t, 401, rotated.secret)
	})

	// A patgate token makes none by scopes, for nobody: they say nothing of places.
	t.Run("by a patgate token", func(t *testing.T) {
		parent := r.make(t, creation("parent", on(w.api, "read_project"),
			account("create_personal_access_token", "read_personal_access_token", "rotate_personal_access_token",
				"revoke_personal_access_token")))
		p := r.provider(t, parent.Token)
		w.forge.ForgetRequests()
		options := &gitlab.CreatePersonalAccessTokenOptions{Name: gitlab.Ptr("plain"), Scopes: &[]string{"api"}, ExpiresAt: &soon}
		_, response, err := p.Users.CreatePersonalAccessToken(w.alice, options)
		if text := refusedTo(t, response, err); !strings.Contains(text, "personal access token") {
			t.Error(text)
		}
		if asked := w.forge.Requests(); len(asked) > 0 {
			t.Errorf("the forge was asked %s", asked[0].Target)
		}
	})

	t.Run("access tokens of projects and groups", func(t *testing.T) {
		v := r.make(t, creation("infrastructure", object{"access": "selected_memberships", "group_ids": []int64{w.shop},
			"permissions": []string{"read_resource_access_token", "create_resource_access_token", "rotate_resource_access_token",
				"delete_resource_access_token"}}))
		p := r.provider(t, v.Token)
		project, _, err := p.ProjectAccessTokens.CreateProjectAccessToken("shop/backend/api", &gitlab.CreateProjectAccessTokenOptions{
			Name: gitlab.Ptr("plain"), Description: gitlab.Ptr("made by Terraform"), Scopes: &[]string{"read_api"},
			AccessLevel: gitlab.Ptr(gitlab.ReporterPermissions), ExpiresAt: &soon})
		if err != nil || project.AccessLevel != gitlab.ReporterPermissions || project.UserID == 0 {
			t.Fatal(err, project)
		}
		made := r.stateOf(t, &gitlab.PersonalAccessToken{ID: project.ID, UserID: project.UserID, Name: project.Name,
			Description: project.Description,
			CreatedAt:   project.CreatedAt, ExpiresAt: project.ExpiresAt, Token: project.Token, Scopes: project.Scopes,
			Active: project.Active}, nil)
		if made.secret == "" || made.name != "plain" || made.about != "made by Terraform" || made.ends != soon.String() {
			t.Fatalf("%+v", made)
		}
		again, _, err := p.ProjectAccessTokens.GetProjectAccessToken("shop/backend/api", made.id)
		if err != nil || again.Token != "" || again.Name != made.name || !again.Active || again.ExpiresAt.String() != made.ends {
			t.Fatal(err, again)
		}
		next, _, err := p.ProjectAccessTokens.RotateProjectAccessToken("shop/backend/api", made.id,
			&gitlab.RotateProjectAccessTokenOptions{ExpiresAt: &later})
		if err != nil || next.ID == made.id || next.Token == made.secret || next.ExpiresAt.String() != later.String() {
			t.Fatal(err, next)
		}
		r.secret("a project's token", next.Token)
		if _, err := p.ProjectAccessTokens.RevokeProjectAccessToken("shop/backend/api", next.ID); err != nil {
			t.Error(err)
		}
		_, response, err := p.ProjectAccessTokens.GetProjectAccessToken("shop/backend/api", next.ID)
		if err == nil || response.StatusCode != http.StatusNotFound { // what the provider waits for
			t.Errorf("%v", err)
		}
		group, _, err := p.GroupAccessTokens.CreateGroupAccessToken("shop", &gitlab.CreateGroupAccessTokenOptions{Name: gitlab.Ptr("plain"),
			Scopes: &[]string{"read_api"}, AccessLevel: gitlab.Ptr(gitlab.DeveloperPermissions), ExpiresAt: &soon})
		if err != nil || group.Token == "" {
			t.Fatal(err, group)
		}
		r.secret("a group's token", group.Token)
		if _, err := p.GroupAccessTokens.RevokeGroupAccessToken("shop", group.ID); err != nil {
			t.Error(err)
		}
	})
}
