package session

import (
	"crypto/rand"
	"sync/atomic"
	"testing"
	"time"

	"patgate/admin/tokens"
)

// A session that nobody comes back to is dropped with its forge credential, and one that is used stays.
func TestSessionsThatAreOverAreDropped(t *testing.T) {
	o := Bounds{Idle: 20 * time.Millisecond, Lifetime: time.Hour, Most: 10, MostOfUser: 10, Random: rand.Reader}
	var late atomic.Int64
	o.Now = func() time.Time { return time.Unix(1_800_000_000, late.Load()) }
	a := New(o)
	kept := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.all)
	}
	if _, err := a.Begin(&tokens.Owner{}); err != nil {
		t.Fatal(err)
	}
	late.Store(int64(15 * time.Millisecond))
	stays, err := a.Begin(&tokens.Owner{})
	if err != nil {
		t.Fatal(err)
	}
	late.Store(int64(25 * time.Millisecond))
	for end := time.Now().Add(10 * time.Second); kept() != 1 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n := kept(); n != 1 || a.Find(stays) == nil {
		t.Fatalf("%d sessions are kept", n)
	}
	late.Store(int64(time.Second))
	for end := time.Now().Add(10 * time.Second); kept() != 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n := kept(); n != 0 {
		t.Errorf("%d sessions are kept", n)
	}
}
