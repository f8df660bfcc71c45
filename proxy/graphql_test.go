package proxy

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/audit"
	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/legacy"
	"patgate/proxy/observe"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/token"
)

// graphTable is the test table with rows and rules of GraphQL, for the schema of GitLab 19.3.
func graphTable(t testing.TB) *routes.Table {
	t.Helper()
	files := append([]routes.File{{Name: "table.yaml", Data: []byte("forge: gitlab\nversion: 3\nbase: /api/v4\n")}}, testTable[1:]...)
	files = append(files, routes.File{Name: "graphql_categories.yaml", Data: []byte(`
categories:
  Repository:
    merge_request: {actions: {read: {boundaries: [project, group]}, update: {boundaries: [project]}, merge: {boundaries: [project]}}}
    note: {actions: {read: {boundaries: [project, group]}, create: {boundaries: [project]}}}
    group: {actions: {read: {boundaries: [group]}}}
    item: {actions: {read: {boundaries: [project, group]}}}
    user: {actions: {read: {boundaries: [user]}}}
    version: {actions: {read: {boundaries: [instance]}}}
quick_actions:
  commands:
    close: {work_item: update_work_item, merge_request: update_merge_request, commit: update_work_item}
    merge: {merge_request: merge_merge_request}
    shrug: {harmless: true}
  fields:
    work_item:
      description: POST /projects/{project}/issues
`)}, routes.File{Name: "graphql.yaml", Data: []byte(`
surface: graphql
category: Repository
resources:
  project:
    read:
      - POST /api/graphql#Project reads boundary=project
  group:
    read:
      - POST /api/graphql#Group reads boundary=group
  item:
    read:
      - POST /api/graphql#WorkItem reads boundary=project,group
      - POST /api/graphql#Issue reads boundary=project,group
      - POST /api/graphql#Namespace reads boundary=project,group
  work_item:
    create:
      - POST /api/graphql#Mutation.workItemCreate boundary=project since=3
    update:
      - POST /api/graphql#Mutation.workItemUpdate boundary=project since=3
      - POST /api/graphql#Mutation.issueMove boundary=project since=3
  merge_request:
    read:
      - POST /api/graphql#MergeRequest reads boundary=project,group
  note:
    read:
      - POST /api/graphql#Note reads boundary=project,group
    create:
      - POST /api/graphql#Mutation.createNote boundary=project since=3
  user:
    read:
      - POST /api/graphql#CurrentUser reads boundary=user
  version:
    read:
      - POST /api/graphql#Metadata reads boundary=instance
  secret_token:
    create:
      - route: POST /api/graphql#Mutation.pipelineTriggerCreate boundary=project since=3
        mints: pipeline trigger token
`)}, routes.File{Name: "graphql_rules.yaml", Data: []byte(`
graphql:
  roots:
    project: {project: fullPath}
    group: {group: fullPath}
    namespace: {namespace: fullPath}
    workItem: {object: id}
    currentUser: user
    metadata: instance
  arguments:
    project: [projectPath, targetProjectPath]
    namespace: [namespacePath]
    pass: [clientMutationId]
  objects:
    WorkItem: {get: workItem, project: project.id, group: namespace.id}
    MergeRequest: {get: mergeRequest, project: project.id}
  inside: [Label, "WorkItems::Type"]
  inherits: [AwardEmoji]
  refused:
    Project.trackingKey: data can be sent with it
`)})
	table, problems := load.Table(load.Options{Table: files})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	return table
}

// graphResolver knows group 3 besides the projects of fakeResolver, and the objects 70, in project 7, and 80, in project 8.
type graphResolver struct{ *fakeResolver }

var above = policy.Container{Boundary: routes.BoundaryGroup, ID: 3, Path: "group", Visibility: policy.VisibilityPrivate,
	Access: policy.OwnerMember}

func (r graphResolver) Resolve(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (policy.Container, error) {
	switch {
	case ref.Kind != routes.RefProject && (ref.ID == 3 || ref.ID == 0 && strings.EqualFold(string(ref.Path), "group")):
		return above, nil
	case string(ref.Path) == "group/former": // its redirect
		return granted, nil
	}
	return r.fakeResolver.Resolve(ctx, s, ref, maxAge)
}

func (r graphResolver) Known(s *token.Session, ref routes.Reference, maxAge time.Duration, _ time.Time) *policy.Container {
	return knownBy(r, s, ref, maxAge)
}

func (r graphResolver) Lookup(_ context.Context, _ *token.Session, row *routes.Route, op *routes.Operation) (forge.LookupResult, error) {
	if row.Find.From != routes.FindByLookup {
		return forge.LookupResult{}, nil
	}
	id := string(op.Capture("id"))
	switch id[strings.LastIndexByte(id, '/')+1:] {
	case "70":
		return forge.LookupResult{Found: true, Projects: []int64{7}}, nil
	case "80":
		return forge.LookupResult{Found: true, Projects: []int64{8}}, nil
	}
	return forge.LookupResult{Found: true}, nil // the forge answers 200 with null
}

// newGraphGateway runs a gateway with that table.
func newGraphGateway(t testing.TB, upstream string, configure func(*Options)) *gateway {
	t.Helper()
	table := graphTable(t)
	g := newGateway(t, upstream, func(o *Options) {
		o.Table = func() *routes.Table { return table }
		o.Resolver = graphResolver{&fakeResolver{}}
		o.GrantURL = "https://patgate.test/-/patgate"
		if configure != nil {
			configure(o)
		}
	})
	g.table = table
	return g
}

// graphRequest writes a request with a document and its variables.
func graphRequest(t testing.TB, token, query string, variables map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	return request("POST", "/api/graphql", string(body), "PRIVATE-TOKEN: "+token, "Content-Type: application/json")
}

// The documents of the tests.
const (
	title     = `{project(fullPath:"group/granted"){issues{nodes{title}}}}`
	update    = `mutation($in:WorkItemUpdateInput!){workItemUpdate(input:$in){errors}}`
	createOne = `mutation($in:WorkItemCreateInput!){workItemCreate(input:$in){errors}}`
	noteOne   = `mutation($in:CreateNoteInput!){createNote(input:$in){errors}}`
	moveOne   = `mutation{issueMove(input:{projectPath:"group/granted",iid:"1",targetProjectPath:"TO"}){errors}}`
)

func input(fields map[string]any) map[string]any { return map[string]any{"in": fields} }

func gid(class, id string) string { return "gid://gitlab/" + class + "/" + id }

// graphError is one error of an answer.
type graphError struct {
	Message    string   `json:"message"`
	Path       []string `json:"path"`
	Extensions struct {
		Code     string   `json:"code"`
		Missing  []string `json:"missing_permissions"`
		Boundary string   `json:"boundary"`
		GrantURL string   `json:"grant_url"`
		Path     []string `json:"path"`
		Reason   string   `json:"reason"`
	} `json:"extensions"`
}

// refused gives the error by which a request was refused, which is all that the answer holds.
func refused(t testing.TB, a received) graphError {
	t.Helper()
	var body struct {
		Data   any
		Errors []graphError
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || len(body.Errors) != 1 || body.Data != nil {
		t.Fatalf("%d %s is no refusal", a.status, a.body)
	}
	return body.Errors[0]
}

// What is allowed is sent printed anew, with nothing else of the request and the owner's credential.
func TestGraphQLIsSentAnew(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGraphGateway(t, upstream.URL, nil)
	all := []string{"read_project", "read_item", "update_work_item", "create_work_item", "create_note", "read_note"}
	key := g.mint(t, nil, onSeven(all...), policy.ScopeSpec{Access: "user", Permissions: []string{"read_user"}},
		policy.ScopeSpec{Access: "instance", Permissions: []string{"read_version"}})
	for _, c := range []struct {
		name, query string
		variables   map[string]any
		sent        string
	}{
		{"a read", "query Q { # a remark\n project(fullPath: \"group/granted\") { issues { nodes { title } } } } fragment Unused on Project {id}",
			nil, `{"query":"query Q{project(fullPath:\"group/granted\"){issues{nodes{title}}}}","operationName":"Q"}`},
		{"one of several operations, its variables and its fragments", `query A($p:ID!,$no:Boolean=false){project(fullPath:$p){...F
			name@include(if:$no)}} fragment F on Project{path}`, map[string]any{"p": "group/granted", "other": "glpat-x"},
			`{"query":"query A($p:ID!,$no:Boolean=false){project(fullPath:$p){...F name@include(if:$no)}} fragment F on Project{path}",` +
				`"operationName":"A","variables":{"p":"group/granted"}}`},
		{"an object by its global id", `query($id:WorkItemID!){workItem(id:$id){title}}`, map[string]any{"id": gid("WorkItem", "70")},
			`{"query":"query($id:WorkItemID!){workItem(id:$id){title}}","variables":{"id":"gid://gitlab/WorkItem/70"}}`},
		{"a mutation by a global id", update, input(map[string]any{"id": gid("WorkItem", "70"), "title": "a/b"}),
			`{"query":"mutation($in:WorkItemUpdateInput!){workItemUpdate(input:$in){errors}}",` +
				`"variables":{"in":{"id":"gid://gitlab/WorkItem/70","title":"a/b"}}}`},
		{"a mutation by a path", createOne, input(map[string]any{"namespacePath": "group/granted", "title": "t", "workItemTypeId": gid("WorkItems::Type", "1")}),
			`{"query":"mutation($in:WorkItemCreateInput!){workItemCreate(input:$in){errors}}","variables":{"in":` +
				`{"namespacePath":"group/granted","title":"t","workItemTypeId":"gid://gitlab/WorkItems::Type/1"}}}`},
		{"the account and the instance", `{currentUser{username} metadata{version}}`, nil,
			`{"query":"query{currentUser{username} metadata{version}}"}`},
		{"the schema", `{__schema{types{name}} __type(name:"Project"){fields{name}}}`, nil,
			`{"query":"query{__schema{types{name}} __type(name:\"Project\"){fields{name}}}"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.raw(t, graphRequest(t, key, c.query, c.variables)).wants(t, 200, `{"ok":true}`)
			got := upstream.last(t)
			if got.method != "POST" || got.target != "/api/graphql" || got.header.Get("Content-Type") != "application/json" ||
				got.header.Get("Private-Token") != ownerCredential || got.header.Get("Authorization") != "" {
				t.Errorf("the forge got %s %s %v", got.method, got.target, got.header)
			}
			if string(got.body) != c.sent || got.length != int64(len(c.sent)) {
				t.Errorf("the forge got %s\nwant %s", got.body, c.sent)
			}
		})
	}
	t.Run("one of two operations by its name", func(t *testing.T) {
		body := `{"operationName":"B","query":"query A{project(fullPath:\"group/withheld\"){id}} query B{metadata{version}}"}`
		g.raw(t, request("POST", "/api/graphql", body, "Authorization: Bearer "+g.mint(t, nil, policy.ScopeSpec{Access: "instance",
			Permissions: []string{"read_version"}}), "Content-Type: application/json; charset=utf-8")).wants(t, 200)
		got := upstream.last(t)
		if string(got.body) != `{"query":"query B{metadata{version}}","operationName":"B"}` ||
			got.header.Get("Authorization") != "Bearer "+ownerCredential {
			t.Errorf("the forge got %s %v", got.body, got.header)
		}
	})
	t.Run("after a 100 Continue", func(t *testing.T) {
		text := strings.Replace(graphRequest(t, key, title, nil), "\r\n", "\r\nExpect: 100-continue\r\n", 1)
		if a := g.raw(t, text); a.status != 100 && a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
		waitFor(t, func() bool { return strings.Contains(string(upstream.last(t).body), "issues{nodes{title}}") })
	})
}

// waitFor waits until something is so.
func waitFor(t testing.TB, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come to that")
		}
	}
}

// TestGraphQLDenials sends documents of which one act is denied: none is sent, and the answer says what is missing and where.
func TestGraphQLDenials(t *testing.T) {
	g := newGraphGateway(t, mustNotBeCalled(t), nil)
	key := g.mint(t, nil, onSeven("read_project", "read_item", "update_work_item", "create_work_item"),
		policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{3}, Permissions: []string{"read_note"}})
	for _, c := range []struct {
		name, query string
		variables   map[string]any
		code, path  string
		missing     []string
		boundary    string
		reason      string
	}{
		{"a permission that is nowhere", `{project(fullPath:"group/granted"){mergeRequests{nodes{title}}}}`, nil,
			"insufficient_granular_scope", "project.mergeRequests", []string{"read_merge_request"}, "project", "permission_missing"},
		{"under another name", `{a:project(fullPath:"group/granted"){b:mergeRequests{nodes{title}}}}`, nil,
			"insufficient_granular_scope", "a.b", []string{"read_merge_request"}, "project", "permission_missing"},
		{"in a fragment", `{project(fullPath:"group/granted"){...F}} fragment F on Project{mergeRequests{nodes{title}}}`, nil,
			"insufficient_granular_scope", "project.mergeRequests", []string{"read_merge_request"}, "project", "permission_missing"},
		{"what is left out", `{project(fullPath:"group/granted"){mergeRequests@skip(if:true){nodes{title}}}}`, nil,
			"insufficient_granular_scope", "project.mergeRequests", []string{"read_merge_request"}, "project", "permission_missing"},
		{"another project", `{a:project(fullPath:"group/granted"){name} b:project(fullPath:"group/withheld"){name}}`, nil,
			"insufficient_granular_scope", "b", []string{"read_project"}, "project", "out_of_bounds"},
		{"by a variable", `query($p:ID!){project(fullPath:$p){name}}`, map[string]any{"p": "group/withheld"},
			"insufficient_granular_scope", "project", []string{"read_project"}, "project", "out_of_bounds"},
		{"by the default of a variable", `query($p:ID!="group/withheld"){project(fullPath:$p){name}}`, nil,
			"insufficient_granular_scope", "project", []string{"read_project"}, "project", "out_of_bounds"},
		{"a project that is not there", `{project(fullPath:"no/where"){name}}`, nil,
			"insufficient_granular_scope", "project", []string{"read_project"}, "project", "out_of_bounds"},
		{"the former path of a renamed one", `{project(fullPath:"group/former"){name}}`, nil,
			"insufficient_granular_scope", "project", []string{"read_project"}, "project", "out_of_bounds"},
		{"the group", `{group(fullPath:"group"){name}}`, nil,
			"insufficient_granular_scope", "group", []string{"read_group"}, "group", "permission_missing"},
		{"where a fork comes from", `{project(fullPath:"group/granted"){forkedFrom{name}}}`, nil,
			"insufficient_granular_scope", "project.forkedFrom", []string{"read_project"}, "project", "not_findable"},
		{"an object of another project", `{workItem(id:"gid://gitlab/WorkItem/80"){title}}`, nil,
			"insufficient_granular_scope", "workItem", []string{"read_item"}, "", "out_of_bounds"},
		{"an object that is not there", `{workItem(id:"gid://gitlab/WorkItem/90"){title}}`, nil,
			"insufficient_granular_scope", "workItem", []string{"read_item"}, "", "out_of_bounds"},
		{"a change of an object of another project", update, input(map[string]any{"id": gid("WorkItem", "80")}),
			"insufficient_granular_scope", "workItemUpdate", []string{"update_work_item"}, "", "out_of_bounds"},
		{"a second container of a mutation", strings.Replace(moveOne, "TO", "group/withheld", 1), nil,
			"insufficient_granular_scope", "issueMove", []string{"update_work_item"}, "project", "out_of_bounds"},
		{"a second object of a mutation", update, input(map[string]any{"id": gid("WorkItem", "70"),
			"hierarchyWidget": map[string]any{"childrenIds": []string{gid("WorkItem", "70"), gid("WorkItem", "80")}}}),
			"insufficient_granular_scope", "workItemUpdate", []string{"update_work_item"}, "", "out_of_bounds"},
		{"a mutation on a group that its row is not for", createOne, input(map[string]any{"namespacePath": "group", "title": "t",
			"workItemTypeId": gid("WorkItems::Type", "1")}),
			"insufficient_granular_scope", "workItemCreate", []string{"create_work_item"}, "", "out_of_bounds"},
		{"one that makes a token", `mutation{pipelineTriggerCreate(input:{projectPath:"group/granted",description:"x"}){errors}}`, nil,
			"mints", "pipelineTriggerCreate", nil, "", ""},
		{"one without a row", `mutation{projectDelete(input:{id:"gid://gitlab/Project/7"}){errors}}`, nil, "graphql_unknown_field", "projectDelete",
			nil, "", ""},
		{"one that the table does not list", `mutation{runnerDelete(input:{id:"gid://gitlab/Ci::Runner/7"}){errors}}`, nil, "graphql_unlisted",
			"runnerDelete", nil, "", ""},
		{"a secret", `{project(fullPath:"group/granted"){trackingKey}}`, nil, "graphql_refused", "project.trackingKey", nil, "", ""},
		{"a variable without a value", `query($p:ID!){project(fullPath:$p){name}}`, nil, "graphql_bad_reference", "project", nil, "", ""},
		{"an id of another class", `{workItem(id:"gid://gitlab/MergeRequest/70"){title}}`, nil, "graphql_bad_reference", "workItem", nil, "", ""},
		{"an id with parameters", `{workItem(id:"gid://gitlab/WorkItem/70?a=b"){title}}`, nil, "graphql_bad_reference", "workItem", nil, "", ""},
		{"a subscription", `subscription{issuableUpdated(issuableId:"gid://gitlab/Issue/1"){__typename}}`, nil, "graphql_subscription", "", nil, "", ""},
		{"another directive", `{project(fullPath:"group/granted")@defer{name}}`, nil, "graphql_directive", "", nil, "", ""},
		{"no document", `{project(`, nil, "graphql_document", "", nil, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := g.raw(t, graphRequest(t, key, c.query, c.variables))
			if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
				t.Errorf("%d %v", a.status, a.header)
			}
			e := refused(t, a)
			if e.Message == "" || e.Extensions.Code != c.code || strings.Join(e.Path, ".") != c.path || !slices.Equal(e.Path, e.Extensions.Path) ||
				e.Extensions.Reason != c.reason || c.boundary != "" && e.Extensions.Boundary != c.boundary {
				t.Errorf("%s", a.body)
			}
			if !slices.Equal(e.Extensions.Missing, c.missing) {
				t.Errorf("missing are %q: %s", e.Extensions.Missing, a.body)
			}
			if wants := c.reason == "permission_missing" || c.reason == "out_of_bounds" && c.boundary != ""; wants &&
				!strings.HasPrefix(e.Extensions.GrantURL, "https://patgate.test/-/patgate/") {
				t.Errorf("no link to where it is granted: %s", a.body)
			}
			if logged := g.sink.last(t); logged.Verdict != policy.Deny || logged.Status != 200 || strings.Contains(a.body, ownerCredential) {
				t.Errorf("recorded %v with status %d", logged.Verdict, logged.Status)
			}
		})
	}
}

// A mutation whose row is for projects alone is none for groups, whatever the token holds there.
func TestGraphQLMutationsStayOnTheirBoundary(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGraphGateway(t, upstream.URL, nil)
	create := func(path string) map[string]any {
		return input(map[string]any{"namespacePath": path, "title": "t", "workItemTypeId": gid("WorkItems::Type", "1")})
	}
	for name, scope := range map[string]policy.ScopeSpec{
		"on the group":    {Access: "selected_memberships", GroupIDs: []int64{3}, Permissions: []string{"create_work_item", "read_item"}},
		"on all there is": everywhere("create_work_item", "read_item"),
	} {
		key := g.mint(t, nil, scope)
		before := len(upstream.requests())
		if e := refused(t, g.raw(t, graphRequest(t, key, createOne, create("group")))); e.Path[0] != "workItemCreate" {
			t.Errorf("%s: %+v", name, e)
		}
		if n := len(upstream.requests()); n != before {
			t.Errorf("%s: the forge is called", name)
		}
		g.raw(t, graphRequest(t, key, createOne, create("group/granted"))).wants(t, 200, `"ok":true`)
		g.raw(t, graphRequest(t, key, `{namespace(fullPath:"group"){fullPath}}`, nil)).wants(t, 200, `"ok":true`)
	}
}

// What is no GraphQL request of the one kind that is read is refused, by a status where no client would read the body.
func TestGraphQLRefusesOtherRequests(t *testing.T) {
	g := newGraphGateway(t, mustNotBeCalled(t), nil)
	key := g.mint(t, nil, policy.ScopeSpec{Access: "all_memberships", Permissions: []string{"read_project", "read_item"}})
	credential := "PRIVATE-TOKEN: " + key
	const asJSON = "Content-Type: application/json"
	quoted, err := json.Marshal(title)
	if err != nil {
		t.Fatal(err)
	}
	body := `{"query":` + string(quoted) + `}`
	for _, c := range []struct {
		name, request string
		status        int
		code          string
	}{
		{"GET", get("/api/graphql?query=%7B__typename%7D", credential), 403, "unsupported_surface"},
		{"HEAD", request("HEAD", "/api/graphql", "", credential), 403, ""},
		{"PUT", request("PUT", "/api/graphql", body, credential, asJSON), 403, "unsupported_surface"},
		{"a query in the address", request("POST", "/api/graphql?query=%7B__typename%7D", body, credential, asJSON), 200, "graphql_body"},
		{"an empty query in the address", request("POST", "/api/graphql?", body, credential, asJSON), 200, "graphql_body"},
		{"a slash behind the path", request("POST", "/api/graphql/", body, credential, asJSON), 403, "unsupported_surface"},
		{"a format behind the path", request("POST", "/api/graphql.json", body, credential, asJSON), 403, "unsupported_surface"},
		{"another spelling of the path", request("POST", "/api/%67raphql", body, credential, asJSON), 0, ""},
		{"GLQL", request("POST", "/api/glql", body, credential, asJSON), 403, "unsupported_surface"},
		{"no type", request("POST", "/api/graphql", body, credential), 400, "bad_content_type"},
		{"a form", request("POST", "/api/graphql", "query=%7B__typename%7D", credential, "Content-Type: application/x-www-form-urlencoded"), 400,
			"bad_content_type"},
		{"parts", request("POST", "/api/graphql", "--B--\r\n", credential, "Content-Type: multipart/form-data; boundary=B"), 400, "bad_content_type"},
		{"the bare document", request("POST", "/api/graphql", title, credential, "Content-Type: application/graphql"), 400, "bad_content_type"},
		{"another charset", request("POST", "/api/graphql", body, credential, "Content-Type: application/json; charset=utf-16"), 400,
			"bad_content_type"},
		{"an encoded body", request("POST", "/api/graphql", body, credential, asJSON, "Content-Encoding: gzip"), 400, "bad_content_type"},
		{"a list of requests", request("POST", "/api/graphql", "["+body+"]", credential, asJSON), 200, "graphql_batch"},
		{"a name twice", request("POST", "/api/graphql", `{"query":"{__typename}","query":`+string(quoted)+`}`, credential, asJSON), 200,
			"graphql_body"},
		{"a variable twice", request("POST", "/api/graphql", `{"query":"{__typename}","variables":{"a":1,"\u0061":2}}`, credential, asJSON), 200,
			"graphql_body"},
		{"something behind it", request("POST", "/api/graphql", body+"{}", credential, asJSON), 200, "graphql_body"},
		{"a member besides", request("POST", "/api/graphql", `{"query":"{__typename}","private_token":"x"}`, credential, asJSON), 200, "graphql_body"},
		{"no UTF-8", request("POST", "/api/graphql", "{\"query\":\"{a(b:\\\"\xff\\\")}\"}", credential, asJSON), 200, "graphql_body"},
		{"a hash in the place of a query", request("POST", "/api/graphql", `{"extensions":{"persistedQuery":{"sha256Hash":"x"}}}`, credential, asJSON),
			200, "graphql_body"},
		{"no body", request("POST", "/api/graphql", "", credential, asJSON, "Content-Length: 0"), 200, "graphql_body"},
		{"a patgate token", request("POST", "/api/graphql", `{"query":"{project(fullPath:\"`+key+`\"){name}}"}`, credential, asJSON), 0, ""},
		{"a method in the header", request("POST", "/api/graphql", body, credential, asJSON, "X-HTTP-Method-Override: GET"), 0, ""},
		{"a wrong token", request("POST", "/api/graphql", body, "PRIVATE-TOKEN: "+g.mint(t, errRevoked), asJSON), 401, "token_revoked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := g.raw(t, c.request)
			if c.status != 0 && a.status != c.status || a.status == 200 && c.status == 0 && !strings.Contains(a.body, `"errors"`) {
				t.Errorf("%d %s", a.status, a.body)
			}
			if c.code != "" && refused(t, a).Extensions.Code != c.code {
				t.Error(a.body)
			}
			if strings.Contains(a.body, key) {
				t.Error("the token is in the answer")
			}
		})
	}
}

// TestGraphQLWithoutTheSchema: with graphql.introspection: deny a document that asks for the schema anywhere is refused whole.
func TestGraphQLWithoutTheSchema(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGraphGateway(t, upstream.URL, func(o *Options) { o.WithoutSchema = true })
	key := g.mint(t, nil, onSeven("read_project"))
	for _, query := range []string{
		`{__schema{types{name}}}`,
		`{__type(name:"Project"){name}}`,
		`{project(fullPath:"group/granted"){name} a:__schema{queryType{name}}}`,
		`{...F} fragment F on Query{__type(name:"Project"){name}}`,
		`query($no:Boolean=false){project(fullPath:"group/granted"){name} ...on Query@include(if:$no){__schema{types{name}}}}`,
	} {
		if e := refused(t, g.raw(t, graphRequest(t, key, query, nil))); e.Extensions.Code != "graphql_introspection" {
			t.Errorf("%s: %+v", query, e)
		}
	}
	if n := len(upstream.requests()); n != 0 {
		t.Errorf("%d requests reached the forge", n)
	}
	if a := g.raw(t, graphRequest(t, key, `{__typename project(fullPath:"group/granted"){__typename name}}`, nil)); a.status != 200 ||
		len(upstream.requests()) != 1 {
		t.Errorf("names of types: %d %s", a.status, a.body)
	}
}

// Threat: a token that may only write notes has the forge do more by a line of a text in a mutation.
// Positive control: the same document passes with the permission, and where quick actions are allowed.
func TestGraphQLQuickActions(t *testing.T) {
	on70 := func(class, body string) map[string]any {
		return input(map[string]any{"noteableId": gid(class, "70"), "body": body})
	}
	described := input(map[string]any{"id": gid("WorkItem", "70"), "descriptionWidget": map[string]any{"description": "a\n/close"}})
	for _, c := range []struct {
		name, query string
		variables   map[string]any
		held, needs string // the permission of the mutation, and that of the command
		says        string
	}{
		{"a note on a merge request", noteOne, on70("MergeRequest", "fine\n/merge"), "create_note", "merge_merge_request",
			"Line 2 of `input.body` has the quick action /merge"},
		{"a note on a work item", noteOne, on70("WorkItem", "/close"), "create_note", "update_work_item",
			"Line 1 of `input.body` has the quick action /close"},
		{"a note that stands in the document", `mutation{createNote(input:{noteableId:"gid://gitlab/MergeRequest/70",body:"""
			/close
			"""}){errors}}`, nil, "create_note", "update_merge_request", "of `input.body` has the quick action /close"},
		{"a description", createOne, input(map[string]any{"namespacePath": "group/granted", "title": "t",
			"workItemTypeId": gid("WorkItems::Type", "1"), "description": "/close"}), "create_work_item", "update_work_item",
			"Line 1 of `input.description` has the quick action /close"},
	} {
		t.Run(c.name, func(t *testing.T) {
			upstream := newEcho(t, nil)
			g := newGraphGateway(t, upstream.URL, nil)
			a := g.raw(t, graphRequest(t, g.mint(t, nil, onSeven(c.held)), c.query, c.variables))
			e := refused(t, a)
			if a.status != 200 || !strings.Contains(e.Message, c.says) || !slices.Equal(e.Extensions.Missing, []string{c.needs}) ||
				e.Extensions.Reason != "quick_action" || len(e.Path) != 1 {
				t.Error(a.body)
			}
			if n := len(upstream.requests()); n != 0 {
				t.Fatalf("the forge was called %d times", n)
			}
			g.raw(t, graphRequest(t, g.mint(t, nil, onSeven(c.held, c.needs)), c.query, c.variables)).wants(t, 200, `"ok":true`)
			reporting := g.reporting(t, time.Now().Add(time.Hour), []string{c.held, c.needs}, onSeven(c.held))
			a = g.raw(t, graphRequest(t, reporting, c.query, c.variables))
			if a.wants(t, 200, `"ok":true`); !strings.Contains(a.header.Get(would), c.needs) {
				t.Errorf("report mode says %q", a.header.Get(would))
			}
			g = newGraphGateway(t, upstream.URL, func(o *Options) { o.AllowQuickActions = true })
			g.raw(t, graphRequest(t, g.mint(t, nil, onSeven(c.held)), c.query, c.variables)).wants(t, 200, `"ok":true`)
		})
	}
	t.Run("what a change of the item may do anyway, and what does nothing", func(t *testing.T) {
		upstream := newEcho(t, nil)
		g := newGraphGateway(t, upstream.URL, nil)
		g.raw(t, graphRequest(t, g.mint(t, nil, onSeven("update_work_item")), update, described)).wants(t, 200, `"ok":true`)
		g.raw(t, graphRequest(t, g.mint(t, nil, onSeven("create_note")), noteOne, on70("WorkItem", "/shrug"))).wants(t, 200, `"ok":true`)
	})
}

// A token does not get with an upgrade what came into the table after it, if that writes.
func TestGraphQLIsNewerThanOldTokens(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGraphGateway(t, upstream.URL, nil)
	old := func(version int) string {
		secret, err := token.Mint(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		hash, err := token.Parse([]byte(secret.Reveal()))
		if err != nil {
			t.Fatal(err)
		}
		grant, err := policy.Compile(42, version, []policy.ScopeSpec{onSeven("read_project", "read_item", "update_work_item")},
			g.table.Catalogue())
		if err != nil {
			t.Fatal(err)
		}
		g.sessions[hash] = fakeSession{session: &token.Session{TokenID: 2000 + int64(version), OwnerUserID: 42, Username: "owner",
			Grant: grant, Credential: newSecret(ownerCredential)}}
		return secret.Reveal()
	}
	two, three := old(2), old(3)
	change := input(map[string]any{"id": gid("WorkItem", "70"), "title": "t"})
	g.raw(t, graphRequest(t, two, title, nil)).wants(t, 200, `"ok":true`)
	if e := refused(t, g.raw(t, graphRequest(t, two, update, change))); e.Extensions.Reason != "newer_than_token" {
		t.Errorf("%+v", e)
	}
	if n := len(upstream.requests()); n != 1 {
		t.Errorf("the forge was called %d times", n)
	}
	g.raw(t, graphRequest(t, three, update, change)).wants(t, 200, `"ok":true`)
}

func TestGraphQLInReportMode(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGraphGateway(t, upstream.URL, nil)
	key := g.reporting(t, time.Now().Add(time.Hour), []string{"read_project", "read_item", "read_merge_request", "update_work_item"},
		onSeven("read_project"))
	for _, c := range []struct {
		name, query string
		says        string // empty: it is refused
	}{
		{"a permission that is missing", `{project(fullPath:"group/granted"){mergeRequests{nodes{title}}}}`,
			`permission_missing;missing="read_merge_request"`},
		{"another project", `{project(fullPath:"group/withheld"){name}}`, `out_of_bounds;missing="read_project"`},
		{"a mutation", strings.Replace(moveOne, "TO", "group/withheld", 1), `permission_missing;missing="update_work_item"`},
		{"what the owner does not see", `{project(fullPath:"no/where"){name}}`, ""},
		{"a secret", `{project(fullPath:"group/granted"){trackingKey}}`, ""},
		{"one that makes a token", `mutation{pipelineTriggerCreate(input:{projectPath:"group/granted",description:"x"}){errors}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, calls := g.sink.count(), len(upstream.requests())
			a := g.raw(t, graphRequest(t, key, c.query, nil))
			event := g.sink.after(t, before)
			if a.header.Get(would) != c.says {
				t.Errorf("it says %q: %s", a.header.Get(would), a.body)
			}
			if c.says == "" {
				if refused(t, a); len(upstream.requests()) != calls || event.Verdict != policy.Deny {
					t.Errorf("it passes: %v", event.Verdict)
				}
				return
			}
			if a.wants(t, 200, `"ok":true`); len(upstream.requests()) != calls+1 || event.Verdict != policy.WouldDeny {
				t.Errorf("the event says %v", event.Verdict)
			}
		})
	}
}

// looking is a sink that shows what is good until a decision has returned alone.
type looking struct {
	audit.Sink
	at func(*audit.Event)
}

func (l *looking) Decision(e *audit.Event) error {
	l.at(e)
	return l.Sink.Decision(e)
}

// TestGraphQLIsRecorded looks at what the log is told of documents.
func TestGraphQLIsRecorded(t *testing.T) {
	upstream := newEcho(t, nil)
	looks := &looking{}
	g := newGraphGateway(t, upstream.URL, func(o *Options) { looks.Sink, o.Audit = o.Audit, looks })
	key := g.mint(t, nil, onSeven("read_project", "read_item", "update_work_item"))
	for _, c := range []struct {
		name, query, row, used, reason, container string
		acts                                      int
	}{
		{"a read", title, routes.QueryRow, "read_item read_project", "granted", "group/granted", 2},
		{"a mutation", strings.Replace(moveOne, "TO", "group/granted", 1), routes.MutationRow, "update_work_item", "granted", "group/granted", 1},
		{"a denial", `{project(fullPath:"group/withheld"){name}}`, routes.QueryRow, "", "out_of_bounds", "group/withheld", 1},
		{"the schema", `{__schema{types{name}}}`, routes.QueryRow, "", "granted", "", 0},
		{"what is no document", `{`, "", "", "graphql_document", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var used []string
			acts, before := 0, g.sink.count()
			looks.at = func(e *audit.Event) {
				acts = len(e.Acts)
				if e.Used != nil {
					used = g.table.Catalogue().NamesOf(e.Used)
				}
			}
			g.raw(t, graphRequest(t, key, c.query, nil)).wants(t, 200)
			e := g.sink.after(t, before)
			row := ""
			if e.Route != nil {
				row = e.Route.Path
			}
			slices.Sort(used)
			if row != c.row || e.Reason != c.reason || e.Container != c.container || strings.Join(used, " ") != c.used || acts != c.acts {
				t.Errorf("recorded row %q, reason %s, container %q, used %q, %d acts", row, e.Reason, e.Container, used, acts)
			}
		})
	}
}

func TestCredentialsOfTheForgePassGraphQLAsTheyAre(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGraphGateway(t, upstream.URL, func(o *Options) { o.Modes = legacy.Modes{Legacy: legacy.Allow} })
	body := `[{"query":"subscription{x}"}]`
	g.raw(t, request("POST", "/api/graphql?query=x", body, "PRIVATE-TOKEN: glpat-of-the-forge", "Content-Type: application/json")).
		wants(t, http.StatusOK, `"ok":true`)
	if got := upstream.last(t); got.target != "/api/graphql?query=x" || string(got.body) != body ||
		got.header.Get("Private-Token") != "glpat-of-the-forge" {
		t.Errorf("the forge got %+v", got)
	}
}

// What a document of a credential of the forge's own did is one unit with all its acts.
func TestGraphQLIsObserved(t *testing.T) {
	type seen struct {
		row, used string
		acts      []string // boundary, container and whether it may be anywhere
		whole     bool
	}
	table, observed := graphTable(t), make(chan seen, 8)
	g, _ := observing(t, func(o *observe.Options) {
		o.Table = func() *routes.Table { return table }
		o.Forge = &knowing{Resolver: graphResolver{&fakeResolver{}}}
		o.Observed = func(e *audit.Event, whole bool) {
			one := seen{row: e.Route.Path, used: strings.Join(table.Catalogue().NamesOf(e.Used), " "), whole: whole}
			for i := range e.Acts {
				a, id := &e.Acts[i], int64(0)
				if a.Container != nil {
					id = a.Container.ID
				}
				text := fmt.Sprint(a.Boundary, " ", id)
				if a.Elsewhere {
					text += " elsewhere"
				}
				one.acts = append(one.acts, text)
			}
			observed <- one
		}
	})
	g.table = table
	send := func(query string) {
		body, err := json.Marshal(map[string]string{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		pass(t, g, "POST", "/api/graphql", string(body), "PRIVATE-TOKEN", knownCredential, "Content-Type", "application/json")
	}
	for _, c := range []struct {
		name, query, row, used string
		acts                   []string
	}{
		{"a read of two projects", `{a:project(fullPath:"group/granted"){issues{nodes{title}}} b:project(fullPath:"group/withheld"){name}}`,
			routes.QueryRow, "read_project read_item", []string{"project 7", "project 7", "project 8"}},
		{"what may be anywhere", `{project(fullPath:"group/granted"){forkedFrom{name}}}`, routes.QueryRow, "read_project",
			[]string{"project 7", "project 0 elsewhere"}},
		{"a mutation", strings.Replace(moveOne, "TO", "group/withheld", 1), routes.MutationRow, "update_work_item",
			[]string{"project 7", "project 8"}},
		{"a quick action", `mutation{createNote(input:{noteableId:"gid://gitlab/WorkItem/70",body:"/close"}){errors}}`, routes.MutationRow,
			"update_work_item create_note", []string{"project 7", "none 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			send(`{__schema{types{name}}}`) // nothing that a grant decides
			send(c.query)
			select {
			case got := <-observed:
				if got.row != c.row || got.used != c.used || !got.whole || !slices.Equal(got.acts, c.acts) {
					t.Errorf("%+v", got)
				}
			case <-time.After(time.Minute):
				t.Fatal("nothing is observed")
			}
		})
	}
}

// TestASecondContainerIsDecidedToo: two mutations of one kind name their containers in variables, and each is decided by its own.
func TestASecondContainerIsDecidedToo(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGraphGateway(t, upstream.URL, nil)
	in := func(path string) map[string]any {
		return map[string]any{"namespacePath": path, "title": "t", "workItemTypeId": gid("WorkItems::Type", "1")}
	}
	two := `mutation($p:WorkItemCreateInput!,$g:WorkItemCreateInput!){a:workItemCreate(input:$p){errors} b:workItemCreate(input:$g){errors}}`
	key := g.mint(t, nil, everywhere("create_work_item", "read_item"))
	variables := map[string]any{"p": in("group/granted"), "g": in("group")}
	if e := refused(t, g.raw(t, graphRequest(t, key, two, variables))); e.Path[0] != "b" || len(upstream.requests()) > 0 {
		t.Errorf("%+v", e)
	}
}

// TestThreatATokenInEscapes: a token in a text would stand at the forge, whichever way it is written on its way there.
func TestThreatATokenInEscapes(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGraphGateway(t, upstream.URL, nil)
	key := g.mint(t, nil, onSeven("create_note"))
	secret := strings.TrimPrefix(key, "p")
	const document = `mutation{createNote(input:{noteableId:\"gid://gitlab/MergeRequest/70\",body:\"%s\"}){errors}}`
	const variables = `{"query":"mutation($in:CreateNoteInput!){createNote(input:$in){errors}}",` +
		`"variables":{"in":{"noteableId":"gid://gitlab/MergeRequest/70","body":"%s"}}}`
	ask := func(body string) (int, string) {
		a := g.raw(t, request("POST", "/api/graphql", body, "PRIVATE-TOKEN: "+key, "Content-Type: application/json"))
		return a.status, a.body
	}
	for name, body := range map[string]string{
		"as it is":              fmt.Sprintf(variables, key),
		"escaped in a variable": fmt.Sprintf(variables, `\u0070`+secret),
		"escaped in its middle": fmt.Sprintf(variables, key[:20]+fmt.Sprintf(`\u%04x`, key[20])+key[21:]),
		"escaped in the query":  `{"query":"` + fmt.Sprintf(document, `\u0070`+secret) + `"}`,
		"escaped by GraphQL":    `{"query":"` + fmt.Sprintf(document, `\\u0070`+secret) + `"}`,
		"escaped by both":       `{"query":"` + fmt.Sprintf(document, `\u005cu0070`+secret) + `"}`,
		"a variable's default": `{"query":"` + strings.Replace(fmt.Sprintf(document, "x"), "mutation{",
			`mutation($x:String=\"\\u0070`+secret+`\"){`, 1) + `"}`,
		"the name of a variable": strings.Replace(fmt.Sprintf(variables, "x"), `"body"`, `"\u0070`+secret+`"`, 1),
		"in a comment":           `{"query":"` + fmt.Sprintf(document, "x") + `#` + key + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if status, answer := ask(body); status != http.StatusBadRequest {
				t.Errorf("%d %s", status, answer)
			}
		})
	}
	for name, body := range map[string]string{
		"escapes of something else": fmt.Sprintf(variables, `caf\u00e9 \u0070atgate`),
		"in the query":              `{"query":"` + fmt.Sprintf(document, `caf\u00e9`) + `"}`,
	} {
		if status, answer := ask(body); status != http.StatusOK {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	for _, sent := range upstream.requests() {
		if strings.Contains(string(sent.body), secret) {
			t.Errorf("sent: %s", sent.body)
		}
	}
}
