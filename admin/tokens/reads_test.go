package tokens

import (
	"strings"
	"testing"

	"patgate/admin/terms"
	"patgate/policy"
	"patgate/routes/load"
	"patgate/token"
)

func TestATokenThatWritesUnderACredentialThatReads(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, scopes, permissions, says string
	}{
		{"it writes", "read_api", "read_job,create_work_item", "may write: create_work_item; replace it by one that writes"},
		{"it reads", "read_api", "read_job", ""},
		{"the credential writes", "api", "create_work_item", ""},
		{"the credential writes too", "read_api,write_repository", "push_code", ""},
		{"Gitea's", "read:repository,read:user", "create_work_item", "may write"},
		{"not known", "", "create_work_item", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			held := strings.FieldsFunc(c.scopes, func(r rune) bool { return r == ',' })
			r := token.Record{Scopes: []policy.ScopeSpec{{Permissions: strings.Split(c.permissions, ",")}}}
			got := strings.Join(terms.OnlyReads(held, &r, table), "\n")
			if (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
				t.Errorf("%q", got)
			}
		})
	}
}
