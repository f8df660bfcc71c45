package tokens_test

import (
	"errors"
	"testing"

	"patgate/admin/terms"
	"patgate/admin/tokens"
)

// What was decided on a token as it was read is not done to a token that was changed since: an edit would give back what another
// one took away.
func TestAnEditOfATokenThatChangedMeanwhile(t *testing.T) {
	w := newWorld(t, nil)
	made := w.make(t, reading(w.api, "read_job", "read_pipeline"))
	owner := w.owner(t, w.pat)
	read := w.read(t, made.ID)
	less := []terms.Scope{reading(w.api, "read_job")}
	if _, err := w.Edit(t.Context(), owner, made.ID, tokens.Changes{Scopes: &less, Revision: read.Revision}); err != nil {
		t.Fatal(err)
	}
	all := []terms.Scope{reading(w.api, "read_job", "read_pipeline")}
	for name, edit := range map[string]func() error{
		"an edit": func() error {
			_, err := w.Edit(t.Context(), owner, made.ID, tokens.Changes{Scopes: &all, Revision: read.Revision})
			return err
		},
		"a narrowing": func() error {
			_, err := w.Narrow(t.Context(), owner, made.ID, read.Revision, w.read(t, made.ID).Scopes)
			return err
		},
		"a narrowing of a token that was not read": func() error {
			_, err := w.Narrow(t.Context(), owner, made.ID, 0, w.read(t, made.ID).Scopes)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := edit(); !errors.Is(err, tokens.ErrConflict) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	if after := w.read(t, made.ID); after.Revision != read.Revision+1 || len(after.Scopes[0].Permissions) != 1 {
		t.Errorf("the token holds %v", after.Scopes)
	}
}
