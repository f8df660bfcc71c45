package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
	"patgate/store/seal"
	"patgate/store/sqlite"
	"patgate/token"
)

// upstream is the owner's credential in these tests.
const upstream = "glpat-OWNERS-OWN-CREDENTIAL"

// gateway is a store, its keys and a Sessions on them, as one node has.
type gateway struct {
	db       *sqlite.DB
	fault    *faulty
	ring     *seal.Keyring
	source   seal.Source
	sessions *store.Sessions
	owner    store.Owner
	cred     store.Credential
	clock    *clock
	made     int
}

// clock is real time plus what was added by hand.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time        { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) move(by time.Duration) { c.ahead.Add(int64(by)) }

// faulty is a store that can fail, be slow, and count its reads.
type faulty struct {
	store.Store
	down   atomic.Bool  // it cannot be reached
	broken atomic.Bool  // it fails otherwise
	back   atomic.Int64 // what the sequence is behind, as after the failover to a server that lacks the last changes
	mute   atomic.Bool  // reads wait until their caller gives up
	reads  atomic.Int64
	mu     sync.Mutex
	hold   chan struct{} // a read that has its answer waits until it is closed
}

var (
	errDown   = fmt.Errorf("store down: %w", store.ErrUnreachable)
	errBroken = errors.New("store broken")
)

// failing gives the error of a store that fails.
func (f *faulty) failing() error {
	switch {
	case f.down.Load():
		return errDown
	case f.broken.Load():
		return errBroken
	}
	return nil
}

func (f *faulty) TokenByHash(ctx context.Context, h token.Hash) (store.Bound, error) {
	if err := f.failing(); err != nil {
		return store.Bound{}, err
	}
	f.reads.Add(1)
	if f.mute.Load() {
		<-ctx.Done()
		return store.Bound{}, ctx.Err()
	}
	b, err := f.Store.TokenByHash(ctx, h)
	f.mu.Lock()
	hold := f.hold
	f.mu.Unlock()
	if hold != nil {
		<-hold
	}
	return b, err
}

func (f *faulty) Changes(ctx context.Context, since int64) (store.Changes, error) {
	if err := f.failing(); err != nil {
		return store.Changes{}, err
	}
	if back := f.back.Load(); back > 0 {
		return store.Changes{Sequence: since - back}, nil
	}
	return f.Store.Changes(ctx, since)
}

// hold makes reads wait with their answer in hand until the function is called.
func (f *faulty) holdReads() (letGo func()) {
	c := make(chan struct{})
	f.mu.Lock()
	f.hold = c
	f.mu.Unlock()
	return sync.OnceFunc(func() {
		f.mu.Lock()
		f.hold = nil
		f.mu.Unlock()
		close(c)
	})
}

// catalogueOf loads a small table whose catalogue has these actions on jobs.
func catalogueOf(t testing.TB, known *routes.Catalogue, actions ...string) *routes.Catalogue {
	t.Helper()
	text := "categories:\n  CI/CD:\n    job:\n      abilities: use jobs\n      actions:\n"
	for _, a := range actions {
		text += "        " + a + ": {boundaries: [project]}\n"
	}
	table, problems := load.Table(load.Options{Known: known, Table: []routes.File{
		{Name: "table.yaml", Data: []byte("forge: gitlab\nversion: 1\nbase: /api/v4\n")},
		{Name: "permissions.yaml", Data: []byte(text)},
	}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return table.Catalogue()
}

// newGateway makes a store with one owner. edit may change the options of Sessions.
func newGateway(t testing.TB, edit func(*store.SessionOptions)) *gateway {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	db, err := sqlite.Open(ctx, filepath.Join(dir, "db", "patgate.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	g := &gateway{db: db, fault: &faulty{Store: db}, source: seal.Source{File: filepath.Join(dir, "keys", "patgate.key")}, clock: &clock{}}
	if g.ring, err = store.OpenKeyring(ctx, db, g.source, time.Now()); err != nil {
		t.Fatal(err)
	}
	if g.owner, err = db.PutOwner(ctx, store.Owner{Origin: "https://gitlab.example.com", UserID: 42, Username: "alice", CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	g.cred, err = db.AddCredential(ctx, store.Credential{OwnerID: g.owner.ID, Kind: "personal_access_token", Scopes: []string{"api"}, CreatedAt: time.Now()},
		func(b seal.Binding) (string, []byte, error) { return g.ring.Seal(b, []byte(upstream)) })
	if err != nil {
		t.Fatal(err)
	}
	catalogue := catalogueOf(t, nil, "read", "run")
	o := store.SessionOptions{
		Store: g.fault, Keyring: g.ring, Catalogue: func() *routes.Catalogue { return catalogue }, Now: g.clock.now,
		Poll: time.Hour, FreshWithin: 2 * time.Hour, // tests poll and flush by hand
		Report: func(err error) { t.Log("reported:", err) },
	}
	if edit != nil {
		edit(&o)
	}
	if g.sessions, err = store.NewSessions(ctx, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.sessions.Close() })
	return g
}

// token stores a token for an hour.
func (g *gateway) token(t testing.TB, edit ...func(*token.Record)) token.Record {
	t.Helper()
	g.made++
	r := token.Record{
		Hash: sha256.Sum256(fmt.Append(nil, t.Name(), g.made)), Name: "job", LastFour: "abcd", OwnerID: g.owner.ID, CredentialID: g.cred.ID,
		CreatedAt: g.clock.now(), ExpiresAt: g.clock.now().Add(time.Hour), TableVersion: 1,
		Scopes: []policy.ScopeSpec{{Access: "selected_memberships", Permissions: []string{"read_job", "run_job"}, ProjectIDs: []int64{6}}},
	}
	for _, e := range edit {
		e(&r)
	}
	r, err := g.db.CreateToken(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// change revokes, pauses or resumes a token on this node.
func (g *gateway) change(ctx context.Context, id int64, f func(store.Store, context.Context, int64, store.Cause) (store.Listed, error)) error {
	return g.sessions.Change(ctx, func(ctx context.Context, st store.Store) error {
		_, err := f(st, ctx, id, store.Cause{Reason: "leaked", By: "cli:test", At: g.clock.now()})
		return err
	})
}
