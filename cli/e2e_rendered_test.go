package cli_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// plansTitle is the title of an issue in a project that no token of these tests reaches.
const plansTitle = "Shut down the branch in Ghent"

// quoting stands before the forge and answers the requests of clients with everything in which GitLab puts rendered texts, as
// the owner would see them; patgate's own questions go on to the forge.
type quoting struct{ forge http.Handler }

// quotedAnswer is such an answer. Whatever says "kept" must come through.
const quotedAnswer = `{"id":1,"iid":1,"title":"kept 1","description":"secret/plans#1","description_html":"` + quotedLink + `","title_html":"` + quotedLink + `",
 "label":{"name":"kept 2","description_html":"` + quotedLink + `"},"labels":[{"name":"kept 3","description_html":"` + quotedLink + `"}],
 "lists":[{"label":{"name":"kept 4","description_html":"` + quotedLink + `"}}],"target":{"name":"kept 5","description_html":"` + quotedLink + `"},
 "projects":[{"name":"kept 6","description_html":"` + quotedLink + `"}],"author":{"status_tooltip_html":"` + quotedLink + `"},
 "features":{"description":{"description":"kept 7","description_html":"` + quotedLink + `"}},"web_url":"kept 8"}`

const quotedLink = `<a href=\"https://gitlab.example/secret/plans/-/issues/1\" title=\"` + plansTitle + `\">secret/plans#1</a>`

func (q quoting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.UserAgent() == "patgate" {
		q.forge.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, quotedAnswer)
}

// TestThreatRenderedTextNamesOtherProjects: who holds a token for one project writes a text that mentions an issue of another one,
// group/other#1, and reads the title of that issue in what the forge renders, because it renders with the eyes of the token's
// owner. The attack: make or read such a text. The control: the same request past patgate shows the title, and through patgate all
// but what was rendered comes through.
func TestThreatRenderedTextNamesOtherProjects(t *testing.T) {
	r := startRunning(t)
	w := r.world
	if err := w.post(fmt.Sprintf("/projects/%d/issues", w.plans), object{"title": plansTitle}); err != nil {
		t.Fatal(err)
	}
	token := r.mint(t, "--name", "labels", "--project", "shop/backend/api", "--allow",
		"create_label,read_label,read_project,update_project,read_work_item,read_release,read_code,read_merge_request,read_event")
	project, page := fmt.Sprintf("/api/v4/projects/%d", w.api), "/shop/backend/api"
	const text, entry = `"description":"secret/plans#1"`, "<title>the entry</title>"
	for _, c := range []struct{ name, method, target, body, kept string }{
		{"a label that is made", "POST", project + "/labels", `{"name":"x","color":"#fff","description":"secret/plans#1"}`, text},
		{"labels that are listed", "GET", project + "/labels", "", text},
		{"a project that is changed", "PUT", project, `{"description":"secret/plans#1"}`, text},
		{"a project that is read", "GET", project, "", text},
		{"a feed of issues", "GET", page + "/-/issues.atom", "", entry},
		{"a feed of work items", "GET", page + "/-/work_items.atom", "", entry},
		{"a feed of merge requests", "GET", page + "/-/merge_requests.atom", "", entry},
		{"a feed of releases", "GET", page + "/-/releases.atom", "", entry},
		{"a feed of commits", "GET", page + "/-/commits/main?format=atom", "", entry},
		{"a feed of tags", "GET", page + "/-/tags?format=atom", "", entry},
		{"a feed of activity", "GET", page + ".atom", "", entry},
	} {
		t.Run(c.name, func(t *testing.T) {
			ask := func(origin, token string) answer {
				h := http.Header{"Private-Token": {token}}
				if c.body != "" {
					h.Set("Content-Type", "application/json")
				}
				return send(c.method, origin+c.target, h, []byte(c.body))
			}
			control := ask(w.url, w.alicePAT)
			if !strings.Contains(control.body, plansTitle) {
				t.Fatalf("the forge shows no title: the test proves nothing (%d %s)", control.status, control.body)
			}
			attack := ask(r.gate, token)
			if attack.status != control.status || !strings.Contains(attack.body, c.kept) || strings.Contains(attack.body, plansTitle) {
				t.Errorf("%d %s", attack.status, attack.body)
			}
		})
	}
}

// TestThreatRenderedTextInsideOfOtherThings is the same for what GitLab shows inside of something else: labels in boards, in lists,
// in events, and in issues and epics when with_labels_details asks for them. The control: what is not rendered comes through,
// and so does an answer that was not asked for labels, on the way that changes nothing.
func TestThreatRenderedTextInsideOfOtherThings(t *testing.T) {
	r := startRunningWith(t, func(w *world) []string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: quoting{w.forge}}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
		return []string{"PATGATE_UPSTREAM_URL=http://" + listener.Addr().String(), "PATGATE_UPSTREAM_EXTERNAL_URLS=" + w.url}
	})
	token := r.mint(t, "--name", "group", "--group", "shop", "--allow", "read_label,subscribe_label,read_project,read_group,read_work_item,"+
		"create_work_item,create_todo,read_merge_request,read_vulnerability,read_deployment,read_repository,read_release,read_wiki",
		"--user", "--allow", "read_status,read_user")
	project, group := fmt.Sprintf("/api/v4/projects/%d", r.world.api), fmt.Sprintf("/api/v4/groups/%d", r.world.shop)
	const all, none, refused = 8, 0, -1
	for _, c := range []struct {
		name, method, target string
		want                 int // how many texts are kept; none: nothing is taken out
	}{
		{"boards", "GET", project + "/boards", all},
		{"a board", "GET", project + "/boards/1", all},
		{"the lists of a board", "GET", project + "/boards/1/lists", all},
		{"boards of a group", "GET", group + "/boards", all},
		{"boards of epics", "GET", group + "/epic_boards", all},
		{"the events of labels of an issue", "GET", project + "/issues/1/resource_label_events", all},
		{"the events of labels of a merge request", "GET", project + "/merge_requests/1/resource_label_events", all},
		{"issues with the details of labels", "GET", project + "/issues?with_labels_details=true", all},
		{"the same, spelled in another way", "GET", project + "/issues?state=opened&with%5Flabels_details=1", all},
		{"the same, as a list", "GET", project + "/issues?with_labels_details[]=true", all},
		{"issues of a group with them", "GET", group + "/issues?with_labels_details=true", all},
		{"epics with them", "GET", group + "/epics?with_labels_details=true", all},
		{"merge requests with them", "GET", project + "/merge_requests?with_labels_details=true", all},
		{"merge requests of a deployment with them", "GET", project + "/deployments/1/merge_requests?with_labels_details=true", all},
		{"issues without them", "GET", project + "/issues", none},
		{"epics without them", "GET", group + "/epics", none},
		{"a group and its projects", "GET", group, all},
		{"projects of a group", "GET", group + "/projects", all},
		{"work items", "GET", project + "/-/work_items", all},
		{"a to-do", "POST", project + "/issues/1/todo", all},
		{"a subscription to a label", "POST", group + "/labels/1/subscribe", all},
		{"commits of a merge request's context", "GET", project + "/merge_requests/1/context_commits", all},
		{"vulnerability findings", "GET", project + "/vulnerability_findings", all},
		{"a row that is newer than what is known", "GET", project + "/repository/diff_stats?from=a&to=b", all},
		{"releases whose text is rendered", "GET", project + "/releases?include_html_description=true", none},
		{"a merge request whose text is rendered", "GET", project + "/merge_requests/1?render_html=true", none},
		{"a wiki page whose text is rendered", "GET", project + "/wikis/home?render_html=true", none},
		{"the same in another shape", "GET", project + "/wikis/home?render_html[]=true", refused},
		{"a status, of which emoji alone are rendered", "GET", "/api/v4/user/status", none},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := send(c.method, r.gate+c.target, http.Header{"Private-Token": {token}}, nil)
			kept := strings.Count(a.body, "kept ")
			switch c.want {
			case refused:
				if a.status != http.StatusBadRequest {
					t.Errorf("%d %s", a.status, a.body)
				}
			case none:
				if a.status != http.StatusOK || a.body != quotedAnswer {
					t.Errorf("%d %s", a.status, a.body)
				}
			default:
				if a.status != http.StatusOK || kept != c.want || strings.Contains(a.body, plansTitle) {
					t.Errorf("%d, %d texts: %s", a.status, kept, a.body)
				}
			}
		})
	}
}
