//go:build linux && (amd64 || arm64)

package proxy

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// socket is a TCP connection whose reads and writes tell the scheduler nothing. Sockets of the net package never block, and
// yet every call of theirs gives the processor away and takes it back, in case it would; under load the scheduler then
// takes it away in the middle, which costs more than the call. What has to wait waits in the runtime's poller as always,
// and deadlines and closing work as always.
type socket struct {
	*net.TCPConn
	raw syscall.RawConn

	// One read and one write may run at a time, as bufio and the HTTP server have it. The functions are made once.
	reading, writing call
	read, write      func(fd uintptr) bool

	probe  func(fd uintptr) bool // sets quiet; for a connection that nobody reads
	peeked [1]byte
	quiet  bool
}

// call is a read or a write under way.
type call struct {
	p     []byte
	n     int
	errno syscall.Errno
}

// newSocket wraps a TCP connection; anything else stays as it is.
func newSocket(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	s := &socket{TCPConn: tcp, raw: raw}
	s.read = func(fd uintptr) bool { return s.reading.do(syscall.SYS_READ, fd) }
	s.write = func(fd uintptr) bool { return s.writing.more(fd) }
	s.probe = func(fd uintptr) bool {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&s.peeked)), 1, syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
		s.quiet = int(n) <= 0 && errno == syscall.EAGAIN
		return true
	}
	return s
}

// do makes one call; false asks to wait until the socket is ready.
func (t *call) do(number, fd uintptr) (done bool) {
	for {
		order()
		n, _, errno := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.p))), uintptr(len(t.p)))
		order()
		switch errno {
		case 0:
			t.n += int(n)
			return true
		case syscall.EAGAIN:
			return false
		case syscall.EINTR:
			continue
		}
		t.errno = errno
		return true
	}
}

// more writes until everything is written.
func (t *call) more(fd uintptr) (done bool) {
	for len(t.p) > 0 {
		before := t.n
		if !t.do(syscall.SYS_WRITE, fd) {
			return false
		}
		if t.errno != 0 {
			return true
		}
		t.p = t.p[t.n-before:]
	}
	return true
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.reading = call{p: p}
	err := s.raw.Read(s.read)
	n, errno := s.reading.n, s.reading.errno
	s.reading.p = nil
	switch {
	case err != nil:
		return n, err
	case errno != 0:
		return n, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", errno)}
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.writing = call{p: p}
	err := s.raw.Write(s.write)
	n, errno := s.writing.n, s.writing.errno
	s.writing.p = nil
	if err == nil && errno != 0 {
		err = &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", errno)}
	}
	return n, err
}

// silent tells whether the connection is open and has nothing to read.
func (s *socket) silent() bool {
	s.quiet = false
	return s.raw.Read(s.probe) == nil && s.quiet
}
