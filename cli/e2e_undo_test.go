package cli_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWhatIsNotUndone narrows tokens and asks for that to be undone when it must not be: the answer says why, and the token stays as
// it is.
func TestWhatIsNotUndone(t *testing.T) {
	r := unlimited(t)
	w := r.world
	ms := func(d time.Duration) int64 { return d.Milliseconds() }
	wide, small := on(w.api, "read_job", "read_project"), on(w.api, "read_project")
	narrow := func(v shown) {
		t.Helper()
		r.want(t, 200, w.alicePAT, "PATCH", extra(v.ID, ""), object{"granular_scopes": []object{small}})
	}
	for _, tc := range []struct {
		name string
		edit func(t *testing.T, v shown)
		says string
	}{
		{"a token that is rotated", func(t *testing.T, v shown) {
			r.want(t, 200, w.alicePAT, "POST", path(v.ID, "/rotate"), object{})
		}, "revoked or rotated"},
		{"a token that has expired", func(t *testing.T, v shown) {
			r.alter(t, fmt.Sprintf("UPDATE tokens SET expires_at = %d WHERE id = %d", time.Now().Add(-time.Hour).UnixMilli(),
				v.ID))
		}, "has expired"},
		{"a token that another made", func(t *testing.T, v shown) {
			r.alter(t, fmt.Sprintf("UPDATE tokens SET parent_id = id - 1 WHERE id = %d", v.ID))
		}, "made by another one"},
		{"after 14 days", func(t *testing.T, v shown) {
			r.alter(t, fmt.Sprintf("UPDATE narrowings SET narrowed_at = narrowed_at - %d WHERE token_id = %d", ms(14*24*time.Hour), v.ID))
		}, "nothing to undo"},
		{"after it was given something else", func(t *testing.T, v shown) {
			r.want(t, 200, w.alicePAT, "PATCH", extra(v.ID, ""), object{"granular_scopes": []object{on(w.api, "read_pipeline")}})
		}, "nothing to undo"},
		{"what the table does not know any more", func(t *testing.T, v shown) {
			r.alter(t, fmt.Sprintf("UPDATE narrowings SET scopes = replace(scopes, 'read_job', 'read_nothing') WHERE token_id = %d", v.ID))
		}, "can no longer be granted"},
		{"a narrowing for good", func(t *testing.T, v shown) {
			r.want(t, 200, w.alicePAT, "PATCH", extra(v.ID, ""), object{"granular_scopes": []object{on(w.api, "read_job")}})
			r.want(t, 200, w.alicePAT, "PATCH", extra(v.ID, ""), object{"granular_scopes": []object{small}, "for_good": true})
		}, "nothing to undo"},
		{"a token that was never narrowed", nil, "nothing to undo"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := r.make(t, creation("narrowed", wide))
			if tc.edit != nil {
				narrow(v)
				tc.edit(t, v)
			}
			before, _ := r.want(t, 200, w.alicePAT, "GET", extra(v.ID, ""), nil)
			if _, text := r.want(t, 409, w.alicePAT, "POST", extra(v.ID, "/undo"), nil); !strings.Contains(text, tc.says) {
				t.Errorf("no %q in %s", tc.says, text)
			}
			after, _ := r.want(t, 200, w.alicePAT, "GET", extra(v.ID, ""), nil)
			if may, might := after.GranularScopes[0].Permissions, before.GranularScopes[0].Permissions; !slices.Equal(may, might) {
				t.Errorf("it may do %v, before %v", may, might)
			}
		})
	}
	t.Run("the token's own word, and another's", func(t *testing.T) {
		v := r.make(t, creation("narrowed", wide))
		narrow(v)
		r.want(t, 403, v.Token, "POST", extra(v.ID, "/undo"), nil)
		r.want(t, 404, w.bobPAT, "POST", extra(v.ID, "/undo"), nil)
		r.want(t, 200, w.alicePAT, "POST", extra(v.ID, "/undo"), nil)
	})
}
