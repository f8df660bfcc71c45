package tokens

import (
	"reflect"
	"testing"
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
