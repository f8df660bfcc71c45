package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"testing"
	"time"
)

// TestClientsOfAUnixSocket have no address of their own: what a proxy says is believed where unix is trusted, and nowhere else.
func TestClientsOfAUnixSocket(t *testing.T) {
	unix := []netip.Prefix{{}}
	for name, c := range map[string]struct {
		trusted, announced []netip.Prefix
		header             string
		want               string // empty: no address
	}{
		"trusting nobody":                        {nil, nil, "", ""},
		"trusting every address":                 {prefixes("0.0.0.0/0", "::/0"), nil, "", ""},
		"trusting unix":                          {unix, nil, "", "198.51.100.7"},
		"a header of the PROXY protocol":         {nil, unix, announcement, "203.0.113.9"},
		"one of the proxy's own, trusting unix":  {unix, unix, announcementOwn, "198.51.100.7"},
		"one with a client, trusting unix":       {unix, unix, announcement, "203.0.113.9"},
		"one of the proxy's own, trusting none":  {nil, unix, announcementOwn, ""},
		"one with a client, trusting the client": {prefixes("203.0.113.9/32"), unix, announcement, "198.51.100.7"},
	} {
		for _, withoutLoops := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				g := newGateway(t, echoBytes(t), func(o *Options) {
					o.TrustedProxies, o.ProxyProtocol, o.withoutLoops = c.trusted, c.announced, withoutLoops
				})
				path := filepath.Join(t.TempDir(), "s")
				l, err := net.Listen("unix", path)
				if err != nil {
					t.Skip(err)
				}
				served := make(chan error, 1)
				go func() { served <- g.server.Serve(l, nil) }()
				conn, err := net.Dial("unix", path)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				_, _ = io.WriteString(conn, c.header)
				for range 3 {
					if status := g.asks(t, conn, "X-Forwarded-For: 198.51.100.7"); status != http.StatusOK {
						t.Fatalf("status %d", status)
					}
					if e := g.sink.last(t); e.Client.IsValid() != (c.want != "") || c.want != "" && e.Client.String() != c.want {
						t.Errorf("the client is %v", e.Client)
					}
				}
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				defer cancel()
				_ = g.server.Shutdown(ctx)
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestClientsOfAUnixSocketCountAsOne: they share the limits of one client, unless a trusted proxy is at the other end.
func TestClientsOfAUnixSocketCountAsOne(t *testing.T) {
	for trusted, want := range map[bool]int{false: http.StatusTooManyRequests, true: http.StatusOK} {
		g := newGateway(t, echoBytes(t), func(o *Options) {
			if o.Limits.ConnectionsPerClient = 1; trusted {
				o.TrustedProxies = []netip.Prefix{{}}
			}
		})
		path := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Skip(err)
		}
		go func() { _ = g.server.Serve(l, nil) }()
		status := 0
		for range 2 {
			conn, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			status = g.asks(t, conn)
		}
		if status != want {
			t.Errorf("trusted %v: the second connection gets %d", trusted, status)
		}
	}
}
