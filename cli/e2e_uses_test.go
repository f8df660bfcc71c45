package cli_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

// TestUsesAreCounted holds that every permission that allowed requests needed is counted, also those on further containers
// and for what a text would have the forge do: a permission that is called unused can be taken away.
func TestUsesAreCounted(t *testing.T) {
	r := startRunning(t)
	w := r.world
	permissions := []string{"read_project", "read_deployment", "read_merge_request", "create_work_item", "update_work_item", "read_job", "read_container_repository"}
	v := r.make(t, creation("counted", object{"access": "selected_memberships", "project_ids": []int64{w.api, w.web}, "permissions": permissions}))
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	for range 3 {
		r.want(t, 200, v.Token, "GET", project, nil)
	}
	r.call(t, v.Token, "GET", project+"/deployments/1/merge_requests", nil)                                            // the row needs two
	r.call(t, v.Token, "POST", project+"/issues/1/move", object{"to_project_id": w.web})                               // the target needs another
	r.want(t, 201, v.Token, "POST", project+"/issues", object{"title": "counted", "description": "text\n/close\n"})    // the text needs another
	r.call(t, v.Token, "GET", "/jwt/auth?service=container_registry&scope=repository:shop/backend/api:pull,push", nil) // pull alone is allowed
	r.want(t, 403, v.Token, "POST", project+"/pipeline", object{"ref": "main"})                                        // what is denied is no use
	r.want(t, 403, v.Token, "GET", fmt.Sprintf("/api/v4/projects/%d", w.plans), nil)                                   // nor is this
	want := map[string]int64{"read_project": 3, "read_deployment": 1, "read_merge_request": 1, "update_work_item": 2, "create_work_item": 2, "read_container_repository": 1}
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		a := r.call(t, v.Token, "GET", ownAPI+"/tokens/self/usage", nil)
		var usage struct {
			Uses        int64
			IPs         []string `json:"last_used_ips"`
			Permissions map[string]struct{ Uses int64 }
			Unused      []string `json:"unused_permissions"`
		}
		if err := json.Unmarshal([]byte(a.body), &usage); err != nil || a.status != 200 {
			t.Fatal(a.status, a.body)
		}
		got := map[string]int64{}
		for name, p := range usage.Permissions {
			got[name] = p.Uses
		}
		if maps.Equal(got, want) && slices.Equal(usage.IPs, []string{"127.0.0.1"}) && slices.Equal(usage.Unused, []string{"read_job"}) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("want %v, got %s", want, a.body)
		}
	}
}
