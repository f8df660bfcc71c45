package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestTheConversationOfTheTerraformProvider makes the requests of the provider's resource gitlab_personal_access_token in
// its order, over plain HTTP: create, read back, find in the list, rotate ahead of expiry, destroy, read that it is gone.
func TestTheConversationOfTheTerraformProvider(t *testing.T) {
	r := startRunning(t)
	r.make(t, creation("the owner seals a credential once", on(r.world.api, "read_job")))
	bearer := func(method, path string, body any) answer {
		t.Helper()
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{"Authorization": {"Bearer " + r.world.alicePAT}, "Accept": {"application/json"}, "User-Agent": {"Terraform/1.9 terraform-provider-gitlab/18"}}
		if body == nil {
			data = nil
		} else {
			header.Set("Content-Type", "application/json")
		}
		return send(method, r.gate+"/api/v4"+path, header, data)
	}
	read := func(a answer, status int) (v shown) {
		t.Helper()
		if a.status != status {
			t.Fatalf("%d, want %d: %s", a.status, status, a.body)
		}
		if err := json.Unmarshal([]byte(a.body), &v); err != nil {
			t.Fatal(err)
		}
		if v.Token != "" {
			r.secret("Terraform's token", v.Token)
		}
		return v
	}
	expires := time.Now().AddDate(0, 0, 30).Format(time.DateOnly)
	made := read(bearer("POST", "/user/personal_access_tokens", object{"name": "terraform", "description": "made by Terraform", "expires_at": expires,
		"granular_scopes": []object{on(r.world.api, "read_project")}}), 201)
	if made.Token == "" || made.ExpiresAt != expires {
		t.Fatalf("%+v", made)
	}
	if again := read(bearer("GET", fmt.Sprintf("/personal_access_tokens/%d", made.ID), nil), 200); again.Name != "terraform" || again.ExpiresAt != expires || again.Token != "" || !again.Active {
		t.Fatalf("%+v", again)
	}
	var list []shown
	if a := bearer("GET", "/personal_access_tokens?granular=true&state=active&search=terraform&per_page=100", nil); a.status != 200 || json.Unmarshal([]byte(a.body), &list) != nil || len(list) != 1 {
		t.Fatal(a.status, a.body)
	}
	later := time.Now().AddDate(0, 0, 60).Format(time.DateOnly)
	rotated := read(bearer("POST", fmt.Sprintf("/personal_access_tokens/%d/rotate", made.ID), object{"expires_at": later}), 200)
	if rotated.ID == made.ID || rotated.ExpiresAt != later || rotated.Token == "" {
		t.Fatalf("%+v", rotated)
	}
	r.want(t, 200, rotated.Token, "GET", fmt.Sprintf("/api/v4/projects/%d", r.world.api), nil)
	if a := bearer("DELETE", fmt.Sprintf("/personal_access_tokens/%d", rotated.ID), nil); a.status != 204 || a.body != "" {
		t.Fatal(a.status, a.body)
	}
	if gone := read(bearer("GET", fmt.Sprintf("/personal_access_tokens/%d", rotated.ID), nil), 200); gone.Active || !gone.Revoked {
		t.Fatalf("%+v", gone)
	}
}
