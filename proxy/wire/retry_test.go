package wire

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/dial"
	"patgate/fleet/share"
)

// When the forge closes a kept connection under a GET, the GET is sent again at once, before somebody else who waits.
func TestARetryKeepsItsPlace(t *testing.T) {
	var closed atomic.Int32
	ln, _ := net.Listen("tcp", "127.0.0.1:0")
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					q, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					switch q.URL.Path {
					case "/close":
						closed.Add(1)
						time.Sleep(200 * time.Millisecond)
						return
					case "/hang":
						time.Sleep(3 * time.Second)
					}
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}()
		}
	}()
	d, _ := dial.New(dial.Options{URL: "http://" + ln.Addr().String()})
	limits := &Timeouts{ReadHeader: time.Minute, Idle: time.Minute, ReadStall: time.Minute, WriteStall: time.Minute, ClientGone: time.Minute,
		UpstreamDial: time.Second, UpstreamResponse: time.Minute, UpstreamStall: 77 * time.Second, UpstreamIdle: time.Minute}
	all := NewLoops(1)
	defer all.Close()
	p := NewPool(PoolOptions{Dialer: d, Connections: 1, Timeouts: limits, Watchdog: NewWatchdog(limits), Loops: all})
	defer p.Close()
	do := func(path string, by Claim) error {
		var a fasthttp.Response
		c, err := p.Do([]byte("GET "+path+" HTTP/1.1\r\nHost: h\r\n\r\n"), &Upload{}, true, false, &a, by)
		if err == nil {
			c.GiveBack(&a)
		}
		return err
	}
	one := Claim{Holder: Holder{1}, Share: share.Borrower{Holder: Holder{1}, Token: 1}}
	other := Claim{Holder: Holder{2}, Share: share.Borrower{Holder: Holder{2}, Token: 2}}
	for range 50 {
		if err := do("/ok", one); err != nil {
			t.Fatal(err)
		}
		if _, idle := p.Counts(); idle == 1 {
			break
		}
	}
	got := make(chan error, 1)
	go func() { got <- do("/close", one) }()
	time.Sleep(50 * time.Millisecond)
	go func() { _ = do("/hang", other) }() // waits
	if err := <-got; !errors.Is(err, ErrClosed) {
		t.Errorf("the GET ended with %v, not as the forge ended it twice", err)
	}
	if n := closed.Load(); n != 2 {
		t.Errorf("the forge got it %d times", n)
	}
}
