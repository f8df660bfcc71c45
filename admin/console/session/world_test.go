package session

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/store"
	"patgate/store/seal"
	"patgate/store/sqlite"
	"patgate/token"
)

const (
	origin = "https://gitlab.example.com"
	secret = "glpat-a-credential-of-the-forge"
)

// world is a store and a sealing key, on which nodes keep their sessions.
type world struct {
	store *sqlite.DB
	file  string
	keys  seal.Source
	late  atomic.Int64 // by which the clock is ahead
	mu    sync.Mutex
	said  []error // what was reported
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{file: filepath.Join(dir, "db", "patgate.db"), keys: seal.Source{File: filepath.Join(dir, "keys", "patgate.key")}}
	var err error
	if w.store, err = sqlite.Open(t.Context(), w.file, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	return w
}

// pass moves the clock.
func (w *world) pass(d time.Duration) { w.late.Add(int64(d)) }

// faults gives what was reported, and forgets it.
func (w *world) faults() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said
	w.said = nil
	return said
}

// ring opens the sealing keys, as a process does.
func (w *world) ring(t *testing.T) *seal.Keyring {
	t.Helper()
	ring, err := store.OpenKeyring(t.Context(), w.store, w.keys, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// node gives the sessions of a node; edit may change what it is made of.
func (w *world) node(t *testing.T, edit func(*Options)) *Sessions {
	t.Helper()
	o := Options{Store: w.store, Keyring: w.ring(t), Origin: origin, Idle: 30 * time.Minute, Lifetime: 8 * time.Hour, Most: 100,
		MostOfUser: 10, Now: func() time.Time { return time.Now().Add(time.Duration(w.late.Load())) }, Random: rand.Reader,
		Report: func(err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.said = append(w.said, err)
		}}
	if edit != nil {
		edit(&o)
	}
	return New(o)
}

// begin signs a user in on a node.
func begin(t *testing.T, a *Sessions, userID int64) (cookie string) {
	t.Helper()
	identity := forge.Identity{UserID: userID, Username: "alice", Scopes: []string{"api"}}
	cookie, err := a.Begin(t.Context(), tokens.Remembered(identity, token.NewSecret(secret)), token.NewSecret(secret))
	if err != nil {
		t.Fatal(err)
	}
	return cookie
}

// find gives the session of a cookie, which must be told.
func find(t *testing.T, a *Sessions, cookie string) *Session {
	t.Helper()
	s, err := a.Find(t.Context(), cookie)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// do changes the database as somebody does who can write to it.
func (w *world) do(t *testing.T, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", w.file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// failing is a store that fails where it is told to.
type failing struct {
	store.SignIns
	read, touch atomic.Bool
	touches     atomic.Int64
	touching    func() // is called before
}

var errFails = errors.New("the disk is on fire")

func (f *failing) SignIn(ctx context.Context, id store.SignInID) (store.SignIn, error) {
	if f.read.Load() {
		return store.SignIn{}, errFails
	}
	return f.SignIns.SignIn(ctx, id)
}

func (f *failing) TouchSignIn(ctx context.Context, s store.SignIn) error {
	f.touches.Add(1)
	if f.touching != nil {
		f.touching()
	}
	if f.touch.Load() {
		return errFails
	}
	return f.SignIns.TouchSignIn(ctx, s)
}
