package names

import (
	"time"

	"patgate/store"
)

const (
	// mostKnown bounds of how many places it is remembered what was last seen, and mostKnownOfOne of how many that one user saw.
	mostKnown      = 65_536
	mostKnownOfOne = mostKnown / 8
	// dropped is how many are forgotten at a time when there are too many: those are stored anew.
	dropped = 64
)

// last is the path under which a place was last seen, and when.
type last struct {
	path uint64 // a hash
	at   time.Time
}

// memory holds, for each user, how places were last seen. When it is full, some entries are forgotten, old or new: those of a
// user who sees too much, or else anybody's.
type memory struct {
	of    map[int64]map[store.Place]last
	count int
}

func (m *memory) put(userID int64, p store.Place, l last) {
	if _, there := m.of[userID][p]; !there {
		switch {
		case len(m.of[userID]) >= mostKnownOfOne:
			m.thin(userID)
		case m.count >= mostKnown:
			m.thinAny()
		}
		if m.of[userID] == nil {
			m.of[userID] = map[store.Place]last{}
		}
		m.count++
	}
	m.of[userID][p] = l
}

func (m *memory) drop(userID int64, p store.Place) {
	if _, there := m.of[userID][p]; !there {
		return
	}
	delete(m.of[userID], p)
	m.count--
	if len(m.of[userID]) == 0 {
		delete(m.of, userID)
	}
}

// thin forgets some entries of a user.
func (m *memory) thin(userID int64) (n int) {
	for p := range m.of[userID] { // in no order
		if n == dropped {
			break
		}
		m.drop(userID, p)
		n++
	}
	return n
}

// thinAny forgets some entries of any user.
func (m *memory) thinAny() {
	n := 0
	for userID := range m.of { // in no order
		if n += m.thin(userID); n >= dropped {
			break
		}
	}
}
