package proxy

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// A client that ends its side with the request, as many scripts do, holds no connection when it has been answered.
func TestAHalfClosedConnectionEnds(t *testing.T) {
	g := newGateway(t, echoBytes(t), func(o *Options) { o.Attempts = attempts(1 << 20) })
	for name, text := range map[string]string{
		"a request":         "",
		"one that is wrong": "GET " + jobs + " HTTP/1.1\r\nHost: a,b\r\n\r\n",
		"one before it":     get(jobs, "PRIVATE-TOKEN: "+g.token),
	} {
		t.Run(name, func(t *testing.T) {
			for range 50 {
				c, err := net.Dial("tcp", g.address)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(c, text+get(jobs+"?page="+lastPage, "PRIVATE-TOKEN: "+g.token))
				_ = c.(*net.TCPConn).CloseWrite()
				_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
				if got, err := io.ReadAll(c); err != nil || !bytes.Contains(got, []byte("HTTP/1.1 200")) {
					t.Fatalf("%v after %q", err, got)
				}
				c.Close()
			}
		})
	}
}
