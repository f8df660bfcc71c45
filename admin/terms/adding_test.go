package terms

import (
	"slices"
	"testing"

	"patgate/policy"
)

func TestWithScopeGivesNothingToWhatStoodBeside(t *testing.T) {
	on := func(permissions string, projects ...int64) policy.ScopeSpec {
		return policy.ScopeSpec{Access: "selected_memberships", Permissions: []string{permissions}, ProjectIDs: projects}
	}
	held := func(scopes []policy.ScopeSpec, project int64) (all []string) {
		for _, s := range scopes {
			if slices.Contains(s.ProjectIDs, project) {
				all = append(all, s.Permissions...)
			}
		}
		slices.Sort(all)
		return all
	}
	narrow := on("push_code", 1)
	narrow.Constraints.RefPatterns = []string{"refs/heads/bot/*"}
	scopes := []policy.ScopeSpec{on("read_job", 1, 2), narrow, {Access: "user", Permissions: []string{"read_user"}}}
	add := on("run_job", 1)
	got := WithScope(scopes, &add)
	if a, b := held(got, 1), held(got, 2); !slices.Equal(a, []string{"push_code", "read_job", "run_job"}) ||
		!slices.Equal(b, []string{"read_job"}) {
		t.Errorf("1 holds %q and 2 holds %q", a, b)
	}
	for _, s := range got {
		if !s.Constraints.Empty() && !slices.Equal(s.Permissions, []string{"push_code"}) {
			t.Errorf("what is under constraints changed: %+v", s)
		}
	}
	if !slices.Equal(scopes[0].ProjectIDs, []int64{1, 2}) {
		t.Error("the token's own scopes changed")
	}
	user := policy.ScopeSpec{Access: "user", Permissions: []string{"read_user", "update_user"}}
	if got := WithScope(scopes, &user); len(got) != 3 || !slices.Equal(got[2].Permissions, []string{"read_user", "update_user"}) {
		t.Errorf("%+v", got)
	}
}
