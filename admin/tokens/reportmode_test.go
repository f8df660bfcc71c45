package tokens_test

import (
	"errors"
	"strings"
	"testing"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/forge/forgetest"
)

// TestReportModeIsNotForAdministrators: where administrators of the forge may own tokens, none of theirs is in report mode, nor
// one of a credential with which its owner could be an administrator or anybody.
func TestReportModeIsNotForAdministrators(t *testing.T) {
	w := newWorld(t, func(o *tokens.Options) { o.AllowAdminOwners, o.AllowReportMode = true, true })
	root := w.forge.AddUser("root")
	w.forge.SetAdmin(root)
	for name, c := range map[string]struct {
		pat    string
		passes bool
	}{
		"an ordinary owner":       {w.pat, true},
		"an administrator":        {w.forge.AddToken(root, forgetest.Token{Name: "root's"}), false},
		"the scope sudo":          {w.forge.AddToken(w.alice, forgetest.Token{Name: "a", Scopes: []string{"api", "sudo"}}), false},
		"the scope of admin mode": {w.forge.AddToken(w.alice, forgetest.Token{Name: "b", Scopes: []string{"api", "admin_mode"}}), false},
	} {
		ask := tokens.Creation{Name: "learning", Seal: true, ExpiresAt: "30d", ReportUntil: "7d",
			Scopes: []terms.Scope{{Access: "user", Permissions: []string{"read_user"}}}}
		_, err := w.Create(t.Context(), w.owner(t, c.pat), ask)
		refused := errors.Is(err, tokens.ErrForbidden) && strings.Contains(err.Error(), "administrator")
		if c.passes && err != nil || !c.passes && !refused {
			t.Errorf("%s: %v", name, err)
		}
		ask.ReportUntil = ""
		made, err := w.Create(t.Context(), w.owner(t, c.pat), ask)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		until := "7d"
		_, err = w.Edit(t.Context(), w.owner(t, c.pat), made.ID, tokens.Changes{ReportUntil: &until})
		if refused = errors.Is(err, tokens.ErrForbidden); refused == c.passes {
			t.Errorf("%s, later: %v", name, err)
		}
	}
}
