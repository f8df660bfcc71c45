package wire

import (
	"io"
	"time"
)

// How long a connection is read on after its last answer: in all, and for the next 4 KiB.
const (
	lingerTime  = 30 * time.Second
	lingerStall = 5 * time.Second
)

// lingers tells whether the client may still be sending: it was answered, and the connection goes no further. Who stops
// closes connections of others, and must not look at what is theirs.
func (c *Client) lingers() bool {
	return !c.door.stopping.Load() && Phase(c.phase.Load()) == PhaseExchange && c.wrote
}

// linger closes the connection for writing, and drops what still comes until the client closes it too. A connection that
// is closed at once, with something unread, is reset, and with that the client may lose the answer that says why
// (RFC 9112, 9.6).
func (c *Client) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_, _ = io.Copy(io.Discard, &lingering{c, c.dog.now.Load() + int64(lingerTime)})
}

// lingering reads what still comes, for as long as the connection lingers.
type lingering struct {
	*Client
	until int64 // on the watchdog's clock
}

// Read ends with the time, and when the server stops.
func (l *lingering) Read(p []byte) (int, error) {
	if l.dog.now.Load() >= l.until || l.door.stopping.Load() {
		return 0, io.EOF
	}
	return l.readSteadily(p, min(lingerStall, l.door.timeouts.ReadStall), leastProgress)
}
