package wire

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// Front serves requests on the goroutine of an event loop.
type Front interface {
	// Serve serves the request that begins what was read, when nothing has to wait for it: in is good until it returns. False:
	// nothing was decided, and a goroutine has to serve it.
	Serve(c *Client, in []byte) bool
}

// DoorOptions say how a Door takes connections in.
type DoorOptions struct {
	Timeouts     *Timeouts
	HeaderBytes  int // of one request's header block
	Connections  int // that event loops serve; the HTTP server bounds the others
	PerClient    int // connections of one client; 0 is no bound
	Watchdog     *Watchdog
	Loops        *Loops
	Front        Front
	Serve        func(net.Conn) error        // serves a connection in a goroutine until it ends
	ClientKey    func(netip.Addr) netip.Addr // what PerClient counts by
	SpeaksForAll func(netip.Addr) bool       // a proxy's address, for which PerClient does not hold
}

// Door takes connections from clients in.
type Door struct {
	options  DoorOptions
	timeouts *Timeouts
	leaving  atomic.Bool
	stopping atomic.Bool

	mu     sync.Mutex
	looped map[*Client]struct{} // open connections that event loops serve
	byPeer map[netip.Addr]int
}

// NewDoor makes a door.
func NewDoor(o DoorOptions) *Door {
	return &Door{options: o, timeouts: o.Timeouts, looped: map[*Client]struct{}{}, byPeer: map[netip.Addr]int{}}
}

// Listen gives a listener whose connections are Clients. With a TLS configuration they are encrypted.
func (d *Door) Listen(ln net.Listener, tlsConfig *tls.Config) net.Listener {
	return &listener{Listener: ln, door: d, tls: tlsConfig}
}

// Leave has connections end with their next answer, which says so, while new ones are still taken.
func (d *Door) Leave() { d.leaving.Store(true) }

// Stop has connections end with the request that is under way.
func (d *Door) Stop() {
	d.Leave()
	d.stopping.Store(true)
}

// EndIdle ends the connections that rest in a loop, and tunnels, which nobody knows the end of. Those that have just been opened
// have their first request on its way: they are ended only if fresh says so. It tells how many are left.
func (d *Door) EndIdle(fresh bool) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.looped {
		switch Phase(c.phase.Load()) {
		case PhaseTunnel:
			c.socket.Abort()
		case PhaseHeader:
			if fresh {
				c.socket.EndIfResting()
			}
		default:
			c.socket.EndIfResting()
		}
	}
	return len(d.looped)
}

func (d *Door) join(c *Client) {
	d.mu.Lock()
	d.looped[c] = struct{}{}
	d.mu.Unlock()
}

func (d *Door) leave(c *Client) {
	d.mu.Lock()
	delete(d.looped, c)
	d.mu.Unlock()
}

// Looped gives how many open connections event loops serve.
func (d *Door) Looped() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.looped)
}

// enter counts a connection of an address. False: it has too many.
func (d *Door) enter(key netip.Addr) bool {
	if d.options.PerClient <= 0 || !key.IsValid() {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byPeer[key] >= d.options.PerClient {
		return false
	}
	d.byPeer[key]++
	return true
}

// exit counts it off.
func (d *Door) exit(key netip.Addr) {
	if d.options.PerClient <= 0 || !key.IsValid() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byPeer[key]--; d.byPeer[key] <= 0 {
		delete(d.byPeer, key)
	}
}

// listener wraps what it accepts in a Client.
type listener struct {
	net.Listener
	door *Door
	tls  *tls.Config
}

// acceptPause is how long accepting rests after an error that will pass, such as too many open files.
const acceptPause = 50 * time.Millisecond

// Accept waits for a connection that is not left to an event loop. Only a closed listener is an error: whatever else stands
// in the way of accepting will pass, and must not end the server.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil {
			time.Sleep(acceptPause)
			continue
		}
		switch conn := l.wrap(c); {
		case conn == nil:
		case conn.socket == nil:
			return conn, nil
		case conn.socket.Start(true) != nil:
			_ = conn.Close()
		}
	}
}

// wrap gives nil when the address has too many connections; it is then closed with an answer where that cannot block.
func (l *listener) wrap(c net.Conn) *Client {
	d := l.door
	conn := &Client{door: d}
	conn.dog = d.options.Watchdog
	if addr, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		conn.Peer = addr.AddrPort().Addr().Unmap().WithZone("")
		conn.PeerText = conn.Peer.String()
	}
	if d.Looped() >= d.options.Connections { // the HTTP server counts the others
		l.refuse(c, fasthttp.StatusServiceUnavailable, "limits.connections")
		return nil
	}
	key := d.options.ClientKey(conn.Peer)
	if d.options.SpeaksForAll(conn.Peer) {
		key = netip.Addr{}
	}
	if !d.enter(key) {
		l.refuse(c, fasthttp.StatusTooManyRequests, "limits.connections_per_client")
		return nil
	}
	conn.Conn, conn.socket = d.options.Loops.adopt(c, nil)
	conn.release = func() { d.exit(key) }
	if conn.shaken = l.tls == nil; !conn.shaken {
		conn.secure = newSecure(conn.Conn, conn.socket, l.tls, tls.Server)
		conn.Conn = conn.secure
	}
	if conn.socket != nil {
		d.join(conn)
		conn.release = func() { d.leave(conn); d.exit(key) }
		conn.socket.Handle(conn)
	}
	conn.dog.add(&conn.watched)
	conn.Enter(PhaseHeader)
	return conn
}

// refuse closes a connection, with an answer where that cannot block.
func (l *listener) refuse(c net.Conn, status int, limit string) {
	if l.tls == nil {
		text := "Too many connections are open (limit: " + limit + ").\n"
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.Write([]byte("HTTP/1.1 " + strconv.Itoa(status) + " " + fasthttp.StatusMessage(status) +
			"\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: " + strconv.Itoa(len(text)) + "\r\n\r\n" + text))
	}
	_ = c.Close()
}
