package proxy

import (
	"bytes"
	"net/netip"

	"patgate/proxy/header"
)

// trust knows the proxies whose forwarding headers are believed.
type trust []netip.Prefix

func (t trust) includes(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range t {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// client gives the address that a request comes from, and whether the client's own connection was https: what the
// connection says, and beyond trusted proxies what they say. The chain in X-Forwarded-For is read from its end, as far
// as the proxies in it are trusted.
func (t trust) client(peer netip.Addr, secure bool, f *header.Block) (netip.Addr, bool) {
	if len(t) == 0 || !t.includes(peer) {
		return peer, secure
	}
	client, readable := peer, f.Has(header.ForwardedFor)
	for i := len(f.List) - 1; i >= 0 && readable && t.includes(client); i-- {
		if f.List[i].Name == header.ForwardedFor && !f.List[i].Alias {
			client, readable = t.walk(client, f.List[i].Value)
		}
	}
	if proto := f.Get(header.ForwardedProto); !f.Repeated(header.ForwardedProto) {
		switch {
		case header.EqualFold(proto, "https"):
			secure = true
		case header.EqualFold(proto, "http"):
			secure = false
		}
	}
	return client, secure
}

// walk reads one line from its end. At what is no address it stops for good: whoever wrote it is as far as we know.
func (t trust) walk(client netip.Addr, list []byte) (_ netip.Addr, readable bool) {
	for more := true; more && t.includes(client); {
		element := list
		i := bytes.LastIndexByte(list, ',')
		if more = i >= 0; more {
			element, list = list[i+1:], list[:i]
		}
		addr, err := netip.ParseAddr(string(header.TrimSpace(element)))
		if err != nil {
			return client, false
		}
		client = addr.Unmap()
	}
	return client, true
}
