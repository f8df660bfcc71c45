package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/forge/forgetest"
)

// triedLine is a line of patgate routes simulate --json.
type triedLine struct {
	TokenID   int64 `json:"token_id"`
	SubjectID int64 `json:"subject_id"`
	Name      string
	Requests  int64
	Observed  int64
	Limits    []string
	Damaged   int
	Denied    []struct {
		Method, Route, Reason string
		Requests              int64
		Day                   string `json:"last_day"`
		Missing               []string
	}
	Total *struct {
		Tokens, Kinds, Damaged      int
		Requests, Observed, Unclear int64
		ForgeTokens                 int   `json:"forge_tokens"`
		Denied                      int   `json:"tokens_denied"`
		Before                      int64 `json:"denied_already"`
	}
}

// TestRulesAreTriedOnAllTokens has tokens and a token of the forge's own do something, and tries on all of it another route table,
// stricter limits and this patgate as it is. Nothing is changed by that.
func TestRulesAreTriedOnAllTokens(t *testing.T) {
	r := startRunningWith(t, func(*world) []string {
		return []string{"PATGATE_LEARN_MODE=on", "PATGATE_TOKENS_REPORT_MODE=allow", "PATGATE_LIMITS_FAILED_CREDENTIALS=1000000"}
	})
	w, dir := r.world, t.TempDir()
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	jobs := r.make(t, creation("jobs", on(w.api, "read_job", "read_project")))
	narrowed := r.make(t, creation("narrowed", on(w.api, "read_job", "read_project")))
	body := creation("reporting", on(w.api, "read_project"))
	body["report_until"] = "7d"
	reporting := r.make(t, body)
	r.make(t, creation("idle", on(w.api, "read_job")))
	old := w.forge.AddToken(w.alice, forgetest.Token{Name: "old bot"})
	r.secret("the old bot's forge token", old)
	for _, v := range []shown{jobs, narrowed, reporting} {
		r.onOneConnection(t, v.Token, 200, project, project+"/jobs", project+"/jobs")
	}
	for _, c := range []struct{ method, path, body string }{{"GET", project, ""}, {"POST", project + "/issues", `{"title":"seen"}`}} {
		header := http.Header{"PRIVATE-TOKEN": {old}, "Content-Type": {"application/json"}}
		if a := send(c.method, r.gate+c.path, header, []byte(c.body)); a.status >= 300 {
			t.Fatal(a.status, a.body)
		}
	}
	r.want(t, 200, w.alicePAT, "PATCH", extra(narrowed.ID, ""), object{"granular_scopes": []object{on(w.api, "read_project")}})

	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	run := func(args ...string) (string, int) {
		cmd := exec.Command("patgate", append([]string{"routes", "simulate"}, args...)...)
		others := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PATGATE_") })
		cmd.Env = append(others, "PATGATE_DATA_DIR="+filepath.Join(r.dir, "data"), "PATGATE_UPSTREAM_URL="+w.url, "PATGATE_FORGE=gitlab")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out) + stderr.String(), cmd.ProcessState.ExitCode()
	}
	const either = -1
	// lines gives what is said of each token that would have been denied something, by name, and the total.
	lines := func(t *testing.T, code int, args ...string) (of map[string]triedLine, total triedLine) {
		t.Helper()
		out, is := run(append(args, "--json")...)
		of = map[string]triedLine{}
		for text := range strings.Lines(out) {
			var l triedLine
			if strings.HasPrefix(text, "patgate: ") {
				continue
			}
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			if of[l.Name] = l; l.Total != nil {
				total = l
			}
		}
		if is != code && code != either || total.Total == nil {
			t.Fatalf("exit code %d, want %d: %s", is, code, out)
		}
		delete(of, "")
		return of, total
	}
	overlay := write("overlay.yaml", "remove:\n  - GET /projects/{project}/jobs\n")
	same := write("same.yaml", "upstream: {url: "+w.url+"}\ntokens: {report_mode: allow}\n")
	inForce := []string{"--config", same}
	for end := time.Now().Add(2 * patience); ; time.Sleep(100 * time.Millisecond) {
		if _, sum := lines(t, either, append(inForce, overlay)...); sum.Total.Observed == 11 && sum.Total.ForgeTokens == 1 {
			break
		} else if time.Now().After(end) {
			t.Fatalf("not in time: %+v", sum.Total)
		}
	}

	t.Run("another route table", func(t *testing.T) {
		of, sum := lines(t, 1, append(inForce, overlay)...)
		today := time.Now().UTC().Format("2006-01-02")
		d := of["jobs"].Denied
		if len(d) != 1 || d[0].Requests != 2 || d[0].Route != "/projects/{project}/jobs" || d[0].Reason != "refused" && d[0].Reason == "" ||
			d[0].Day > today || len(of["reporting"].Denied) != 1 || of["jobs"].TokenID != jobs.ID {
			t.Errorf("%+v", of)
		}
		// The narrowed one lost that before.
		if len(of) != 2 || sum.Total.Requests != 4 || sum.Total.Kinds != 2 || sum.Total.Denied != 2 || sum.Total.Before != 2 ||
			sum.Total.Tokens != 3 {
			t.Errorf("%v %+v", len(of), sum.Total)
		}
		out, code := run(append(inForce, overlay)...)
		if code != 1 || !strings.Contains(out, fmt.Sprintf("token %d \"jobs\" of alice, active: would have denied 2 requests of 1 kind, "+
			"of 3 requests", jobs.ID)) || !strings.Contains(out, "2x GET /projects/{project}/jobs on project") ||
			!strings.Contains(out, "would have denied 4 requests of 2 kinds of 2 tokens, of 11 requests of 3 tokens") {
			t.Errorf("%d %s", code, out)
		}
		if bad, code := run(append(inForce, write("bad.yaml", "rows: none\n"))...); code == 0 || !strings.Contains(bad, "bad.yaml") {
			t.Errorf("%d %s", code, bad)
		}
	})
	t.Run("the same once more", func(t *testing.T) {
		if of, sum := lines(t, 0, append(inForce, "--try", same)...); len(of) != 0 || sum.Total.Before != 2 {
			t.Errorf("%+v %+v", of, sum.Total)
		}
	})
	t.Run("this patgate as it is, on what was allowed", func(t *testing.T) {
		of, sum := lines(t, 1, inForce...)
		if d := of["narrowed"].Denied; len(of) != 1 || len(d) != 1 || d[0].Requests != 2 || d[0].Reason != "permission_missing" ||
			fmt.Sprint(d[0].Missing) != "[read_job]" || sum.Total.Before != 0 {
			t.Errorf("%+v %+v", of, sum.Total)
		}
	})
	t.Run("stricter limits", func(t *testing.T) {
		stricter := write("stricter.yaml", "upstream: {url: "+w.url+"}\nlegacy: read_only\ntokens: {report_mode: deny}\n")
		of, sum := lines(t, 1, append(inForce, "--try", stricter)...)
		if d := of["reporting"]; len(d.Denied) != 1 || d.Requests != 2 || fmt.Sprint(d.Limits) != "[report_mode]" {
			t.Errorf("%+v", d)
		}
		if d := of["old bot"]; d.SubjectID == 0 || len(d.Denied) != 1 || d.Denied[0].Method != "POST" || d.Denied[0].Reason != "legacy" {
			t.Errorf("%+v", d)
		}
		if len(of) != 2 || sum.Total.Requests != 3 {
			t.Errorf("%+v %+v", of, sum.Total)
		}
		later := write("later.yaml", "upstream: {url: "+w.url+"}\nlegacy: deny after 2099-01-01\ntokens: {report_mode: allow}\n")
		if of, _ := lines(t, 1, append(inForce, "--try", later)...); len(of) != 1 || of["old bot"].Requests != 2 {
			t.Errorf("a date that lies ahead: %+v", of)
		}
	})
	t.Run("what cannot be read is told", func(t *testing.T) {
		r.alter(t, fmt.Sprintf("UPDATE units SET days = x'00' WHERE subject_id = %d AND kind_id = (SELECT min(kind_id) FROM units "+
			"WHERE subject_id = %[1]d)", jobs.ID))
		if _, sum := lines(t, 0, append(inForce, "--try", same)...); sum.Total.Damaged != 1 {
			t.Errorf("%+v", sum.Total)
		}
		out, code := run(append(inForce, "--try", same, "--strict")...)
		if code != 1 || !strings.Contains(out, "1 kept observation is damaged") || !strings.Contains(out, "could not be judged") {
			t.Errorf("%d %s", code, out)
		}
	})
}
