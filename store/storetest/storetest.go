// Package storetest holds the tests that every implementation of store.Store passes.
package storetest

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"patgate/policy"
	"patgate/store"
	"patgate/store/seal"
	"patgate/token"
)

// Open opens the store that is kept in dir. Called again with the same dir, it gives a second handle on the same store,
// as another process would have.
type Open func(t testing.TB, dir string) store.Store

// Start gives the time at which the suite's records begin.
func Start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// Run runs the whole suite, one subtest for each promise of the interface.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *Fixture){
		"owners":      testOwners,
		"credentials": testCredentials,
		"keys":        testKeys,
		"tokens":      testTokens,
		"lists":       testLists,
		"report mode": testReportMode,
		"rotation":    testRotation,
		"children":    testChildren,
		"edits":       testEdits,
		"narrowings":  testNarrowings,
		"names":       testNames,
		"observing":   testObserving,
		"idleness":    testIdleness,
		"details":     testDetails,
		"changes":     testChanges,
		"uses":        testUses,
		"units":       testUnits,
		"subjects":    testSubjects,
		"quarantine":  testQuarantine,
		"collapse":    testCollapse,
		"suspects":    testSuspectBounds,
		"short units": testShortUnits,
		"sign-ins":    testSignIns,
		"forms":       testForms,
		"backup":      testBackup,
		"concurrency": testConcurrency,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			test(t, NewFixture(t, open(t, dir), func() store.Store { return open(t, dir) }))
		})
	}
}

// Fixture is a store with one key, one owner and one credential, and the means to make more.
type Fixture struct {
	Store      store.Store
	Again      func() store.Store // a second handle
	Key        seal.Key
	Owner      store.Owner
	Credential store.Credential
	made       int
}

// NewFixture fills a new store.
func NewFixture(t testing.TB, st store.Store, again func() store.Store) *Fixture {
	t.Helper()
	key, err := seal.NewKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &Fixture{Store: st, Again: again, Key: key}
	if err := st.RegisterKey(t.Context(), f.SealingKey(key)); err != nil {
		t.Fatal(err)
	}
	f.Owner = f.NewOwner(t, 42, "alice")
	f.Credential = f.NewCredential(t, f.Owner, "api")
	return f
}

// SealingKey gives the part of a key that the store keeps.
func (f *Fixture) SealingKey(k seal.Key) store.SealingKey {
	return store.SealingKey{ID: k.ID(), Check: k.CheckValue(), CreatedAt: Start()}
}

// NewOwner stores an owner.
func (f *Fixture) NewOwner(t testing.TB, userID int64, username string) store.Owner {
	t.Helper()
	o, err := f.Store.PutOwner(t.Context(), store.Owner{
		Origin:    "https://gitlab.example.com",
		UserID:    userID,
		Username:  username,
		CreatedAt: Start(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Sealed gives a SealFunc whose result names key and binding, in place of real sealing.
func Sealed(keyID string) store.SealFunc {
	return func(b seal.Binding) (string, []byte, error) {
		return keyID, fmt.Appendf(nil, "%s/%s/%d/%d", keyID, b.Origin, b.OwnerUserID, b.CredentialID), nil
	}
}

// NewCredential stores a credential.
func (f *Fixture) NewCredential(t testing.TB, o store.Owner, scopes ...string) store.Credential {
	t.Helper()
	c, err := f.Store.AddCredential(t.Context(), store.Credential{
		OwnerID:   o.ID,
		Kind:      "personal_access_token",
		Scopes:    scopes,
		CreatedAt: Start(),
	}, Sealed(f.Key.ID()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Record gives a new token's record, not stored yet, with a hash of its own.
func (f *Fixture) Record(name string) token.Record {
	f.made++
	return token.Record{
		Hash:         sha256.Sum256(fmt.Append(nil, name, f.made)),
		LastFour:     "wxyz",
		Name:         name,
		Description:  "for " + name,
		OwnerID:      f.Owner.ID,
		CredentialID: f.Credential.ID,
		CreatedAt:    Start().Add(time.Duration(f.made) * time.Minute),
		ExpiresAt:    Start().Add(30 * 24 * time.Hour),
		Scopes: []policy.ScopeSpec{{
			Access:      "selected_memberships",
			Permissions: []string{"read_job", "run_job"},
			ProjectIDs:  []int64{6},
			GroupIDs:    []int64{9},
		}},
		TableVersion: 1,
	}
}

// NewToken stores a token.
func (f *Fixture) NewToken(t testing.TB, name string, edit ...func(*token.Record)) token.Record {
	t.Helper()
	r := f.Record(name)
	for _, e := range edit {
		e(&r)
	}
	r, err := f.Store.CreateToken(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sequence gives the store's newest change.
func sequence(t testing.TB, st store.Store) int64 {
	t.Helper()
	c, err := st.Changes(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return c.Sequence
}

// must fails the test on an error and passes the value on.
func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
