package proxy

import (
	"bytes"
	"net/netip"
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
func (t trust) client(peer netip.Addr, secure bool, f *fields) (netip.Addr, bool) {
	if len(t) == 0 || !t.includes(peer) {
		return peer, secure
	}
	client := peer
	if f.has(fieldForwardedFor) {
		for i := len(f.list) - 1; i >= 0 && t.includes(client); i-- {
			if f.list[i].field == fieldForwardedFor && !f.list[i].alias {
				client = t.walk(client, f.list[i].value)
			}
		}
	}
	if proto := f.get(fieldForwardedProto); !f.repeated(fieldForwardedProto) {
		switch {
		case equalFold(proto, "https"):
			secure = true
		case equalFold(proto, "http"):
			secure = false
		}
	}
	return client, secure
}

func (t trust) walk(client netip.Addr, list []byte) netip.Addr {
	for len(list) > 0 && t.includes(client) {
		element := list
		if i := bytes.LastIndexByte(list, ','); i >= 0 {
			element, list = list[i+1:], list[:i]
		} else {
			list = nil
		}
		addr, err := netip.ParseAddr(string(trimSpace(element)))
		if err != nil {
			return client // unreadable: whoever wrote it is as far as we know
		}
		client = addr.Unmap()
	}
	return client
}
