package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLearning does a job with a broad token, has the smallest grant proposed and made, and does the job with that: nothing is
// denied, and without any part of the grant something is.
func TestLearning(t *testing.T) {
	r := unlimited(t)
	w := r.world
	broad := r.make(t, creation("broad", object{"access": "all_memberships", "permissions": []string{"read_*", "create_*", "update_*"}}))
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	job := []struct {
		method, path string
		body         any
	}{
		{"GET", project, nil},
		{"GET", project + "/jobs", nil},
		{"GET", project + "/issues", nil},
		{"POST", project + "/issues", object{"title": "found by the job", "description": "as it says"}},
		{"POST", project + "/issues/1/notes", object{"body": "looked at"}},
		{"GET", project + "/repository/branches", nil},
		{"GET", project + "/merge_requests", nil},
		{"GET", project + "/releases", nil},
		{"GET", project + "/pipelines", nil},
		{"GET", project + "/repository/tags", nil},
	}
	denials := func(secret string) (denied []string) {
		for _, c := range job {
			if a := r.call(t, secret, c.method, c.path, c.body); a.status == 403 || a.status == 401 {
				denied = append(denied, c.method+" "+c.path+" "+a.body)
			}
		}
		return denied
	}
	if denied := denials(broad.Token); len(denied) > 0 {
		t.Fatal(denied)
	}
	credential := filepath.Join(t.TempDir(), "pat")
	if err := os.WriteFile(credential, []byte(w.alicePAT), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		cmd := exec.Command("patgate", append(args, "--server", r.gate, "--credential-file", credential)...)
		out, err := cmd.Output()
		return string(out), err
	}
	id := strconv.FormatInt(broad.ID, 10)
	var p struct {
		Scopes []struct {
			Access      string   `json:"access"`
			Permissions []string `json:"permissions"`
			ProjectIDs  []int64  `json:"project_ids"`
		} `json:"scopes"`
		Certificate struct {
			Requests int64 `json:"allowed_requests"`
			Needed   []struct {
				Permission, Witness string
			} `json:"needed"`
		} `json:"certificate"`
	}
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		out, err := run("learn", "propose", id, "--json")
		if err == nil {
			if err := json.Unmarshal([]byte(out), &p); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if p.Certificate.Requests == int64(len(job)) {
				break
			}
		}
		if time.Now().After(end) {
			t.Fatalf("%v %s", err, out)
		}
	}
	if len(p.Scopes) != 1 || !slices.Equal(p.Scopes[0].ProjectIDs, []int64{w.api}) ||
		len(p.Certificate.Needed) != len(p.Scopes[0].Permissions) {
		t.Fatalf("%+v", p)
	}
	out, err := run("learn", "apply", id, "--quiet")
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	secret := strings.TrimSpace(out)
	r.secret("a minted token", secret)
	t.Run("the job runs with the new token", func(t *testing.T) {
		if denied := denials(secret); len(denied) > 0 {
			t.Error(denied)
		}
	})
	t.Run("every single removal breaks it", func(t *testing.T) {
		for _, name := range p.Scopes[0].Permissions {
			rest := slices.DeleteFunc(slices.Clone(p.Scopes[0].Permissions), func(other string) bool { return other == name })
			less := r.make(t, creation("without "+name, on(w.api, rest...)))
			if len(denials(less.Token)) == 0 {
				t.Errorf("the job runs without %s", name)
			}
		}
	})
	t.Run("a narrowing is tried before it is made", func(t *testing.T) {
		out, err := run("token", "edit", id, "--project", strconv.FormatInt(w.api, 10), "--allow", "read_job,read_project", "--dry-run",
			"--since", "30d")
		if err != nil || !strings.Contains(out, "would have denied 8 requests of 8 kinds, of 10") ||
			!strings.Contains(out, time.Now().UTC().Format("2006-01-02")) || !strings.Contains(out, "POST /projects/{project}/issues") {
			t.Errorf("%v %s", err, out)
		}
		if v, _ := r.want(t, 200, w.alicePAT, "GET", path(broad.ID, ""), nil); v.GranularScopes[0].Access != "all_memberships" {
			t.Error("the token was changed")
		}
	})
	t.Run("nothing is told about the tokens of others", func(t *testing.T) {
		r.want(t, 404, w.bobPAT, "GET", extra(broad.ID, "/proposal"), nil)
		r.want(t, 404, w.bobPAT, "POST", extra(broad.ID, "/simulate"), object{})
		r.want(t, 404, w.alicePAT, "GET", extra(broad.ID+1000, "/proposal"), nil)
		r.want(t, 401, "", "GET", extra(broad.ID, "/proposal"), nil)
	})
	t.Run("an empty window is told", func(t *testing.T) {
		idle := r.make(t, creation("idle", on(w.api, "read_job")))
		if _, text := r.want(t, 400, w.alicePAT, "GET", extra(idle.ID, "/proposal?since=7d"), nil); !strings.Contains(text,
			"not seen to do anything") {
			t.Error(text)
		}
	})
}
