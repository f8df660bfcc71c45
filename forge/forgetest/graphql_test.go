package forgetest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// asJSON writes a value, or fails.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestGraphQLAnswersDocuments(t *testing.T) {
	f, d, address, _ := startDemo(t)
	f.MakeFork(d.ProjectID, d.OutsideID)
	hidden := f.AddProject("umbrella/hidden", Private)
	f.AddIssue(hidden, d.UserID, "nobody sees it")
	reader := f.AddToken(d.UserID, Token{Scopes: []string{"read_api"}})
	website := fmt.Sprintf("gid://gitlab/Project/%d", d.ProjectID)
	type request struct {
		Query     string         `json:"query,omitempty"`
		Variables map[string]any `json:"variables,omitempty"`
		Operation string         `json:"operationName,omitempty"`
	}
	ask := func(t *testing.T, secret string, q request) (int, string) {
		t.Helper()
		status, _, body := raw(t, address, "POST", "/api/graphql",
			map[string]string{"PRIVATE-TOKEN": secret, "Content-Type": "application/json"}, asJSON(t, q))
		return status, strings.TrimSpace(body)
	}
	for _, c := range []struct {
		name   string
		q      request
		answer string
	}{
		{"a project", request{Query: `{project(fullPath:"acme/website"){id name fullPath}}`},
			`{"data":{"project":{"fullPath":"acme/website","id":"` + website + `","name":"website"}}}`},
		{"a project that the user does not see, and one that is not there", request{
			Query: `{a:project(fullPath:"umbrella/hidden"){id} b:project(fullPath:"no/where"){id}}`}, `{"data":{"a":null,"b":null}}`},
		{"variables, their defaults, aliases, fragments and directives", request{Query: `
			query Q($p: ID!, $n: Int = 1, $yes: Boolean!) {
				here: project(fullPath: $p) { ...P path @skip(if: $yes) visibility @include(if: $yes) }
			}
			fragment P on Project { issues(first: $n) { nodes { iid ... on Issue { title } } } }`,
			Variables: map[string]any{"p": "acme/website", "yes": true}},
			`{"data":{"here":{"issues":{"nodes":[{"iid":"3","title":"Demo issue 3"}]},"visibility":"private"}}}`},
		{"one of two operations", request{Query: `query A{currentUser{username}} query B{echo(text:"x")}`, Operation: "B"},
			`{"data":{"echo":"x"}}`},
		{"an operation that is not named", request{Query: `query A{echo(text:"x")} query B{echo(text:"x")}`},
			`{"errors":[{"message":"An operation name is required"}]}`},
		{"a variable that is not given", request{Query: `query($p: ID!){project(fullPath:$p){id}}`},
			`{"errors":[{"message":"Variable $p of type ID! was provided invalid value"}]}`},
		{"a field that there is not", request{Query: `{project(fullPath:"acme/website"){nothing}}`},
			`{"errors":[{"message":"Field 'nothing' doesn't exist on type 'Project'"}]}`},
		{"a fragment in a circle", request{Query: `{project(fullPath:"acme/website"){...A}} fragment A on Project{forkedFrom{...A}}`},
			`{"errors":[{"message":"Fragment A contains an infinite loop"}]}`},
		{"the same field twice", request{Query: `{project(fullPath:"acme/website"){group{path}} project(fullPath:"acme/website"){group{id}}}`},
			fmt.Sprintf(`{"data":{"project":{"group":{"id":"gid://gitlab/Group/%d","path":"acme"}}}}`, d.GroupID)},
		{"a namespace of each kind", request{Query: `{a:namespace(fullPath:"acme"){id} b:namespace(fullPath:"acme/website"){fullPath
			workItem(iid:"1"){title state namespace{fullPath}}} c:namespace(fullPath:"ada"){workItems{nodes{iid}}}}`},
			fmt.Sprintf(`{"data":{"a":{"id":"gid://gitlab/Group/%d"},"b":{"fullPath":"acme/website","workItem":`+
				`{"namespace":{"fullPath":"acme/website"},"state":"OPEN","title":"Demo issue 1"}},"c":{"workItems":{"nodes":[]}}}}`,
				d.GroupID)},
		{"a fork", request{Query: `{project(fullPath:"acme/website"){forkedFrom{fullPath}}}`},
			`{"data":{"project":{"forkedFrom":{"fullPath":"umbrella/payroll"}}}}`},
		{"the schema", request{Query: `{__schema{mutationType{name}} __type(name:"Note"){fields{name}} metadata{__typename version}}`},
			`{"data":{"__schema":{"mutationType":{"name":"Mutation"}},"__type":{"fields":[{"name":"author"},{"name":"body"},` +
				`{"name":"id"},{"name":"project"}]},"metadata":{"__typename":"Metadata","version":"19.3.0-ee"}}}`},
		{"a list of requests", request{}, `{"errors":[{"message":"No query string was present"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status, body := ask(t, d.Secret, c.q); status != 200 || body != c.answer {
				t.Errorf("%d %s\nwant %s", status, body, c.answer)
			}
		})
	}
	t.Run("without a credential", func(t *testing.T) {
		if _, body := ask(t, "", request{Query: `{currentUser{id} project(fullPath:"oss/library"){path}}`}); body !=
			`{"data":{"currentUser":null,"project":{"path":"library"}}}` {
			t.Error(body)
		}
	})
	t.Run("a GET reads and changes nothing", func(t *testing.T) {
		header := map[string]string{"PRIVATE-TOKEN": reader}
		status, _, body := raw(t, address, "GET", "/api/graphql?query="+url.QueryEscape(`query($p:ID!){project(fullPath:$p){path}}`)+
			"&variables="+url.QueryEscape(`{"p":"acme/website"}`), header, "")
		if status != 200 || !strings.Contains(body, `"path":"website"`) {
			t.Error(status, body)
		}
		status, _, body = raw(t, address, "GET", "/api/graphql?query="+
			url.QueryEscape(`mutation{workItemDelete(input:{id:"gid://gitlab/WorkItem/9001"}){errors}}`), header, "")
		if status != 422 || !strings.Contains(body, "Mutations are forbidden") {
			t.Error(status, body)
		}
	})
}

func TestGraphQLMutations(t *testing.T) {
	f, d, address, _ := startDemo(t)
	reader := f.AddToken(d.UserID, Token{Scopes: []string{"read_api"}})
	do := func(t *testing.T, secret, query string, want string) {
		t.Helper()
		_, _, body := raw(t, address, "POST", "/api/graphql",
			map[string]string{"PRIVATE-TOKEN": secret, "Content-Type": "application/json"}, asJSON(t, object{"query": query}))
		if !strings.Contains(body, want) {
			t.Errorf("%s\n%s\nwant %s", query, body, want)
		}
	}
	create := `mutation{workItemCreate(input:{namespacePath:"acme/website",title:"New",workItemTypeId:"gid://gitlab/WorkItems::Type/1",
		descriptionWidget:{description:"text"}}){workItem{iid description} errors}}`
	do(t, reader, create, `"path":["workItemCreate"]`)
	do(t, d.Secret, create, `{"data":{"workItemCreate":{"errors":[],"workItem":{"description":"text","iid":"4"}}}}`)
	id := f.world.projectByPath("acme/website").issues[3].id
	item := fmt.Sprintf("gid://gitlab/WorkItem/%d", id)
	do(t, d.Secret, `{workItem(id:"`+item+`"){project{fullPath}}}`, `{"project":{"fullPath":"acme/website"}}`)
	do(t, d.Secret, `mutation{workItemUpdate(input:{id:"`+item+`",stateEvent:CLOSE,title:"Newer"}){workItem{title state}}}`,
		`{"state":"CLOSED","title":"Newer"}`)
	do(t, d.Secret, `mutation{createNote(input:{noteableId:"`+item+`",body:"hello"}){note{id body project{path}}}}`,
		`{"body":"hello","id":"gid://gitlab/Note/13001","project":{"path":"website"}}`)
	do(t, d.Secret, `{note(id:"gid://gitlab/Note/13001"){body author{username}}}`, `{"author":{"username":"ada"},"body":"hello"}`)
	do(t, d.Secret, `mutation{issueMove(input:{projectPath:"acme/website",iid:"4",targetProjectPath:"umbrella/payroll"}){issue{projectId}}}`,
		fmt.Sprintf(`{"projectId":%d}`, d.OutsideID))
	do(t, d.Secret, `mutation{workItemDelete(input:{id:"`+item+`"}){errors}}`, `{"errors":[]}`)
	do(t, d.Secret, `mutation{workItemDelete(input:{id:"`+item+`"}){errors}}`, "you don't have permission to perform this action")
	rule := fmt.Sprintf(`mutation{projectTargetBranchRuleCreate(input:{projectId:"gid://gitlab/Project/%d",name:"a",targetBranch:"b"})`+
		`{targetBranchRule{id name}}}`, d.ProjectID)
	do(t, d.Secret, rule, `{"id":"gid://gitlab/Projects::TargetBranchRule/33001","name":"a"}`)
	do(t, d.Secret, `{project(fullPath:"acme/website"){targetBranchRules{nodes{targetBranch}}}}`, `[{"targetBranch":"b"}]`)
	do(t, d.Secret, `mutation{projectTargetBranchRuleDestroy(input:{id:"gid://gitlab/Projects::TargetBranchRule/33001"}){errors}}`,
		`{"errors":[]}`)
	do(t, d.Secret, `{project(fullPath:"acme/website"){targetBranchRules{count}}}`, `{"count":0}`)
}
