package reading

import (
	"bytes"
	"net/netip"
	"strconv"
	"sync"

	"patgate/proxy/header"
	"patgate/proxy/surface"
)

// Proxies are those whose forwarding headers are believed.
type Proxies struct {
	trusted   []netip.Prefix
	untrusted func(peer netip.Addr) // called for an untrusted peer that sends the header; nil: nobody is told

	mu   sync.Mutex
	told map[netip.Addr]struct{}
}

// MostTold is how many untrusted peers are reported at most.
const MostTold = 16

// NewProxies makes Proxies. untrusted, when not nil, is called for the first peers that send the headers and are not trusted.
func NewProxies(trusted []netip.Prefix, untrusted func(netip.Addr)) *Proxies {
	return &Proxies{trusted: trusted, untrusted: untrusted, told: map[netip.Addr]struct{}{}}
}

// Includes tells whether an address is one of them.
func (p *Proxies) Includes(a netip.Addr) bool { return Includes(p.trusted, a) }

// Includes tells whether an address is in one of the ranges. The zero range stands for peers of Unix sockets, whose address is
// not valid, and which no other range has.
func Includes(ranges []netip.Prefix, a netip.Addr) bool {
	a = a.Unmap()
	for _, r := range ranges {
		if r.Contains(a) || !a.IsValid() && r == (netip.Prefix{}) {
			return true
		}
	}
	return false
}

// Client gives the address that a request comes from, and whether the client's own connection was https: what the
// connection says, and beyond trusted proxies what they say. The chain in X-Forwarded-For is read from its end, as far
// as the proxies in it are trusted. Each of them adds who came to it at the end of X-Forwarded-For, and by which scheme at the
// end of X-Forwarded-Proto (RFC 7239, 4): the scheme is as far from the end of its list as the address from the end of the
// other, or the first one where the list is shorter, because a proxy has written it anew.
func (p *Proxies) Client(peer netip.Addr, secure bool, f *header.Block) (netip.Addr, bool) {
	if len(p.trusted) == 0 || !p.Includes(peer) {
		if f.Has(header.ForwardedFor) {
			p.tell(peer)
		}
		return peer, secure
	}
	client, passed := p.walk(peer, f)
	switch scheme := fromEnd(f, header.ForwardedProto, max(passed, 1)); {
	case header.EqualFold(scheme, "https"):
		secure = true
	case header.EqualFold(scheme, "http"):
		secure = false
	}
	return client, secure
}

// Origin is the address by which limits on networks go: that of the request's client. When one of them, or of those that announce
// clients by the PROXY protocol, has connected and named no address, there is none.
func (p *Proxies) Origin(q *surface.Request, announcing []netip.Prefix) (none netip.Addr) {
	peer := q.Client
	if q.Conn != nil {
		if peer = q.Conn.Peer; q.Conn.Announced {
			return q.Client
		}
	}
	if p.Includes(q.Client) || Includes(announcing, q.Client) {
		if _, passed := p.walk(peer, &q.Fields); passed == 0 {
			return none
		}
	}
	return q.Client
}

// walk follows X-Forwarded-For from its end, and tells how many elements it has taken. At what is no address it stops for good:
// whoever wrote it is as far as we know.
func (p *Proxies) walk(peer netip.Addr, f *header.Block) (client netip.Addr, passed int) {
	client = peer
	if !f.Has(header.ForwardedFor) {
		return client, 0
	}
	for i := len(f.List) - 1; i >= 0; i-- {
		if f.List[i].Name != header.ForwardedFor || f.List[i].Alias {
			continue
		}
		for list, more := f.List[i].Value, true; more; {
			if !p.Includes(client) {
				return client, passed
			}
			var element []byte
			element, list, more = cutLast(list)
			addr, ok := addressOf(element)
			if !ok {
				return client, passed
			}
			client = addr
			passed++
		}
	}
	return client, passed
}

// cutLast takes the last element of a comma-separated list.
func cutLast(list []byte) (element, rest []byte, more bool) {
	i := bytes.LastIndexByte(list, ',')
	if i < 0 {
		return header.TrimSpace(list), nil, false
	}
	return header.TrimSpace(list[i+1:]), list[:i], true
}

// fromEnd gives the n-th element from the end of a list that may stand in several lines, the last being 1; the first one when
// there are fewer.
func fromEnd(f *header.Block, name header.Name, n int) (element []byte) {
	if !f.Has(name) {
		return nil
	}
	for i := len(f.List) - 1; i >= 0; i-- {
		if f.List[i].Name != name || f.List[i].Alias {
			continue
		}
		for list, more := f.List[i].Value, true; more; {
			if element, list, more = cutLast(list); n == 1 {
				return element
			}
			n--
		}
	}
	return element
}

// addressOf reads an element of X-Forwarded-For: an address, with a port behind it as some proxies write it, of IPv6 then in
// brackets. What says nothing, such as "unknown" or "_hidden" (RFC 7239, 6), is none.
func addressOf(element []byte) (addr netip.Addr, ok bool) {
	text := string(element)
	if port := bytes.LastIndexByte(element, ':'); port > 0 &&
		(element[0] == '[' && element[port-1] == ']' || bytes.IndexByte(element, ':') == port) {
		if n, err := strconv.ParseUint(text[port+1:], 10, 16); err != nil || text[port+1] == '+' || n == 0 {
			return addr, false
		}
		text = text[:port]
	}
	bracketed := len(text) > 2 && text[0] == '[' && text[len(text)-1] == ']'
	if bracketed {
		text = text[1 : len(text)-1]
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || bracketed && !addr.Is6() {
		return addr, false
	}
	return addr.WithZone("").Unmap(), true
}

// tell tells of an untrusted peer that names a client, once.
func (p *Proxies) tell(peer netip.Addr) {
	if p.untrusted == nil {
		return
	}
	p.mu.Lock()
	_, before := p.told[peer]
	if before = before || len(p.told) >= MostTold; !before {
		p.told[peer] = struct{}{}
	}
	p.mu.Unlock()
	if !before {
		p.untrusted(peer)
	}
}
