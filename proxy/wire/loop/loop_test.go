//go:build linux && (amd64 || arm64)

package loop

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// pair gives a socket of a new loop and the other end of its connection.
func pair(t testing.TB) (*Socket, *net.TCPConn) {
	t.Helper()
	l, err := New(0)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Adopt(near.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(); _ = far.Close(); l.Close() })
	_ = far.SetDeadline(time.Now().Add(10 * time.Second))
	return s, far.(*net.TCPConn)
}

// echoes answers on the loop's goroutine what it reads there.
type echoes struct {
	s     *Socket
	calls atomic.Int64
	ended chan error
}

func (e *echoes) Ready() {
	e.calls.Add(1)
	var b [64]byte
	for {
		n, err := e.s.TryRead(b[:])
		switch {
		case err == nil:
			_, _ = e.s.TryWrite(b[:n])
		case errors.Is(err, ErrAgain):
			if e.s.Rest() {
				return
			}
		default:
			_ = e.s.Close()
			e.ended <- err
			return
		}
	}
}

func exchange(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("%q, %v", got, err)
	}
}

func start(t *testing.T, s *Socket, rest bool) {
	t.Helper()
	if err := s.Start(rest); err != nil {
		t.Fatal(err)
	}
}

func TestRestingSocket(t *testing.T) {
	s, far := pair(t)
	h := &echoes{s: s, ended: make(chan error, 1)}
	s.Handle(h)
	start(t, s, true)
	for range 100 {
		exchange(t, far, "hello")
	}
	if err := far.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := <-h.ended; !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestSocketOfAGoroutine(t *testing.T) {
	s, far := pair(t)
	start(t, s, false)
	go func() { _, _ = io.Copy(s, s) }()
	exchange(t, far, "hello")
	sent := bytes.Repeat([]byte("0123456789"), 1<<20)
	go func() { _, _ = far.Write(sent) }()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("10 MiB do not come back: %v", err)
	}
}

// Whatever happens while the socket goes to and fro, nothing that was sent is left lying.
func TestToAndFro(t *testing.T) {
	s, far := pair(t)
	h := &echoes{s: s, ended: make(chan error, 1)}
	s.Handle(h)
	start(t, s, true)
	stop := make(chan struct{})
	var taking sync.WaitGroup
	taken := 0
	taking.Go(func() {
		b := make([]byte, 64)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if !s.Take() {
				continue
			}
			taken++
			for !s.Rest() {
				for {
					n, err := s.TryRead(b)
					if err != nil {
						break
					}
					_, _ = s.Write(b[:n])
				}
			}
		}
	})
	for range 2000 {
		exchange(t, far, "hello")
	}
	close(stop)
	taking.Wait()
	if taken == 0 || h.calls.Load() == 0 {
		t.Errorf("taken %d times, told %d times", taken, h.calls.Load())
	}
}

func TestTakeSeesWhatHappened(t *testing.T) {
	s, far := pair(t)
	told := make(chan struct{})
	s.Handle(ready(func() { told <- struct{}{} }))
	start(t, s, true)
	<-told // a new socket can be written to
	if !s.Rest() || !s.Take() {
		t.Fatal("a silent socket cannot be taken")
	}
	if !s.Rest() {
		t.Fatal("it does not rest")
	}
	s.mark(syscall.EPOLLIN) // an event that the loop has, and whose turn has not come
	if s.Take() {
		t.Error("it is taken although something happened")
	}
	go s.dispatch()
	<-told
	if s.Take() {
		t.Error("it is taken from its handler")
	}
	_, _ = io.WriteString(far, "x")
	for s.Silent() {
		time.Sleep(time.Millisecond)
	}
}

type ready func()

func (f ready) Ready() { f() }

func TestEnds(t *testing.T) {
	read := func(s *Socket) chan error {
		got := make(chan error, 1)
		go func() {
			_, err := s.Read(make([]byte, 1))
			got <- err
		}()
		time.Sleep(20 * time.Millisecond)
		return got
	}
	t.Run("closed while it is read", func(t *testing.T) {
		s, _ := pair(t)
		start(t, s, false)
		got := read(s)
		_ = s.Close()
		if err := <-got; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if err := s.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
	})
	t.Run("past its deadline", func(t *testing.T) {
		s, far := pair(t)
		start(t, s, false)
		got := read(s)
		_ = s.SetReadDeadline(time.Unix(1, 0))
		if err := <-got; !errors.Is(err, os.ErrDeadlineExceeded) || !s.Late() {
			t.Error(err)
		}
		if _, err := s.Write([]byte("x")); err != nil {
			t.Errorf("writes have no deadline: %v", err)
		}
		_ = s.SetReadDeadline(time.Time{})
		_, _ = io.WriteString(far, "x")
		if _, err := s.Read(make([]byte, 1)); err != nil {
			t.Errorf("without a deadline: %v", err)
		}
		if err := s.SetDeadline(time.Now().Add(time.Hour)); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("a deadline to come: %v", err)
		}
	})
	t.Run("past its deadline before it rests", func(t *testing.T) {
		s, _ := pair(t)
		start(t, s, false)
		_ = s.SetReadDeadline(time.Unix(1, 0))
		if s.Rest() {
			t.Error("it rests, and nobody will be told")
		}
		if _, err := s.ReadNow(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	})
	t.Run("past its deadline at rest", func(t *testing.T) {
		s, _ := pair(t)
		h := &echoes{s: s, ended: make(chan error, 1)}
		s.Handle(h)
		start(t, s, true)
		time.Sleep(20 * time.Millisecond)
		_ = s.SetReadDeadline(time.Unix(1, 0))
		if err := <-h.ended; !errors.Is(err, io.EOF) || !s.Late() {
			t.Error(err)
		}
	})
	t.Run("a write that waits", func(t *testing.T) {
		s, _ := pair(t)
		start(t, s, false)
		got := make(chan error, 1)
		go func() {
			for {
				if _, err := s.Write(make([]byte, 1<<20)); err != nil {
					got <- err
					return
				}
			}
		}()
		time.Sleep(50 * time.Millisecond)
		_ = s.SetDeadline(time.Unix(1, 0))
		if err := <-got; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	})
	t.Run("ended while it rests", func(t *testing.T) {
		s, far := pair(t)
		h := &echoes{s: s, ended: make(chan error, 1)}
		s.Handle(h)
		start(t, s, true)
		exchange(t, far, "hello")
		s.EndIfResting()
		for range 100 { // it may just not have rested
			select {
			case err := <-h.ended:
				if !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				return
			case <-time.After(20 * time.Millisecond):
				s.EndIfResting()
			}
		}
		t.Error("the handler is not told")
	})
	t.Run("aborted", func(t *testing.T) {
		s, _ := pair(t)
		start(t, s, false)
		got := read(s)
		s.Abort()
		if err := <-got; !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
}

// What happened to a socket that was closed is not told of the next one with its file descriptor: that would be taken for one whose end
// has come.
func TestEventsOfAClosedSocket(t *testing.T) {
	s, _ := pair(t)
	l := &Loop{sockets: make([]*Socket, s.fd+1), n: 1}
	l.sockets[s.fd] = s
	for _, of := range []struct {
		turn  int32
		ended bool
	}{{s.turn - 1, false}, {s.turn, true}} {
		l.events[0] = syscall.EpollEvent{Events: syscall.EPOLLRDHUP, Fd: int32(s.fd), Pad: of.turn}
		if l.mark(); s.Ended() != of.ended || (l.ready[0] != nil) != of.ended {
			t.Errorf("an event of turn %d at turn %d: ended %t", of.turn, s.turn, s.Ended())
		}
	}
}

// A loop ends with its last socket.
func TestLoopEnds(t *testing.T) {
	s, far := pair(t)
	start(t, s, false)
	s.loop.Close()
	go func() { _, _ = io.Copy(s, s) }()
	exchange(t, far, "still there")
	_ = s.Close()
	for range 1000 {
		if _, err := s.loop.file.Write(nil); errors.Is(err, os.ErrClosed) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the loop's file is open")
}

func TestAllocations(t *testing.T) {
	s, far := pair(t)
	h := &echoes{s: s, ended: make(chan error, 1)}
	s.Handle(h)
	start(t, s, true)
	got := make([]byte, 5)
	allocs := testing.AllocsPerRun(200, func() {
		_, _ = far.Write(got)
		_, _ = io.ReadFull(far, got)
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
