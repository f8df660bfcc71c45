package names_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/admin/names"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// shelf takes what a keeper stores.
type shelf struct {
	store.Names // nothing else is called

	mu     sync.Mutex
	seen   []string
	forgot int
	err    error
}

// SeePlaces implements store.Names.
func (s *shelf) SeePlaces(_ context.Context, origin string, seen []store.Sighting) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	for _, one := range seen {
		s.seen = append(s.seen, fmt.Sprintf("%s %d %s %d %s", origin, one.UserID, names.Kind(one.Place.Kind), one.Place.ID, one.Path))
	}
	return nil
}

// ForgetPlaces implements store.Names.
func (s *shelf) ForgetPlaces(context.Context, time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgot++
	return nil
}

type bench struct {
	*names.Keeper
	shelf *shelf
	now   time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{shelf: &shelf{}, now: now}
	b.Keeper = names.NewKeeper(names.Options{Store: b.shelf, Origin: "https://gitlab.example.com", Report: func(err error) { t.Log(err) },
		Now: func() time.Time { return b.now }})
	return b
}

// stored flushes and gives what was stored since the last call.
func (b *bench) stored(t *testing.T) string {
	t.Helper()
	if err := b.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	text := strings.ReplaceAll(strings.Join(b.shelf.seen, ", "), "https://gitlab.example.com ", "")
	b.shelf.seen = nil
	return text
}

func container(id int64, path string, above ...int64) policy.Container {
	return policy.Container{Boundary: routes.BoundaryProject, ID: id, Path: path, Ancestors: above, Access: policy.OwnerMember}
}

func TestAKeeperStoresWhatTheForgeSays(t *testing.T) {
	b := newBench(t)
	byID, byPath := routes.Reference{Kind: routes.RefProject, ID: 6}, routes.Reference{Kind: routes.RefProject, Path: []byte("acme/x")}
	wants := func(what, want string) {
		t.Helper()
		if got := b.stored(t); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	b.Saw(42, byPath, container(6, "acme/website"))
	wants("a project", "42 project 6 acme/website")
	b.Saw(42, byID, container(6, "acme/website"))
	wants("the same again", "")
	b.now = b.now.Add(time.Hour)
	b.Saw(42, byID, container(6, "acme/website"))
	wants("the same an hour later", "42 project 6 acme/website")
	b.Saw(42, byID, container(6, "acme/renamed"))
	b.Saw(43, byID, policy.Container{})
	if got := b.stored(t); got != "42 project 6 acme/renamed, 43 project 6 " && got != "43 project 6 , 42 project 6 acme/renamed" {
		t.Errorf("another name, and another user's eyes: %q", got)
	}
	b.Saw(42, byID, policy.Container{})
	wants("gone", "42 project 6 ")
	b.Saw(42, byPath, policy.Container{})
	b.Saw(42, routes.Reference{Kind: routes.RefUser, ID: 7}, policy.Container{})
	b.Saw(42, routes.Reference{Kind: routes.RefNamespace, ID: 7}, policy.Container{})
	b.Saw(0, byID, container(6, "acme/nobody's"))
	b.Saw(42, byID, policy.Container{Boundary: routes.BoundaryUser, ID: 6, Path: "alice", Access: policy.OwnerMember})
	b.Saw(42, byID, policy.Container{Boundary: routes.BoundaryProject, ID: 6, Access: policy.OwnerMember})
	b.Saw(42, byID, policy.Container{Boundary: routes.BoundaryProject, ID: 6, Path: "acme/unseen"})
	wants("what says nothing of a place", "")
	b.Saw(42, byID, container(6, "acme/\x1b[2Jx"))
	wants("what a terminal would obey", "42 project 6 acme/\uFFFD\uFFFD2Jx")
	b.Saw(42, byID, container(8, "acme/sub/x", 10, 9))
	if got := b.stored(t); !strings.Contains(got, "42 project 8 acme/sub/x") || !strings.Contains(got, "42 group 10 acme/sub") ||
		strings.Contains(got, "group 9") {
		t.Errorf("the group above: %q", got)
	}
}

func TestAKeeperIsBounded(t *testing.T) {
	b := newBench(t)
	for id := range int64(10_000) {
		b.Saw(42, routes.Reference{}, container(id+1, "acme/many"))
	}
	if err := b.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "5904 names") {
		t.Errorf("%v", err)
	}
	if n := len(b.shelf.seen); n != 4096 {
		t.Errorf("%d were stored", n)
	}
	b.shelf.seen = nil
	b.Saw(42, routes.Reference{}, container(10_000, "acme/many"))
	if got := b.stored(t); got != "42 project 10000 acme/many" {
		t.Errorf("what was dropped, seen again: %q", got)
	}
}

func TestAKeeperTriesAgainWhatCouldNotBeStored(t *testing.T) {
	b := newBench(t)
	b.shelf.err = errors.New("broken")
	b.Saw(42, routes.Reference{}, container(6, "acme/website"))
	if err := b.Flush(t.Context()); err == nil {
		t.Error("nobody is told")
	}
	b.shelf.err = nil
	b.Saw(42, routes.Reference{}, container(6, "acme/website"))
	if got := b.stored(t); got != "42 project 6 acme/website" {
		t.Errorf("%q", got)
	}
}

func TestAKeeperStoresTheLastWhenItIsClosed(t *testing.T) {
	b := newBench(t)
	b.Start()
	b.Saw(42, routes.Reference{}, container(6, "acme/website"))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if len(b.shelf.seen) != 1 || b.shelf.forgot != 1 {
		t.Errorf("%q, %d", b.shelf.seen, b.shelf.forgot)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// What is called as before costs a request nothing.
func TestSeeingTheSameAllocatesNothing(t *testing.T) {
	b := newBench(t)
	c := container(6, "acme/website", 9)
	b.Saw(42, routes.Reference{}, c)
	if n := testing.AllocsPerRun(100, func() { b.Saw(42, routes.Reference{}, c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
