package terms

import (
	"strings"
	"testing"

	"patgate/policy"
	"patgate/token"
	"patgate/token/limits"
)

// TestUnheldLimitsAreTold holds that only who may use the registry under a limit that ends there is warned, and of which.
func TestUnheldLimitsAreTold(t *testing.T) {
	for _, c := range []struct {
		permission string
		limits     limits.Spec
		want       string
	}{
		{"read_container_repository", limits.Spec{Networks: []string{"10.0.0.0/8"}}, "networks hold"},
		{"create_container_repository", limits.Spec{BytesPerDay: 1}, "bytes_per_day hold"},
		{"read_container_repository", limits.Spec{Networks: []string{"10.0.0.0/8"}, BytesPerDay: 1}, "networks and bytes_per_day"},
		{"read_container_repository", limits.Spec{RequestsPerMinute: 1}, ""},
		{"read_job", limits.Spec{BytesPerDay: 1}, ""},
	} {
		r := token.Record{Limits: c.limits}
		r.Scopes = append(r.Scopes, policy.ScopeSpec{Permissions: []string{c.permission}})
		got := strings.Join(Unheld(&r), "")
		if !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s under %s: %q", c.permission, c.limits.String(), got)
		}
	}
}
