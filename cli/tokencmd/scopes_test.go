package tokencmd

import (
	"reflect"
	"testing"

	"github.com/spf13/pflag"

	"patgate/admin/terms"
)

func TestScopesFromFlagsInTheirOrder(t *testing.T) {
	parseFlags := func(args ...string) (scopeFlags, error) {
		var s scopeFlags
		flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
		s.register(flags)
		return s, flags.Parse(args)
	}
	s, err := parseFlags("--project", "a/b", "--project=c/d,7", "--group", "g", "--allow", "read_job, run_job", "--user", "--allow",
		"read_user",
		"--all-memberships", "--allow", "read_*", "--allow", "run_job", "--personal", "--allow", "x", "--instance", "--allow", "y",
		"--group", "g", "--template", "container-push", "--allow", "z")
	want := []terms.Scope{
		{Access: "selected_memberships", Projects: []string{"a/b", "c/d", "7"}, Groups: []string{"g"},
			Permissions: []string{"read_job", "run_job"}},
		{Access: "user", Permissions: []string{"read_user"}},
		{Access: "all_memberships", Permissions: []string{"read_*", "run_job"}},
		{Access: "personal_projects", Permissions: []string{"x"}},
		{Access: "instance", Permissions: []string{"y"}},
		{Access: "selected_memberships", Groups: []string{"g"},
			Permissions: []string{"read_container_repository", "create_container_repository", "z"}},
	}
	if err != nil || !reflect.DeepEqual(s.scopes, want) || s.open {
		t.Errorf("got %+v, %v", s.scopes, err)
	}
	for name, args := range map[string][]string{
		"a value for a flag without one": {"--user=false"},
		"an empty project":               {"--project", ""},
		"an empty part":                  {"--project", "a/b,,c/d"},
		"allow first":                    {"--allow", "read_job", "--user"},
		"a template first":               {"--template", "ai-agent", "--user"},
		"a template that is none":        {"--user", "--template", "ai"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if s, err := parseFlags(args...); err == nil {
				t.Errorf("got %+v", s.scopes)
			}
		})
	}
}
