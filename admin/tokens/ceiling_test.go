package tokens_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// held gives the caller who holds a token, as sessions hold it to limits now.
func (w *world) held(t testing.TB, made *tokens.Created, limits policy.Ceilings) tokens.Caller {
	t.Helper()
	free := w.session(t, made)
	g, _ := tokens.OwnGrant(free)
	l := w.read(t, made.ID)
	hash, err := token.Parse([]byte(made.Secret.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.store.TokenByHash(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	return tokens.Token(&token.Session{TokenID: l.ID, OwnerUserID: l.Owner.UserID, Username: l.Owner.Username,
		Grant:      g.Under(limits, store.BearerAt(&b.Record, time.Now().Add(w.ahead))),
		Credential: token.NewSecret(w.pat), CredentialID: b.Credential.ID, ExpiresAt: l.ExpiresAt, Record: &b.Record})
}

// TestLimitsHoldOnTheTokenAPI: what a token does to tokens on its own word is held to limits as what it does at the forge is, and
// no limit on age is escaped by a rotation or a child.
func TestLimitsHoldOnTheTokenAPI(t *testing.T) {
	w := newWorld(t, nil)
	managing := terms.Scope{Access: "user", Permissions: []string{"create_personal_access_token", "rotate_personal_access_token",
		"read_personal_access_token", "revoke_personal_access_token"}}
	made := w.make(t, managing, reading(w.api, "read_job"))
	other := w.make(t, reading(w.api, "read_job"))
	child := tokens.Creation{Name: "child", Scopes: []terms.Scope{reading(w.api, "read_job")}, ExpiresAt: "2d"}
	ctx := t.Context()
	tries := func(c tokens.Caller) map[string]error {
		_, created := w.Create(ctx, c, child)
		_, read := w.Show(ctx, c, other.ID)
		_, rotated := w.Rotate(ctx, c, made.ID, tokens.Rotation{ExpiresAt: "1d"})
		_, revoked := w.Revoke(ctx, c, other.ID, "")
		return map[string]error{"create": created, "read": read, "rotate": rotated, "revoke": revoked}
	}
	var forbidden routes.PermissionSet
	for _, name := range managing.Permissions {
		p, _ := w.table.Catalogue().Find(name)
		forbidden.Add(p)
	}
	month := policy.Ceilings{{Name: "month", MaxAge: 30 * 24 * 3600}}
	for name, c := range map[string]struct {
		limits policy.Ceilings
		ahead  time.Duration
	}{
		"forbidden":  {policy.Ceilings{{Name: "month", Permissions: forbidden}}, 0},
		"outlived":   {month, 31 * 24 * time.Hour},
		"both place": {policy.Ceilings{{Name: "frozen", Groups: []int64{w.shop}, MaxAge: 60}, month[0]}, 31 * 24 * time.Hour},
	} {
		w.ahead = c.ahead
		for what, err := range tries(w.held(t, made, c.limits)) {
			if !errors.Is(err, tokens.ErrForbidden) || !strings.Contains(err.Error(), `limit "month"`) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
	}
	// Under a limit on a group it goes on, and what it makes and rotates is as old as it is.
	frozen := policy.Ceilings{{Name: "frozen", Groups: []int64{w.shop}, MaxAge: 30 * 24 * 3600}}
	began := w.read(t, made.ID).CreatedAt
	older := func(what string, r *token.Record, err error) {
		t.Helper()
		if err != nil || !r.Birth().Equal(began) || !r.CreatedAt.After(began) {
			t.Fatalf("%s: born %v, made %v, want %v: %v", what, r.Birth(), r.CreatedAt, began, err)
		}
		w.ahead += time.Hour
		l := w.read(t, r.ID)
		if age := store.BearerAt(&l.Record, time.Now().Add(w.ahead)).Age; age < 31*24*3600 {
			t.Errorf("%s: its age is %d", what, age)
		}
	}
	w.ahead = 31 * 24 * time.Hour
	below, err := w.Create(ctx, w.held(t, made, frozen), child)
	older("a child", &below.Record, err)
	below, err = w.Rotate(ctx, w.held(t, made, frozen), below.ID, tokens.Rotation{ExpiresAt: "1d"})
	older("a child that its maker rotated", &below.Record, err)
	fresh, err := w.Rotate(ctx, w.held(t, made, frozen), made.ID, tokens.Rotation{ExpiresAt: "9d"})
	older("a rotated one", &fresh.Record, err)
	fresh, err = w.Rotate(ctx, w.held(t, fresh, frozen), fresh.ID, tokens.Rotation{ExpiresAt: "9d"})
	older("one that was rotated twice", &fresh.Record, err)
	// On the owner's word a new life begins.
	owned, err := w.Rotate(ctx, w.owner(t, w.pat), fresh.ID, tokens.Rotation{ExpiresAt: "9d"})
	if err != nil || !owned.Record.Birth().Equal(owned.CreatedAt) {
		t.Fatalf("on the owner's word: %v, %v", owned.Record.Birth(), err)
	}
}
