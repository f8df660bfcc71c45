package logs

import (
	"sync"
	"time"
)

// repeated is how often a fault that goes on is logged.
const repeated = time.Minute

// Seldom lets what is the same as before pass once a minute. The zero value is ready. It is safe for concurrent use.
type Seldom struct {
	mu   sync.Mutex
	last string
	at   time.Time
}

// Says tells whether it is time to log what.
func (s *Seldom) Says(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if what == s.last && time.Since(s.at) < repeated {
		return false
	}
	s.last, s.at = what, time.Now()
	return true
}
