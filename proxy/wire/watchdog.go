package wire

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"patgate/proxy/wire/loop"
)

// Watchdog ends connections that have waited too long. A deadline on every read would cost a timer change each; instead
// a connection notes when a wait began, on a clock that moves with every tick, and the watchdog looks at all of them
// once per tick. A wait is so ended at most one tick late.
type Watchdog struct {
	now  atomic.Int64 // nanoseconds since start, as of the last tick
	tick time.Duration
	gone int64             // Timeouts.ClientGone
	also []func(now int64) // called with every tick; set before Run

	mu    sync.Mutex
	conns map[*watched]struct{}
	stop  chan struct{}
}

// NewWatchdog makes one; Run starts it. Its tick is a quarter of the shortest limit that it will watch, at most a second.
func NewWatchdog(limits *Timeouts) *Watchdog {
	shortest := limits.shortest()
	tick := min(max(shortest/4, 5*time.Millisecond), time.Second)
	w := &Watchdog{tick: tick, gone: int64(limits.ClientGone), conns: map[*watched]struct{}{}, stop: make(chan struct{})}
	w.now.Store(int64(tick)) // so that zero is "not waiting"
	return w
}

// Run watches until Close is called.
func (w *Watchdog) Run() {
	start := time.Now()
	ticker := time.NewTicker(w.tick)
	defer ticker.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-ticker.C:
			w.now.Store(int64(time.Since(start) + w.tick))
			w.sweep()
			for _, f := range w.also {
				f(w.now.Load())
			}
		}
	}
}

func (w *Watchdog) sweep() {
	now := w.now.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		since, limit := c.since.Load(), c.limit.Load()
		if since == 0 {
			continue
		}
		gone := now-since > w.gone && c.forNobody()
		if !gone && (limit == 0 || now-since <= limit) || !c.since.CompareAndSwap(since, 0) {
			continue
		}
		if gone {
			c.gone.Store(true)
		}
		if c.writing.Load() {
			if c.socket != nil {
				c.socket.Drop()
			}
			_ = c.Conn.SetDeadline(time.Unix(1, 0))
		} else {
			_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // an answer can still be written
		}
	}
}

// Close stops the watchdog. It may be called once.
func (w *Watchdog) Close() { close(w.stop) }

// CloseAll closes every connection that is watched.
func (w *Watchdog) CloseAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		if c.socket != nil {
			c.socket.Abort() // a loop may be using it
		} else {
			_ = c.Conn.Close()
		}
	}
}

// watched is a connection whose waits are bounded.
type watched struct {
	net.Conn
	socket  *loop.Socket // below it; nil when it belongs to no loop
	secure  *secure      // the same connection, when it is TLS
	dog     *Watchdog
	since   atomic.Int64 // when the wait began; zero when it is not waiting
	limit   atomic.Int64 // how long it may last; zero is without bound
	writing atomic.Bool  // the wait is for a write

	client atomic.Pointer[Client] // on a connection to the forge, who waits for the head of an answer
	gone   atomic.Bool            // the wait was ended for that the client has ended its side

	marked  bool  // the watchdog has ended a wait, or none had begun: another one may be ended in its place
	waited  int64 // of readSteadily: how long its reads have waited since they last brought enough
	brought int   // and what they brought since then
}

// lend notes for whom the connection to the forge is used from now on.
func (c *watched) lend(by Claim) {
	if c.client.Load() != by.Client { // a store costs more than a load
		c.client.Store(by.Client)
	}
}

// forNobody tells whether the wait is for an answer to a client that has ended its side of the connection.
func (c *watched) forNobody() bool {
	client := c.client.Load()
	return client != nil && !c.writing.Load() && client.Ended()
}

func (w *Watchdog) add(c *watched) {
	w.mu.Lock()
	w.conns[c] = struct{}{}
	w.mu.Unlock()
}

func (w *Watchdog) remove(c *watched) {
	w.mu.Lock()
	delete(w.conns, c)
	w.mu.Unlock()
}

// read reads, waiting for at most limit.
func (c *watched) read(p []byte, limit time.Duration) (int, error) {
	c.wait(limit)
	n, err := c.Conn.Read(p)
	c.done()
	return n, err
}

// readSteadily reads like read, but a read goes on with the wait of the reads before it until they have brought enough
// bytes together: who sends a byte now and then, and never stops, waits all the same.
func (c *watched) readSteadily(p []byte, limit time.Duration, enough int) (int, error) {
	c.limit.Store(int64(limit))
	c.since.Store(c.dog.now.Load() - c.waited)
	n, err := c.Conn.Read(p)
	c.waited = c.dog.now.Load() - c.since.Swap(0)
	if c.brought += n; c.brought >= enough {
		c.waited, c.brought = 0, 0
	}
	return n, err
}

// write writes; every single write may take at most limit.
func (c *watched) write(p []byte, limit time.Duration) (int, error) {
	return c.writeTo(c.Conn, p, limit)
}

// writeTo is write to the connection or to the socket below it.
func (c *watched) writeTo(w io.Writer, p []byte, limit time.Duration) (int, error) {
	c.writing.Store(true)
	c.wait(limit)
	n, err := w.Write(p)
	c.done()
	c.writing.Store(false)
	return n, err
}

// wait begins a wait of at most limit.
func (c *watched) wait(limit time.Duration) {
	if c.limit.Load() != int64(limit) { // a store costs more than a load
		c.limit.Store(int64(limit))
	}
	c.since.Store(c.dog.now.Load())
}

// done ends the wait, unless the watchdog has done so, which then marks the connection.
func (c *watched) done() {
	if c.since.Swap(0) == 0 {
		c.marked = true
	}
}
