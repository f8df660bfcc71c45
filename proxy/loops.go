package proxy

import (
	"net"
	"runtime"

	"patgate/proxy/loop"
)

// newLoops makes an event loop for every processor; none where there cannot be any.
func newLoops() []*loop.Loop {
	var all []*loop.Loop
	for range runtime.GOMAXPROCS(0) {
		l, err := loop.New()
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
