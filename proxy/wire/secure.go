package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"

	"patgate/proxy/wire/loop"
)

// secure is a TLS connection. On a socket, a loop can use it too once the handshake is over: crypto/tls then meets a connection
// that never has it wait. What it has read of a record stays with it after a temporary error (net.Error), and what it writes is
// taken whole.
type secure struct {
	*tls.Conn
	records *records // nil when it belongs to no loop
}

// newSecure makes one of tls.Server or tls.Client.
func newSecure(c net.Conn, s *loop.Socket, config *tls.Config, side func(net.Conn, *tls.Config) *tls.Conn) *secure {
	if s == nil {
		return &secure{Conn: side(c, config)}
	}
	r := &records{Socket: s}
	return &secure{side(r, config), r}
}

// errCut is the end of a connection to the forge that TLS does not tell of (RFC 8446, 6.1). crypto/tls takes it for one when it
// comes between two records, and an answer that ends with its connection for whole, wherever somebody cut it.
var errCut = errors.New("the connection ended without a word of TLS")

// told is a connection below TLS. Its end is an error when TLS has not announced it.
type told struct{ net.Conn }

// Read implements net.Conn.
func (c told) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = errCut
	}
	return n, err
}

// newSecureToForge is newSecure for the client's side.
func newSecureToForge(c net.Conn, s *loop.Socket, config *tls.Config) *secure {
	if s == nil {
		return newSecure(told{c}, nil, config, tls.Client)
	}
	made := newSecure(c, s, config, tls.Client)
	made.records.told = true
	return made
}

// shake goes through the handshake, in a goroutine.
func (s *secure) shake(ctx context.Context) error {
	err := s.HandshakeContext(ctx)
	if err == nil && s.records != nil {
		s.records.way = inTurn
	}
	return err
}

// Write implements net.Conn.
func (s *secure) Write(p []byte) (int, error) {
	if s.records != nil {
		s.records.sending.Store(true)
		defer s.records.sending.Store(false)
	}
	return s.Conn.Write(p)
}

// tryRead reads what has come, on the loop's goroutine: loop.ErrAgain when that is nothing for the reader.
func (s *secure) tryRead(p []byte) (int, error) { return s.readBy(inLoop, p) }

// readNow is tryRead in a goroutine.
func (s *secure) readNow(p []byte) (int, error) { return s.readBy(atOnce, p) }

func (s *secure) readBy(way way, p []byte) (int, error) {
	s.records.way = way
	n, err := s.Conn.Read(p)
	s.records.way = inTurn
	return n, err
}

// tryWrite writes on the loop's goroutine. What cannot be written at once is left to takeBehind.
func (s *secure) tryWrite(p []byte) error {
	s.records.way = inLoop
	_, err := s.Conn.Write(p)
	s.records.way = inTurn
	return err
}

// takeBehind gives what could not be written at once, which is for the socket.
func (s *secure) takeBehind() []byte {
	rest := s.records.behind
	s.records.behind = nil
	return rest
}

// mend says that this was written.
func (s *secure) mend() { s.records.torn.Store(false) }

// drained tells, after a read by tryRead or readNow that gave less than there was room for, that nothing has come behind it.
func (s *secure) drained() bool {
	r := s.records
	return r.between() && len(r.ahead) == 0 && len(r.behind) == 0 && (!r.full || r.Socket.Silent())
}

// silent tells in a goroutine that nothing has come that was not read.
func (s *secure) silent() bool {
	if s.records == nil {
		return true
	}
	var b [1]byte
	n, err := s.readNow(b[:])
	return n == 0 && err == loop.ErrAgain && s.records.between() && len(s.takeBehind()) == 0
}

// Close closes the connection without waiting for anybody.
func (s *secure) Close() error {
	if s.records != nil {
		if s.records.ending.Store(true); s.records.torn.Load() {
			s.records.Drop()
		}
	}
	return s.Conn.Close()
}

// CloseWrite tells the other side that nothing more is sent, when that can be said without waiting.
func (s *secure) CloseWrite() error {
	if s.records != nil {
		s.records.ending.Store(true)
	}
	return s.Conn.CloseWrite()
}

// way is how a socket below TLS is read and written.
type way uint8

const (
	shaking way = iota // in a goroutine, which waits
	inTurn             // as shaking, but what reads write, as the answer to a KeyUpdate, is sent at once or ends the connection
	atOnce             // in a goroutine, without waiting
	inLoop             // on the loop's goroutine, which does not wait
)

// recordHeader is how long the header of a TLS record is (RFC 8446, 5.1).
const recordHeader = 5

// records is a socket below TLS. It gives crypto/tls no more than the record that is being read, so that nothing of the next
// one is where it cannot be seen from here: whether a connection is silent is then known.
type records struct {
	*loop.Socket
	way way

	// Of what is read.
	told   bool               // an end that TLS does not tell of is errCut
	header [recordHeader]byte // of the record that is being read
	have   int                // how much of the header
	left   int                // of the record, behind its header
	ahead  []byte             // what was read behind it
	full   bool               // the last read had no more room: there may be more on the socket

	behind []byte // what was written and could not be sent at once

	sending atomic.Bool // secure.Write is under way
	torn    atomic.Bool // a part of a record was sent, and the rest was not: nothing can be said behind it
	ending  atomic.Bool // what is still written is sent at once or not at all
}

// Read implements net.Conn.
func (r *records) Read(p []byte) (n int, err error) {
	if len(r.ahead) > 0 {
		n = r.cut(r.ahead[:min(len(p), len(r.ahead))])
		copy(p, r.ahead[:n])
		if r.ahead = r.ahead[n:]; len(r.ahead) == 0 {
			r.ahead = nil
		}
		return n, nil
	}
	switch r.way {
	case inLoop:
		n, err = r.TryRead(p)
	case atOnce:
		n, err = r.ReadNow(p)
	default:
		n, err = r.Socket.Read(p)
	}
	r.full = n == len(p)
	of := r.cut(p[:n])
	if of < n {
		r.ahead = append([]byte(nil), p[of:n]...)
	}
	if r.told && err == io.EOF {
		err = errCut
	}
	return of, err
}

// cut gives how many of the bytes that come next belong to the record that is being read.
func (r *records) cut(in []byte) int {
	n := copy(r.header[r.have:], in)
	if r.have += n; r.have < recordHeader {
		return n
	}
	if n > 0 {
		r.left = int(r.header[3])<<8 | int(r.header[4])
	}
	of := min(r.left, len(in)-n)
	if r.left -= of; r.left == 0 {
		r.have = 0
	}
	return n + of
}

// between tells that no record has come in part.
func (r *records) between() bool { return r.have == 0 }

// Silent tells that the connection is open, and that nothing has come behind the record that was read last.
func (r *records) Silent() bool { return r.between() && len(r.ahead) == 0 && r.Socket.Silent() }

// Write implements net.Conn. On a loop it takes all of p.
func (r *records) Write(p []byte) (n int, err error) {
	switch {
	case r.ending.Load(), r.way == inTurn && !r.sending.Load():
		return r.writeNow(p)
	case r.way <= inTurn:
		if n, err = r.Socket.Write(p); err != nil {
			r.torn.Store(true)
		}
		return n, err
	case len(r.behind) > 0:
	case r.way == inLoop:
		n, err = r.TryWrite(p)
	default:
		n, err = r.WriteNow(p)
	}
	if err != nil && err != loop.ErrAgain {
		return n, err
	}
	if n < len(p) {
		r.behind = append(r.behind, p[n:]...)
		r.torn.Store(true)
	}
	return len(p), nil
}

// writeNow writes what is sent at once or not at all. Another goroutine than the owner may do so at the end.
func (r *records) writeNow(p []byte) (int, error) {
	if r.torn.Load() {
		return 0, net.ErrClosed
	}
	n, err := r.WriteNow(p)
	if n < len(p) {
		r.torn.Store(true)
		if err == nil {
			err = loop.ErrAgain
		}
	}
	return n, err
}
