package tokencmd

import (
	"reflect"
	"strings"
	"testing"

	"patgate/admin/terms"
	"patgate/policy"
)

func TestScopesFromAFile(t *testing.T) {
	want := []terms.Scope{
		{Access: "selected_memberships", Projects: []string{"a/b"}, ProjectIDs: []int64{6}, GroupIDs: []int64{9},
			Permissions: []string{"read_job"},
			Constraints: policy.ConstraintSpec{RefPatterns: []string{"refs/heads/bot/*"}}},
		{Access: "user", Permissions: []string{"read_user"}},
	}
	const list = `
- access: selected_memberships
  permissions: [read_job]
  projects: [a/b]
  project_ids: [6]
  group_ids: [9]
  constraints: {ref_patterns: [refs/heads/bot/*]}
- {access: user, permissions: [read_user]}
`
	for name, text := range map[string]string{
		"a list":                      list,
		"a map with scopes":           "scopes:" + list,
		"a map with GitLab's own key": "granular_scopes:" + list,
		"JSON":                        `[{"access":"selected_memberships","permissions":["read_job"],"projects":["a/b"],"project_ids":[6],"group_ids":[9],"constraints":{"ref_patterns":["refs/heads/bot/*"]}},{"access":"user","permissions":["read_user"]}]`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseGrant([]byte(text))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	for name, tc := range map[string]struct{ text, want string }{
		"an empty file":  {"", "empty"},
		"no scope":       {"[]", "no scope"},
		"an unknown key": {"- {access: user, permission: [x]}", "permission"},
		"no pattern":     {"- {access: user, permissions: [x], constraints: {ref_patterns: []}}", "names no pattern"},
		"a half number":  {"- {access: user, permissions: [x], project_ids: [6.5]}", "list of ids"},
		"an unknown top": {"scope: []", "scope"},
		"no YAML":        {"- {", "line 1"},
		"two documents":  {"- {access: user, permissions: [x]}\n---\n- {access: user, permissions: [x]}", "more than one document"},
		"a key twice":    {"- {access: user, access: user, permissions: [x]}", "already"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if got, err := parseGrant([]byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}
