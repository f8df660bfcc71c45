package graphql_test

import (
	"testing"

	"patgate/routes/graphql"
	"patgate/routes/load"
)

// Threat: a description that is missing or blank is a template's, whose quick actions nobody has seen. Of two descriptions GitLab
// takes one, so that none may be blank.
func TestTemplatesAreTold(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	r := graphql.Of(table)
	for input, want := range map[string]bool{
		``:                         true,
		`,description:null`:        true,
		`,description:" \n\u200b"`: true,
		`,description:"x"`:         false,
		`,descriptionWidget:{}`:    true,
		`,description:"x",descriptionWidget:{description:" "}`: true,
		`,descriptionWidget:{description:"x"}`:                 false,
	} {
		query := `mutation{workItemCreate(input:{namespacePath:"a/b",title:"t",workItemTypeId:"gid://gitlab/WorkItems::Type/1"` + input +
			`}){errors}}`
		d, err := r.Read(&graphql.Request{Query: query})
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		told := false
		for i := range d.Texts {
			told = told || d.Texts[i].Template
		}
		if told != want {
			t.Errorf("%s: a template is told of: %v", input, told)
		}
	}
}
