package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Threat: a handshake with the forge waits in a goroutine, holds one of the few connections to it, and crypto/tls keeps what comes of
// a message until it is whole. Attack: a forge, or who is on the way to it, that never ends a handshake. Control: the client is told
// in time, also one that goes away; memory stays where it was; and every place is free again when the forge is well.
func TestThreatForgeNeverEndsItsHandshake(t *testing.T) {
	const places = 2
	first := func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) } // the ClientHello
	for name, answer := range map[string]func(net.Conn){
		"nothing":           func(net.Conn) {},
		"half a header":     func(c net.Conn) { _, _ = c.Write([]byte{22, 3}) },
		"half a record":     func(c net.Conn) { _, _ = c.Write([]byte("\x16\x03\x03\x40\x00half")) },
		"byte by byte":      func(c net.Conn) { slowly(c, []byte("\x16\x03\x03\x40\x00"+strings.Repeat("\x02", 1<<14))) },
		"half a message":    func(c net.Conn) { _, _ = c.Write([]byte("\x16\x03\x03\x00\x08\x02\x00\xff\xff\x03\x03\x00\x00")) },
		"a message of 16 M": func(c net.Conn) { flood(c, "\x16\x03\x03\x00\x04\x02\xff\xff\xff", record(22, 1<<14)) },
		"empty records":     func(c net.Conn) { flood(c, "", "\x16\x03\x03\x00\x00") },
		"changes of cipher": func(c net.Conn) { flood(c, "", "\x14\x03\x03\x00\x01\x01") },
		"warnings":          func(c net.Conn) { flood(c, "", "\x15\x03\x03\x00\x02\x01\x5a") },
		"no TLS":            func(c net.Conn) { flood(c, "HTTP/1.1 200 OK\r\n", "X: y\r\n") },
	} {
		for _, loops := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, loops %v", name, loops), func(t *testing.T) {
				server, _, dialer := certified(t)
				var well atomic.Bool
				var open atomic.Int32
				good := secureUpstream(t, server, pages)
				url := "https://" + accepting(t, nil, func(_ int, c net.Conn) {
					defer c.Close()
					if well.Load() {
						relay(c, strings.TrimPrefix(good, "https://"))
						return
					}
					open.Add(1)
					defer open.Add(-1)
					first(c)
					answer(c)
					_, _ = io.Copy(io.Discard, c) // until patgate ends it
				})
				g := newGateway(t, url, func(o *Options) {
					o.Upstream.Dialer, o.Upstream.Connections, o.withoutLoops = dialer(url), places, !loops
					o.Timeouts.UpstreamDial = 200 * time.Millisecond
				})
				runtime.GC()
				before, goroutines := heap(), runtime.NumGoroutine()
				stop, peak := make(chan struct{}), make(chan uint64)
				go watchHeap(heap, stop, peak)
				for range 2 * places {
					gone := g.connect(t)
					_, _ = io.WriteString(gone, get(jobs, "PRIVATE-TOKEN: "+g.token))
					_ = gone.Close()
				}
				a := g.connect(t).ask(get(jobs, "PRIVATE-TOKEN: "+g.token))
				if a.status != http.StatusBadGateway && a.status != http.StatusGatewayTimeout && a.status != http.StatusServiceUnavailable {
					t.Errorf("status %d: %s", a.status, a.body)
				}
				await(t, "connections to the forge are open", func() bool { return open.Load() == 0 })
				await(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= goroutines+places })
				close(stop)
				if grown := int64(<-peak) - int64(before); grown > 16<<20 {
					t.Errorf("memory grew by %d bytes", grown)
				}
				well.Store(true)
				for range 2 * places {
					g.connect(t).ask(get(jobs+"?page=1", "PRIVATE-TOKEN: "+g.token)).wants(t, 200, `{"page":"1"}`)
				}
			})
		}
	}
}

// record gives a TLS record of a kind, with as many bytes.
func record(kind byte, length int) string {
	return string([]byte{kind, 3, 3, byte(length >> 8), byte(length)}) + strings.Repeat("\x02", length)
}

// flood writes a part again and again for as long as the other side takes it, up to a bound.
func flood(c net.Conn, first, part string) {
	w := bufio.NewWriterSize(c, 64<<10)
	_, err := io.WriteString(w, first)
	for sent := 0; err == nil && sent < 256<<20; sent += len(part) {
		_, err = io.WriteString(w, part)
	}
	_ = w.Flush()
}

// relay connects a connection with an address.
func relay(c net.Conn, address string) {
	there, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer there.Close()
	go func() {
		_, _ = io.Copy(there, c)
		_ = there.Close()
	}()
	_, _ = io.Copy(c, there)
}

// await waits, with patience, until something is no more.
func await(t *testing.T, what string, over func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !over(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still %s", what)
		}
	}
}
