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

	"patgate/proxy/wire/proxyprotocol"
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
	Announces    func(netip.Addr) bool       // a proxy's address, whose connections begin with a header of the PROXY protocol
	// Unannounced is told of a connection of such a proxy that does not, and is closed.
	Unannounced func(peer net.Addr, problem error)
}

// Door takes connections from clients in.
type Door struct {
	options  DoorOptions
	timeouts *Timeouts
	leaving  atomic.Bool
	stopping atomic.Bool
	gate     proxyprotocol.Gate

	mu     sync.Mutex
	looped map[*Client]struct{} // open connections that event loops serve
	byPeer map[netip.Addr]int
}

// NewDoor makes a door.
func NewDoor(o DoorOptions) *Door {
	return &Door{options: o, timeouts: o.Timeouts, looped: map[*Client]struct{}{}, byPeer: map[netip.Addr]int{},
		gate: proxyprotocol.Gate{Wait: o.Timeouts.ReadHeader, Refused: o.Unannounced}}
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
	if fresh {
		d.gate.Close()
	}
	waiting := d.gate.Waiting() // before looped: what leaves the one is in the other
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
	return waiting + len(d.looped)
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

// enter counts a connection of an address, unless it is free to have any number. False: it has too many.
func (d *Door) enter(key netip.Addr, free bool) bool {
	if d.options.PerClient <= 0 || free {
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
func (d *Door) exit(key netip.Addr, free bool) {
	if d.options.PerClient <= 0 || free {
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
		peer, known := addressOf(c)
		switch {
		case !known, l.door.options.Announces(peer) && l.door.gate.Waiting() >= l.door.options.Connections:
			_ = c.Close()
		case l.door.options.Announces(peer):
			l.door.gate.Take(c, func(c net.Conn, client netip.Addr) { l.announced(c, peer, client) })
		default:
			if conn := l.wrap(c, peer, l.door.options.SpeaksForAll(peer)); conn != nil && !conn.begin() {
				return conn, nil
			}
		}
	}
}

// addressOf gives the address at the other end, which is not valid for a Unix socket. known is false for one that was gone before
// the system could tell.
func addressOf(c net.Conn) (peer netip.Addr, known bool) {
	if _, is := c.(*net.UnixConn); is {
		return peer, true
	}
	if a, is := c.RemoteAddr().(*net.TCPAddr); is {
		peer = a.AddrPort().Addr().Unmap().WithZone("")
	}
	return peer, peer.IsValid()
}

// announced takes a connection in that a proxy has said the client of. One without a client is the proxy's own.
func (l *listener) announced(c net.Conn, peer, client netip.Addr) {
	own := !client.IsValid()
	if own {
		client = peer
	}
	if conn := l.wrap(c, client, own || l.door.options.SpeaksForAll(client)); conn != nil {
		if conn.Announced = !own; !conn.begin() {
			conn.hand()
		}
	}
}

// begin has a loop serve the connection. False: it belongs to none.
func (c *Client) begin() bool {
	if c.socket != nil && c.socket.Start(true) != nil {
		_ = c.Close()
	}
	return c.socket != nil
}

// wrap gives nil when the address has too many connections, unless it is free to have them; the connection is then closed with an
// answer where that cannot block.
func (l *listener) wrap(c net.Conn, client netip.Addr, free bool) *Client {
	d := l.door
	conn := &Client{door: d, Peer: client}
	conn.dog = d.options.Watchdog
	if client.IsValid() {
		conn.PeerText = client.String()
	}
	if d.Looped() >= d.options.Connections { // the HTTP server counts the others
		l.refuse(c, fasthttp.StatusServiceUnavailable, "limits.connections")
		return nil
	}
	key := d.options.ClientKey(client)
	if !d.enter(key, free) {
		l.refuse(c, fasthttp.StatusTooManyRequests, "limits.connections_per_client")
		return nil
	}
	conn.Conn, conn.socket = d.options.Loops.adopt(c, nil)
	conn.release = func() { d.exit(key, free) }
	if conn.shaken = l.tls == nil; !conn.shaken {
		conn.secure = newSecure(conn.Conn, conn.socket, l.tls, tls.Server)
		conn.Conn = conn.secure
	}
	if conn.socket != nil {
		d.join(conn)
		conn.release = func() { d.leave(conn); d.exit(key, free) }
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
			"\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: " + strconv.Itoa(len(text)) +
			"\r\n\r\n" + text))
	}
	_ = c.Close()
}
