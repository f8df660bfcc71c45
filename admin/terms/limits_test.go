package terms

import "testing"

// TestNoLimitIsMadeOfNothing holds that an empty number or 0 is no way to write a token without that limit.
func TestNoLimitIsMadeOfNothing(t *testing.T) {
	for _, v := range []any{"", "0", "1x"} {
		e := &Invalid{}
		if e.ReadLimits("limits", map[string]any{"max_uses": v}); e.Err() == nil {
			t.Errorf("%q is taken", v)
		}
	}
	e := &Invalid{}
	if s := e.ReadLimits("limits", map[string]any{"max_uses": "5"}); e.Err() != nil || s.MaxUses != 5 {
		t.Errorf("%v, %v", s, e.Err())
	}
}
