package audit

import (
	"slices"
	"sync"
	"time"

	"patgate/routes"
)

// Denial is something that a token asked for and was denied, and that its owner could grant. It holds no path, no name
// and nothing else that the client wrote: a row, permissions, and the id of the project or group.
type Denial struct {
	Route       *routes.Route
	Reason      string
	Access      string // of the scope that would allow it
	Permissions []string
	Boundary    routes.Boundary
	BoundaryID  int64 // 0 when it is not known, or there is none
	Last        time.Time
	Count       int
}

func (d *Denial) same(o *Denial) bool {
	return d.Route == o.Route && d.Reason == o.Reason && d.BoundaryID == o.BoundaryID && slices.Equal(d.Permissions, o.Permissions)
}

// mostDenials bounds what is kept of one token, and mostDenied the tokens of which something is kept.
const (
	mostDenials = 20
	mostDenied  = 4096
)

// Denials keep the last denials of each token in memory. The zero value keeps none yet and is ready. It is safe for
// concurrent use.
type Denials struct {
	mu sync.Mutex
	of map[int64][]Denial // the last one first
}

// Note keeps a denial. What a token was denied before is counted once more.
func (d *Denials) Note(tokenID int64, one *Denial) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.of[tokenID]
	fresh := *one
	fresh.Count = 1
	at := slices.IndexFunc(list, func(old Denial) bool { return old.same(one) })
	switch {
	case at >= 0:
		fresh.Count = list[at].Count + 1
		list = slices.Delete(list, at, at+1)
	case len(list) >= mostDenials:
		list = list[:mostDenials-1]
	case list == nil && len(d.of) >= mostDenied:
		d.dropOldestLocked()
	}
	if d.of == nil {
		d.of = map[int64][]Denial{}
	}
	d.of[tokenID] = slices.Insert(list, 0, fresh)
}

// dropOldestLocked forgets the token whose last denial is the oldest.
func (d *Denials) dropOldestLocked() {
	var oldest int64
	for id, list := range d.of {
		if oldest == 0 || list[0].Last.Before(d.of[oldest][0].Last) {
			oldest = id
		}
	}
	delete(d.of, oldest)
}

// Of gives the last denials of a token, the latest first.
func (d *Denials) Of(tokenID int64) []Denial {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.of[tokenID])
}
