package proxy

import (
	"net/netip"
	"testing"
)

func TestForwardedChain(t *testing.T) {
	trusted := newProxies(prefixes("10.0.0.0/8", "fd00::/8"), nil)
	for _, c := range []struct{ name, head, want string }{
		{"nobody forwarded it", "", "10.0.0.1"},
		{"one client", "X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"},
		{"what the client claimed itself is not believed", "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n", "192.0.2.7"},
		{"a chain of trusted proxies", "X-Forwarded-For: 192.0.2.7, 10.0.0.3\r\nX-Forwarded-For: fd00::1\r\n", "192.0.2.7"},
		{"nothing is read beyond what cannot be read", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: unknown, 10.0.0.3\r\n", "10.0.0.3"},
		{"nor beyond an empty element", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For:\r\n", "10.0.0.1"},
		{"nor is a name with an underscore", "X_Forwarded_For: 203.0.113.9\r\n", "10.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f fields
			if problem := f.parse([]byte(c.head + "\r\n")); problem != "" {
				t.Fatal(problem)
			}
			if got, _ := trusted.client(netip.MustParseAddr("10.0.0.1"), false, &f); got.String() != c.want {
				t.Errorf("client %s, want %s", got, c.want)
			}
		})
	}
}
