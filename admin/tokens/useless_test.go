package tokens_test

import (
	"strings"
	"testing"

	"patgate/admin/terms"
)

// TestUselessPermissionsAreTold: a permission that is named and that nothing which the scope names can be granted is made with a
// warning; a wildcard leaves it out.
func TestUselessPermissionsAreTold(t *testing.T) {
	w := newWorld(t, nil)
	told := func(s terms.Scope) string { return strings.Join(w.make(t, s).Warnings, "\n") }
	const want = "create_security_attribute will have no effect on what is named: it is for a group"
	project := terms.Scope{Access: "selected_memberships", Projects: []string{"shop/api"}, Permissions: []string{"read_job",
		"create_security_attribute"}}
	if got := told(project); !strings.Contains(got, want) {
		t.Errorf("on a project: %q", got)
	}
	group := project
	group.Projects, group.Groups = nil, []string{"shop"}
	if got := told(group); strings.Contains(got, "no effect") {
		t.Errorf("on a group: %q", got)
	}
	wild := project
	wild.Permissions = []string{"create_*"}
	if got := told(wild); strings.Contains(got, "no effect") {
		t.Errorf("by a wildcard: %q", got)
	}
}
