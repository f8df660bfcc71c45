package inspect_test

import (
	"slices"
	"testing"

	"patgate/routes"
	"patgate/routes/graphql"
	"patgate/routes/inspect"
	"patgate/routes/load"
)

func loadTable(t *testing.T) *routes.Table {
	t.Helper()
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestCoverageOfASchema compares the table with schemas of another version, in both of their forms.
func TestCoverageOfASchema(t *testing.T) {
	r := graphql.Of(loadTable(t))
	const asGraphQL = `
type Query { project(fullPath: ID!): Project newer: Newer }
type Mutation { workItemUpdate(input: WorkItemUpdateInput!): WorkItemUpdatePayload newerUpdate: Int }
"A project" type Project { id: ID! name: String! newerField: Newer runnersToken: String issues: IssueConnection }
type Newer { a: Int }
type WorkItemUpdatePayload { errors: [String!]! }
type IssueConnection { nodes: [Issue] }
type Issue { id: ID! }
enum NewerEnum { A B }
input NewerInput { a: Int }
union Issuable = Issue
type __Newer { a: Int }
scalar WorkItemUpdateInput`
	const asAnswer = `{"data":{"__schema":{"types":[
{"kind":"OBJECT","name":"Query","fields":[{"name":"project"},{"name":"newer"}]},
{"kind":"OBJECT","name":"Mutation","fields":[{"name":"workItemUpdate"},{"name":"newerUpdate"}]},
{"kind":"OBJECT","name":"Project","fields":[{"name":"id"},{"name":"name"},{"name":"newerField"},{"name":"runnersToken"},{"name":"issues"}]},
{"kind":"OBJECT","name":"Newer","fields":[{"name":"a"}]},
{"kind":"OBJECT","name":"WorkItemUpdatePayload","fields":[{"name":"errors"}]},
{"kind":"OBJECT","name":"IssueConnection","fields":[{"name":"nodes"}]},
{"kind":"OBJECT","name":"Issue","fields":[{"name":"id"}]},
{"kind":"ENUM","name":"NewerEnum","fields":null},
{"kind":"INPUT_OBJECT","name":"NewerInput","fields":null},
{"kind":"UNION","name":"Issuable","fields":null},
{"kind":"OBJECT","name":"__Newer","fields":[{"name":"a"}]}]}}}`
	for form, text := range map[string]string{"GraphQL": asGraphQL, "an answer": asAnswer} {
		c, err := inspect.CoverSchema(r, routes.File{Name: form, Data: []byte(text)})
		if err != nil {
			t.Fatal(form, err)
		}
		want := []string{"Issue.id", "IssueConnection.nodes", "Mutation.workItemUpdate", "Project.id", "Project.issues", "Project.name",
			"Query.project", "WorkItemUpdatePayload.errors"}
		if !slices.Equal(c.Mapped, want) {
			t.Errorf("%s: mapped %v, want %v", form, c.Mapped, want)
		}
		want = []string{"Mutation.newerUpdate", "Newer", "Project.newerField", "Project.runnersToken", "Query.newer"}
		if !slices.Equal(c.Unmapped, want) {
			t.Errorf("%s: unmapped %v, want %v", form, c.Unmapped, want)
		}
		for name, stale := range map[string]bool{"Issue.title": true, "MergeRequest": true, "Issue.id": false, "Project": false,
			"Issue": false, "WorkItemUpdateInput": false, "MergeRequestConnection": false} {
			if slices.Contains(c.Stale, name) != stale {
				t.Errorf("%s: %s is stale: %t", form, name, !stale)
			}
		}
	}
	for _, text := range []string{"", "type Query {", `{"data":`, `{"data":null}`, "type Project { id: ID }"} {
		if c, err := inspect.CoverSchema(r, routes.File{Name: "x", Data: []byte(text)}); err == nil {
			t.Errorf("%q is a schema: %v", text, c)
		}
	}
}

// TestCoverageOfItsOwnSchema: of the schema that the table is for nothing is stale, most is mapped, and what is refused is not.
func TestCoverageOfItsOwnSchema(t *testing.T) {
	table := loadTable(t)
	c, err := inspect.CoverSchema(graphql.Of(table), routes.File{Name: "schema", Data: table.Documents().Schema.Data})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Stale) > 0 {
		t.Errorf("stale: %v", c.Stale)
	}
	if len(c.Mapped) < 8000 || len(c.Unmapped) > 1200 {
		t.Errorf("%d fields are mapped, %d fields and types are not", len(c.Mapped), len(c.Unmapped))
	}
	for name := range table.Documents().Refused {
		if slices.Contains(c.Mapped, name) {
			t.Errorf("%s is refused, and mapped", name)
		}
	}
}
