package fast

import (
	"patgate/proxy/header"
	"patgate/routes"
	"patgate/routes/memo"
	"patgate/routes/params"
)

// station is what one event loop keeps from one request to the next. Only the loop's goroutine uses it.
type station struct {
	table    *routes.Table        // for which the following is remembered
	asked    memo.Of[header.Line] // lines of requests
	answered memo.Of[answerLine]  // and of answers
	pairs    params.Memo          // parameters

	work    *work
	scratch []byte // for the value of a field
	spare   []*flight
}

func newStation() *station {
	s := new(station)
	s.renew()
	return s
}

// renew makes new memory for judging. After a panic the old one may be in any state.
func (s *station) renew() {
	if s.work != nil {
		s.work.body.Release() // gives back the room of all bodies
	}
	s.work = new(work)
	s.work.request.Fields.Memo = &s.asked
	s.work.judgement.Set.Memo = &s.pairs
}

// use forgets what was found out with another route table.
func (s *station) use(t *routes.Table) {
	if s.table != t {
		s.table, s.pairs = t, params.Memo{}
	}
}

// take gives a flight for a request.
func (s *station) take() *flight {
	n := len(s.spare)
	if n == 0 {
		return new(flight)
	}
	f := s.spare[n-1]
	s.spare[n-1], s.spare = nil, s.spare[:n-1]
	return f
}

// maxSpare bounds the flights that a station keeps.
const maxSpare = 1024

// put takes a flight back.
func (s *station) put(f *flight) {
	f.forget()
	if len(s.spare) < maxSpare && !f.spoiled {
		s.spare = append(s.spare, f)
	}
}
