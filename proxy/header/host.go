package header

import (
	"bytes"
	"net/netip"
)

// IsHost tells whether a Host value is a name, an IPv4 address or a bracketed IPv6 address, with an optional port.
func IsHost(host []byte) bool {
	if len(host) == 0 || len(host) > 255 {
		return false
	}
	name := host
	if host[0] == '[' {
		end := bytes.IndexByte(host, ']')
		if end < 0 || !isIPv6(host[1:end]) {
			return false
		}
		name = host[end+1:]
		return len(name) == 0 || name[0] == ':' && isPort(name[1:])
	}
	if i := bytes.IndexByte(host, ':'); i >= 0 {
		if !isPort(host[i+1:]) {
			return false
		}
		name = host[:i]
	}
	for _, c := range name {
		if !hostByte[c] {
			return false
		}
	}
	return len(name) > 0
}

var hostByte = func() (ok [256]bool) {
	for c := range ok {
		ok[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_'
	}
	return ok
}()

func isPort(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 5
}

// isIPv6 tells whether b is an IPv6 address without a zone (RFC 3986, 3.2.2).
func isIPv6(b []byte) bool {
	address, err := netip.ParseAddr(string(b))
	return err == nil && address.Is6() && address.Zone() == ""
}
