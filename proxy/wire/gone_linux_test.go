package wire

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/sys/unix"

	"patgate/dial"
)

// borne reads for how long the kernel bears that nothing is acknowledged.
func borne(t *testing.T, c *Upstream) (d time.Duration) {
	t.Helper()
	read := func(fd uintptr) {
		ms, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
		if err != nil {
			t.Error(err)
		}
		d = time.Duration(ms) * time.Millisecond
	}
	if c.socket != nil {
		c.socket.Control(read)
		return d
	}
	raw, err := bare(c.Conn).(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(read)
	return d
}

// Every connection to the forge, of loops and of goroutines, has the kernel's limit. While a long body is sent it is that of a
// write that waits, and afterwards the short one again.
func TestTheKernelsLimitOfConnectionsToTheForge(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				r := bufio.NewReader(c)
				for {
					q, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, q.Body)
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}()
		}
	}()
	for loops := range 2 {
		t.Run(fmt.Sprintf("%d loops", loops), func(t *testing.T) {
			d, err := dial.New(dial.Options{URL: "http://" + ln.Addr().String()})
			if err != nil {
				t.Fatal(err)
			}
			limits := &Timeouts{ReadHeader: time.Minute, Idle: time.Minute, ReadStall: time.Minute, WriteStall: time.Minute,
				UpstreamDial: time.Minute, UpstreamResponse: time.Minute, UpstreamStall: 77 * time.Second, UpstreamIdle: time.Minute}
			all := NewLoops(loops)
			defer all.Close()
			p := NewPool(PoolOptions{Dialer: d, Connections: 1, Timeouts: limits, Watchdog: NewWatchdog(limits), Loops: all})
			defer p.Close()
			c, err := p.Get(true, Claim{})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Drop(c)
			if (c.socket != nil) != (loops > 0) {
				t.Fatal("the connection is not where it should be")
			}
			if got := borne(t, c); got != dial.Unanswered {
				t.Errorf("%s at first, want %s", got, dial.Unanswered)
			}
			long := strings.Repeat("x", 100_000)
			var during time.Duration
			body := &Upload{Length: int64(len(long)), Stream: io.MultiReader(strings.NewReader(long[:1]),
				readerFunc(func([]byte) (int, error) { during = borne(t, c); return 0, io.EOF }), strings.NewReader(long[1:]))}
			head := fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", len(long))
			var answer fasthttp.Response
			if err := c.Exchange(head, body, false, &answer); err != nil {
				t.Fatal(err)
			}
			if after := borne(t, c); during != max(limits.UpstreamStall, limits.UpstreamResponse)+dial.Unanswered || after != dial.Unanswered {
				t.Errorf("%s while a long body is sent, %s afterwards", during, after)
			}
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
