package names

import (
	"testing"
	"time"

	"patgate/routes"
	"patgate/store"
)

// What one user sees is never so much that others' is forgotten, and no more is forgotten at a time than a little.
func TestMemoryIsBounded(t *testing.T) {
	m := memory{of: map[int64]map[store.Place]last{}}
	see := func(userID, id int64) {
		m.put(userID, store.Place{Kind: routes.RefProject, ID: id}, last{1, time.Time{}})
	}
	for id := range int64(100) {
		see(1, id)
	}
	for id := range int64(3 * mostKnownOfOne) {
		see(2, id)
	}
	if n := len(m.of[2]); n > mostKnownOfOne || n < mostKnownOfOne-dropped {
		t.Errorf("%d are known of who saw too much", n)
	}
	if n := len(m.of[1]); n != 100 {
		t.Errorf("%d are known of another", n)
	}
	for user := range int64(20) {
		for id := range int64(mostKnownOfOne) {
			see(user+3, id)
		}
	}
	sum := 0
	for _, of := range m.of {
		sum += len(of)
	}
	if sum != m.count || sum > mostKnown || sum < mostKnown-dropped {
		t.Errorf("%d are known, %d are counted", sum, m.count)
	}
	for userID, of := range m.of {
		for p := range of {
			m.drop(userID, p)
			m.drop(userID, p)
		}
	}
	if m.count != 0 || len(m.of) != 0 {
		t.Errorf("%d are left, of %d", m.count, len(m.of))
	}
}
