package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const wouldDeny = "X-Patgate-Would-Deny"

// reportRun is a running server that allows report mode, with alice's credential in a file for commands.
type reportRun struct {
	*gitStage
	credential string
}

func startReportMode(t *testing.T) *reportRun {
	t.Helper()
	r := &reportRun{gitStage: startGit(t, "PATGATE_TOKENS_REPORT_MODE=allow", "PATGATE_LIMITS_FAILED_CREDENTIALS=1000000"),
		credential: filepath.Join(t.TempDir(), "pat")}
	if err := os.WriteFile(r.credential, []byte(r.world.alicePAT), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// patgate runs a command against the server.
func (r *reportRun) patgate(args ...string) (string, error) {
	cmd := exec.Command("patgate", append(args, "--server", r.gate, "--credential-file", r.credential)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// reporting makes a token in report mode that holds nothing but read_project.
func (r *reportRun) reporting(t *testing.T, name string) shown {
	t.Helper()
	body := creation(name, on(r.world.api, "read_project"))
	body["report_until"] = "7d"
	return r.make(t, body)
}

// TestReportMode takes a person from nothing to a minimal grant: a token with nothing but read_project does a job in report mode, the
// least that it needs is proposed, and with that alone the job runs.
func TestReportMode(t *testing.T) {
	r := startReportMode(t)
	w := r.world
	learning := r.reporting(t, "learning")
	id := strconv.FormatInt(learning.ID, 10)
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	calls := []struct {
		method, path string
		body         any
		says         string
	}{
		{"GET", project, nil, ""},
		{"GET", project + "/jobs", nil, `permission_missing;missing="read_job"`},
		{"GET", project + "/issues", nil, `permission_missing;missing="read_work_item"`},
		{"POST", project + "/issues", object{"title": "found by the job", "description": "as it says"},
			`permission_missing;missing="create_work_item"`},
		{"GET", fmt.Sprintf("/api/v4/projects/%d", w.web), nil, `out_of_bounds;missing="read_project"`},
		{"GET", project + "/releases", nil, `permission_missing;missing="read_release"`},
	}
	work := t.TempDir()
	pushes := 0
	job := func(t *testing.T, secret string, reports bool) (denied int) {
		t.Helper()
		for _, c := range calls {
			a := r.call(t, secret, c.method, c.path, c.body)
			says := c.says
			if !reports {
				says = ""
			}
			switch got := a.header.Get(wouldDeny); {
			case a.status == 403:
				denied++
			case a.status >= 300 || got != says:
				t.Errorf("%s %s: %d %q, want %q: %s", c.method, c.path, a.status, got, says, a.body)
			}
		}
		pushes++
		dir := filepath.Join(work, fmt.Sprintf("clone-%d", pushes))
		if out, err := r.run(work, "git", "clone", "-q", r.url(secret, "shop/backend/api.git"), dir); err != nil {
			t.Log(out)
			return denied + 1
		}
		r.commit(t, dir, fmt.Sprintf("made by the job %d", pushes))
		if out, err := r.run(dir, "git", "push", "-q", "origin", "+HEAD:refs/heads/bot/job"); err != nil {
			t.Log(out)
			denied++
		}
		return denied
	}
	if denied := job(t, learning.Token, true); denied > 0 {
		t.Fatalf("%d requests of the job were denied in report mode\n%s", denied, r.lastLines(10))
	}
	r.logs(t, `"verdict":"would_deny"`)
	var scopes json.RawMessage
	t.Run("its would-be denials are what it needs", func(t *testing.T) {
		for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
			out, err := r.patgate("learn", "propose", id, "--accept", "push_code", "--json")
			var p struct {
				Scopes []struct {
					Permissions []string `json:"permissions"`
					Constraints struct {
						RefPatterns []string `json:"ref_patterns"`
					} `json:"constraints"`
				} `json:"scopes"`
			}
			if err == nil {
				if err := json.Unmarshal([]byte(out), &p); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			var names, refs []string
			for _, s := range p.Scopes {
				names, refs = append(names, s.Permissions...), append(refs, s.Constraints.RefPatterns...)
			}
			slices.Sort(names)
			want := "create_work_item download_code push_code read_job read_project read_release read_work_item"
			if strings.Join(slices.Compact(names), " ") == want && slices.Equal(refs, []string{"refs/heads/bot/job"}) {
				var whole struct {
					Scopes json.RawMessage `json:"scopes"`
				}
				if err := json.Unmarshal([]byte(out), &whole); err != nil {
					t.Fatal(err)
				}
				scopes = whole.Scopes
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%v %s", err, out)
			}
		}
	})
	t.Run("what it does not hold today is marked", func(t *testing.T) {
		out, err := r.patgate("learn", "propose", id)
		marked := map[string]bool{}
		for line := range strings.Lines(out) {
			if name, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(line, "  ") {
				marked[name] = strings.Contains(line, ", not held today")
			}
		}
		if err != nil || !marked["read_job"] || !marked["POST"] || !strings.Contains(out, fmt.Sprintf("project %d", w.web)) {
			t.Errorf("%v %s", err, out)
		}
		held := 0
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "  read_project ") && strings.Contains(line, " shop/backend/api ") {
				held++
				if strings.Contains(line, "not held") {
					t.Errorf("it is held: %s", line)
				}
			}
		}
		if held != 1 {
			t.Error(out)
		}
	})
	t.Run("they are no denials, and no uses of permissions", func(t *testing.T) {
		_, text := r.want(t, 200, w.alicePAT, "GET", extra(learning.ID, "/usage"), nil)
		if strings.Contains(text, "read_job") || !strings.Contains(text, `"read_project":{`) {
			t.Error(text)
		}
		a := send(http.MethodGet, r.operators+"/metrics", http.Header{}, nil)
		for _, line := range []string{"patgate_tokens_in_report_mode 1", `reason="permission_missing",verdict="would_deny"}`} {
			if !strings.Contains(a.body, line) {
				t.Errorf("the metrics lack %s", line)
			}
		}
		for line := range strings.SplitSeq(a.body, "\n") {
			if strings.Contains(line, `verdict="deny"`) && !strings.Contains(line,
				"no_credential") { // by which git asks for its credential
				t.Error(line)
			}
		}
	})
	t.Run("what enforcing it would deny is told before", func(t *testing.T) {
		out, err := r.patgate("token", "edit", id, "--enforce", "--dry-run")
		if err != nil || !strings.Contains(out, "would have denied") || !strings.Contains(out, "permission_missing read_job") {
			t.Errorf("%v %s", err, out)
		}
	})
	t.Run("it is marked wherever it is shown", func(t *testing.T) {
		for _, c := range []struct {
			args []string
			want string
		}{
			{[]string{"token", "list"}, "REPORT MODE in "},
			{[]string{"token", "show", id}, "REPORT MODE"},
			{[]string{"token", "show", id, "--json"}, `"mode": "report"`},
			{[]string{"token", "can", id, "GET", project + "/jobs"}, "in report mode until"},
			{[]string{"token", "who-can", "read_job", "--project", strconv.FormatInt(w.api, 10)}, "(in report mode)"},
			{[]string{"token", "list", "--can", "read_vulnerability", "--json"}, `"reaches": "report_mode"`},
			{[]string{"token", "list", "--can", "read_vulnerability", "--on", fmt.Sprint("project ", w.api), "--json"},
				`"reaches": "report_mode"`},
		} {
			if out, err := r.patgate(c.args...); err != nil || !strings.Contains(out, c.want) {
				t.Errorf("%v: %v %s", c.args, err, out)
			}
		}
		if out, err := r.patgate("token", "prove", id, "--never", "read_job"); err == nil || !strings.Contains(out, "in report mode") {
			t.Errorf("prove: %v %s", err, out)
		}
		_, text := r.want(t, 200, w.alicePAT, "GET", ownAPI+"/report", nil)
		if !strings.Contains(text, `"badges":["report_mode","broad"`) {
			t.Error(text)
		}
	})
	grant := filepath.Join(t.TempDir(), "scopes.yaml")
	if err := os.WriteFile(grant, scopes, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := r.patgate("token", "edit", id, "--grant", grant, "--enforce"); err != nil || strings.Contains(out, "REPORT MODE") {
		t.Fatalf("%v %s", err, out)
	}
	t.Run("the job runs with the least, enforced", func(t *testing.T) {
		if denied := job(t, learning.Token, false); denied > 0 {
			t.Errorf("%d requests were denied\n%s", denied, r.lastLines(10))
		}
		if a := r.call(t, learning.Token, "GET", project+"/pipelines", nil); a.status != 403 || a.header.Get(wouldDeny) != "" {
			t.Errorf("%d %v", a.status, a.header)
		}
	})
	t.Run("attacks", func(t *testing.T) { attackReportMode(t, r) })
}

// attackReportMode tries each way by which report mode could give more than the owner has, outlive its end, or reach a token that
// another one made.
func attackReportMode(t *testing.T, r *reportRun) {
	w := r.world
	const day = 24 * time.Hour
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	body := creation("attacked", on(w.api, "read_project", "read_job"), account("create_personal_access_token",
		"rotate_personal_access_token"))
	body["report_until"], body["renew_until"], body["expires_in"] = "7d", "60d", "30d"
	v := r.make(t, body)
	refused := func(t *testing.T, status int, secret, method, path string, body object, says string) {
		t.Helper()
		if _, text := r.want(t, status, secret, method, path, body); !strings.Contains(text, says) {
			t.Errorf("%s, want %s", text, says)
		}
	}
	enforced := func(t *testing.T, secret string) {
		t.Helper()
		if a := r.call(t, secret, "GET", project+"/issues", nil); a.status != 403 {
			t.Errorf("it passes: %d %v", a.status, a.header)
		}
	}
	t.Run("a token makes no token in report mode", func(t *testing.T) {
		child := object{"name": "child", "expires_in": "1h", "report_until": "30m", "granular_scopes": []object{on(w.api, "read_job")}}
		refused(t, 403, v.Token, "POST", userTokens, child, "the owner's forge credential is needed")
		delete(child, "report_until")
		made, _ := r.want(t, 201, v.Token, "POST", userTokens, child)
		enforced(t, made.Token)
		refused(t, 403, v.Token, "PATCH", extra(made.ID, ""), object{"report_until": "30m"}, "never in report mode")
		refused(t, 403, w.alicePAT, "PATCH", extra(made.ID, ""), object{"report_until": "30m"}, "never in report mode")
		child["granular_scopes"] = []object{on(w.api, "read_work_item")}
		refused(t, 403, v.Token, "POST", userTokens, child, "it would hold more than the token that makes it")
	})
	t.Run("report mode does nothing for patgate's own API", func(t *testing.T) {
		refused(t, 403, v.Token, "GET", allTokens, nil, "read_personal_access_token")
		refused(t, 403, v.Token, "PATCH", extra(v.ID, ""), object{"report_until": "8d"}, "the owner's forge credential is needed")
		refused(t, 403, v.Token, "PATCH", extra(v.ID, ""), object{"granular_scopes": []object{on(w.api, "read_work_item")}}, "widen")
	})
	t.Run("it gets no longer than it may be", func(t *testing.T) {
		refused(t, 400, w.alicePAT, "PATCH", extra(v.ID, ""), object{"report_until": "15d"}, "report mode lasts 14d at most")
		refused(t, 400, w.alicePAT, "PATCH", extra(v.ID, ""),
			object{"report_until": time.Now().Add(14*day + time.Hour).UTC().Format(time.RFC3339)},
			"report mode lasts 14d at most")
		for _, bad := range []string{"soon", "-1d", "2020-01-01", "31d"} {
			r.want(t, 400, w.alicePAT, "PATCH", extra(v.ID, ""), object{"report_until": bad})
		}
		r.want(t, 400, w.alicePAT, "POST", ownAPI+"/tokens", object{"name": "x", "expires_in": "1h", "report_until": "2h", "seal": true,
			"granular_scopes": []object{on(w.api, "read_job")}})
		r.want(t, 400, w.alicePAT, "POST", ownAPI+"/tokens", object{"name": "x", "report_until": "15d", "seal": true,
			"granular_scopes": []object{on(w.api, "read_job")}})
	})
	t.Run("it goes on through a rotation on the owner's word alone", func(t *testing.T) {
		own := r.make(t, object{"name": "turned", "seal": true, "report_until": "5d", "granular_scopes": []object{on(w.api, "read_job")}})
		next, text := r.want(t, 200, w.alicePAT, "POST", path(own.ID, "/rotate"), object{"expires_in": "30d"})
		if !strings.Contains(text, `"mode":"report"`) {
			t.Error(text)
		}
		if a := r.call(t, next.Token, "GET", project+"/issues", nil); a.status != 200 || a.header.Get(wouldDeny) == "" {
			t.Errorf("%d %v", a.status, a.header)
		}
		turned, text := r.want(t, 200, v.Token, "POST", path(v.ID, "/rotate"), object{"expires_in": "20d"})
		if !strings.Contains(text, `"mode":"enforce"`) {
			t.Error(text)
		}
		enforced(t, turned.Token)
		refused(t, 400, w.alicePAT, "PATCH", extra(turned.ID, ""), object{"report_until": "15d"},
			"report mode lasts 14d at most, and that of this")
	})
	t.Run("it is for whom the owner made it", func(t *testing.T) {
		cmd := exec.Command("patgate", "token", "create", "--name", "by an operator", "--project", "shop/backend/api", "--allow",
			"read_job",
			"--json")
		cmd.Env, cmd.Dir = r.env, r.dir
		out, err := cmd.Output()
		var made shown
		if err != nil || json.Unmarshal(out, &made) != nil {
			t.Fatalf("%v %s", err, out)
		}
		r.secret("a minted token", made.Token)
		refused(t, 403, w.alicePAT, "PATCH", extra(made.ID, ""), object{"report_until": "1d"},
			"was not made with its owner's forge credential")
		cmd = exec.Command("patgate", "token", "create", "--name", "by an operator", "--project", "shop/backend/api", "--allow", "read_job",
			"--report-until", "1d")
		cmd.Env, cmd.Dir = r.env, r.dir
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "the owner's forge credential is needed") {
			t.Errorf("%v %s", err, out)
		}
		r.want(t, 404, w.bobPAT, "PATCH", extra(made.ID, ""), object{"report_until": "1d"})
	})
	t.Run("it gives nothing that the owner has not", func(t *testing.T) {
		own := r.reporting(t, "outsider")
		for _, c := range []struct {
			method, path string
			body         any
			status       int
		}{
			{"GET", "/api/v4/projects/999999", nil, 404},
			{"GET", "/api/v4/personal_access_tokens", nil, 403},
			{"POST", project + "/deploy_keys", object{"title": "x", "key": "ssh-ed25519 AAAA"}, 403},
			{"POST", project + "/deploy_tokens", object{"name": "x", "scopes": []string{"read_repository"}}, 403},
			{"POST", project + "/access_tokens", object{"name": "x", "scopes": []string{"api"}}, 403},
			{"POST", project + "/triggers", object{"description": "x"}, 403},
			{"POST", project + "/members", object{"user_id": 1, "access_level": 50}, 403},
			{"POST", "/api/v4/user/keys", object{"title": "x", "key": "ssh-ed25519 AAAA"}, 403},
			{"POST", "/api/graphql", object{"query": "{nothing{id}}"}, 200}, // an error of GraphQL
			{"GET", "/-/profile/personal_access_tokens", nil, 403},
			{"GET", project + "/../../users", nil, 400},
		} {
			if a := r.call(t, own.Token, c.method, c.path, c.body); a.status != c.status || a.header.Get(wouldDeny) != "" {
				t.Errorf("%s %s: %d %q %s", c.method, c.path, a.status, a.header.Get(wouldDeny), a.body)
			}
		}
		r.want(t, 204, w.alicePAT, "DELETE", path(own.ID, ""), nil)
		if a := r.call(t, own.Token, "GET", project, nil); a.status != 401 {
			t.Errorf("revoked: %d", a.status)
		}
	})
	t.Run("an identity probe is answered as ever", func(t *testing.T) {
		own := r.reporting(t, "prober")
		if a := r.call(t, own.Token, "GET", "/api/v4/user", nil); a.status != 200 || a.header.Get(wouldDeny) != "" ||
			strings.Contains(a.body, "email") {
			t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
	})
	t.Run("it ends at its end, cached or not", func(t *testing.T) {
		short := creation("short", on(w.api, "read_job"))
		short["report_until"] = time.Now().Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano)
		own := r.make(t, short)
		for end := time.Now().Add(patience); r.call(t, own.Token, "GET", project+"/issues", nil).status == 200; {
			if time.Now().After(end) {
				t.Fatal("it does not end")
			}
		}
		enforced(t, own.Token)
		if _, text := r.want(t, 200, w.alicePAT, "GET", path(own.ID, ""), nil); !strings.Contains(text, `"mode":"enforce"`) {
			t.Error(text)
		}
	})
}

// TestReportModeIsTheOperators: where it is not allowed nobody gets it, and tokens that have it are enforced.
func TestReportModeIsTheOperators(t *testing.T) {
	r := startRunning(t)
	w := r.world
	body := creation("refused", on(w.api, "read_project"))
	body["report_until"] = "1d"
	if _, text := r.want(t, 403, w.alicePAT, "POST", userTokens, body); !strings.Contains(text, "tokens.report_mode") {
		t.Error(text)
	}
	cmd := exec.Command("patgate", "token", "create", "--json", "--name", "made while it was allowed", "--project", "shop/backend/api",
		"--allow", "read_project", "--report-until", "7d")
	cmd.Env, cmd.Dir = append(r.env, "PATGATE_OWNER_CREDENTIAL="+w.alicePAT, "PATGATE_TOKENS_REPORT_MODE=allow"), r.dir
	out, err := cmd.Output()
	var made shown
	if err != nil || json.Unmarshal(out, &made) != nil {
		t.Fatalf("%v %s", err, out)
	}
	r.secret("a minted token", made.Token)
	issues := fmt.Sprintf("/api/v4/projects/%d/issues", w.api)
	if a := r.call(t, made.Token, "GET", issues, nil); a.status != 403 || a.header.Get(wouldDeny) != "" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if _, text := r.want(t, 403, w.alicePAT, "PATCH", extra(made.ID, ""), object{"report_until": "8d"}); !strings.Contains(text,
		"tokens.report_mode") {
		t.Error(text)
	}
}
