package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// findings is a console whose store is two months older than it is.
type findings struct {
	*consoleStage
	credential string // a file
}

// ages makes what there is older by so many days.
func (f *findings) ages(t *testing.T, days int) {
	t.Helper()
	f.alter(t, fmt.Sprintf("UPDATE tokens SET created_at = created_at - %[1]d; UPDATE observing SET since = since - %[1]d",
		days*24*60*60*1000))
}

// run runs a command against the gateway, as alice.
func (f *findings) run(args ...string) (string, error) {
	out, err := exec.Command("patgate", append(args, "--server", f.gate, "--credential-file", f.credential)...).CombinedOutput()
	return string(out), err
}

// metric waits until a line stands among the metrics.
func (f *findings) metric(t *testing.T, line string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		response, err := http.Get(f.operators + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if strings.Contains(string(text), "\n"+line+"\n") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no %q in\n%s", line, text)
		}
	}
}

// TestUnusedRights makes a token with a scope on the group secret and one on the project shop/backend/api, and uses the latter
// alone: the other is found to be unused, and narrowed away by one click, which is undone again.
func TestUnusedRights(t *testing.T) {
	t.Parallel() // it waits most of the time
	f := &findings{consoleStage: startConsole(t), credential: filepath.Join(t.TempDir(), "pat")}
	w := f.world
	if err := os.WriteFile(f.credential, []byte(w.alicePAT), 0o600); err != nil {
		t.Fatal(err)
	}
	v := f.make(t, creation("two scopes", object{"access": "selected_memberships", "permissions": []string{"read_job", "run_job"},
		"group_ids": []int64{w.secret}}, on(w.api, "read_job", "read_project", "read_pipeline")))
	idle := f.make(t, creation("idle", on(w.api, "read_job")))
	id := strconv.FormatInt(v.ID, 10)
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	use := func(t *testing.T) {
		t.Helper()
		f.want(t, 200, v.Token, "GET", project, nil)
		f.want(t, 200, v.Token, "GET", project+"/jobs", nil)
	}
	use(t)
	f.want(t, 403, v.Token, "GET", project+"/variables", nil)
	t.Run("a young token is not judged", func(t *testing.T) {
		if out, err := f.run("learn", "unused", id); err != nil || !strings.Contains(out, "too young to be judged") ||
			strings.Contains(out, "Goes") {
			t.Errorf("%v %s", err, out)
		}
		if out, err := f.run("token", "narrow", id); err == nil || !strings.Contains(out, "nothing to narrow") {
			t.Errorf("%v %s", err, out)
		}
	})
	f.ages(t, 61)
	f.signIn(t)
	var found struct {
		Standing            string
		Permissions, Groups struct{ Unused, Of int }
		Rights              struct{ Requests int64 }
	}
	f.step(t, "the finding", func(t *testing.T) {
		for end := time.Now().Add(2 * patience); found.Rights.Requests != 2; time.Sleep(100 * time.Millisecond) {
			a := f.call(t, w.alicePAT, "GET", extra(v.ID, "/unused"), nil)
			if err := json.Unmarshal([]byte(a.body), &found); err != nil || time.Now().After(end) {
				t.Fatal(a.body)
			}
		}
		if found.Standing != "some_unused" || found.Groups.Unused != 1 || found.Permissions.Unused != 3 || found.Permissions.Of != 5 {
			t.Errorf("%+v", found)
		}
		out, err := f.run("learn", "unused")
		if err != nil || !strings.Contains(out, "3 of 5 permissions and 1 of 1 group unused for 60 days") ||
			!strings.Contains(out, "none of it was used for 60 days") {
			t.Errorf("%v %s", err, out)
		}
		f.want(t, 404, w.bobPAT, "GET", extra(v.ID, "/unused"), nil)
		if a := f.call(t, w.bobPAT, "GET", ownAPI+"/unused", nil); a.status != 200 || strings.TrimSpace(a.body) != "[]" {
			t.Errorf("bob is told %d %s", a.status, a.body)
		}
	})
	f.step(t, "the metric, and denials, after a restart", func(t *testing.T) {
		f.restart(t)
		f.metric(t, `patgate_findings_tokens{standing="some_unused"} 1`)
		f.metric(t, `patgate_findings_tokens{standing="nothing_used"} 1`)
		f.metric(t, `patgate_findings_rights{right="group",used="false"} 1`)
		a := f.call(t, w.alicePAT, "GET", extra(v.ID, "/denials"), nil)
		if !strings.Contains(a.body, "read_variable") {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	f.step(t, "what was not used at all is offered to be revoked, and not narrowed", func(t *testing.T) {
		f.tokenPage("idle")
		f.follow("#unused")
		f.sees("None of it was used for 60 days", "Revoke it")
		if evaluate[bool](f.browser, `!!document.querySelector("#narrow")`) {
			t.Errorf("it is offered to be narrowed\n%s", f.body())
		}
	})
	f.step(t, "one click narrows it", func(t *testing.T) {
		f.tokenPage("two scopes")
		f.sees("3 of 5 permissions and 1 of 1 group unused for 60 days", "Recently denied", "read_variable")
		f.accessible("details with a finding")
		f.picture("findings-details", 1100)
		f.follow("#unused")
		f.sees("Goes", "Stays", "secret", "Scope 1, all of it")
		f.accessible("unused rights")
		f.picture("findings-unused", 1000)
		if status := f.follow("#narrow"); status != 200 {
			t.Fatalf("%d\n%s", status, f.body())
		}
		f.sees("narrowed to what was used")
		f.accessible("narrowed")
		f.picture("findings-narrowed", 1000)
		use(t)
		f.want(t, 403, v.Token, "GET", fmt.Sprintf("/api/v4/projects/%d/jobs", w.plans), nil)
	})
	f.step(t, "and another undoes it", func(t *testing.T) {
		f.follow("#undo")
		f.sees("What it gets back", "secret")
		f.accessible("undo")
		f.picture("findings-undo", 800)
		f.follow("#undo")
		f.sees("can do again what it could before")
		f.want(t, 200, v.Token, "GET", fmt.Sprintf("/api/v4/projects/%d/jobs", w.plans), nil)
		if out, err := f.run("token", "undo", id); err == nil || !strings.Contains(out, "nothing to undo") {
			t.Errorf("%v %s", err, out)
		}
	})
	f.step(t, "a narrowing is tried before it is saved", func(t *testing.T) {
		f.tokenPage("two scopes")
		f.follow("#edit")
		evaluate[bool](f.browser, `(document.querySelector("input[name=scope-1-permission][value=read_job]").click(), true)`)
		f.follow("#save")
		f.sees("This would have denied", "of 1 kind", "GET /projects/{project}/jobs", "Nothing is saved yet")
		f.accessible("edit, tried")
		f.picture("findings-tried", 1700)
		f.follow("#save")
		f.sees("The changes are in force")
		f.want(t, 403, v.Token, "GET", project+"/jobs", nil)
	})
	f.step(t, "by commands", func(t *testing.T) {
		if out, err := f.run("token", "undo", id); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		f.want(t, 200, v.Token, "GET", project+"/jobs", nil)
		f.alter(t, "UPDATE tokens SET widened_at = 0")
		out, err := f.run("token", "narrow", id, "--json")
		if err != nil || strings.Contains(out, "run_job") || !strings.Contains(out, "read_project") {
			t.Errorf("%v %s", err, out)
		}
		f.want(t, 403, v.Token, "POST", extra(v.ID, "/undo"), nil) // a token undoes nothing that was done to it
		f.want(t, 404, w.bobPAT, "POST", extra(v.ID, "/undo"), nil)
		if out, err := f.run("token", "revoke", id); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		f.want(t, 409, w.alicePAT, "POST", extra(v.ID, "/undo"), nil)
		f.want(t, 409, w.alicePAT, "POST", extra(idle.ID, "/narrow"), nil)
	})
	f.logs(t, `"change":"undone"`)
}
