package listing

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"patgate/forge/forgetest"
	"patgate/forge/gitlab"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// TestNamespacesThatAreNoGroupsCostNothing: sixty namespaces that are no groups, as those of users, in a list that a ceiling elsewhere is
// held against, on the real resolver and its own allowances. What lies where the ceiling holds stays out, by a question a group.
func TestNamespacesThatAreNoGroupsCostNothing(t *testing.T) {
	f := forgetest.New(forgetest.Options{})
	server := httptest.NewServer(f)
	defer server.Close()
	resolver, err := gitlab.New(gitlab.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer resolver.Close()
	ada := f.AddUser("ada")
	secret := f.AddToken(ada, forgetest.Token{})
	frozen, open := f.AddGroup("frozen", forgetest.Private), f.AddGroup("open", forgetest.Private)
	f.AddGroupMember(frozen, ada, forgetest.Developer)
	f.AddGroupMember(open, ada, forgetest.Developer)
	ceiling := policy.Ceiling{Name: "frozen", Groups: []int64{frozen}}
	ceiling.Permissions.Add(1)
	grant := grantOf(t, policy.ScopeSpec{Access: "all_memberships"}).Under(policy.Ceilings{ceiling}, policy.Bearer{})
	s := &token.Session{TokenID: 1, OwnerUserID: ada, Username: "ada", Credential: token.NewSecret(secret), Grant: grant}
	e := projects(routes.EntryName{Ref: routes.RefProject, ID: "id", Path: "path_with_namespace", Above: "namespace.id"})
	judge := NewJudge(resolver, s, e, true, time.Minute, time.Minute)
	keeps := func(project, namespace int64, want bool) {
		t.Helper()
		kept, err := judge.Keeps(jsontext.Value(fmt.Sprintf(`{"id":%d,"namespace":{"id":%d}}`, project, namespace)))
		if err != nil || kept != want {
			t.Fatalf("project %d in %d is kept: %v, %v", project, namespace, kept, err)
		}
	}
	for i := range int64(60) {
		name := fmt.Sprintf("user%d", i)
		f.AddUser(name)
		keeps(f.AddProject(name+"/notes", forgetest.Public), 900_000+i, true)
	}
	before := f.RequestCount()
	for i := range 60 {
		keeps(f.AddProject(fmt.Sprintf("frozen/p%d", i), forgetest.Private), frozen, false)
		keeps(f.AddProject(fmt.Sprintf("open/p%d", i), forgetest.Private), open, true)
	}
	if n := f.RequestCount() - before; n > 6 {
		t.Errorf("%d requests about two groups", n)
	}
	f.AddGroup("top", forgetest.Private)
	f.AddGroup("top/middle", forgetest.Private)
	low := f.AddGroup("top/middle/low", forgetest.Public)
	for _, path := range []string{"top/middle/low/one", "top/middle/low/two"} {
		keeps(f.AddProject(path, forgetest.Public), low, false) // the ceiling may hold on what is above the hidden group
	}
}
