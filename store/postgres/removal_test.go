package postgres_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/store/storetest"
	"patgate/token"
)

// An owner is removed while another one's places, under the same paths, are noted in the opposite order: neither waits for the other
// in vain.
func TestAnOwnerIsRemovedWhilePlacesAreNoted(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	db := openURL(t, url)
	f := storetest.NewFixture(t, db, nil)
	owners := []store.Owner{f.Owner, f.NewOwner(t, 43, "bob")}
	scopes := []policy.ScopeSpec{{Access: "selected_memberships", ProjectIDs: []int64{1, 2}, Permissions: []string{"read_job"}}}
	for _, o := range owners {
		c := f.NewCredential(t, o, "api")
		f.NewToken(t, "of "+o.Username, func(r *token.Record) { r.OwnerID, r.CredentialID, r.Scopes = o.ID, c.ID, scopes })
		var seen []store.Sighting
		for id := range 2 {
			seen = append(seen, store.Sighting{UserID: o.UserID, Place: store.Place{Kind: routes.RefProject, ID: int64(id + 1)},
				Path: fmt.Sprint("acme/", id+1), At: storetest.Start()})
		}
		if _, err := db.SeePlaces(t.Context(), o.Origin, seen); err != nil {
			t.Fatal(err)
		}
	}
	noting, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run := func(statement string, args ...any) {
		t.Helper()
		if _, err := noting.Exec(t.Context(), statement, args...); err != nil {
			t.Error(err)
		}
	}
	const moved = "UPDATE paths SET path = 'elsewhere' WHERE owner_id = $1 AND place_id = $2"
	run("SET LOCAL lock_timeout = '100ms'")
	run("SELECT seq FROM counters WHERE name = 'seen' FOR UPDATE") // as a node does that notes places
	run(moved, owners[1].ID, 2)
	removed := make(chan error, 1)
	go func() {
		_, err := db.RemoveOwner(t.Context(), owners[0].ID, store.Cause{By: "user:1", At: storetest.Start()})
		removed <- err
	}()
	time.Sleep(200 * time.Millisecond) // by now it waits
	run(moved, owners[1].ID, 1)
	if err := errors.Join(noting.Commit(t.Context()), <-removed); err != nil {
		t.Error(err)
	}
}
