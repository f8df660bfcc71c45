package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/seal"
)

func testOwners(t *testing.T, f *Fixture) {
	ctx := t.Context()
	t.Run("an owner is read as it was stored", func(t *testing.T) {
		got := ownerOf(t, f, f.Owner.ID)
		want := store.Owner{ID: f.Owner.ID, Origin: origin, UserID: 42, Username: "alice", CreatedAt: Start()}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("the same user stored again keeps the id and takes the new name", func(t *testing.T) {
		again := putOwner(t, f, store.Owner{
			Origin:    f.Owner.Origin,
			UserID:    42,
			Username:  "alice2",
			Admin:     true,
			CreatedAt: Start().Add(time.Hour),
		})
		if again.ID != f.Owner.ID || again.Username != "alice2" || !again.Admin || !again.CreatedAt.Equal(Start()) {
			t.Errorf("got %+v", again)
		}
	})
	t.Run("the same user id of another forge is another owner", func(t *testing.T) {
		there := store.Owner{Origin: "https://gitlab.example.org", UserID: 42, Username: "alice", CreatedAt: Start()}
		other := putOwner(t, f, there)
		if other.ID == f.Owner.ID {
			t.Error("same id")
		}
	})
	t.Run("an unknown owner is an error", func(t *testing.T) {
		if _, err := f.Store.Owner(ctx, 999); !errors.Is(err, store.ErrUnknownOwner) {
			t.Errorf("error %v, want ErrUnknownOwner", err)
		}
		if _, err := f.Store.RemoveOwner(ctx, 999, store.Cause{Reason: "owner removed", By: "cli:test",
			At: Start()}); !errors.Is(err, store.ErrUnknownOwner) {
			t.Errorf("error %v, want ErrUnknownOwner", err)
		}
	})
	t.Run("removing an owner revokes the tokens and erases the credentials", func(t *testing.T) {
		owner := f.NewOwner(t, 77, "bob")
		c := f.NewCredential(t, owner, "api")
		r := f.Record("bobs")
		r.OwnerID, r.CredentialID = owner.ID, c.ID
		r = createToken(t, f, r)
		if n, err := f.Store.RemoveOwner(ctx, owner.ID, store.Cause{Reason: "owner removed", By: "cli:test",
			At: Start()}); err != nil || n != 1 {
			t.Fatalf("removed %d tokens, %v", n, err)
		}
		l := tokenOf(t, f, r.ID)
		if l.RevokedAt.IsZero() || l.RevokeReason != "owner removed" || l.RevokedBy != "cli:test" {
			t.Errorf("token %+v", l)
		}
		c, err := f.Store.Credential(ctx, c.ID)
		if err != nil || len(c.Sealed) != 0 || c.Status != store.CredentialRemoved {
			t.Errorf("credential %+v, %v", c, err)
		}
		for _, o := range owners(t, f) {
			if o.ID == owner.ID {
				t.Error("still listed")
			}
		}
		back := f.NewOwner(t, 77, "bob")
		if back.ID != owner.ID || !back.RemovedAt.IsZero() {
			t.Errorf("back as %+v", back)
		}
		if list, err := f.Store.Credentials(ctx, owner.ID); err != nil || len(list) != 0 {
			t.Errorf("credentials %v, %v", list, err)
		}
	})
	t.Run("a new origin takes owners and reseals their credentials", func(t *testing.T) {
		from, to := "https://gitlab.example.com", "https://git.example.com"
		n, err := f.Store.MoveOrigin(ctx, from, to, func(c store.Credential, old, b seal.Binding) (string, []byte, error) {
			if old.Origin != from || b.Origin != to || old.CredentialID != c.ID || b.CredentialID != c.ID {
				return "", nil, fmt.Errorf("bindings %+v and %+v", old, b)
			}
			return Sealed(c.KeyID)(b)
		})
		if err != nil || n != 2 {
			t.Fatalf("moved %d owners, %v", n, err)
		}
		c := credentialOf(t, f, f.Credential.ID)
		if !bytes.Contains(c.Sealed, []byte(to)) {
			t.Errorf("sealed %q", c.Sealed)
		}
		if o := ownerOf(t, f, f.Owner.ID); o.Origin != to {
			t.Errorf("origin %s", o.Origin)
		}
	})
}

func testCredentials(t *testing.T, f *Fixture) {
	ctx := t.Context()
	t.Run("a credential is sealed to the id that it got", func(t *testing.T) {
		want := fmt.Sprintf("%s/https://gitlab.example.com/42/%d", f.Key.ID(), f.Credential.ID)
		if string(f.Credential.Sealed) != want {
			t.Errorf("sealed %q, want %q", f.Credential.Sealed, want)
		}
	})
	t.Run("it is read as it was stored", func(t *testing.T) {
		if got := credentialOf(t, f, f.Credential.ID); !reflect.DeepEqual(got, f.Credential) {
			t.Errorf("got %+v, want %+v", got, f.Credential)
		}
		if f.Credential.Status != store.CredentialValid || f.Credential.Scopes[0] != "api" {
			t.Errorf("got %+v", f.Credential)
		}
	})
	t.Run("a failure to seal stores nothing", func(t *testing.T) {
		boom := errors.New("boom")
		_, err := f.Store.AddCredential(ctx, store.Credential{OwnerID: f.Owner.ID, CreatedAt: Start()},
			func(seal.Binding) (string, []byte, error) { return "", nil, boom })
		if !errors.Is(err, boom) {
			t.Errorf("error %v", err)
		}
		if list, err := f.Store.Credentials(ctx, f.Owner.ID); err != nil || len(list) != 1 {
			t.Errorf("%d credentials, %v", len(list), err)
		}
	})
	t.Run("a key that the store does not know cannot seal", func(t *testing.T) {
		c := store.Credential{OwnerID: f.Owner.ID, CreatedAt: Start()}
		_, err := f.Store.AddCredential(ctx, c, Sealed("0123456789abcdef"))
		if !errors.Is(err, store.ErrKeyRetired) {
			t.Errorf("error %v, want ErrKeyRetired", err)
		}
	})
	t.Run("the forge's refusal is remembered and a replacement ends it", func(t *testing.T) {
		err := f.Store.SetCredentialStatus(ctx, f.Credential.ID, store.CredentialInvalid, "401 from the forge", Start())
		must(t, 0, err)
		c := credentialOf(t, f, f.Credential.ID)
		if c.Status != store.CredentialInvalid || c.Reason != "401 from the forge" {
			t.Errorf("got %+v", c)
		}
		c.Scopes, c.UpdatedAt = []string{"read_api"}, Start().Add(time.Hour)
		c, err = f.Store.ReplaceCredential(ctx, c, Sealed(f.Key.ID()))
		valid := c.Status == store.CredentialValid && c.Reason == ""
		if err != nil || c.ID != f.Credential.ID || !valid || c.Scopes[0] != "read_api" {
			t.Errorf("got %+v, %v", c, err)
		}
	})
	t.Run("another owner cannot replace it", func(t *testing.T) {
		c := f.Credential
		c.OwnerID = f.NewOwner(t, 50, "mallory").ID
		if _, err := f.Store.ReplaceCredential(ctx, c, Sealed(f.Key.ID())); !errors.Is(err, store.ErrConflict) {
			t.Errorf("error %v, want ErrConflict", err)
		}
	})
	t.Run("an unknown one is an error", func(t *testing.T) {
		if _, err := f.Store.Credential(ctx, 999); !errors.Is(err, store.ErrUnknownCredential) {
			t.Errorf("error %v, want ErrUnknownCredential", err)
		}
		err := f.Store.SetCredentialStatus(ctx, 999, store.CredentialInvalid, "", Start())
		if !errors.Is(err, store.ErrUnknownCredential) {
			t.Errorf("error %v, want ErrUnknownCredential", err)
		}
	})
}

func testKeys(t *testing.T, f *Fixture) {
	ctx := t.Context()
	second := newKey(t)
	f.NewCredential(t, f.NewOwner(t, 43, "bob"), "read_api")
	t.Run("a failure in the middle of a rotation changes nothing", func(t *testing.T) {
		boom := errors.New("boom")
		calls := 0
		_, err := f.Store.Rekey(ctx, f.SealingKey(second), func(c store.Credential, _, b seal.Binding) (string, []byte, error) {
			if calls++; calls == 2 {
				return "", nil, boom
			}
			return Sealed(second.ID())(b)
		})
		if !errors.Is(err, boom) {
			t.Fatalf("error %v", err)
		}
		for _, c := range credentials(t, f) {
			if c.KeyID != f.Key.ID() {
				t.Errorf("credential %d is under key %s", c.ID, c.KeyID)
			}
		}
		if keys, err := f.Store.SealingKeys(ctx); err != nil || len(keys) != 1 || !keys[0].RetiredAt.IsZero() {
			t.Errorf("keys %+v, %v", keys, err)
		}
	})
	t.Run("a rotation seals all anew and retires the old key", func(t *testing.T) {
		n, err := f.Store.Rekey(ctx, f.SealingKey(second), func(_ store.Credential, _, b seal.Binding) (string, []byte, error) {
			return Sealed(second.ID())(b)
		})
		if err != nil || n != 2 {
			t.Fatalf("resealed %d, %v", n, err)
		}
		for _, c := range credentials(t, f) {
			if c.KeyID != second.ID() || !bytes.HasPrefix(c.Sealed, []byte(second.ID())) {
				t.Errorf("credential %d is under key %s: %q", c.ID, c.KeyID, c.Sealed)
			}
		}
		_, err = f.Store.AddCredential(ctx, store.Credential{OwnerID: f.Owner.ID, CreatedAt: Start()}, Sealed(f.Key.ID()))
		if !errors.Is(err, store.ErrKeyRetired) {
			t.Errorf("the old key still seals: %v", err)
		}
	})
	t.Run("registering a retired key does not bring it back", func(t *testing.T) {
		must(t, 0, f.Store.RegisterKey(ctx, f.SealingKey(f.Key)))
		for _, k := range sealingKeys(t, f) {
			if k.ID == f.Key.ID() && k.RetiredAt.IsZero() {
				t.Error("it is back")
			}
		}
	})
}
