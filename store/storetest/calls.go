package storetest

import (
	"testing"

	"patgate/store"
	"patgate/store/seal"
	"patgate/token"
)

// The calls below fail the test on an error.

func ownerOf(t testing.TB, f *Fixture, id int64) store.Owner {
	t.Helper()
	o, err := f.Store.Owner(t.Context(), id)
	return must(t, o, err)
}

func putOwner(t testing.TB, f *Fixture, o store.Owner) store.Owner {
	t.Helper()
	o, err := f.Store.PutOwner(t.Context(), o)
	return must(t, o, err)
}

func owners(t testing.TB, f *Fixture) []store.Owner {
	t.Helper()
	list, err := f.Store.Owners(t.Context())
	return must(t, list, err)
}

func credentialOf(t testing.TB, f *Fixture, id int64) store.Credential {
	t.Helper()
	c, err := f.Store.Credential(t.Context(), id)
	return must(t, c, err)
}

func credentials(t testing.TB, f *Fixture) []store.Credential {
	t.Helper()
	list, err := f.Store.Credentials(t.Context(), 0)
	return must(t, list, err)
}

func sealingKeys(t testing.TB, f *Fixture) []store.SealingKey {
	t.Helper()
	list, err := f.Store.SealingKeys(t.Context())
	return must(t, list, err)
}

func createToken(t testing.TB, f *Fixture, r token.Record) token.Record {
	t.Helper()
	r, err := f.Store.CreateToken(t.Context(), r)
	return must(t, r, err)
}

func tokenOf(t testing.TB, f *Fixture, id int64) store.Listed {
	t.Helper()
	l, err := f.Store.Token(t.Context(), id)
	return must(t, l, err)
}

func changes(t testing.TB, st store.Store, since int64) store.Changes {
	t.Helper()
	c, err := st.Changes(t.Context(), since)
	return must(t, c, err)
}

func newKey(t testing.TB) seal.Key {
	t.Helper()
	k, err := seal.NewKey(nil)
	return must(t, k, err)
}
