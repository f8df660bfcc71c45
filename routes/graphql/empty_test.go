package graphql_test

import (
	"testing"

	"patgate/routes/graphql"
	"patgate/routes/load"
)

// TestEmptyParentheses: what client-go sends where it asks for all work items is read, and sent without them. In a text they stay.
func TestEmptyParentheses(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	r := graphql.Of(table)
	for query, want := range map[string]string{
		`{project(fullPath:"a/b"){issues ( ) {nodes{title}}}}`: `{"query":"query{project(fullPath:\"a/b\"){issues{nodes{title}}}}"}`,
		`mutation{createNote(input:{noteableId:"gid://gitlab/Issue/1",body:"é ()"}){note(){id}}}`: `{"query":"mutation{createNote(input:` +
			`{noteableId:\"gid://gitlab/Issue/1\",body:\"é ()\"}){note{id}}}"}`,
		`{project(()){name}}`: "",
	} {
		d, err := r.Read(&graphql.Request{Query: query})
		switch {
		case want == "" && err == nil:
			t.Errorf("%s: sent as %s", query, d.Body)
		case want != "" && (err != nil || string(d.Body) != want):
			t.Errorf("%s: %v, sent as %s", query, err, d.Body)
		}
	}
}
