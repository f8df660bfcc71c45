package paths_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/admin/console/paths"
	"patgate/routes"
	"patgate/store"
)

// memory remembers what was told for as long as the test takes. Several places are asked about at once.
type memory struct{ told sync.Map }

func (m *memory) Known(p store.Place, _ time.Time) (n store.Name, ok bool) {
	told, ok := m.told.Load(p)
	if ok {
		n = told.(store.Name)
	}
	return n, ok
}

func (m *memory) Remember(p store.Place, n store.Name) { m.told.Store(p, n) }

// A place that the forge has just said is not there is shown as gone, by its last name, and one of which it says nothing as it was.
func TestWhatIsNotThereIsGone(t *testing.T) {
	now := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	m := &memory{}
	place := func(id int64) store.Place { return store.Place{Kind: routes.RefProject, ID: id} }
	old := now.Add(-48 * time.Hour)
	there, gone, silent := place(1), place(2), place(3)
	var asked atomic.Int64
	ask := func(_ context.Context, p store.Place) (store.Name, bool) {
		asked.Add(1)
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
		paths.Look(t.Context(), m, []store.Place{there, gone, silent}, named, age, now, ask)
		return named
	}
	for range 2 { // the second time by what is remembered
		got := look(10 * time.Minute)
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
	if n := asked.Load(); n != 4 {
		t.Errorf("%d questions", n)
	}
}
