package tokens_test

import (
	"testing"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/token"
)

// TestRenewalsOfATokenOfAFile: what its owner gives it beyond its file is told, also by a rotation; what it does itself within its
// file is not.
func TestRenewalsOfATokenOfAFile(t *testing.T) {
	w := newWorld(t, func(o *tokens.Options) { o.AllowReportMode = true })
	owner := w.owner(t, w.pat)
	make := func() *tokens.Created {
		t.Helper()
		made, err := w.Create(t.Context(), owner, tokens.Creation{Name: "ci", Seal: true, ExpiresAt: "30d",
			Managed: &token.Managed{Set: "s", Name: "ci"},
			Scopes:  []terms.Scope{{Access: "user", Permissions: []string{"rotate_personal_access_token"}}}})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	differs := func(id int64, fields ...string) {
		t.Helper()
		l := w.read(t, id)
		d := l.Differences()
		same := len(d) == len(fields)
		for i := range d {
			same = same && d[i].Field == fields[i]
		}
		if !same {
			t.Errorf("it differs in %v, want %v", d, fields)
		}
	}
	made := make()
	differs(made.ID)
	self, err := w.Rotate(t.Context(), w.session(t, made), made.ID, tokens.Rotation{ExpiresAt: "20d"})
	if err != nil {
		t.Fatal(err)
	}
	differs(self.ID)
	owned, err := w.Rotate(t.Context(), owner, self.ID, tokens.Rotation{ExpiresAt: "200d"})
	if err != nil {
		t.Fatal(err)
	}
	differs(self.ID) // another has its place
	differs(owned.ID, "expires_at", "renew_until")
	// Nor does it become the file's by what the token does then.
	later, err := w.Rotate(t.Context(), w.session(t, owned), owned.ID, tokens.Rotation{ExpiresAt: "150d"})
	if err != nil {
		t.Fatal(err)
	}
	differs(later.ID, "expires_at", "renew_until")

	made = make()
	long := "300d"
	edited, err := w.Edit(t.Context(), owner, made.ID, tokens.Changes{RenewUntil: &long})
	if err != nil {
		t.Fatal(err)
	}
	differs(made.ID, "renew_until")
	// An apply takes it back.
	none := ""
	if _, err := w.Edit(t.Context(), owner, made.ID, tokens.Changes{RenewUntil: &none, Managed: &token.Managed{Set: "s", Name: "ci"},
		Revision: edited.Listed.Revision}); err != nil {
		t.Fatal(err)
	}
	differs(made.ID)
	week := "7d"
	if _, err := w.Edit(t.Context(), owner, made.ID, tokens.Changes{ReportUntil: &week}); err != nil {
		t.Fatal(err)
	}
	differs(made.ID, "report_until")
}
