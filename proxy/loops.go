package proxy

import (
	"net"

	"patgate/proxy/loop"
)

// station is what one event loop keeps from one request to the next. Only the loop's goroutine uses it.
type station struct {
	lines knownLines
	spare []*exchange
}

// maxSpare bounds the exchanges that a station keeps; an exchange is some 6 KiB.
const maxSpare = 64

// take gives an exchange.
func (s *station) take(h *Handler) *exchange {
	n := len(s.spare)
	if n == 0 {
		return h.exchanges.Get().(*exchange)
	}
	x := s.spare[n-1]
	s.spare[n-1], s.spare = nil, s.spare[:n-1]
	return x
}

// put takes an exchange back that was reset.
func (s *station) put(h *Handler, x *exchange) {
	if len(s.spare) < maxSpare {
		s.spare = append(s.spare, x)
	} else {
		h.exchanges.Put(x)
	}
}

// station gives that of the loop which serves the exchange.
func (x *exchange) station() *station { return x.h.stations[x.loop().Number()] }

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
