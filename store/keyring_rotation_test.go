package store_test

import (
	"testing"
	"time"

	"patgate/store"
	"patgate/store/seal"
)

// A key that another process drops is out of force here with the next poll, although nobody reads a credential.
func TestARotationIsTakenUpByAPoll(t *testing.T) {
	g := newGateway(t, nil)
	other, err := seal.Open(g.source)
	if err != nil {
		t.Fatal(err)
	}
	texts := g.ring.Texts("clients")
	before := texts.Seal([]byte("x"), nil)
	if _, err := store.RotateKey(t.Context(), g.db, other, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := g.sessions.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if g.ring.Active() != other.Active() {
		t.Errorf("the key is still %v", g.ring.Active())
	}
	if _, ok := texts.Open(before, nil); ok {
		t.Error("what the dropped key sealed opens")
	}
	if _, ok := texts.Open(other.Texts("clients").Seal([]byte("x"), nil), nil); !ok {
		t.Error("what the new key sealed does not open")
	}
}
