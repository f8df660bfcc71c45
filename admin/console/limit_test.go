package console_test

import (
	"net/url"
	"strings"
	"testing"

	"patgate/token/limits"
)

// Limits are typed one a line, shown, narrowed freely, and widened with the credential alone.
func TestLimits(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	typed := url.Values{"limits": {"networks: 10.0.0.0/8\r\nmax uses: 5\r\n"}}
	id, _ := v.make(t, w.alicePAT, typed)
	want := limits.Spec{Networks: []string{"10.0.0.0/8"}, MaxUses: 5}
	if l := w.read(t, id); !l.Limits.Equal(&want) {
		t.Fatalf("it is held to %+v", l.Limits)
	}
	v.get(t, at(id, "")).wants(t, 200, "<code>networks: 10.0.0.0/8</code>", "<code>max_uses: 5 (0 used, 5 left)</code>")
	form := v.get(t, at(id, "/edit"))
	form.wants(t, 200, "networks: 10.0.0.0/8\nmax_uses: 5</textarea>")
	edit := func(text string) url.Values {
		return url.Values{"name": {"read jobs"}, "scope-0-access": {"selected_memberships"}, "scope-0-projects": {"shop/api"},
			"scope-0-permission": {"read_job", "read_pipeline"}, "limits": {text}}
	}
	v.post(t, at(id, "/edit"), form.fill(edit("networks: 10.0.0.0/8\nmax_usse: 5"))).
		wants(t, 422, `id="limits-problems"`, "is not a range of addresses", "max_usse: 5</textarea>")
	v.post(t, at(id, "/edit"), form.fill(edit("networks: 10.1.0.0/16\nmax_uses: 5"))).wants(t, 200, "The changes are in force")
	if l := w.read(t, id); strings.Join(l.Limits.Networks, " ") != "10.1.0.0/16" {
		t.Errorf("it is held to %+v", l.Limits)
	}
	v.post(t, at(id, "/edit"), v.get(t, at(id, "/edit")).fill(edit("max_uses: 5"))).wants(t, 403, "This would widen the token")
	if l := w.read(t, id); len(l.Limits.Networks) != 1 {
		t.Errorf("it is held to %+v", l.Limits)
	}
	again := edit("max_uses: 5")
	again.Set("credential", w.alicePAT)
	v.post(t, at(id, "/edit"), v.get(t, at(id, "/edit")).fill(again)).wants(t, 200, "The changes are in force")
	if l := w.read(t, id); !l.Limits.Equal(&limits.Spec{MaxUses: 5}) {
		t.Errorf("it is held to %+v", l.Limits)
	}
}
