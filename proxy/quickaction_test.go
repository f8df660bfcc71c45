package proxy

import (
	"net/http"
	"strings"
	"testing"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
)

// commandTable is the test table with texts that carry commands.
func commandTable(t testing.TB) *routes.Table {
	t.Helper()
	files := append([]routes.File{}, testTable...)
	files = append(files, routes.File{Name: "commands.yaml", Data: []byte(`
categories:
  Repository:
    merge_request: {actions: {create: {boundaries: [project]}, update: {boundaries: [project]}, merge: {boundaries: [project]}}}
category: Repository
captures: {noteable_id: int, merge_request_iid: int}
resources:
  merge_request:
    create:
      - POST /projects/{project}/merge_requests/{noteable_id}/notes
    update:
      - PUT /projects/{project}/merge_requests/{merge_request_iid}
quick_actions:
  commands:
    close: {work_item: update_work_item, merge_request: update_merge_request}
    merge: {merge_request: merge_merge_request}
    move: {work_item: [create_work_item, update_work_item], elsewhere: true}
    lock: {work_item: update_work_item, merge_request: update_merge_request}
    shrug: {harmless: true}
  fields:
    merge_request:
      body: POST /projects/{project}/merge_requests/{noteable_id}/notes
      description: PUT /projects/{project}/merge_requests/{merge_request_iid}
    work_item:
      description: POST /projects/{project}/issues
`)})
	table, problems := load.Table(load.Options{Table: files})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	return table
}

// commandGateway runs a gateway with that table.
func commandGateway(t testing.TB, upstream string, allow bool) *gateway {
	t.Helper()
	table := commandTable(t)
	g := newGateway(t, upstream, func(o *Options) {
		o.Table = func() *routes.Table { return table }
		o.AllowQuickActions = allow
	})
	g.table = table
	return g
}

func onSeven(permissions ...string) policy.ScopeSpec {
	return policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: permissions}
}

func everywhere(permissions ...string) policy.ScopeSpec {
	return policy.ScopeSpec{Access: "all_memberships", Permissions: permissions}
}

const (
	notes  = "/api/v4/projects/7/merge_requests/3/notes"
	issues = "/api/v4/projects/7/issues"
)

// commandRequest is one text in one carrier.
func commandRequest(token, target, contentType, body string) string {
	return request("POST", target, body, "PRIVATE-TOKEN: "+token, "Content-Type: "+contentType)
}

// Threat: a token that may only write notes has the forge merge, close or move by a line of the note.
// Attack: every carrier of the text, and every spelling that GitLab takes for a command.
// Positive control: the same requests pass with a grant that holds what the command needs.
func TestACommandNeedsItsPermission(t *testing.T) {
	const form, asJSON, multipart = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=B"
	for _, c := range []struct {
		name, target, contentType, body string
		needs                           []string // besides that of the row
		all                             bool     // under all_memberships too
		says                            string
	}{
		{"JSON", notes, asJSON, `{"body":"Looks good.\n\n/merge"}`, []string{"merge_merge_request"}, false, "Line 3 of `body` has the quick action /merge, which needs merge_merge_request."},
		{"JSON with escapes", notes, asJSON, `{"\u0062ody":"\u002fmer\u0067e"}`, []string{"merge_merge_request"}, false, "Line 1 of `body` has the quick action /merge"},
		{"JSON, a list", notes, asJSON, `{"body":["hello","/merge"]}`, []string{"merge_merge_request"}, false, "/merge"},
		{"JSON, an object", notes, asJSON, `{"body":{"x":"/merge"}}`, []string{"merge_merge_request"}, false, "/merge"},
		{"a form", notes, form, "body=a%0D%0A%2Fmerge", []string{"merge_merge_request"}, false, "Line 2 of `body`"},
		{"a form with a blank", notes, form, "body=%2Fmerge+now", []string{"merge_merge_request"}, false, "Line 1 of `body`"},
		{"a multipart body", notes, multipart, "--B\r\nContent-Disposition: form-data; name=\"body\"\r\n\r\nhello\r\n/merge\r\n--B--\r\n", []string{"merge_merge_request"}, false, "Line 2 of `body`"},
		{"the query", notes + "?body=/merge", "", "", []string{"merge_merge_request"}, false, "Line 1 of `body`"},
		{"capitals", notes, asJSON, `{"body":"/MERGE"}`, []string{"merge_merge_request"}, false, "/merge"},
		{"a carriage return inside", notes, asJSON, `{"body":"/mer\rge"}`, []string{"merge_merge_request"}, false, "/merge"},
		{"the Kelvin sign", notes, asJSON, `{"body":"/loc\u212a"}`, []string{"update_merge_request"}, false, "/lock"},
		{"inside a code block, for other readers of Markdown differ", notes, asJSON, "{\"body\":\"```\\n/merge\\n```\"}", []string{"merge_merge_request"}, false, "Line 2 of `body`"},
		{"two commands, of which the first is granted", notes, asJSON, `{"body":"/close\n/merge"}`, []string{"update_merge_request", "merge_merge_request"}, false, "Line 2 of `body` has the quick action /merge"},
		{"a description that moves", issues, asJSON, `{"title":"t","description":"/move other/project"}`, []string{"update_work_item"}, true,
			"Line 1 of `description` has the quick action /move, which needs create_work_item and update_work_item, under all_memberships too"},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := newEcho(t, nil)
			g := commandGateway(t, up.URL, false)
			row := "create_merge_request"
			if strings.HasPrefix(c.target, issues) {
				row = "create_work_item"
			}
			held := append([]string{row}, c.needs[:len(c.needs)-1]...)
			lacking := g.mint(t, nil, onSeven(held...))
			answer := g.raw(t, commandRequest(lacking, c.target, c.contentType, c.body))
			answer.wants(t, http.StatusForbidden, c.says, `"reason":"quick_action"`, `"insufficient_granular_scope"`, c.needs[len(c.needs)-1])
			if n := len(up.requests()); n != 0 {
				t.Fatalf("the upstream was called %d times", n)
			}
			if e := g.sink.last(t); e.Reason != "quick_action" || e.Verdict != policy.Deny || e.Act != policy.ActQuickAction {
				t.Errorf("recorded as %q of %v", e.Reason, e.Act)
			}
			here := onSeven(append([]string{row}, c.needs...)...)
			if c.all {
				token := g.mint(t, nil, here)
				g.raw(t, commandRequest(token, c.target, c.contentType, c.body)).wants(t, http.StatusForbidden, c.says)
				here = everywhere(append([]string{row}, c.needs...)...)
			}
			token := g.mint(t, nil, here)
			g.raw(t, commandRequest(token, c.target, c.contentType, c.body)).wants(t, http.StatusOK)
		})
	}
}

func TestTextsWithoutCommandsPass(t *testing.T) {
	up := newEcho(t, nil)
	g := commandGateway(t, up.URL, false)
	token := g.mint(t, nil, onSeven("create_merge_request", "create_work_item"))
	for _, c := range []struct{ name, target, body string }{
		{"a path", notes, `{"body":"/usr/bin/merge\n/etc\n/close/\n/merge-base"}`},
		{"a word that begins like a command", notes, `{"body":"/closed /merged\n/merger"}`},
		{"a command in the middle of a line", notes, `{"body":"please /merge this"}`},
		{"a substitution", notes, `{"body":"/shrug whatever"}`},
		{"a command that the forge does not carry out there", issues, `{"title":"t","description":"/merge"}`},
		{"another parameter", issues, `{"title":"/close","description":"x"}`},
		{"no text", notes, `{"body":null}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.raw(t, commandRequest(token, c.target, "application/json", c.body)).wants(t, http.StatusOK)
		})
	}
}

func TestQuickActionsCanBeAllowed(t *testing.T) {
	up := newEcho(t, nil)
	g := commandGateway(t, up.URL, true)
	token := g.mint(t, nil, onSeven("create_merge_request"))
	g.raw(t, commandRequest(token, notes, "application/json", `{"body":"/merge"}`)).wants(t, http.StatusOK)
	if got := string(up.last(t).body); !strings.Contains(got, "/merge") {
		t.Errorf("forwarded %q", got)
	}
}

// TestOneRequestsCommandsAreNotTheNexts sends both over one connection, so that the exchange is used again.
func TestOneRequestsCommandsAreNotTheNexts(t *testing.T) {
	up := newEcho(t, nil)
	g := commandGateway(t, up.URL, false)
	token := g.mint(t, nil, onSeven("create_merge_request"))
	for range 3 {
		g.raw(t, commandRequest(token, notes, "application/json", `{"body":"/merge"}`)).wants(t, http.StatusForbidden)
		g.raw(t, commandRequest(token, notes, "application/json", `{"body":"fine"}`)).wants(t, http.StatusOK)
	}
}

// TestEveryCommandOfGitLabIsRefusedToATokenThatWritesNotes goes through the built-in table.
func TestEveryCommandOfGitLabIsRefusedToATokenThatWritesNotes(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, mustNotBeCalled(t), func(o *Options) { o.Table = func() *routes.Table { return table } })
	g.table = table
	token := g.mint(t, nil, onSeven("create_merge_request", "create_commit", "create_work_item"))
	covered := map[string]bool{ // by what the rows themselves need
		"create_merge_request": true, "create_commit": true, "create_work_item": true,
	}
	refused := 0
	for _, c := range []struct {
		kind   routes.CommandKind
		target string
	}{
		{routes.CommandsWorkItem, "/api/v4/projects/7/issues/3/notes"},
		{routes.CommandsMergeRequest, "/api/v4/projects/7/merge_requests/3/discussions"},
		{routes.CommandsCommit, "/api/v4/projects/7/repository/commits/abc/discussions"},
	} {
		for _, command := range table.Commands().All() {
			needsMore := command.Elsewhere
			for _, name := range table.Catalogue().Names(command.Needs(c.kind)) {
				needsMore = needsMore || !covered[name]
			}
			if !needsMore || command.NeedSet(c.kind) == nil {
				continue
			}
			for _, name := range append([]string{command.Name}, command.Aliases...) {
				refused++
				g.raw(t, commandRequest(token, c.target, "application/json", `{"body":"x\n/`+name+` 1"}`)).
					wants(t, http.StatusForbidden, "Line 2 of `body` has the quick action /"+name+",", `"reason":"quick_action"`)
			}
		}
	}
	if refused < 120 {
		t.Errorf("only %d commands were refused", refused)
	}
}

// TestADenialRepeatsNothingOfTheText: what stands behind the command may be a secret.
func TestADenialRepeatsNothingOfTheText(t *testing.T) {
	g := commandGateway(t, mustNotBeCalled(t), false)
	token := g.mint(t, nil, onSeven("create_work_item"))
	answer := g.raw(t, commandRequest(token, issues, "application/json", `{"description":"before\n/move secret/project hunter2\nafter"}`))
	answer.wants(t, http.StatusForbidden, "Line 2 of `description`")
	for _, secret := range []string{"secret/project", "hunter2", "before", "after"} {
		if strings.Contains(answer.body, secret) {
			t.Errorf("the answer holds %q: %s", secret, answer.body)
		}
	}
}
