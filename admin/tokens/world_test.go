package tokens_test

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/forge/forgetest"
	"patgate/forge/gitlab"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
	"patgate/store/seal"
	"patgate/store/sqlite"
	"patgate/token"
)

// world is a service on a real store, in front of a stand-in forge.
type world struct {
	*tokens.Service
	forge    *forgetest.Forge
	resolver *gitlab.Resolver
	store    *sqlite.DB
	ring     *seal.Keyring
	table    *routes.Table
	alice    int64
	pat      string
	api      int64
	web      int64
	shop     int64
	ahead    time.Duration
	changes  []tokens.Change
}

func newWorld(t testing.TB, edit func(*tokens.Options)) *world {
	t.Helper()
	w := &world{forge: forgetest.New(forgetest.Options{})}
	server := httptest.NewServer(w.forge)
	t.Cleanup(server.Close)
	w.alice = w.forge.AddUser("alice")
	w.pat = w.forge.AddToken(w.alice, forgetest.Token{Name: "for patgate"})
	w.shop = w.forge.AddGroup("shop", forgetest.Private)
	w.api, w.web = w.forge.AddProject("shop/api", forgetest.Private), w.forge.AddProject("shop/web", forgetest.Private)
	w.forge.AddGroupMember(w.shop, w.alice, forgetest.Maintainer)
	dir := t.TempDir()
	var err error
	if w.store, err = sqlite.Open(t.Context(), filepath.Join(dir, "db", "patgate.db"), sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	if w.ring, err = store.OpenKeyring(t.Context(), w.store, seal.Source{File: filepath.Join(dir, "keys", "patgate.key")}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if w.table, err = load.GitLab(); err != nil {
		t.Fatal(err)
	}
	resolver, err := gitlab.New(gitlab.Options{URL: server.URL, Budget: forge.BudgetOptions{TokenBurst: 1e6, TokenRate: 1e6, OwnerBurst: 1e6, OwnerRate: 1e6}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(resolver.Close)
	w.resolver = resolver
	o := tokens.Options{
		Store: w.store, Keyring: w.ring, Table: func() *routes.Table { return w.table }, Forge: resolver, Origin: server.URL,
		Now: func() time.Time { return time.Now().Add(w.ahead) }, Record: func(c tokens.Change) { w.changes = append(w.changes, c) },
	}
	if edit != nil {
		edit(&o)
	}
	if w.Service, err = tokens.New(o); err != nil {
		t.Fatal(err)
	}
	return w
}

// owner gives the caller of a forge credential.
func (w *world) owner(t testing.TB, pat string) *tokens.Owner {
	t.Helper()
	c, err := w.Owner(t.Context(), token.NewSecret(pat))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// make makes a token on alice's word.
func (w *world) make(t testing.TB, scopes ...terms.Scope) *tokens.Created {
	t.Helper()
	made, err := w.Create(t.Context(), w.owner(t, w.pat), tokens.Creation{Name: "made", Seal: true, Scopes: scopes, ExpiresAt: "300d"})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// session gives the caller who holds a token.
func (w *world) session(t testing.TB, made *tokens.Created) tokens.Caller {
	t.Helper()
	hash, err := token.Parse([]byte(made.Secret.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.store.TokenByHash(context.Background(), hash)
	if err != nil {
		t.Fatal(err)
	}
	grant, err := store.CompileStored(b.Owner.UserID, b.Record.TableVersion, b.Record.Scopes, w.table.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	plain, err := w.ring.Unseal(b.Credential.Binding(&b.Owner), b.Credential.KeyID, b.Credential.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	held, err := store.HeldTo(context.Background(), w.store, b.Record.ID)
	if err != nil {
		t.Fatal(err)
	}
	return tokens.Token(&token.Session{TokenID: b.Record.ID, Limits: held, OwnerUserID: b.Owner.UserID,
		Username: b.Owner.Username, Grant: grant,
		Credential: token.NewSecret(string(plain)), CredentialID: b.Credential.ID, ExpiresAt: b.Record.ExpiresAt, Record: &b.Record})
}

// read reads a token from the store.
func (w *world) read(t testing.TB, id int64) store.Listed {
	t.Helper()
	l, err := w.store.Token(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func reading(project int64, permissions ...string) terms.Scope {
	return terms.Scope{Access: "selected_memberships", ProjectIDs: []int64{project}, Permissions: permissions}
}
