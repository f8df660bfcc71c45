package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"patgate/proxy/legacy"
)

const (
	announcement      = "PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\r\n"
	announcementOfTwo = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\xc0\x00\x02\x01\x1f\x90\x00\x50"
	announcementOwn   = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
)

// announcing opens a connection on which a proxy says whose it is.
func (g *gateway) announcing(t *testing.T, header string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, header); err != nil {
		t.Fatal(err)
	}
	return c
}

// asks sends a request with the gateway's token, and gives the status of the answer; 0: there is none.
func (g *gateway) asks(t *testing.T, c net.Conn, fields ...string) int {
	t.Helper()
	// A connection that is refused at once may be closed by now. Its answer is there all the same.
	_, _ = io.WriteString(c, get(jobs, append(fields, "PRIVATE-TOKEN: "+g.token)...))
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// TestAnnouncedClients has a proxy say who the client is, in both versions, of connections that loops and goroutines serve, with and
// without https behind the header.
func TestAnnouncedClients(t *testing.T) {
	serverTLS, clientTLS, _ := certified(t)
	for _, withoutLoops := range []bool{false, true} {
		for _, secure := range []*tls.Config{nil, serverTLS} {
			g := newGatewayOver(t, secure, echoBytes(t), func(o *Options) {
				o.withoutLoops, o.ProxyProtocol = withoutLoops, prefixes("127.0.0.0/8")
			})
			for header, want := range map[string]string{announcement: "203.0.113.9", announcementOfTwo: "203.0.113.9",
				announcementOwn: "127.0.0.1", "PROXY UNKNOWN\r\n": "127.0.0.1",
				"PROXY TCP6 ::ffff:203.0.113.8 ::1 1 2\r\n": "203.0.113.8"} {
				t.Run(fmt.Sprintf("loops %v, https %v, %q", !withoutLoops, secure != nil, header), func(t *testing.T) {
					c := g.announcing(t, header)
					if secure != nil {
						trust := clientTLS.Clone()
						trust.ServerName = "127.0.0.1"
						c = tls.Client(c, trust)
					}
					for range 3 { // the first may go to a goroutine, and later ones to a loop
						if status := g.asks(t, c, "X-Forwarded-For: 198.51.100.7"); status != http.StatusOK {
							t.Fatalf("status %d", status)
						}
						if e := g.sink.last(t); e.Client.String() != want {
							t.Errorf("the client is %v", e.Client)
						}
					}
				})
			}
		}
	}
}

// TestNobodyChoosesHisAddress plays clients that would be somebody else.
func TestNobodyChoosesHisAddress(t *testing.T) {
	t.Run("a header from anybody else is no request", func(t *testing.T) {
		for _, header := range []string{announcement, announcementOfTwo} {
			g := newGateway(t, mustNotBeCalled(t), func(o *Options) {
				o.ProxyProtocol, o.Attempts = append(prefixes("192.0.2.0/24", "::/64"), netip.Prefix{}), attempts(1<<20)
			})
			if status := g.asks(t, g.announcing(t, header)); status == http.StatusOK {
				t.Errorf("%q: status %d", header, status)
			}
			for _, e := range g.sink.decisions {
				if e.Client.String() != "127.0.0.1" {
					t.Errorf("%q: the log has %v", header, e.Client)
				}
			}
		}
	})
	t.Run("a proxy's connection without a header is closed and told of", func(t *testing.T) {
		told := make(chan error, 9)
		g := newGateway(t, mustNotBeCalled(t), func(o *Options) {
			o.ProxyProtocol, o.Modes.Anonymous = prefixes("127.0.0.1/32"), legacy.Allow
			o.Unannounced = func(_ net.Addr, problem error) { told <- problem }
		})
		if status := g.asks(t, g.announcing(t, "")); status != 0 {
			t.Errorf("status %d", status)
		}
		if err := <-told; !strings.Contains(err.Error(), "does not begin with a header") {
			t.Errorf("told: %v", err)
		}
	})
	t.Run("a second header, which the client wrote, is no request", func(t *testing.T) {
		g := newGateway(t, mustNotBeCalled(t), func(o *Options) { o.ProxyProtocol = prefixes("127.0.0.1/32") })
		for _, second := range []string{announcement, announcementOfTwo, strings.Replace(announcement, ".9 ", ".10 ", 1)} {
			if status := g.asks(t, g.announcing(t, announcement+second)); status == http.StatusOK {
				t.Errorf("%q: status %d", second, status)
			}
		}
	})
	t.Run("X-Forwarded-For is believed of an announced client that is trusted, and of no other", func(t *testing.T) {
		for trusted, want := range map[string]string{"203.0.113.0/24": "198.51.100.7", "127.0.0.0/8": "203.0.113.9"} {
			g := newGateway(t, echoBytes(t), func(o *Options) {
				o.ProxyProtocol, o.TrustedProxies = prefixes("127.0.0.1/32"), prefixes(trusted)
			})
			if status := g.asks(t, g.announcing(t, announcement), "X-Forwarded-For: 198.51.100.7"); status != http.StatusOK {
				t.Fatalf("status %d", status)
			}
			if e := g.sink.last(t); e.Client.String() != want {
				t.Errorf("trusting %s: the client is %v", trusted, e.Client)
			}
		}
	})
	t.Run("an announced client has the connections of one", func(t *testing.T) {
		g := newGateway(t, echoBytes(t), func(o *Options) {
			o.ProxyProtocol, o.Limits.ConnectionsPerClient = prefixes("127.0.0.1/32"), 1
		})
		if status := g.asks(t, g.announcing(t, announcement)); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
		if status := g.asks(t, g.announcing(t, announcementOfTwo)); status != http.StatusTooManyRequests {
			t.Errorf("a second connection: status %d", status)
		}
		other := strings.Replace(announcement, ".9 ", ".10 ", 1)
		for _, header := range []string{other, announcementOwn, announcementOwn} {
			if status := g.asks(t, g.announcing(t, header)); status != http.StatusOK {
				t.Errorf("%q: status %d", header, status)
			}
		}
	})
	t.Run("wrong credentials count for the announced client", func(t *testing.T) {
		g := newGateway(t, echoBytes(t), func(o *Options) { o.ProxyProtocol, o.Attempts = prefixes("127.0.0.1/32"), attempts(2) })
		right := g.token
		status := 0
		for range 4 {
			g.token = g.mint(t, errUnknown)
			status = g.asks(t, g.announcing(t, announcement))
		}
		if status != http.StatusTooManyRequests {
			t.Errorf("that client: status %d", status)
		}
		g.token = right
		if status := g.asks(t, g.announcing(t, strings.Replace(announcement, ".9 ", ".10 ", 1))); status != http.StatusOK {
			t.Errorf("another one: status %d", status)
		}
	})
}

// TestAHeaderThatDoesNotCome is a proxy that opens connections and says nothing: it holds them for a while, and no end of the server.
func TestAHeaderThatDoesNotCome(t *testing.T) {
	g := newGateway(t, echoBytes(t), func(o *Options) {
		o.ProxyProtocol, o.Timeouts.ReadHeader, o.Limits.Connections = prefixes("127.0.0.1/32"), 300*time.Millisecond, 4
	})
	var waiting []net.Conn
	for range 4 {
		waiting = append(waiting, g.announcing(t, "PROXY TCP4 "))
	}
	time.Sleep(100 * time.Millisecond)
	if status := g.asks(t, g.announcing(t, announcement)); status != 0 {
		t.Errorf("more than there may be: status %d", status)
	}
	for _, c := range waiting {
		if n, _ := io.Copy(io.Discard, c); n != 0 {
			t.Errorf("%d bytes came", n)
		}
	}
	if status := g.asks(t, g.announcing(t, announcement)); status != http.StatusOK {
		t.Errorf("after they are gone: status %d", status)
	}
	g.announcing(t, "PROXY") // which is there when the server ends
}
