//go:build linux && (amd64 || arm64)

package loop

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Handler is told what happens to a resting socket.
type Handler interface {
	// Ready is called on the loop's goroutine when there may be something to read, or the other side is gone. The socket
	// does not rest any more. Ready must not wait.
	Ready()
}

// Desk is memory that the handlers of one loop share: each may use it until Ready returns, so that what a request needs
// for a moment is in the processor's caches and not once for every request under way.
type Desk struct {
	In  []byte // of deskSize
	Out []byte // may be put back longer than it was
}

const deskSize = 32 << 10

// rounds is after how many of them the loop lets others run in any case.
const rounds = 32

// batch is how many sockets are asked about with one system call.
const batch = 256

// Loop tells its sockets' handlers when they are ready. Make one with New.
type Loop struct {
	number int
	file   *os.File // the epoll instance
	wait   syscall.RawConn
	poll   func(fd uintptr) bool
	events [batch]syscall.EpollEvent
	ready  [batch]*Socket
	n      int
	errno  syscall.Errno
	round  atomic.Uint64
	desk   Desk
	given  bool // others were given work since the loop last let them run

	mu      sync.Mutex
	sockets []*Socket // by file descriptor
	open    int       // of them
	turn    int32     // of the last one
	closing bool
}

// New makes a loop and starts its goroutine, which Close ends. The number is the caller's.
func New(number int) (*Loop, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making an event loop: %w", os.NewSyscallError("epoll_create1", err))
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // that it goes to the runtime's poller
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("making an event loop: %w", err)
	}
	l := &Loop{
		number: number,
		desk:   Desk{In: make([]byte, deskSize), Out: make([]byte, 0, deskSize)},
		file:   os.NewFile(uintptr(fd), "epoll"),
	}
	if l.wait, err = l.file.SyscallConn(); err != nil {
		_ = l.file.Close()
		return nil, fmt.Errorf("making an event loop: %w", err)
	}
	l.poll = l.collect
	go l.run()
	return l, nil
}

// Close ends the loop when its last socket is closed. It does not wait for that.
func (l *Loop) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = true
	l.endLocked()
}

func (l *Loop) endLocked() {
	if l.closing && l.open == 0 {
		_ = l.file.Close()
	}
}

// Number is what New was given.
func (l *Loop) Number() int { return l.number }

// Round counts how often the loop has asked what happened. What had happened to a resting socket before a round began is
// known when it is over.
func (l *Loop) Round() uint64 { return l.round.Load() }

// Desk gives the loop's memory, for handlers in Ready.
func (l *Loop) Desk() *Desk { return &l.desk }

func (l *Loop) run() {
	for {
		l.n, l.errno = 0, 0
		if l.wait.Read(l.poll) != nil || l.errno != 0 {
			return // it was closed
		}
		l.round.Add(1)
		l.mark()
		for i, s := range l.ready[:l.n] {
			l.ready[i] = nil
			if s != nil {
				s.dispatch()
			}
		}
		if l.given || l.round.Load()%rounds == 0 {
			l.given = false
			runtime.Gosched() // goroutines with work must not wait until the loop has none
		}
	}
}

// collect asks once; false is to wait until there is an event.
func (l *Loop) collect(fd uintptr) (done bool) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&l.events)), batch, 0, 0, 0)
		switch errno {
		case 0:
			l.n = int(n)
			return n > 0
		case syscall.EINTR:
			continue
		}
		l.errno = errno
		return true
	}
}

// mark notes for all sockets that something happened, before the first handler is told: none of them is then taken for
// one to which nothing did. What happened to a socket that was closed since is not told of the one that has its file descriptor
// now.
func (l *Loop) mark() {
	order()
	l.mu.Lock()
	for i := range l.n {
		l.ready[i] = nil
		e := &l.events[i]
		if s := l.sockets[e.Fd]; s != nil && s.turn == e.Pad {
			l.ready[i] = s
		}
	}
	l.mu.Unlock()
	for i, s := range l.ready[:l.n] {
		if s != nil && s.mark(l.events[i].Events) {
			l.given = true
		}
	}
}

// Gave tells the loop, on its goroutine, that a goroutine was started, which should run soon.
func (l *Loop) Gave() { l.given = true }

// Adopt takes a connection over, of TCP or of a Unix socket: without an error c must not be used any more. Start must be
// called before anything else.
func (l *Loop) Adopt(c Stream) (*Socket, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, errno := -1, syscall.Errno(0)
	err = raw.Control(func(old uintptr) {
		var n uintptr
		if n, _, errno = syscall.RawSyscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0); errno == 0 {
			fd = int(n)
		}
	})
	if err == nil && errno != 0 {
		err = os.NewSyscallError("fcntl", errno)
	}
	if err != nil {
		return nil, fmt.Errorf("taking a connection into an event loop: %w", err)
	}
	s := &Socket{
		loop:     l,
		fd:       fd,
		local:    c.LocalAddr(),
		remote:   c.RemoteAddr(),
		readable: make(chan struct{}, 1),
		writable: make(chan struct{}, 1),
	}
	l.mu.Lock()
	for len(l.sockets) <= fd {
		l.sockets = append(l.sockets, nil)
	}
	l.turn++
	s.turn = l.turn
	l.sockets[fd] = s
	l.open++
	l.mu.Unlock()
	_ = c.Close() // its file lives on in fd
	return s, nil
}

// Start begins to watch a socket. With rest it rests from the start, and its handler is told at once. After an error the
// socket can only be closed.
func (s *Socket) Start(rest bool) error {
	if rest {
		s.state.Or(resting)
	}
	const edges = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | 1<<31 // EPOLLET
	event := syscall.EpollEvent{Events: edges, Fd: int32(s.fd), Pad: s.turn}
	var err error
	add := func(epoll uintptr) { err = syscall.EpollCtl(int(epoll), syscall.EPOLL_CTL_ADD, s.fd, &event) }
	if cerr := s.loop.wait.Control(add); cerr != nil {
		return cerr
	}
	return os.NewSyscallError("epoll_ctl", err)
}

// forget takes a socket out, before its file descriptor may be another's.
func (l *Loop) forget(s *Socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sockets[s.fd] == s {
		l.sockets[s.fd] = nil
		l.open--
		l.endLocked()
	}
}
