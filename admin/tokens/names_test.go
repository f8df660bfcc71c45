package tokens_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"patgate/admin/names"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// calledOf gives what a token calls the project shop/api.
func calledOf(w *world, l *store.Listed) store.Name {
	return l.Names[store.Place{Kind: routes.RefProject, ID: w.api}]
}

// What a new token names is in the answer whether or not it can be stored, and what a rotated one names too.
func TestTheAnswerSaysWhatPlacesAreCalled(t *testing.T) {
	var fails error
	w := newWorld(t, func(o *tokens.Options) {
		o.Name = func(ctx context.Context, seen []store.Sighting) error {
			if fails != nil {
				return fails
			}
			return names.Direct(o.Store, o.Origin)(ctx, seen)
		}
	})
	scope := terms.Scope{Access: "selected_memberships", Permissions: []string{"read_job"}, Projects: []string{"shop/api"}}
	made := w.make(t, scope)
	if n := calledOf(w, &made.Listed); n.Path != "shop/api" || strings.Contains(strings.Join(made.Warnings, " "), "called") {
		t.Errorf("%+v, %q", n, made.Warnings)
	}
	turned, err := w.Rotate(t.Context(), w.owner(t, w.pat), made.ID, tokens.Rotation{})
	if err != nil {
		t.Fatal(err)
	}
	if n := calledOf(w, &turned.Listed); n.Path != "shop/api" {
		t.Errorf("rotated: %+v", n)
	}
	fails = errors.New("broken")
	made = w.make(t, scope)
	if n := calledOf(w, &made.Listed); n.Path != "shop/api" || !strings.Contains(strings.Join(made.Warnings, " "), "could not be stored") {
		t.Errorf("%+v, %q", n, made.Warnings)
	}
}

// Two nodes see a place at once, and the clock of one is ahead: what both see afterwards is what is kept.
func TestTwoNodesAgreeOnANameInTheEnd(t *testing.T) {
	w := newWorld(t, nil)
	made := w.make(t, terms.Scope{Access: "selected_memberships", Permissions: []string{"read_job"}, Projects: []string{"shop/api"}})
	at := time.Now().Add(time.Minute)
	node := func(ahead time.Duration) *names.Keeper {
		return names.NewKeeper(names.Options{Store: w.store, Origin: made.Owner.Origin, Report: func(err error) { t.Error(err) },
			Now: func() time.Time { return at.Add(ahead) }})
	}
	first, second := node(0), node(10*time.Second)
	ref := routes.Reference{Kind: routes.RefProject, ID: w.api}
	see := func(k *names.Keeper, c policy.Container) {
		t.Helper()
		k.Saw(made.Owner.UserID, ref, c)
		if err := k.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	there := policy.Container{Boundary: routes.BoundaryProject, ID: w.api, Path: "shop/renamed", Access: policy.OwnerMember}
	see(first, there)
	see(second, policy.Container{})
	see(first, there) // it was stored lately: nothing is done
	at = at.Add(5 * time.Minute)
	see(first, there)
	l := w.read(t, made.ID)
	if n := calledOf(w, &l); n.Path != "shop/renamed" || !n.Gone.IsZero() {
		t.Errorf("minutes later: %+v", n)
	}
	see(second, policy.Container{})
	at = at.Add(time.Second)
	there.Path = "shop/again"
	see(first, there) // too late by its clock, which is behind
	at = at.Add(10 * time.Second)
	see(first, there)
	l = w.read(t, made.ID)
	if n := calledOf(w, &l); n.Path != "shop/again" || !n.Gone.IsZero() {
		t.Errorf("when its clock has caught up: %+v", n)
	}
}
