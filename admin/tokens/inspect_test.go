package tokens_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"patgate/admin/catalogue"
	"patgate/admin/counts"
	"patgate/admin/marks"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/forge/forgetest"
	"patgate/learn"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// An owner who is only remembered does everything that takes power away, and nothing that gives it.
func TestRememberedOwner(t *testing.T) {
	w := newWorld(t, nil)
	made := w.make(t, reading(w.api, "read_job", "read_pipeline"))
	owner := w.owner(t, w.pat)
	kept := tokens.Remembered(owner.Identity(), token.NewSecret(w.pat))
	scopes := func(permissions ...string) *[]terms.Scope { return &[]terms.Scope{reading(w.api, permissions...)} }
	longer, shorter := "364d", "20d"
	refused := map[string]func() error{
		"making": func() error {
			_, err := w.Create(t.Context(), kept, tokens.Creation{Name: "x", Scopes: *scopes("read_job"), Seal: true})
			return err
		},
		"rotating": func() error { _, err := w.Rotate(t.Context(), kept, made.ID, tokens.Rotation{}); return err },
		"widening in permissions": func() error {
			_, err := w.Edit(t.Context(), kept, made.ID, tokens.Changes{Scopes: scopes("read_job", "read_pipeline", "run_job")})
			return err
		},
		"widening in place": func() error {
			_, err := w.Edit(t.Context(), kept, made.ID, tokens.Changes{Scopes: &[]terms.Scope{reading(w.web, "read_job")}})
			return err
		},
		"widening in time": func() error {
			_, err := w.Edit(t.Context(), kept, made.ID, tokens.Changes{ExpiresAt: &longer})
			return err
		},
		"renewing for longer": func() error {
			_, err := w.Edit(t.Context(), kept, made.ID, tokens.Changes{RenewUntil: &longer})
			return err
		},
		"resuming":   func() error { _, err := w.Resume(t.Context(), kept, made.ID); return err },
		"confirming": func() error { _, err := w.Confirm(t.Context(), kept, made.ID); return err },
	}
	before := w.read(t, made.ID)
	for name, f := range refused {
		t.Run(name, func(t *testing.T) {
			if err := f(); !errors.Is(err, tokens.ErrAgain) || !errors.Is(err, tokens.ErrForbidden) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	if after := w.read(t, made.ID); after.Revision != before.Revision || after.RotatedTo != 0 {
		t.Fatal("something was done")
	}
	if _, err := w.Edit(t.Context(), kept, made.ID, tokens.Changes{Scopes: scopes("read_job"), ExpiresAt: &shorter}); err != nil {
		t.Errorf("narrowing: %v", err)
	}
	if _, err := w.Pause(t.Context(), kept, made.ID, ""); err != nil {
		t.Errorf("pausing: %v", err)
	}
	t.Run("becomes an owner again by a credential of the same user", func(t *testing.T) {
		bob := w.forge.AddUser("bob")
		if _, err := w.Again(t.Context(), kept, token.NewSecret(w.forge.AddToken(bob, forgetest.Token{}))); !errors.Is(err,
			tokens.ErrForbidden) {
			t.Errorf("somebody else's: %v", err)
		}
		if _, err := w.Again(t.Context(), kept, token.NewSecret("glpat-wrong")); !errors.Is(err, tokens.ErrUnknownCaller) {
			t.Errorf("a wrong one: %v", err)
		}
		again, err := w.Again(t.Context(), kept, token.NewSecret(w.pat))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Resume(t.Context(), again, made.ID); err != nil {
			t.Errorf("resuming: %v", err)
		}
		still, err := w.Still(t.Context(), kept)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Resume(t.Context(), still, made.ID); !errors.Is(err, tokens.ErrAgain) {
			t.Errorf("who is still there is no more than remembered: %v", err)
		}
	})
	if _, err := w.Revoke(t.Context(), kept, made.ID, ""); err != nil {
		t.Errorf("revoking: %v", err)
	}
}

// A token expires soon within two weeks of its end, and in the last quarter of its life: none does from its beginning.
func TestExpiringSoon(t *testing.T) {
	const hour = time.Hour
	for life, left := range map[string]time.Duration{"12h": 3 * hour, "7d": 42 * hour, "40d": 240 * hour, "300d": 14 * 24 * hour} {
		t.Run(life, func(t *testing.T) {
			w := newWorld(t, nil)
			owner := w.owner(t, w.pat)
			made, err := w.Create(t.Context(), owner, tokens.Creation{Name: "made", Seal: true, ExpiresAt: life,
				Scopes: []terms.Scope{reading(w.api, "read_job")}})
			if err != nil {
				t.Fatal(err)
			}
			soon := func(before time.Duration) bool {
				t.Helper()
				w.ahead += made.ExpiresAt.Add(-before).Sub(w.Now())
				list, _, err := w.Inspect(t.Context(), owner, tokens.Query{})
				if err != nil || len(list) != 1 {
					t.Fatal(list, err)
				}
				return wears(&list[0], "expiring_soon")
			}
			if soon(made.ExpiresAt.Sub(w.Now())) || soon(left+time.Minute) || !soon(left-time.Minute) {
				t.Errorf("it does not begin %s before the end", left)
			}
		})
	}
}

func TestInspect(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.owner(t, w.pat)
	if err := w.store.SetObserving(t.Context(), 90*24*time.Hour, w.Now()); err != nil {
		t.Fatal(err)
	}
	narrow := w.make(t, reading(w.api, "read_job", "read_pipeline"))
	broad := w.make(t, terms.Scope{Access: "all_memberships", Permissions: []string{"read_job"}})
	paused := w.make(t, reading(w.api, "read_job"))
	if _, err := w.Pause(t.Context(), owner, paused.ID, "look at it"); err != nil {
		t.Fatal(err)
	}
	gone := w.make(t, reading(w.api, "read_job"))
	if _, err := w.Revoke(t.Context(), owner, gone.ID, ""); err != nil {
		t.Fatal(err)
	}
	w.ahead = (marks.JudgedDays + 1) * 24 * time.Hour
	used := w.Now()
	if err := w.store.AddUses(t.Context(), []store.Use{{TokenID: narrow.ID, Count: 2, Last: used}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.store.AddSeen(t.Context(),
		[]learn.Seen{{Subject: narrow.ID, Unit: learn.Unit{Needs: []string{"read_job"}}, Count: 2, Last: used}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Marks().Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	ids := func(q tokens.Query) (all []int64, total int) {
		list, total, err := w.Inspect(t.Context(), owner, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range list {
			all = append(all, one.ID)
		}
		return all, total
	}
	any := store.Filter{Sort: store.SortCreatedAsc}
	worn := func(m store.Mark) store.Filter { return store.Filter{Sort: store.SortCreatedAsc, Mark: m} }
	for _, c := range []struct {
		name string
		q    tokens.Query
		want []int64
	}{
		{"all", tokens.Query{Filter: any}, []int64{narrow.ID, broad.ID, paused.ID, gone.ID}},
		{"broad", tokens.Query{Filter: worn(store.MarkBroad)}, []int64{broad.ID}},
		{"unused permissions, and never used", tokens.Query{Filter: worn(store.MarkUnused)}, []int64{narrow.ID, broad.ID}},
		{"none wears it", tokens.Query{Filter: worn(store.MarkSoon)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, total := ids(c.q); !slices.Equal(got, c.want) || total != len(c.want) {
				t.Errorf("%v of %d, want %v", got, total, c.want)
			}
		})
	}
	paged := tokens.Query{Filter: worn(store.MarkUnused)}
	paged.Limit, paged.Offset = 1, 1
	if got, total := ids(paged); !slices.Equal(got, []int64{broad.ID}) || total != 2 {
		t.Errorf("the second page is %v of %d", got, total)
	}
	paged.Offset = 99
	if got, _ := ids(paged); len(got) != 0 {
		t.Errorf("a page behind the end is %v", got)
	}
	n, err := counts.Of(t.Context(), w.Service, owner, false)
	if want := (counts.Counts{Active: 2, Paused: 1, Revoked: 1, Total: 4, Broad: 1, Unused: 2}); err != nil || n != want {
		t.Errorf("counts are %+v, %v", n, err)
	}
	if n, err := counts.Of(t.Context(), w.Service, owner, true); err != nil || n.Total != 4 {
		t.Errorf("who is no administrator counts %+v, %v", n, err)
	}
	one, err := w.InspectOne(t.Context(), owner, paused.ID)
	if err != nil || one.State != "paused" || one.Reason != "look at it" || len(one.Badges) != 0 {
		t.Errorf("the paused one is %+v, %v", one, err)
	}
	stranger := w.owner(t, w.forge.AddToken(w.forge.AddUser("bob"), forgetest.Token{}))
	if _, err := w.InspectOne(t.Context(), stranger, narrow.ID); !errors.Is(err, tokens.ErrNotFound) {
		t.Errorf("a stranger's error is %v", err)
	}
	if n, err := counts.Of(t.Context(), w.Service, stranger, true); err != nil || n.Total != 0 {
		t.Errorf("a stranger counts %+v, %v", n, err)
	}
}

// What the console asks the forge is asked as the owner who is signed in.
func TestPlacesAndForgeTokens(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.owner(t, w.pat)
	stranger := w.owner(t, w.forge.AddToken(w.forge.AddUser("bob"), forgetest.Token{Name: "bob's"}))
	project := store.Place{Kind: routes.RefProject, ID: w.api}
	if n, ok := w.Called(t.Context(), owner, project); !ok || n.Path != "shop/api" || !n.Gone.IsZero() {
		t.Errorf("it is %+v, %v", n, ok)
	}
	if n, ok := w.Called(t.Context(), stranger, project); !ok || n.Path != "" || n.Gone.IsZero() {
		t.Errorf("to a stranger it is %+v, %v", n, ok)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if n, ok := w.Called(ended, owner, store.Place{Kind: routes.RefProject, ID: w.web}); ok {
		t.Errorf("nothing is known of what could not be asked: %+v", n)
	}
	if found, err := w.Search(t.Context(), stranger, "shop", 10); err != nil || len(found) != 0 {
		t.Errorf("a stranger finds %v, %v", found, err)
	}
	if found, err := w.Search(t.Context(), owner, "shop", 10); err != nil || len(found) != 3 {
		t.Errorf("the owner finds %v, %v", found, err)
	}
	w.make(t, reading(w.api, "read_job"))
	own, err := w.ForgeTokens(t.Context(), owner)
	if err != nil || !slices.ContainsFunc(own, func(o forge.OwnToken) bool { return o.Name == "for patgate" }) ||
		slices.ContainsFunc(own, func(o forge.OwnToken) bool { return o.Name == "bob's" }) {
		t.Errorf("the owner's tokens are %+v, %v", own, err)
	}
	if sealed, err := w.Sealed(t.Context(), owner); err != nil || !sealed {
		t.Errorf("sealed: %v, %v", sealed, err)
	}
	if sealed, err := w.Sealed(t.Context(), stranger); err != nil || sealed {
		t.Errorf("sealed for a stranger: %v, %v", sealed, err)
	}
}

func TestTemplateForForgeTokens(t *testing.T) {
	known := map[string]bool{"": true}
	for _, template := range catalogue.Templates() {
		known[template.Name] = true
	}
	for scope, want := range map[string]string{"api": "", "read_api": "", "write_registry": "container-push",
		"read_registry": "container-pull", "write_repository": "dependency-updater", "read_repository": "read-only-ci",
		"read_user": ""} {
		if got := catalogue.TemplateFor([]string{scope}); got != want || !known[got] {
			t.Errorf("%s: %q", scope, got)
		}
	}
	if got := catalogue.TemplateFor([]string{"write_repository", "api"}); got != "" {
		t.Errorf("the wider scope counts: %q", got)
	}
}

// wears tells whether a token wears a badge. One that was never used has used none of its permissions.
func wears(one *tokens.Inspected, badge string) bool {
	return slices.Contains(one.Badges, badge) || badge == "unused_permissions" && slices.Contains(one.Badges, "unused")
}
