package tokens_test

import (
	"errors"
	"strings"
	"testing"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/token/limits"
)

// TestLimitsOfATokenThatAnotherMakes holds that such a token gets its maker's limits, and none that are wider.
func TestLimitsOfATokenThatAnotherMakes(t *testing.T) {
	w := newWorld(t, nil)
	scopes := []terms.Scope{{Access: "user", Permissions: []string{"create_personal_access_token", "read_user"}}}
	made, err := w.Create(t.Context(), w.owner(t, w.pat), tokens.Creation{Name: "maker", Scopes: scopes, Seal: true,
		Limits: limits.Spec{Networks: []string{"10.0.0.0/8"}, MaxUses: 5}})
	if err != nil {
		t.Fatal(err)
	}
	maker := w.session(t, made)
	child := func(s limits.Spec) (*tokens.Created, error) {
		return w.Create(t.Context(), maker, tokens.Creation{Name: "child", ExpiresAt: "1h",
			Scopes: []terms.Scope{{Access: "user", Permissions: []string{"read_user"}}}, Limits: s})
	}
	c, err := child(limits.Spec{MaxUses: 2, RequestsAtOnce: 1})
	want := limits.Spec{Networks: []string{"10.0.0.0/8"}, MaxUses: 2, RequestsAtOnce: 1}
	if err != nil || !c.Limits.Equal(&want) {
		t.Fatalf("%+v, %v", c, err)
	}
	var wrong *terms.Invalid
	_, err = child(limits.Spec{Networks: []string{"0.0.0.0/0"}, MaxUses: 6})
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "limits.networks") ||
		!strings.Contains(err.Error(), "limits.max_uses") {
		t.Errorf("wider ones: %v", err)
	}
	held, err := w.LimitsOf(t.Context(), w.owner(t, w.pat), c.ID)
	if err != nil || len(held.Levels) != 2 {
		t.Errorf("%+v, %v", held, err)
	}
	none := limits.Spec{}
	if _, err := w.Edit(t.Context(), maker, made.ID, tokens.Changes{Limits: &none}); !errors.Is(err, tokens.ErrForbidden) {
		t.Errorf("a token widens itself: %v", err)
	}
	narrow := limits.Spec{Networks: []string{"10.0.0.0/9"}, MaxUses: 5}
	if e, err := w.Edit(t.Context(), maker, made.ID, tokens.Changes{Limits: &narrow}); err != nil || e.Widened {
		t.Errorf("a token narrows itself: %v", err)
	}
	if c := w.changes[len(w.changes)-1]; c.What != "edited" ||
		c.Reason != "limits: networks 10.0.0.0/9; max uses 5, were networks 10.0.0.0/8; max uses 5" {
		t.Errorf("the record of the edit: %+v", c)
	}
	if err := w.store.TakeUse(t.Context(), []limits.MostUses{{Family: made.FamilyID, Most: 5}}); err != nil {
		t.Fatal(err)
	}
	if l, err := w.Show(t.Context(), w.owner(t, w.pat), made.ID); err != nil || l.LimitUse.Of(limits.MaxUses) != "1 used, 4 left" ||
		l.LimitUse.BytesToday != nil {
		t.Errorf("what was used of it: %+v, %v", l.LimitUse, err)
	}
	if e, err := w.Edit(t.Context(), w.owner(t, w.pat), made.ID, tokens.Changes{Limits: &none}); err != nil || !e.Widened ||
		!e.Limits.Empty() {
		t.Errorf("its owner widens it: %v", err)
	}
}
