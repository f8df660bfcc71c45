package console_test

import (
	"fmt"
	"net/url"
	"testing"

	"patgate/store"
	"patgate/token"
)

// TestATokenOfAFileIsTold: which file keeps a token is shown, whoever edits it is warned, and what was changed by hand is marked with the
// file's name.
func TestATokenOfAFileIsTold(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, nil)
	v.get(t, at(id, "")).lacks(t, `id="managed"`, `id="differs"`, "mark-managed")
	v.get(t, at(id, "/edit")).lacks(t, `id="kept-by-file"`)
	l := w.read(t, id)
	m := token.Managed{Set: "policies", Name: "reader", File: "teams/ci.yaml"}
	e := store.Edit{Revision: l.Revision, Name: l.Name, Description: l.Description, Scopes: l.Scopes, TableVersion: l.TableVersion,
		ExpiresAt: l.ExpiresAt, RenewUntil: l.RenewUntil, Managed: m.With(&l.Record)}
	if _, err := w.store.EditToken(t.Context(), id, e, store.Cause{By: "operator", At: w.now()}); err != nil {
		t.Fatal(err)
	}
	v.get(t, at(id, "")).wants(t, 200, `<dd id="managed"><code>teams/ci.yaml</code>`, "document reader of the set policies", "mark-managed")
	v.get(t, at(id, "")).lacks(t, `id="differs"`)
	v.get(t, "/tokens").wants(t, 200, "mark-managed", "teams/ci.yaml")
	form := v.get(t, at(id, "/edit"))
	form.wants(t, 200, `id="kept-by-file"`, "managed by <code>teams/ci.yaml</code>")
	v.post(t, at(id, "/edit"), form.fill(url.Values{"name": {"mine"}, "description": {"<b>"}, "limits": {"max_uses: 5"},
		"scope-0-access": {"selected_memberships"}, "scope-0-projects": {"shop/api"}, "scope-0-permission": {"read_job"}})).
		wants(t, 200, "The changes are in force", `id="differs"`, "Differs from <code>teams/ci.yaml</code>",
			"name was read jobs, is mine", "description was none, is &lt;b&gt;", "limits was none, is max uses 5",
			"scopes was read_pipeline on project "+fmt.Sprint(w.api)+", is without that")
	v.get(t, "/tokens").wants(t, 200, "mark-differs", "teams/ci.yaml: changed by hand")
	if d := w.read(t, id); len(d.Differences()) != 4 {
		t.Errorf("it differs in %v", d.Differences())
	}
}
