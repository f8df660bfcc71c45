package proxy

import (
	"fmt"
	"net/netip"
	"patgate/proxy/header"
	"patgate/proxy/reading"
	"sync/atomic"
	"testing"
)

func TestForwardedChain(t *testing.T) {
	trusted := reading.NewProxies(prefixes("10.0.0.0/8", "fd00::/8"), nil)
	for _, c := range []struct{ name, head, want string }{
		{"nobody forwarded it", "", "10.0.0.1"},
		{"one client", "X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"},
		{"what the client claimed itself is not believed", "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n", "192.0.2.7"},
		{"a chain of trusted proxies", "X-Forwarded-For: 192.0.2.7, 10.0.0.3\r\nX-Forwarded-For: fd00::1\r\n", "192.0.2.7"},
		{"nothing is read beyond what cannot be read", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: unknown, 10.0.0.3\r\n", "10.0.0.3"},
		{"nor beyond an empty element", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For:\r\n", "10.0.0.1"},
		{"nor is a name with an underscore", "X_Forwarded_For: 203.0.113.9\r\n", "10.0.0.1"},
		{"a port behind the client", "X-Forwarded-For: 192.0.2.7:5555\r\n", "192.0.2.7"},
		{"a port behind a proxy in between", "X-Forwarded-For: 192.0.2.7:5555, 10.0.0.3:80\r\n", "192.0.2.7"},
		{"an address of IPv6 in brackets, with a port", "X-Forwarded-For: [2001:db8::1]:443\r\n", "2001:db8::1"},
		{"one in brackets alone", "X-Forwarded-For: [2001:db8::1]\r\n", "2001:db8::1"},
		{"one without brackets", "X-Forwarded-For: 2001:db8::1, [fd00::1]:443\r\n", "2001:db8::1"},
		{"one of a link", "X-Forwarded-For: [fe80::1%eth0]:443\r\n", "fe80::1"},
		{"one of IPv4 within IPv6", "X-Forwarded-For: [::ffff:192.0.2.7]:443\r\n", "192.0.2.7"},
		{"a name", "X-Forwarded-For: 203.0.113.9, client.example\r\n", "10.0.0.1"},
		{"nobody's name", "X-Forwarded-For: 203.0.113.9, unknown\r\n", "10.0.0.1"},
		{"a hidden name", "X-Forwarded-For: 203.0.113.9, _hidden\r\n", "10.0.0.1"},
		{"a hidden name with a port", "X-Forwarded-For: 203.0.113.9, _hidden:_x\r\n", "10.0.0.1"},
		{"a port that is none", "X-Forwarded-For: 203.0.113.9, 192.0.2.7:http\r\n", "10.0.0.1"},
		{"a port beyond all", "X-Forwarded-For: 203.0.113.9, 192.0.2.7:65536\r\n", "10.0.0.1"},
		{"a port that is missing", "X-Forwarded-For: 203.0.113.9, 192.0.2.7:\r\n", "10.0.0.1"},
		{"a bracket that is missing", "X-Forwarded-For: 203.0.113.9, [2001:db8::1:443\r\n", "10.0.0.1"},
		{"IPv4 in brackets", "X-Forwarded-For: 203.0.113.9, [192.0.2.7]\r\n", "10.0.0.1"},
		{"quotes", "X-Forwarded-For: 203.0.113.9, \"192.0.2.7\"\r\n", "10.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, _ := trusted.Client(netip.MustParseAddr("10.0.0.1"), false, parsed(t, c.head)); got.String() != c.want {
				t.Errorf("client %s, want %s", got, c.want)
			}
		})
	}
}

func parsed(t *testing.T, head string) *header.Block {
	t.Helper()
	var f header.Block
	if problem := f.Parse([]byte(head + "\r\n")); problem != "" {
		t.Fatal(problem)
	}
	return &f
}

func TestForwardedScheme(t *testing.T) {
	trusted := reading.NewProxies(prefixes("10.0.0.0/8"), nil)
	const two, one = "X-Forwarded-For: 192.0.2.7, 10.0.0.3\r\n", "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n"
	for _, c := range []struct {
		name, head string
		secure     bool // the connection to patgate
		want       bool
	}{
		{"nobody says", two, true, true},
		{"the one proxy says", one + "X-Forwarded-Proto: https\r\n", false, true},
		{"it says the contrary of the connection", one + "X-Forwarded-Proto: http\r\n", true, false},
		{"the first of two proxies ends TLS", two + "X-Forwarded-Proto: https,http\r\n", false, true},
		{"the second one has TLS", two + "X-Forwarded-Proto: http, https\r\n", false, false},
		{"in two lines", two + "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n", false, true},
		{"what the client claimed is not believed", one + "X-Forwarded-Proto: https, http\r\n", false, false},
		{"nor what it claimed before two proxies", two + "X-Forwarded-Proto: https, http, https\r\n", false, false},
		{"one proxy of two wrote it anew", two + "X-Forwarded-Proto: https\r\n", false, true},
		{"without a chain the last says", "X-Forwarded-Proto: http, https\r\n", false, true},
		{"in capitals", one + "X-Forwarded-Proto: HTTPS\r\n", false, true},
		{"neither of the two", one + "X-Forwarded-Proto: wss\r\n", true, true},
		{"an empty element", two + "X-Forwarded-Proto: , http\r\n", false, false},
		{"a name with an underscore", one + "X_Forwarded_Proto: https\r\n", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, got := trusted.Client(netip.MustParseAddr("10.0.0.1"), c.secure, parsed(t, c.head)); got != c.want {
				t.Errorf("https %v, want %v", got, c.want)
			}
		})
	}
	if _, got := trusted.Client(netip.MustParseAddr("192.0.2.1"), false, parsed(t, one+"X-Forwarded-Proto: https\r\n")); got {
		t.Error("who is not trusted is believed")
	}
}

// An operator who forgot trusted_proxies is told, once for each proxy, and of no more than a few.
func TestUntrustedForwardingIsToldOnce(t *testing.T) {
	var told atomic.Int64
	g := newGateway(t, newEcho(t, nil).URL, func(o *Options) { o.Untrusted = func(netip.Addr) { told.Add(1) } })
	auth := "PRIVATE-TOKEN: " + g.token
	g.raw(t, get(jobs, auth)).wants(t, 200)
	if told.Load() != 0 {
		t.Error("told of a request without the header")
	}
	for range 3 {
		g.raw(t, get(jobs, auth, "X-Forwarded-For: 192.0.2.7")).wants(t, 200)
		g.raw(t, get("/api/v4/user", "PRIVATE-TOKEN: glpat-x", "X-Forwarded-For: 192.0.2.7")).wants(t, 200)
	}
	if told.Load() != 1 {
		t.Errorf("told %d times", told.Load())
	}
	for i := range 100 {
		g.handler.Client(address(i), []string{fmt.Sprint("192.0.2.", i)})
	}
	if n := told.Load(); n != reading.MostTold {
		t.Errorf("told of %d", n)
	}
}
