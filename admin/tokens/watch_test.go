package tokens_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/admin/upkeep"
	"patgate/forge/forgetest"
	"patgate/store"
	"patgate/store/seal"
	"patgate/token"
)

// look does once what patgate does by itself.
func (w *world) look(t *testing.T, unusedAfter time.Duration) error {
	care := upkeep.Upkeep{Tokens: w.Service, Store: w.store, Forge: w.resolver, UnusedAfter: unusedAfter}
	return care.Once(t.Context())
}

func TestUnusedTokensAreRevoked(t *testing.T) {
	w := newWorld(t, nil)
	idle, used := w.make(t, reading(w.api, "read_job")), w.make(t, reading(w.api, "read_job"))
	w.ahead = 31 * 24 * time.Hour
	if err := w.store.AddUses(t.Context(), []store.Use{{TokenID: used.ID, Count: 1, Last: w.Now().Add(-time.Hour)}}); err != nil {
		t.Fatal(err)
	}
	if err := w.look(t, 0); err != nil || !w.read(t, idle.ID).RevokedAt.IsZero() {
		t.Fatalf("revoked without a limit, or %v", err)
	}
	if err := w.look(t, 30*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if l := w.read(t, idle.ID); l.RevokedAt.IsZero() || l.RevokeReason != "unused for 30d" || l.RevokedBy != "patgate" {
		t.Errorf("%+v", l)
	}
	if l := w.read(t, used.ID); !l.RevokedAt.IsZero() {
		t.Errorf("%+v", l)
	}
}

func TestACredentialThatTheForgeRefuses(t *testing.T) {
	w := newWorld(t, nil)
	made := w.make(t, reading(w.api, "read_job"))
	w.forge.RevokeToken(w.pat)
	for range 3 {
		if err := w.look(t, 0); err != nil {
			t.Fatal(err)
		}
	}
	l := w.read(t, made.ID)
	if l.Credential != store.CredentialInvalid || l.CredentialReason != "refused by the forge" || !l.RevokedAt.IsZero() {
		t.Errorf("paused and not lost, but is %+v", l)
	}
	fresh := w.forge.AddToken(w.alice, forgetest.Token{Name: "fresh"})
	c, err := w.store.Credential(t.Context(), made.CredentialID)
	if err != nil {
		t.Fatal(err)
	}
	sealer := func(b seal.Binding) (string, []byte, error) { return w.ring.Seal(b, []byte(fresh)) }
	if _, err := w.store.ReplaceCredential(t.Context(), c, sealer); err != nil {
		t.Fatal(err)
	}
	if err := w.look(t, 0); err != nil || w.read(t, made.ID).Credential != store.CredentialValid {
		t.Errorf("not repaired: %v", err)
	}
}

func TestABlockedOwner(t *testing.T) {
	w := newWorld(t, nil)
	made := w.make(t, reading(w.api, "read_job"))
	w.forge.BlockUser(w.alice)
	if err := w.look(t, 0); err != nil {
		t.Fatal(err)
	}
	if l := w.read(t, made.ID); l.Credential != store.CredentialInvalid || !l.RevokedAt.IsZero() {
		t.Errorf("once is not enough: %+v", l)
	}
	if err := w.look(t, 0); err != nil {
		t.Fatal(err)
	}
	if l := w.read(t, made.ID); l.RevokedAt.IsZero() || !strings.Contains(l.RevokeReason, "alice is blocked") {
		t.Errorf("%+v", l)
	}
}

func TestAnOwnerWhoCameBackKeepsTheTokens(t *testing.T) {
	w := newWorld(t, nil)
	made := w.make(t, reading(w.api, "read_job"))
	w.forge.BlockUser(w.alice)
	if err := w.look(t, 0); err != nil {
		t.Fatal(err)
	}
	w.forge.UnblockUser(w.alice)
	for range 2 {
		if err := w.look(t, 0); err != nil {
			t.Fatal(err)
		}
	}
	if l := w.read(t, made.ID); l.Validity(w.Now()) != token.Valid || l.Credential != store.CredentialValid {
		t.Errorf("%+v", l)
	}
}

// TestAnOwnerWhoIsGone holds that nobody is taken for gone before another owner's credential has shown that the forge
// answers and does not know the user.
func TestAnOwnerWhoIsGone(t *testing.T) {
	w := newWorld(t, nil)
	made := w.make(t, reading(w.api, "read_job"))
	w.forge.RemoveUser(w.alice)
	for range 3 {
		if err := w.look(t, 0); err != nil {
			t.Fatal(err)
		}
	}
	if l := w.read(t, made.ID); !l.RevokedAt.IsZero() || l.Credential != store.CredentialInvalid {
		t.Fatalf("without a witness: %+v", l)
	}
	bob := w.forge.AddUser("bob")
	w.forge.AddGroupMember(w.shop, bob, forgetest.Maintainer)
	his, err := w.Create(t.Context(), w.owner(t, w.forge.AddToken(bob, forgetest.Token{Name: "own"})),
		tokens.Creation{Name: "his", Seal: true, Scopes: []terms.Scope{reading(w.api, "read_job")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.look(t, 0); err != nil {
		t.Fatal(err)
	}
	if l := w.read(t, made.ID); l.RevokedAt.IsZero() || !strings.Contains(l.RevokeReason, "alice does not exist at the forge any more") || l.RevokedBy != "patgate" {
		t.Errorf("%+v", l)
	}
	if l := w.read(t, his.ID); !l.RevokedAt.IsZero() || l.Credential != store.CredentialValid {
		t.Errorf("the witness's own: %+v", l)
	}
}

func TestAForgeThatFailsChangesNothing(t *testing.T) {
	w := newWorld(t, nil)
	made := w.make(t, reading(w.api, "read_job"))
	w.forge.Plant(forgetest.Fault{Status: 503})
	if err := w.look(t, 0); err == nil {
		t.Error("no error")
	}
	if l := w.read(t, made.ID); l.Credential != store.CredentialValid {
		t.Errorf("%+v", l)
	}
}

func TestSecretsOfRotatedTokens(t *testing.T) {
	w := newWorld(t, nil)
	made := w.make(t, reading(w.api, "read_job"))
	hash, _ := token.Parse([]byte(made.Secret.Reveal()))
	if err := w.Reused(t.Context(), hash); err != nil || !w.read(t, made.ID).RevokedAt.IsZero() {
		t.Errorf("a secret that was not rotated out ends nothing: %v", err)
	}
	if err := w.Reused(t.Context(), token.Hash{1}); !errors.Is(err, store.ErrUnknownToken) {
		t.Errorf("error %v", err)
	}
}
