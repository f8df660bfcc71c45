package tokens_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/forge/forgetest"
	"patgate/policy"
	"patgate/store"
	"patgate/token"
)

// TestAChildNeverHoldsMoreThanItsParent makes random tokens with random tokens and compares what came of it with an
// obvious rule: for each permission and each place, with each constraint, whoever reaches it in the child reaches it in
// the parent. PATGATE_SUBSET_SEED repeats a run.
func TestAChildNeverHoldsMoreThanItsParent(t *testing.T) {
	seed := rand.Uint64()
	if text := os.Getenv("PATGATE_SUBSET_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("PATGATE_SUBSET_SEED=%d", seed)
	dice := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t, nil)
	made, refused := 0, 0
	for range 120 {
		parent := w.make(t, append(randomScopes(dice, w),
			terms.Scope{Access: "user", Permissions: []string{"create_personal_access_token", "read_user"}})...)
		caller := w.session(t, parent)
		for range 5 {
			scopes := randomScopes(dice, w)
			days := dice.IntN(600) + 1
			child, err := w.Create(t.Context(), caller, tokens.Creation{Name: "child", Scopes: scopes, ExpiresAt: fmt.Sprint(days, "d")})
			within := reaches(w, scopes, parent.Scopes)
			var invalid *terms.Invalid
			switch {
			case err == nil && (!within || days > 300):
				t.Fatalf("a child with %+v for %d days was made by %+v", scopes, days, parent.Scopes)
			case err == nil:
				made++
				if l := w.read(t, child.ID); l.ExpiresAt.After(parent.ExpiresAt) || l.RenewUntil.After(parent.ExpiresAt) ||
					l.ParentID != parent.ID || l.CredentialID != parent.CredentialID {
					t.Fatalf("the child is %+v", l)
				}
			case errors.As(err, &invalid):
				if days < 300 {
					t.Fatalf("%v: %+v", err, scopes)
				}
			case !errors.Is(err, tokens.ErrForbidden):
				t.Fatal(err)
			default:
				refused++
				if within {
					t.Fatalf("a child with %+v was refused by %+v: %v", scopes, parent.Scopes, err)
				}
			}
		}
	}
	if made < 10 || refused < 10 {
		t.Errorf("%d made, %d refused: the test proves little", made, refused)
	}
}

// randomScopes gives scopes on the two projects, their group, or all memberships, sometimes for a pattern of refs only.
func randomScopes(dice *rand.Rand, w *world) []terms.Scope {
	some := func() []string {
		var out []string
		for _, name := range []string{"read_job", "run_job", "read_pipeline", "push_code"} {
			if dice.IntN(2) == 0 {
				out = append(out, name)
			}
		}
		if out == nil {
			out = []string{"read_job"}
		}
		return out
	}
	var scopes []terms.Scope
	for _, s := range []terms.Scope{
		{Access: "selected_memberships", ProjectIDs: []int64{w.api}}, {Access: "selected_memberships", ProjectIDs: []int64{w.web}},
		{Access: "selected_memberships", GroupIDs: []int64{w.shop}}, {Access: "all_memberships"},
	} {
		if dice.IntN(3) > 0 {
			continue
		}
		s.Permissions = some()
		if dice.IntN(3) == 0 {
			s.Constraints = randomConstraints(dice)
		}
		scopes = append(scopes, s)
	}
	if scopes == nil {
		scopes = []terms.Scope{{Access: "selected_memberships", ProjectIDs: []int64{w.api}, Permissions: some()}}
	}
	return scopes
}

// randomConstraints gives some of two patterns and the two things that can be forbidden; sometimes none of them.
func randomConstraints(dice *rand.Rand) (c policy.ConstraintSpec) {
	for _, pattern := range []string{"refs/heads/bot/*", "refs/tags/*"} {
		if dice.IntN(2) == 0 {
			c.RefPatterns = append(c.RefPatterns, pattern)
		}
	}
	c.ForbidRefDeletes, c.ForbidTagChanges = dice.IntN(3) == 0, dice.IntN(3) == 0
	return c
}

// pushes gives what a push may do under constraints, each kind a word: a ref of either pattern or of none is written, a
// tag is changed, a ref is deleted.
func pushes(c policy.ConstraintSpec) (may []string) {
	for _, ref := range []string{"refs/heads/bot/*", "refs/tags/*", "another"} {
		if len(c.RefPatterns) > 0 && !slices.Contains(c.RefPatterns, ref) {
			continue
		}
		may = append(may, "write "+ref)
		if !c.ForbidRefDeletes {
			may = append(may, "delete "+ref)
		}
		if !c.ForbidTagChanges {
			may = append(may, "change tags "+ref)
		}
	}
	return may
}

// reaches is the obvious rule. Both projects are in the group, and the owner is a member of it; "beyond" stands for a
// project of the owner's elsewhere, and "later" for one that the group does not have yet.
func reaches(w *world, child []terms.Scope, parent []policy.ScopeSpec) bool {
	covers := func(access string, projects, groups []int64, place string) bool {
		switch {
		case access == "all_memberships":
			return true
		case access != "selected_memberships":
			return false
		case len(groups) > 0 && place != "beyond":
			return true
		}
		return len(projects) > 0 && (place == "api" && projects[0] == w.api || place == "web" && projects[0] == w.web)
	}
	for _, c := range child {
		for _, place := range []string{"api", "web", "later", "beyond"} {
			if !covers(c.Access, c.ProjectIDs, c.GroupIDs, place) {
				continue
			}
			for _, permission := range c.Permissions {
				held := false
				for _, p := range parent {
					unbound := !slices.ContainsFunc(pushes(c.Constraints),
						func(push string) bool { return !slices.Contains(pushes(p.Constraints), push) })
					for _, have := range p.Permissions {
						held = held || have == permission && unbound && covers(p.Access, p.ProjectIDs, p.GroupIDs, place)
					}
				}
				if !held {
					return false
				}
			}
		}
	}
	return true
}

func TestLifetimes(t *testing.T) {
	w := newWorld(t, func(o *tokens.Options) { o.Administrators = []int64{} })
	for _, tc := range []struct {
		text string
		want string // of the problem; empty is success
	}{
		{"5m", ""}, {"4m59s", "too soon"}, {"365d", ""}, {"366d", "365d (tokens.max_lifetime)"}, {"", ""}, {"0s", "in the past"},
		{"2001-01-01", "in the past"},
		{"2001-01-01T00:00:00Z", "in the past"}, {"-5m", "neither"}, {"1y", "neither"}, {"99999999999999d", "neither"},
		{"31.12.2030", "neither"},
	} {
		t.Run(tc.text, func(t *testing.T) {
			made, err := w.Create(t.Context(), w.owner(t, w.pat), tokens.Creation{Name: "x", Seal: true, ExpiresAt: tc.text,
				Scopes: []terms.Scope{reading(w.api, "read_job")}})
			var invalid *terms.Invalid
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want == "" && made.Validity(w.Now()) != token.Valid:
				t.Errorf("%+v", made.Record)
			case tc.want != "" && (!errors.As(err, &invalid) || len(invalid.Problems) != 1 || invalid.Problems[0].Field != "expires_at" ||
				!strings.Contains(invalid.Problems[0].Message, tc.want)):
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestAdministratorsOfPatgate(t *testing.T) {
	var bob int64
	w := newWorld(t, func(o *tokens.Options) { o.Administrators = []int64{12} })
	bob = w.forge.AddUser("bob")
	carol := w.forge.AddUser("carol")
	bobs, carols := w.owner(t, w.forge.AddToken(bob, forgetest.Token{Name: "own"})), w.owner(t,
		w.forge.AddToken(carol, forgetest.Token{Name: "own"}))
	if bob != 12 {
		t.Skipf("bob is user %d", bob)
	}
	made := w.make(t, reading(w.api, "read_job"))
	if list, _, err := w.List(t.Context(), bobs, 0, true, store.Filter{}); err != nil || len(list) != 1 {
		t.Errorf("an administrator lists %v, %v", list, err)
	}
	if list, _, err := w.List(t.Context(), carols, 0, true, store.Filter{}); err != nil || len(list) != 0 {
		t.Errorf("nobody else lists %v, %v", list, err)
	}
	if _, err := w.Rotate(t.Context(), bobs, made.ID, tokens.Rotation{}); !errors.Is(err, tokens.ErrForbidden) {
		t.Errorf("an administrator comes by a secret: %v", err)
	}
	if _, err := w.Edit(t.Context(), bobs, made.ID, tokens.Changes{}); !errors.Is(err, tokens.ErrForbidden) {
		t.Errorf("an administrator edits: %v", err)
	}
	if _, err := w.Revoke(t.Context(), carols, made.ID, ""); !errors.Is(err, tokens.ErrNotFound) {
		t.Errorf("somebody revokes: %v", err)
	}
	if l, err := w.Revoke(t.Context(), bobs, made.ID, ""); err != nil || l.RevokedAt.IsZero() || l.RevokeReason != "revoked by bob" {
		t.Errorf("%+v, %v", l, err)
	}
}
