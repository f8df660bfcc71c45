package proxy

import (
	"net"

	"patgate/proxy/header"
	"patgate/proxy/loop"
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

	x     *exchange // in which requests are judged, one after the other
	spare []*flight
}

func newStation() *station {
	s := new(station)
	s.renew()
	return s
}

// renew puts another exchange in the place of one of which nobody knows what it holds.
func (s *station) renew() {
	s.x = new(exchange)
	s.x.fields.Memo = &s.asked
	s.x.set.Memo = &s.pairs
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

// station gives that of the connection's loop.
func (c *clientConn) station() *station { return c.server.handler.stations[c.socket.Loop().Number()] }

// newLoops makes so many event loops; fewer, or none, where there cannot be any.
func newLoops(most int) []*loop.Loop {
	var all []*loop.Loop
	for n := range most {
		l, err := loop.New(n)
		if err != nil {
			break
		}
		all = append(all, l)
	}
	return all
}

// adopt gives a connection to an event loop: to the given one, or with nil to the next in turn. The socket must be
// started. What cannot be adopted is given back as it is.
func (h *Handler) adopt(c net.Conn, to *loop.Loop) (net.Conn, *loop.Socket) {
	tcp, ok := c.(*net.TCPConn)
	if !ok || len(h.loops) == 0 {
		return c, nil
	}
	if to == nil {
		to = h.loops[int(h.nextLoop.Add(1))%len(h.loops)]
	}
	s, err := to.Adopt(tcp)
	if err != nil {
		return c, nil
	}
	return s, s
}
