package policycmd

import (
	"encoding/json"
	"testing"
	"time"

	"patgate/admin/manifest"
	"patgate/admin/terms"
	"patgate/routes/load"
	"patgate/store"
	"patgate/token"
	"patgate/token/limits"
)

// TestWhatWasAppliedBeforeMoreWasWrittenDown: of a token that was applied when nothing but scopes was written down, limits that its file
// never stated stay as they are, and those that it states are put in force.
func TestWhatWasAppliedBeforeMoreWasWrittenDown(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	a := &application{table: table}
	scopes := []terms.Scope{{Access: "user", Permissions: []string{"rotate_personal_access_token"}}}
	specs, err := terms.Specs(scopes, table)
	if err != nil {
		t.Fatal(err)
	}
	byHand, stated := limits.Spec{Networks: []string{"10.0.0.0/8"}}, manifest.Limits{MaxUses: "7"}
	spec := func(m *manifest.Token) string {
		text, err := json.Marshal(struct {
			Description string
			*manifest.Token
		}{"", m})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	edited := func(t *testing.T, last, m *manifest.Token, file string, applied bool) *step {
		t.Helper()
		end := time.Now().Add(20 * 24 * time.Hour)
		r := token.Record{ID: 3, Name: "ci", ExpiresAt: end, RenewUntil: end, Scopes: specs, Limits: byHand, Revision: 9}
		old := &token.Managed{Set: "s", Name: "ci", File: "ci.yaml", Spec: spec(last), Scopes: specs}
		if r.Managed = old; applied {
			r.Managed = old.With(&r)
		}
		s := &step{now: &store.Listed{Record: r}, managed: token.Managed{Set: "s", Name: "ci", File: file, Spec: spec(m)}}
		s.creation.Name, s.creation.Limits = "ci", m.Limits.Spec()
		s.creation.Scopes = scopes
		if err := a.edit(s, m); err != nil {
			t.Fatal(err)
		}
		return s
	}
	before, after := &manifest.Token{Owner: "alice", Expires: "30d"}, &manifest.Token{Expires: "30d"}
	for name, applied := range map[string]bool{"from before": false, "from now": true} {
		if s := edited(t, before, after, "ci.yaml", applied); s.what != "edit" || s.changes.Limits != nil || s.widens {
			t.Errorf("%s: limits are %s by %q, widens %v", name, s.changes.Limits, s.what, s.widens)
		}
	}
	s := edited(t, before, &manifest.Token{Expires: "30d", Limits: stated}, "ci.yaml", false)
	if s.changes.Limits == nil || s.changes.Limits.MaxUses != 7 || !s.widens {
		t.Errorf("limits that the file states: %s, widens %v", s.changes.Limits, s.widens)
	}
	s = edited(t, &manifest.Token{Expires: "30d", Limits: stated}, after, "ci.yaml", true)
	if s.changes.Limits == nil || !s.changes.Limits.Empty() {
		t.Errorf("limits that the file states no more: %s", s.changes.Limits)
	}
	if s = edited(t, after, after, "teams/ci.yaml", false); s.what != "edit" || s.changes.Revision != 9 || s.changes.Managed == nil {
		t.Errorf("a file that was renamed: %q, at revision %d", s.what, s.changes.Revision)
	}
}
