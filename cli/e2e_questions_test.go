package cli_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestQuestionsAboutGrants asks a running patgate what tokens may do, by its API and by commands.
func TestQuestionsAboutGrants(t *testing.T) {
	r := unlimited(t)
	w := r.world
	narrow := r.make(t, creation("narrow", on(w.api, "read_job", "push_code")))
	broad := r.make(t, creation("broad", on(w.api, "read_job", "push_code"),
		object{"access": "selected_memberships", "permissions": []string{"read_job", "merge_merge_request"}, "group_ids": []int64{w.shop}}))
	limited := on(w.api, "push_code")
	limited["constraints"] = object{"ref_patterns": []string{"refs/heads/bot/*"}}
	bot := r.make(t, creation("bot", on(w.api, "read_job"), limited))
	id := func(v shown) string { return strconv.FormatInt(v.ID, 10) }
	credential := filepath.Join(t.TempDir(), "pat")
	if err := os.WriteFile(credential, []byte(w.alicePAT), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, int) {
		cmd := exec.Command("patgate", append(args, "--server", r.gate, "--credential-file", credential)...)
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	for _, tc := range []struct {
		name string
		code int
		says []string
		args []string
	}{
		{"may read jobs", 0, []string{"yes: granted", "GET /projects/{project}/jobs"},
			[]string{"token", "can", id(narrow), "GET", "/projects/shop%2Fbackend%2Fapi/jobs"}},
		{"may not elsewhere", 1, []string{"no: out_of_bounds", "missing      read_job"},
			[]string{"token", "can", id(narrow), "GET", "/projects/shop%2Fmy.web-site/jobs"}},
		{"may push", 0, []string{"yes: granted", "git-receive-pack", "each ref that is pushed"},
			[]string{"token", "can", id(narrow), "POST", "/shop/backend/api.git/git-receive-pack"}},
		{"explain says the same", 0, []string{"yes: granted"},
			[]string{"routes", "explain", "--token", id(narrow), "GET", "/api/v4/projects/" + strconv.FormatInt(w.api, 10) + "/jobs"}},
		{"no such route", 1, []string{"no: no route"}, []string{"token", "can", id(narrow), "GET", "/nothing"}},
		{"what is not there is as what is out of bounds", 1, []string{"no: out_of_bounds"},
			[]string{"token", "can", id(narrow), "GET", "/projects/no%2Fsuch/jobs"}},

		{"never merges", 0, []string{"yes: token " + id(narrow) + " never uses merge_merge_request in shop"},
			[]string{"token", "prove", id(narrow), "--never", "merge_merge_request", "--in", "shop"}},
		{"merges in a group below", 1, []string{"no: token " + id(broad) +
			" holds merge_merge_request on any other project in group shop/backend",
			"/merge_requests/"}, []string{"token", "prove", id(broad), "--never", "merge_merge_request", "--in", "shop/backend"}},
		{"never merges beside it", 0, []string{"yes: "},
			[]string{"token", "prove", id(broad), "--never", "merge_merge_request", "--in", "secret"}},
		{"anywhere at all", 1, []string{"no: "}, []string{"token", "prove", id(broad), "--never", "merge_merge_request"}},
		{"an unknown permission", 2, []string{"nearest: merge_merge_request"},
			[]string{"token", "prove", id(broad), "--never", "merge_merge_requests"}},
		{"an unknown group", 2, []string{"not found, or not visible"},
			[]string{"token", "prove", id(broad), "--never", "merge_merge_request", "--in", "no/such"}},

		{"opens more", 1, []string{"any other project in group shop", "+ merge_merge_request", "+ read_job"},
			[]string{"token", "diff", id(narrow), id(broad)}},
		{"opens nothing more", 0, []string{"opens nothing"}, []string{"token", "diff", id(broad), id(narrow)}},
		{"a limit on refs is less", 0, []string{"opens nothing"}, []string{"token", "diff", id(narrow), id(bot)}},
		{"and none is more", 1, []string{"~ push_code, with fewer limits on refs", "git-receive-pack"},
			[]string{"token", "diff", id(bot), id(narrow)}},

		{"who can push", 0, []string{id(narrow), id(broad), id(bot), "bot (with limits on refs)"},
			[]string{"token", "who-can", "push_code", "--project", "shop/backend/api"}},
		{"who can merge there", 0, []string{id(broad)}, []string{"token", "who-can", "merge_merge_request", "--project",
			"shop/my.web-site"}},
		{"nobody", 0, []string{"No active token holds"}, []string{"token", "who-can", "push_code", "--project", "shop/my.web-site"}},
		{"without a place", 2, []string{"say where"}, []string{"token", "who-can", "push_code"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, code := run(tc.args...)
			if code != tc.code {
				t.Fatalf("exit code %d, want %d:\n%s", code, tc.code, out)
			}
			for _, text := range tc.says {
				if !strings.Contains(out, text) {
					t.Errorf("does not say %q:\n%s", text, out)
				}
			}
		})
	}
	t.Run("as JSON", func(t *testing.T) {
		out, code := run("token", "prove", id(broad), "--never", "merge_merge_request", "--in", "shop", "--json")
		var p struct {
			Never   bool
			Witness struct {
				Where struct{ Words string }
				Route string
			}
		}
		out, _, _ = strings.Cut(out, "\npatgate: ")
		if err := json.Unmarshal([]byte(out), &p); err != nil || code != 1 || p.Never || p.Witness.Route == "" {
			t.Errorf("%d %v %s", code, err, out)
		}
	})
	t.Run("nothing is told about the tokens of others", func(t *testing.T) {
		for _, at := range []string{"/can?method=GET&path=/projects/1/jobs", "/prove?never=read_job", "/diff?with=" + id(broad),
			"/diff?with=1000000099999"} {
			r.want(t, 404, w.bobPAT, "GET", extra(narrow.ID, at), nil)
		}
		r.want(t, 404, w.alicePAT, "GET", extra(narrow.ID, "/diff?with=1000000099999"), nil)
		r.want(t, 403, narrow.Token, "GET", extra(broad.ID, "/prove?never=read_job"), nil)
		r.want(t, 403, narrow.Token, "GET", ownAPI+"/who-can?permission=read_job&project=1", nil)
		r.want(t, 401, "", "GET", extra(narrow.ID, "/prove?never=read_job"), nil)
	})
	t.Run("a token learns of nothing that it does not reach", func(t *testing.T) {
		there := r.call(t, narrow.Token, "GET", extra(narrow.ID, "/prove?never=read_job&group=secret"), nil)
		absent := r.call(t, narrow.Token, "GET", extra(narrow.ID, "/prove?never=read_job&group="+url.QueryEscape("sacred")), nil)
		if there.status != absent.status || strings.ReplaceAll(there.body, "secret", "sacred") != absent.body {
			t.Errorf("%d %s\n%d %s", there.status, there.body, absent.status, absent.body)
		}
		reader := r.make(t, creation("reader", on(w.api, "read_repository")))
		can := func(project int64) answer {
			path := fmt.Sprintf("/projects/%d/repository/compare?from=a&to=b&from_project_id=%d", w.api, project)
			return r.call(t, reader.Token, "GET", ownAPI+"/tokens/self/can?method=GET&path="+url.QueryEscape(path), nil)
		}
		seen, gone := can(w.plans), can(99_999_999)
		if seen.status != 200 || !strings.Contains(seen.body, "target_denied") ||
			strings.ReplaceAll(seen.body, fmt.Sprint("=", w.plans), "=99999999") != gone.body {
			t.Errorf("a second project that the token does not reach: %d %s\none that is not there: %s", seen.status, seen.body, gone.body)
		}
		r.want(t, 200, narrow.Token, "GET", ownAPI+"/tokens/self/prove?never=read_job&project=shop/backend/api", nil)
	})
}
