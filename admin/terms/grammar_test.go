package terms

import (
	"encoding/json"
	"reflect"
	"testing"

	"patgate/policy"
)

func TestIdsAreReadInEveryForm(t *testing.T) {
	type object = map[string]any
	for _, tc := range []struct {
		value any
		want  []int64
		ok    bool
	}{
		{[]any{6.0, "7"}, []int64{6, 7}, true}, {"6, 7", []int64{6, 7}, true}, {6.0, []int64{6}, true}, {nil, nil, true},
		{6, []int64{6}, true}, {[]any{6, 7.0}, []int64{6, 7}, true}, // as YAML gives them
		{6.5, nil, false}, {1e300, nil, false}, {"x", nil, false}, {object{}, nil, false}, {[]any{true}, nil, false}, {[]any{nil}, nil, false},
		{[]any{uint64(1 << 63)}, nil, false},
	} {
		problems := &Invalid{}
		if got := problems.ids("project_ids", tc.value); !reflect.DeepEqual(got, tc.want) || (problems.Err() == nil) != tc.ok {
			t.Errorf("%v gives %v, %v", tc.value, got, problems.Err())
		}
	}
}

// What is stored and shown of a scope is read again as it was, so that the names are the same in every form.
func TestStoredScopesAreReadAsTheyAreWritten(t *testing.T) {
	spec := policy.ScopeSpec{Access: "selected_memberships", Permissions: []string{"read_job", "push_code"}, ProjectIDs: []int64{6}, GroupIDs: []int64{9},
		Constraints: policy.ConstraintSpec{RefPatterns: []string{"refs/heads/bot/*"}, ForbidRefDeletes: true, ForbidTagChanges: true}}
	text, err := json.Marshal([]policy.ScopeSpec{spec})
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	problems := &Invalid{}
	want := []Scope{{Access: spec.Access, Permissions: spec.Permissions, ProjectIDs: spec.ProjectIDs, GroupIDs: spec.GroupIDs, Constraints: spec.Constraints}}
	if got := problems.ReadScopes("scopes", tree); !reflect.DeepEqual(got, want) || problems.Err() != nil {
		t.Errorf("got %+v, %v", got, problems.Err())
	}
}
