package cli_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestRequestsOfGlab makes what glab asks for behind its commands, as its own build was seen to do.
func TestRequestsOfGlab(t *testing.T) {
	r := startRunning(t)
	w := r.world
	project := fmt.Sprintf("/projects/%d", w.api)
	if err := w.post(project+"/merge_requests", object{"source_branch": "bot/two", "target_branch": "main", "title": "Two"}); err != nil {
		t.Fatal(err)
	}
	token := r.mint(t, "--name", "glab", "--project", "shop/backend/api", "--allow",
		"read_project,read_merge_request,update_merge_request,read_pipeline,create_pipeline,read_job,read_release,create_release,"+
			"create_work_item")
	call := func(want int, method, path string, body any) answer {
		t.Helper()
		a := r.call(t, token, method, "/api/v4"+path, body)
		if a.status != want {
			t.Errorf("%s %s: %d, want %d: %s", method, path, a.status, want, a.body)
		}
		return a
	}
	call(200, "GET", "/projects/shop%2Fbackend%2Fapi", nil)                                    // repo view, repo clone
	call(200, "GET", project+"/merge_requests?page=1&per_page=30&scope=all&state=opened", nil) // mr list
	call(200, "GET", project+"/merge_requests/1?include_diverged_commits_count=true&include_rebase_in_progress=true&render_html=true",
		nil) // mr view, mr checkout
	versions := call(200, "GET", project+"/merge_requests/1/versions", nil) // mr diff
	id, _, _ := strings.Cut(strings.TrimPrefix(versions.body[max(0, strings.Index(versions.body, `"id":`)):], `"id":`), ",")
	if one := call(200, "GET", project+"/merge_requests/1/versions/"+id, nil); !strings.Contains(one.body, `"diffs":`) {
		t.Error(one.body)
	}
	call(200, "PUT", project+"/merge_requests/1", object{"title": "Three"})                             // mr update
	call(201, "POST", project+"/merge_requests/1/notes", object{"body": "hello"})                       // mr note
	call(404, "GET", project+"/pipelines/latest?ref=bot%2Ftwo", nil)                                    // ci status, of a branch without one
	call(201, "POST", project+"/pipeline", object{"ref": "main"})                                       // ci run
	call(200, "GET", project+"/pipelines/latest?ref=main", nil)                                         // ci status
	call(404, "GET", project+"/releases/v9.0.0", nil)                                                   // release create looks first
	call(201, "POST", project+"/releases", object{"name": "nine", "tag_name": "v9.0.0", "ref": "main"}) // release create
	denied := call(403, "GET", "/search?scope=projects&search=website", nil)                            // repo search
	if !strings.Contains(denied.body, "use_global_search") {
		t.Error(denied.body)
	}
}
