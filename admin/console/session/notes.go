package session

import (
	"sync"
	"time"

	"patgate/forge"
	"patgate/store"
)

// NameAge is how old a path may be that is only shown.
const NameAge = 10 * time.Minute

// noticeAge is how old a notice may be. The page that shows it is asked for by the answer that left it.
const noticeAge = 10 * time.Second

// namesKept bounds the paths that are remembered for a session.
const namesKept = 2000

// notes are what this node remembers of a session. No credential is among them.
type notes struct {
	mu       sync.Mutex
	seen     time.Time       // last request on this node
	checked  time.Time       // when the forge last took the credential, asked by this node
	identity *forge.Identity // as it was told then; nil before
	notice   string          // for the next page
	noticed  time.Time       // when it was left
	names    map[store.Place]store.Name
}

// Say leaves a notice for the next page on this node.
func (s *Session) Say(text string) {
	s.notes.mu.Lock()
	defer s.notes.mu.Unlock()
	s.notes.notice, s.notes.noticed = text, s.all.o.Now()
}

// Heard takes the notice. One for a page that was loaded on another node, and that is too old for the next one here, is dropped.
func (s *Session) Heard() string {
	s.notes.mu.Lock()
	defer s.notes.mu.Unlock()
	text := s.notes.notice
	s.notes.notice = ""
	if s.all.o.Now().Sub(s.notes.noticed) > noticeAge {
		return ""
	}
	return text
}

// Known gives what the forge told about a place that may be named by no token, when that is remembered, and not for too long.
func (s *Session) Known(p store.Place, now time.Time) (n store.Name, ok bool) {
	s.notes.mu.Lock()
	defer s.notes.mu.Unlock()
	n, ok = s.notes.names[p]
	return n, ok && (now.Sub(n.Seen) < NameAge || now.Sub(n.Gone) < NameAge)
}

// Remember keeps for a while what the forge told about a place.
func (s *Session) Remember(p store.Place, n store.Name) {
	s.notes.mu.Lock()
	defer s.notes.mu.Unlock()
	if len(s.notes.names) >= namesKept {
		clear(s.notes.names)
	}
	s.notes.names[p] = n
}

// memory holds what this node remembers, by session.
type memory struct {
	mu  sync.Mutex
	all map[[32]byte]*notes
}

// of gives the notes of a session that is there. When there are as many notes as there may be, those of the session that was not
// seen for longest go.
func (m *memory) of(id [32]byte, now time.Time, most int) *notes {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.all[id]
	if n == nil {
		if len(m.all) >= most {
			m.dropOldestLocked()
		}
		n = &notes{names: map[store.Place]store.Name{}}
		m.all[id] = n
	}
	n.mu.Lock()
	n.seen = now
	n.mu.Unlock()
	return n
}

func (m *memory) dropOldestLocked() {
	var oldest [32]byte
	var last time.Time
	for id, n := range m.all {
		n.mu.Lock()
		if last.IsZero() || n.seen.Before(last) {
			oldest, last = id, n.seen
		}
		n.mu.Unlock()
	}
	delete(m.all, oldest)
}

// forget drops the notes of a session.
func (m *memory) forget(id [32]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, id)
}

// sweep drops what is remembered of sessions that were not seen on this node since an instant.
func (m *memory) sweep(before time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, n := range m.all {
		n.mu.Lock()
		gone := n.seen.Before(before)
		n.mu.Unlock()
		if gone {
			delete(m.all, id)
		}
	}
}
