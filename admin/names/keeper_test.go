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
	calls  int
	filled int
	err    error
	late   bool          // says that something newer is kept
	hold   chan struct{} // when it is not nil, storing waits for it or for the end of its context
}

// SeePlaces implements store.Names.
func (s *shelf) SeePlaces(ctx context.Context, origin string, seen []store.Sighting) (late []int, err error) {
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err != nil {
		return nil, s.err
	}
	for i, one := range seen {
		if s.late {
			late = append(late, i)
		}
		s.seen = append(s.seen, fmt.Sprintf("%s %d %s %d %s", origin, one.UserID, names.Kind(one.Place.Kind), one.Place.ID, one.Path))
	}
	return late, nil
}

// FillPlaces implements store.Names.
func (s *shelf) FillPlaces(context.Context) (more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filled++
	return false, nil
}

// Unfilled implements store.Names.
func (s *shelf) Unfilled(context.Context) (bool, error) { return false, nil }

// Above implements store.Names.
func (s *shelf) Above(context.Context, string, store.Naming, int64) ([]store.Place, error) {
	return nil, nil
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
	b.now = b.now.Add(5 * time.Minute)
	b.Saw(42, byID, container(6, "acme/website"))
	wants("the same later", "42 project 6 acme/website")
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
	if err := b.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), ": 7952 dropped") {
		t.Errorf("%v", err)
	}
	if n := len(b.shelf.seen); n != 2048 {
		t.Errorf("%d were stored", n)
	}
	b.shelf.seen = nil
	for user := range int64(3) {
		for id := range int64(2048) {
			b.Saw(user+1, routes.Reference{}, container(id+1, "acme/many"))
		}
	}
	if err := b.Flush(t.Context()); err == nil || len(b.shelf.seen) != 4096 {
		t.Errorf("%d of several users were stored, %v", len(b.shelf.seen), err)
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
	if len(b.shelf.seen) != 1 || b.shelf.forgot != 1 || b.shelf.filled != 1 {
		t.Errorf("%q, %d, %d", b.shelf.seen, b.shelf.forgot, b.shelf.filled)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// Where nothing can be stored it is not tried for all that waits.
func TestAKeeperStopsAtTheFirstError(t *testing.T) {
	b := newBench(t)
	b.shelf.err = errors.New("broken")
	for id := range int64(1000) {
		b.Saw(42, routes.Reference{}, container(id+1, "acme/many"))
	}
	if err := b.Flush(t.Context()); err == nil || b.shelf.calls != 1 {
		t.Errorf("%d tries, %v", b.shelf.calls, err)
	}
	b.shelf.err = nil
	if err := b.Flush(t.Context()); err != nil || len(b.shelf.seen) != 1000 {
		t.Errorf("%d are stored, %v", len(b.shelf.seen), err)
	}
}

// A store that does not answer holds up neither the end of the process, nor the answer about a new token.
func TestASlowStoreHoldsNobodyUp(t *testing.T) {
	b := newBench(t)
	b.shelf.hold = make(chan struct{})
	b.Start()
	sighting := store.Sighting{UserID: 42, Place: store.Place{Kind: routes.RefProject, ID: 6}, Path: "acme/website", At: now}
	begun := time.Now()
	if err := b.Keep(t.Context(), []store.Sighting{sighting}); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("a new token waited for %s", took)
	}
	ended := make(chan error)
	go func() { ended <- b.Close() }()
	close(b.shelf.hold)
	if err := <-ended; err != nil || len(b.shelf.seen) != 1 {
		t.Errorf("%q, %v", b.shelf.seen, err)
	}
}

// What is being stored when the process ends is given up in time.
func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	b := newBench(t)
	b.shelf.hold = make(chan struct{}) // for ever
	b.Start()
	for id := range int64(2000) {
		b.Saw(42, routes.Reference{}, container(id+1, "acme/many"))
	}
	_ = b.Keep(t.Context(), nil) // it has begun by then
	ended := make(chan error, 1)
	go func() { ended <- b.Close() }()
	select {
	case err := <-ended:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on")
	}
}

// What a token was just given is stored, though it was seen before, when no token named it.
func TestWhatATokenWasGivenIsStored(t *testing.T) {
	b := newBench(t)
	b.Saw(42, routes.Reference{}, container(6, "acme/website"))
	b.stored(t)
	b.Start()
	sighting := store.Sighting{UserID: 42, Place: store.Place{Kind: routes.RefProject, ID: 6}, Path: "acme/website", At: now}
	if err := b.Keep(t.Context(), []store.Sighting{sighting}); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil || len(b.shelf.seen) != 1 {
		t.Errorf("%q, %v", b.shelf.seen, err)
	}
}

// Where nothing stores in the background, a store that does not answer is not waited for either.
func TestKeepingAtOnceIsGivenUp(t *testing.T) {
	s := &shelf{hold: make(chan struct{})} // for ever
	err := names.Direct(s, "https://gitlab.example.com")(t.Context(), []store.Sighting{{UserID: 42}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// Where something newer is kept that another node saw, what is seen next is stored.
func TestAKeeperDoesNotTakeWhatItStoredLastForWhatIsKept(t *testing.T) {
	b := newBench(t)
	b.shelf.late = true
	for range 2 {
		b.Saw(42, routes.Reference{}, container(6, "acme/website"))
		if got := b.stored(t); got != "42 project 6 acme/website" {
			t.Errorf("%q", got)
		}
	}
	b.shelf.late = false
	b.Saw(42, routes.Reference{}, container(6, "acme/website"))
	b.stored(t)
	b.Saw(42, routes.Reference{}, container(6, "acme/website"))
	if got := b.stored(t); got != "" {
		t.Errorf("%q", got)
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
