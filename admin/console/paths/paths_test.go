package paths_test

import (
	"context"
	"testing"
	"time"

	"patgate/admin/console/paths"
	"patgate/admin/console/session"
	"patgate/admin/tokens"
	"patgate/routes"
	"patgate/store"
)

// A place that the forge has just said is not there is shown as gone, by its last name, and one of which it says nothing as it was.
func TestWhatIsNotThereIsGone(t *testing.T) {
	now := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	all := session.New(session.Bounds{Idle: time.Hour, Lifetime: time.Hour, Most: 1, MostOfUser: 1, Now: func() time.Time { return now },
		Random: zeros{}})
	cookie, err := all.Begin(&tokens.Owner{})
	if err != nil {
		t.Fatal(err)
	}
	s := all.Find(cookie)
	place := func(id int64) store.Place { return store.Place{Kind: routes.RefProject, ID: id} }
	old := now.Add(-48 * time.Hour)
	there, gone, silent := place(1), place(2), place(3)
	asked := 0
	ask := func(_ context.Context, p store.Place) (store.Name, bool) {
		asked++
		switch p {
		case there:
			return store.Name{Path: "acme/new", Seen: now}, true
		case gone:
			return store.Name{Gone: now}, true
		}
		return store.Name{}, false
	}
	look := func(age time.Duration) store.Named {
		named := store.Named{there: {Path: "acme/old", Seen: old}, gone: {Path: "acme/gone", Seen: old},
			silent: {Path: "acme/silent", Seen: old}}
		paths.Look(t.Context(), s, []store.Place{there, gone, silent}, named, age, now, ask)
		return named
	}
	for range 2 { // the second time by what the session remembers
		got := look(session.NameAge)
		if got[there] != (store.Name{Path: "acme/new", Seen: now}) {
			t.Errorf("there: %+v", got[there])
		}
		if got[gone] != (store.Name{Path: "acme/gone", Seen: old, Gone: now}) {
			t.Errorf("gone: %+v", got[gone])
		}
		if got[silent] != (store.Name{Path: "acme/silent", Seen: old}) {
			t.Errorf("silent: %+v", got[silent])
		}
	}
	if asked != 4 {
		t.Errorf("%d questions", asked)
	}
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(b []byte) (int, error) { return len(b), nil }
