//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"patgate/bench/report"
)

// paced drives a service with a fixed number of requests a second, whatever the answers do (an open loop), and measures
// each request from when it was due, so that a stall counts for all requests that it held up. One thread does it with its
// own epoll and a timer in nanoseconds: timers of the Go runtime are only good for a millisecond.
type paced struct {
	epoll, timer int
	conns        []*pacedConn
	idle         []*pacedConn
	waiting      []time.Time // due, and without a free connection
	latencies    []time.Duration
	requests     [][]byte
	sent         int
	failed       error
	isHead       bool // the requests are HEAD: answers have no body
}

// pacedConn is one connection with at most one request under way.
type pacedConn struct {
	fd   int
	due  time.Time
	in   []byte
	used int
}

// latency measures one service at a rate.
func (s *stage) latency(ctx context.Context, v *service, l traffic, rate float64) (report.Quantiles, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := &paced{epoll: -1, timer: -1, isHead: l.method == "HEAD"}
	method := "GET"
	if p.isHead {
		method = "HEAD"
	}
	defer p.close()
	for i, secret := range l.tokens {
		p.requests = append(p.requests,
			fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nPrivate-Token: %s\r\nAccept: */*\r\nUser-Agent: bench/1\r\n\r\n",
				method, pathOf(method, project(i)), v.address, secret))
	}
	if err := p.open(v.address, l.connections); err != nil {
		return report.Quantiles{}, err
	}
	if err := p.run(ctx, time.Duration(l.seconds*float64(time.Second)), rate); err != nil {
		return report.Quantiles{}, fmt.Errorf("%s at %.0f a second: %w", v.name, rate, err)
	}
	return quantiles(p.latencies), nil
}

// quantiles sorts what was measured; of nothing it gives nothing.
func quantiles(latencies []time.Duration) report.Quantiles {
	if len(latencies) == 0 {
		return report.Quantiles{}
	}
	slices.Sort(latencies)
	at := func(q float64) float64 {
		return float64(latencies[min(len(latencies)-1, int(q*float64(len(latencies))))].Nanoseconds()) / 1000
	}
	return report.Quantiles{Requests: len(latencies), P50: at(.5), P99: at(.99), P999: at(.999)}
}

func (p *paced) open(address string, connections int) (err error) {
	if p.epoll, err = unix.EpollCreate1(0); err != nil {
		return err
	}
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK); err != nil {
		return err
	}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, p.timer, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1}); err != nil {
		return err
	}
	to, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return err
	}
	for i := range connections {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		c := &pacedConn{fd: fd, in: make([]byte, 8<<10)}
		p.conns, p.idle = append(p.conns, c), append(p.idle, c)
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if err := unix.SetNonblock(fd, true); err != nil {
			return err
		}
		err = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *paced) close() {
	for _, c := range p.conns {
		_ = unix.Close(c.fd)
	}
	_ = unix.Close(p.epoll)
	_ = unix.Close(p.timer)
}

// run sends at the rate for a while, and waits for what is under way.
func (p *paced) run(ctx context.Context, length time.Duration, rate float64) error {
	gap := time.Duration(float64(time.Second) / rate)
	start := time.Now()
	due, end := start.Add(time.Millisecond), start.Add(length)
	events := make([]unix.EpollEvent, 256)
	for {
		now := time.Now()
		for ; !due.After(now) && due.Before(end); due = due.Add(gap) {
			p.dispatch(due)
		}
		if p.failed != nil {
			return p.failed
		}
		if !due.Before(end) && len(p.idle) == len(p.conns) && len(p.waiting) == 0 {
			return nil
		}
		if ctx.Err() != nil || now.After(end.Add(5*time.Second)) {
			return errors.Join(ctx.Err(), errors.New("requests are left without an answer"))
		}
		wait := time.Until(due)
		if !due.Before(end) {
			wait = 100 * time.Millisecond
		}
		if wait > 0 {
			if err := p.arm(wait); err != nil {
				return err
			}
			n, err := unix.EpollWait(p.epoll, events, -1)
			if err != nil && err != syscall.EINTR {
				return err
			}
			p.take(events[:max(n, 0)])
			continue
		}
		n, _ := unix.EpollWait(p.epoll, events, 0)
		p.take(events[:max(n, 0)])
	}
}

func (p *paced) arm(wait time.Duration) error {
	return unix.TimerfdSettime(p.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(wait.Nanoseconds())}, nil)
}

func (p *paced) take(events []unix.EpollEvent) {
	for i := range events {
		if events[i].Fd < 0 {
			var count [8]byte
			_, _ = unix.Read(p.timer, count[:])
			continue
		}
		p.receive(p.conns[events[i].Fd])
	}
}

// dispatch sends what is due, or has it wait for a connection.
func (p *paced) dispatch(due time.Time) {
	n := len(p.idle)
	if n == 0 {
		p.waiting = append(p.waiting, due)
		return
	}
	c := p.idle[n-1]
	p.idle = p.idle[:n-1]
	p.send(c, due)
}

func (p *paced) send(c *pacedConn, due time.Time) {
	c.due, c.used = due, 0
	request := p.requests[p.sent%len(p.requests)]
	p.sent++
	if n, err := rawCall(unix.SYS_WRITE, c.fd, request); err != nil || n != len(request) {
		p.failed = fmt.Errorf("sending: %d of %d bytes, %v", n, len(request), err)
	}
}

// receive reads an answer. All of them are short and have a Content-Length.
func (p *paced) receive(c *pacedConn) {
	n, err := rawCall(unix.SYS_READ, c.fd, c.in[c.used:])
	if err == syscall.EAGAIN {
		return
	}
	if err != nil || n == 0 {
		p.failed = fmt.Errorf("reading an answer: %d bytes, %v", n, err)
		return
	}
	c.used += n
	whole, err := wholeAnswer(c.in[:c.used], p.isHead)
	if err != nil {
		p.failed = err
	}
	if !whole {
		return
	}
	p.latencies = append(p.latencies, time.Since(c.due))
	if len(p.waiting) > 0 {
		due := p.waiting[0]
		p.waiting = p.waiting[1:]
		p.send(c, due)
		return
	}
	p.idle = append(p.idle, c)
}

// wholeAnswer tells whether a successful answer is complete.
func wholeAnswer(b []byte, isHead bool) (bool, error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return false, nil
	}
	if !bytes.HasPrefix(b, []byte("HTTP/1.1 200 ")) {
		return false, fmt.Errorf("the answer is %q", b[:bytes.IndexByte(b, '\r')])
	}
	head := bytes.ToLower(b[:end+2])
	_, rest, found := bytes.Cut(head, []byte("\r\ncontent-length: "))
	length, err := strconv.Atoi(string(rest[:max(0, bytes.IndexByte(rest, '\r'))]))
	if !found || err != nil {
		return false, fmt.Errorf("the answer has no length: %q", head)
	}
	return isHead || len(b) >= end+4+length, nil
}

// rawCall reads or writes without telling the Go scheduler: the sockets do not block, and this thread does nothing else.
func rawCall(number uintptr, fd int, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(number, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
