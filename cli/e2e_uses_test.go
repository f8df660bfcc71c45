package cli_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/policy"
)

// TestUsesAreCounted holds that every permission that allowed requests needed is counted, also those on further containers
// and for what a text would have the forge do: a permission that is called unused can be taken away.
func TestUsesAreCounted(t *testing.T) {
	r := startRunning(t)
	w := r.world
	permissions := []string{"read_project", "read_deployment", "read_merge_request", "create_work_item", "update_work_item", "read_job",
		"read_container_repository"}
	v := r.make(t, creation("counted", object{"access": "selected_memberships", "project_ids": []int64{w.api, w.web},
		"permissions": permissions}))
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	for range 3 {
		r.want(t, 200, v.Token, "GET", project, nil)
	}
	r.call(t, v.Token, "GET", project+"/deployments/1/merge_requests", nil) // the row needs two
	r.call(t, v.Token, "POST", project+"/issues/1/move",
		object{"to_project_id": w.web}) // the target needs another
	r.want(t, 201, v.Token, "POST", project+"/issues", object{"title": "counted",
		"description": "text\n/close\n"}) // the text needs another
	r.call(t, v.Token, "GET", "/jwt/auth?service=container_registry&scope=repository:shop/backend/api:pull,push",
		nil) // pull alone is allowed
	r.want(t, 403, v.Token, "POST", project+"/pipeline",
		object{"ref": "main"}) // what is denied is no use
	r.want(t, 403, v.Token, "GET", fmt.Sprintf("/api/v4/projects/%d", w.plans), nil) // nor is this
	want := map[string]int64{"read_project": 3, "read_deployment": 1, "read_merge_request": 1, "update_work_item": 2,
		"create_work_item": 2, "read_container_repository": 1}
	r.used(t, v.Token, func(u *usageOf) bool {
		got := map[string]int64{}
		for name, p := range u.Permissions {
			got[name] = p.Uses
		}
		return maps.Equal(got, want) && slices.Equal(u.IPs, []string{"127.0.0.1"}) && slices.Equal(u.Unused, []string{"read_job"})
	})
}

// usageOf is what the API tells of a token's use.
type usageOf struct {
	Uses        int64
	IPs         []string `json:"last_used_ips"`
	Permissions map[string]struct{ Uses int64 }
	Unused      []string `json:"unused_permissions"`
}

// used waits until what is told of a token's use is as it should be.
func (r *running) used(t *testing.T, secret string, right func(*usageOf) bool) *usageOf {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		a := r.call(t, secret, "GET", ownAPI+"/tokens/self/usage", nil)
		u := &usageOf{}
		if err := json.Unmarshal([]byte(a.body), u); err != nil || a.status != 200 {
			t.Fatal(a.status, a.body)
		}
		if right(u) {
			return u
		}
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", a.body)
		}
	}
}

// onOneConnection sends GET requests, each when the one before is answered, and expects a status.
func (r *running) onOneConnection(t *testing.T, secret string, status int, paths ...string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.gate, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for _, path := range paths {
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nPRIVATE-TOKEN: %s\r\n\r\n", path, secret)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != status || response.Close {
			t.Fatalf("GET %s: %s, %v", path, response.Status, err)
		}
	}
}

// TestUsesAreTrue holds that a request is one use, whether a loop serves it, a goroutine, or first the one and then the other; that
// what is denied is none; and that the use of one place is not taken for that of another which the token reaches with the same
// permission.
func TestUsesAreTrue(t *testing.T) {
	r := startRunning(t)
	w := r.world
	website := fmt.Sprintf("/api/v4/projects/%d", w.web)
	payments := object{"access": "selected_memberships", "group_ids": []int64{w.secret}, "permissions": []string{"read_project",
		"read_job"}}
	v := r.make(t, creation("two scopes", payments, on(w.web, "read_project", "read_work_item")))
	r.onOneConnection(t, v.Token, 200, slices.Repeat([]string{website}, 4)...)
	r.onOneConnection(t, v.Token, 403, website+"/jobs", website+"/pipelines")
	r.onOneConnection(t, v.Token, 200, website+"/issues") // what follows is stored no earlier than what was before
	u := r.used(t, v.Token, func(u *usageOf) bool { return u.Permissions["read_work_item"].Uses == 1 && u.Uses >= 5 })
	if u.Permissions["read_project"].Uses != 4 || u.Permissions["read_job"].Uses != 0 {
		t.Errorf("%+v", u)
	}
	_, text := r.want(t, 200, w.alicePAT, "GET", extra(v.ID, "/proposal"), nil)
	var p struct{ Scopes []policy.ScopeSpec }
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Scopes) != 1 || !slices.Equal(p.Scopes[0].ProjectIDs, []int64{w.web}) || len(p.Scopes[0].GroupIDs) > 0 ||
		!slices.Equal(p.Scopes[0].Permissions, []string{"read_project", "read_work_item"}) {
		t.Errorf("%s", text)
	}
}
