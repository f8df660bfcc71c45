package wire

import (
	"net"
	"sync/atomic"

	"patgate/proxy/wire/loop"
)

// Loops are the event loops of a process: one for each processor, or none where there are none.
type Loops struct {
	all  []*loop.Loop
	next atomic.Uint32
}

// NewLoops makes at most so many event loops.
func NewLoops(most int) *Loops {
	l := &Loops{}
	for n := range most {
		one, err := loop.New(n)
		if err != nil {
			break
		}
		l.all = append(l.all, one)
	}
	return l
}

// Count gives how many there are. Their numbers begin with 0.
func (l *Loops) Count() int { return len(l.all) }

// Close ends each loop when its last socket is closed.
func (l *Loops) Close() {
	for _, one := range l.all {
		one.Close()
	}
}

// adopt gives a connection to an event loop: to the given one, or with nil to the next in turn. The socket must be
// started. What cannot be adopted is given back as it is.
func (l *Loops) adopt(c net.Conn, to *loop.Loop) (net.Conn, *loop.Socket) {
	var stream loop.Stream
	switch c := c.(type) {
	case *net.TCPConn:
		stream = c
	case *net.UnixConn:
		stream = c
	}
	if stream == nil || len(l.all) == 0 {
		return c, nil
	}
	if to == nil {
		to = l.all[int(l.next.Add(1))%len(l.all)]
	}
	s, err := to.Adopt(stream)
	if err != nil {
		return c, nil
	}
	return s, s
}
