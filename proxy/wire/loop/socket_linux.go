//go:build linux && (amd64 || arm64)

package loop

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Socket is a connection that rests in a loop or is somebody's net.Conn. One Read and one Write may run at a time.
type Socket struct {
	loop          *Loop
	fd            int
	turn          int32 // which of the loop's sockets it is: fd is given again
	local, remote net.Addr
	handler       Handler

	readable, writable chan struct{} // something happened while it did not rest

	state atomic.Uint32 // flags, and above them the number of calls that use fd
}

// What a socket's state holds.
const (
	resting  = 1 << iota // it rests in the loop
	happened             // something did, since it was last looked at
	late                 // reads are past their deadline
	lateOut              // writes are
	ended                // the peer sends no more: the end may have come with bytes, and is told of but once
	dropped              // what was written and not yet received is for nobody
	closed
	oneUser // of fd: the number of them takes the rest of the state
)

var _ net.Conn = (*Socket)(nil)

// Loop gives the loop that the socket belongs to.
func (s *Socket) Loop() *Loop { return s.loop }

// Handle sets who is told of what happens while the socket rests. It must be called by the owner.
func (s *Socket) Handle(h Handler) { s.handler = h }

// Rest gives the socket to the loop. False says that something happened since it was last read, that its end has come, or that
// it is Late: it stays the caller's, who should read once more.
func (s *Socket) Rest() bool {
	for {
		was := s.state.Load()
		is, rests := was|resting, true
		switch {
		case was&(happened|late|ended) != 0:
			is, rests = was&^happened, false
		case was&closed != 0:
			return true
		}
		if s.state.CompareAndSwap(was, is) {
			return rests
		}
	}
}

// Take takes a resting socket out of the loop. False says that something happened to it, so that the loop has it or will
// have it in a moment.
func (s *Socket) Take() bool {
	for {
		was := s.state.Load()
		if was&(resting|happened|closed) != resting {
			return false
		}
		if s.state.CompareAndSwap(was, was&^resting) {
			return true
		}
	}
}

// mark notes events, and tells whether a goroutine may have been woken.
func (s *Socket) mark(events uint32) bool {
	news := uint32(happened)
	if events&(syscall.EPOLLRDHUP|syscall.EPOLLHUP|syscall.EPOLLERR) != 0 {
		news |= ended
	}
	rests := s.state.Or(news)&resting != 0
	if !rests {
		s.wake()
	}
	return !rests
}

// wake has a Read and a Write that wait look again.
func (s *Socket) wake() {
	select {
	case s.readable <- struct{}{}:
	default:
	}
	select {
	case s.writable <- struct{}{}:
	default:
	}
}

// dispatch tells the handler, when the socket rests.
func (s *Socket) dispatch() {
	for {
		was := s.state.Load()
		if was&(resting|happened|closed) != resting|happened {
			return
		}
		if s.state.CompareAndSwap(was, was&^(resting|happened)) {
			s.handler.Ready()
			return
		}
	}
}

// hold keeps fd open for a call; let ends that.
func (s *Socket) hold() bool { return s.holdUnless(closed) == 0 }

// holdUnless is hold when none of the flags is set; it gives those that are.
func (s *Socket) holdUnless(flags uint32) (set uint32) {
	for {
		was := s.state.Load()
		if set = was & flags; set != 0 {
			return set
		}
		if s.state.CompareAndSwap(was, was+oneUser) {
			return 0
		}
	}
}

func (s *Socket) let() {
	if is := s.state.Add(^uint32(oneUser - 1)); is&closed != 0 && is < oneUser {
		s.end()
	}
}

func (s *Socket) end() {
	s.loop.forget(s)
	if s.state.Load()&dropped != 0 {
		_ = syscall.SetsockoptLinger(s.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	}
	_ = syscall.Close(s.fd)
}

// TryRead reads what is there. The error is ErrAgain when that is nothing, io.EOF at the end. Only the owner may call it.
func (s *Socket) TryRead(p []byte) (int, error) {
	n, errno := s.call(syscall.SYS_RECVFROM, p, 0)
	switch {
	case errno == syscall.EAGAIN:
		return 0, ErrAgain
	case errno != 0:
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", errno)}
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// TryWrite writes what can be written at once, which may be less than all of p; with ErrAgain it is nothing. Only the
// owner may call it.
func (s *Socket) TryWrite(p []byte) (int, error) {
	n, errno := s.call(syscall.SYS_SENDTO, p, syscall.MSG_NOSIGNAL)
	switch {
	case errno == syscall.EAGAIN:
		return 0, ErrAgain
	case errno != 0:
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", errno)}
	}
	return n, nil
}

// Silent tells whether the connection is open and has nothing to read.
func (s *Socket) Silent() bool {
	if !s.hold() {
		return false
	}
	defer s.let()
	var b [1]byte
	n, errno := s.call(syscall.SYS_RECVFROM, b[:], syscall.MSG_PEEK)
	return n == 0 && errno == syscall.EAGAIN
}

// call makes a system call that does not wait, without telling the scheduler.
func (s *Socket) call(number uintptr, p []byte, flags uintptr) (int, syscall.Errno) {
	for {
		order()
		n, _, errno := syscall.RawSyscall6(number, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
			flags|syscall.MSG_DONTWAIT, 0, 0)
		order()
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
			continue
		}
		return 0, errno
	}
}

// Read implements net.Conn. It waits.
func (s *Socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if err := s.begin(late); err != nil {
			return 0, err
		}
		n, err := s.TryRead(p)
		s.let()
		if err != ErrAgain {
			return n, err
		}
		<-s.readable
	}
}

// ReadNow is Read without waiting: the error is ErrAgain when there is nothing.
func (s *Socket) ReadNow(p []byte) (int, error) {
	if err := s.begin(late); err != nil {
		return 0, err
	}
	defer s.let()
	return s.TryRead(p)
}

// WriteNow is Write without waiting: it may be less than all of p that is written, and with ErrAgain it is nothing.
func (s *Socket) WriteNow(p []byte) (int, error) {
	if err := s.begin(lateOut); err != nil {
		return 0, err
	}
	defer s.let()
	return s.TryWrite(p)
}

// Write implements net.Conn. It waits.
func (s *Socket) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		if err := s.begin(lateOut); err != nil {
			return written, err
		}
		n, err := s.TryWrite(p[written:])
		s.let()
		written += n
		switch err {
		case nil:
		case ErrAgain:
			<-s.writable
		default:
			return written, err
		}
	}
	return written, nil
}

// begin holds the socket for a call, unless it is closed or past the deadline. What happens from now on is news to a read.
func (s *Socket) begin(past uint32) error {
	switch set := s.holdUnless(closed | past); {
	case set&closed != 0:
		return net.ErrClosed
	case set != 0:
		return os.ErrDeadlineExceeded
	}
	if past == late {
		s.state.And(^uint32(happened))
	}
	return nil
}

// Late tells whether the deadline for reads has passed.
func (s *Socket) Late() bool { return s.state.Load()&late != 0 }

// Ended tells that the peer sends no more.
func (s *Socket) Ended() bool { return s.state.Load()&ended != 0 }

// Close closes the connection. Reads and writes that wait end.
func (s *Socket) Close() error {
	for {
		was := s.state.Load()
		if was&closed != 0 {
			return net.ErrClosed
		}
		if !s.state.CompareAndSwap(was, (was|closed)&^resting) {
			continue
		}
		s.wake()
		if was < oneUser { // else the last of them ends it
			s.end()
		}
		return nil
	}
}

// Abort ends the connection from any goroutine: its owner reads the end, or gets an error, and closes it.
func (s *Socket) Abort() { _ = s.shutdown(syscall.SHUT_RDWR) }

// Drop has Close reset the connection: what was written ends in the middle of something, and the peer does not read it. The
// system would keep up to megabytes of it for minutes, and let the peer wait that long for room to write.
func (s *Socket) Drop() { s.state.Or(dropped) }

// EndIfResting lets no more come in on a resting socket. Its handler is told; what has come already can be read.
func (s *Socket) EndIfResting() {
	for {
		was := s.state.Load()
		if was&(resting|closed) != resting {
			return
		}
		if s.state.CompareAndSwap(was, was+oneUser) {
			_ = syscall.Shutdown(s.fd, syscall.SHUT_RD)
			s.let()
			return
		}
	}
}

// CloseWrite tells the other side that nothing more is sent.
func (s *Socket) CloseWrite() error { return s.shutdown(syscall.SHUT_WR) }

func (s *Socket) shutdown(how int) error {
	if !s.hold() {
		return net.ErrClosed
	}
	defer s.let()
	return os.NewSyscallError("shutdown", syscall.Shutdown(s.fd, how))
}

// Control gives f the socket's descriptor, unless it is closed.
func (s *Socket) Control(f func(fd uintptr)) {
	if s.hold() {
		f(uintptr(s.fd))
		s.let()
	}
}

// LocalAddr implements net.Conn.
func (s *Socket) LocalAddr() net.Addr { return s.local }

// RemoteAddr implements net.Conn.
func (s *Socket) RemoteAddr() net.Addr { return s.remote }

// SetDeadline implements net.Conn for deadlines that have passed, and for none. Others are errors.ErrUnsupported.
func (s *Socket) SetDeadline(t time.Time) error { return s.deadline(t, true, true) }

// SetReadDeadline is as SetDeadline. A resting socket's handler is told; it finds the socket Late.
func (s *Socket) SetReadDeadline(t time.Time) error { return s.deadline(t, true, false) }

// SetWriteDeadline is as SetDeadline.
func (s *Socket) SetWriteDeadline(t time.Time) error { return s.deadline(t, false, true) }

func (s *Socket) deadline(t time.Time, in, out bool) error {
	past := !t.IsZero()
	if past && time.Until(t) > 0 {
		return errors.ErrUnsupported
	}
	flags := uint32(0)
	if in {
		flags |= late
	}
	if out {
		flags |= lateOut
	}
	if !past {
		s.state.And(^flags)
		return nil
	}
	rests := s.state.Or(flags)&resting != 0
	if rests && in {
		_ = s.shutdown(syscall.SHUT_RD) // an event that the loop sees
	} else {
		s.wake()
	}
	return nil
}
