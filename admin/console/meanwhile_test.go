package console_test

import (
	"fmt"
	"net/url"
	"testing"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/token"
)

// Two people edit one token: the one who saves later is told what the other changed, and nothing is overwritten before that was seen.
func TestAnEditMeanwhileIsNotOverwritten(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	owner, err := w.Owner(t.Context(), token.NewSecret(w.alicePAT))
	if err != nil {
		t.Fatal(err)
	}
	scope := func(permissions ...string) []terms.Scope {
		return []terms.Scope{{Access: "selected_memberships", ProjectIDs: []int64{w.api}, Permissions: permissions}}
	}
	made, err := w.Create(t.Context(), owner, tokens.Creation{Name: "nightly", Scopes: scope("read_job", "read_pipeline"), Seal: true})
	if err != nil {
		t.Fatal(err)
	}
	form := v.get(t, at(made.ID, "/edit"))
	name, narrower := "ours", scope("read_job")
	if _, err := w.Edit(t.Context(), owner, made.ID, tokens.Changes{Name: &name, Scopes: &narrower}); err != nil {
		t.Fatal(err)
	}
	mine := url.Values{"name": {"mine"}, "scope-0-access": {"selected_memberships"}, "scope-0-projects": {fmt.Sprint(w.api, " shop/api")},
		"scope-0-permission": {"read_job"}}
	again := v.post(t, at(made.ID, "/edit"), form.fill(mine))
	again.wants(t, 409, "Nothing was changed", "was changed while this form was open", "It is called “ours” now")
	again.lacks(t, "it may now") // the scopes are as the form has them
	mine.Add("scope-0-permission", "read_pipeline")
	v.post(t, at(made.ID, "/edit"), form.fill(mine)).wants(t, 409, "On project shop/api it may now: Read jobs.")
	mine["scope-0-permission"] = []string{"read_job"}
	is := func(what, name string, permissions int) {
		t.Helper()
		l, err := w.Show(t.Context(), owner, made.ID)
		if err != nil || l.Name != name || len(l.Scopes[0].Permissions) != permissions {
			t.Errorf("%s: %+v, %v", what, l.Record, err)
		}
	}
	is("after the first attempt", "ours", 1)
	v.post(t, at(made.ID, "/edit"), again.fill(mine)).wants(t, 200, "The changes are in force")
	is("after the second", "mine", 1)
	without := v.get(t, at(made.ID, "/edit")).fill(mine)
	without.Set("name", "other")
	without.Del("revision")
	v.post(t, at(made.ID, "/edit"), without).wants(t, 409)
	is("after a form that tells no revision", "mine", 1)
}
