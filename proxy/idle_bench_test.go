package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// BenchmarkIdleConnection measures what a connection takes on the heap and in stacks that has been served and rests in a loop, in
// plain text and over TLS. The client keeps no more than its socket, which is counted: the same for both.
func BenchmarkIdleConnection(b *testing.B) {
	const connections = 500
	for _, way := range []struct {
		name string
		over bool
	}{{"plain", false}, {"TLS", true}} {
		b.Run(way.name, func(b *testing.B) {
			server, trust, _ := certified(b)
			if !way.over {
				server = nil
			}
			g := newGatewayOver(b, server, bareUpstream(b, pages), func(o *Options) {
				o.Audit, o.Limits.ConnectionsPerClient = noSink{}, connections+1
			})
			request := get(jobs+"?page=1", "PRIVATE-TOKEN: "+g.token)
			serve := func() net.Conn {
				raw, err := net.Dial("tcp", g.address)
				if err != nil {
					b.Fatal(err)
				}
				c := raw
				if way.over {
					c = tls.Client(raw, &tls.Config{RootCAs: trust.RootCAs, ServerName: "127.0.0.1"})
				}
				r := bufio.NewReader(c)
				for range 2 {
					_, _ = io.WriteString(c, request)
					readAnswer(b, r, "GET")
					time.Sleep(time.Millisecond)
				}
				return raw
			}
			held := func() uint64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.GC() // what pools kept is forgotten in the second
				runtime.ReadMemStats(&m)
				return m.HeapAlloc + m.StackInuse
			}
			for b.Loop() {
				idle := []net.Conn{serve()}
				before := held()
				for range connections {
					idle = append(idle, serve())
				}
				b.ReportMetric(float64(int64(held())-int64(before))/connections, "B/connection")
				for _, c := range idle {
					_ = c.Close()
				}
			}
		})
	}
}
