package learning_test

import (
	"crypto/sha256"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"patgate/admin/learning"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/forge/forgetest"
	"patgate/forge/gitlab"
	"patgate/learn"
	"patgate/learn/propose"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
	"patgate/store/seal"
	"patgate/store/sqlite"
	"patgate/token"
)

// An administrator sees, pauses and revokes the tokens of others. What they did, on which projects and branches, is told to their
// owners, and to operators on the machine.
func TestWhatATokenDidIsToldToItsOwner(t *testing.T) {
	f := forgetest.New(forgetest.Options{})
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	alice, root := f.AddUser("alice"), f.AddUser("root")
	group := f.AddGroup("shop", forgetest.Private)
	project := f.AddProject("shop/api", forgetest.Private)
	other := f.AddProject("shop/web", forgetest.Private)
	f.AddGroupMember(group, alice, forgetest.Maintainer)
	dir := t.TempDir()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "db", "patgate.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ring, err := store.OpenKeyring(t.Context(), db, seal.Source{File: filepath.Join(dir, "keys", "patgate.key")}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	resolver, err := gitlab.New(gitlab.Options{URL: server.URL,
		Budget: forge.BudgetOptions{TokenBurst: 1e6, TokenRate: 1e6, OwnerBurst: 1e6, OwnerRate: 1e6}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(resolver.Close)
	var ahead time.Duration
	now := func() time.Time { return time.Now().Add(ahead) }
	service, err := tokens.New(tokens.Options{Store: db, Keyring: ring, Table: func() *routes.Table { return table }, Forge: resolver,
		Origin: server.URL, Now: now, Record: func(tokens.Change) {}, Administrators: []int64{root}})
	if err != nil {
		t.Fatal(err)
	}
	caller := func(user int64) *tokens.Owner {
		c, err := service.Owner(t.Context(), token.NewSecret(f.AddToken(user, forgetest.Token{Name: "own"})))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := db.SetObserving(t.Context(), 90*24*time.Hour, now()); err != nil {
		t.Fatal(err)
	}
	made, err := service.Create(t.Context(), caller(alice), tokens.Creation{Name: "job", Seal: true, ExpiresAt: "300d",
		Scopes: []terms.Scope{{Access: "selected_memberships", ProjectIDs: []int64{project, other},
			Permissions: []string{"read_job", "run_job"}}}})
	if err != nil {
		t.Fatal(err)
	}
	credential, err := db.PutSubject(t.Context(), learn.Subject{Hash: sha256.Sum256([]byte("ci")), Origin: server.URL, UserID: alice,
		Kind: "personal", Name: "ci", First: time.Now(), Last: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	unit := learn.Unit{Method: "GET", Route: "/projects/{project}/jobs", Needs: []string{"read_job"},
		Acts: []learn.Act{{Kind: policy.ActOwn,
			Boundary: routes.BoundaryProject, Found: routes.BoundaryProject, Access: policy.OwnerMember, Container: project}}}
	if _, _, err := db.AddSeen(t.Context(), []learn.Seen{{Subject: made.Listed.ID, Unit: unit, Count: 1, Last: time.Now()},
		{Subject: credential.ID, Unit: unit, Count: 1, Last: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	s := learning.New(service)
	for _, c := range []struct {
		name       string
		as         tokens.Caller
		token, own error // for the token, and for the credential of the forge's own
	}{
		{"its owner", caller(alice), nil, nil},
		{"an operator", tokens.Operator("cli:root"), nil, nil},
		{"an administrator", caller(root), tokens.ErrForbidden, tokens.ErrNotFound},
		{"somebody else", caller(f.AddUser("bob")), tokens.ErrNotFound, tokens.ErrNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			for id, want := range map[int64]error{made.Listed.ID: c.token, credential.ID: c.own} {
				if _, err := s.Show(t.Context(), c.as, id, 0); !errors.Is(err, want) {
					t.Errorf("%d: what it did: %v, want %v", id, err, want)
				}
				if _, err := s.Propose(t.Context(), c.as, id, 0, learning.Choices{}); !errors.Is(err, want) {
					t.Errorf("%d: a proposal: %v, want %v", id, err, want)
				}
			}
			if _, err := s.Simulate(t.Context(), c.as, made.Listed.ID, 0, nil); !errors.Is(err, c.token) {
				t.Errorf("a simulation: %v, want %v", err, c.token)
			}
			if _, err := s.Find(t.Context(), c.as, made.Listed.ID, 0); !errors.Is(err, c.token) {
				t.Errorf("what is unused: %v, want %v", err, c.token)
			}
			if _, err := s.Uses(t.Context(), c.as, made.Listed.ID); !errors.Is(err, c.token) {
				t.Errorf("uses, scope by scope: %v, want %v", err, c.token)
			}
		})
	}
	ahead = 61 * 24 * time.Hour
	if _, _, err := db.AddSeen(t.Context(), []learn.Seen{{Subject: made.Listed.ID, Unit: unit, Count: 1, Last: now()}}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]tokens.Caller{"alice": caller(alice), "root": caller(root)} {
		list, _, err := s.Findings(t.Context(), c, 0, true, 10, 0)
		if err != nil || len(list) != 1 || list[0].Permissions != (propose.Share{Unused: 1, Of: 2}) {
			t.Fatalf("%s is told of %+v, %v", name, list, err)
		}
		want := map[string]string{"alice": "1 of 2 permissions and 1 of 2 projects unused for 60 days",
			"root": "1 of 2 permissions unused for 60 days"}[name]
		if list[0].Text != want || (list[0].Projects.Of == 2) != (name == "alice") {
			t.Errorf("%s is told: %s (%+v)", name, list[0].Text, list[0].Projects)
		}
	}
	if list, err := s.List(t.Context(), caller(root), true); err != nil || len(list) != 2 {
		t.Errorf("an administrator sees that they exist: %+v, %v", list, err)
	}
}
