package manifest

import (
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"patgate/routes"
)

// What is written is read as it was: texts that look like something else are quoted, and what is empty is left out.
func TestDocumentsAreReadAsTheyAreWritten(t *testing.T) {
	all := []*Object{
		{Kind: "Issuer", Name: "ci", Spec: &Issuer{Type: "generic", URL: "https://ci.example.com", Algorithms: []string{"ES256"}}},
		{Kind: "Token", Name: "on", Description: "yes: 12", Spec: &Token{Owner: "007", Expires: "2027-12-31",
			Scopes: []Scope{{Access: "selected_memberships", Projects: []string{"20"}, Permissions: []string{"read_job"},
				Constraints: Constraints{ForbidTagChanges: true}}},
			Limits: Limits{Networks: []string{"10.0.0.0/8"}, MaxUses: "60"}}},
	}
	var b strings.Builder
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	for _, o := range all {
		if err := encoder.Encode(o.Document()); err != nil {
			t.Fatal(err)
		}
	}
	const want = `kind: Issuer
name: ci
type: generic
url: https://ci.example.com
algorithms: [ES256]
---
kind: Token
name: "on"
description: 'yes: 12'
owner: "007"
expires: "2027-12-31"
scopes:
  - access: selected_memberships
    projects:
      - "20"
    permissions:
      - read_job
    constraints:
      forbid_tag_changes: true
limits:
  networks:
    - 10.0.0.0/8
  max_uses: 60
`
	if b.String() != want {
		t.Fatalf("written:\n%s", b.String())
	}
	set, problems := Read([]routes.File{{Name: "all.yaml", Data: []byte(want)}}, table(t))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for i, o := range set.Objects {
		if !reflect.DeepEqual(o.Spec, all[i].Spec) || o.Name != all[i].Name || o.Description != all[i].Description {
			t.Errorf("%+v is read as %+v", all[i].Spec, o.Spec)
		}
	}
}
