package limits

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // for machines without a database of time zones
)

// Bounds of a Spec: enough for people, and cheap to check at each request.
const (
	MostNetworks = 100
	MostWindows  = 50
	// MostNumber bounds every number, to what JSON carries exactly.
	MostNumber = int64(1) << 53
)

// Limits is a Spec in the form in which requests are held to it. Compile makes it, and it is not changed afterwards. Nil limits
// nothing.
type Limits struct {
	// Spec is what it was made of, in one spelling: networks sorted, each once.
	Spec     Spec
	networks []netip.Prefix
	windows  []window
}

// Compile reads limits. The error is an *Error with all problems. Of an empty Spec it gives nil.
func Compile(s Spec) (*Limits, error) {
	problems := &Error{}
	l := &Limits{}
	if len(s.Networks) > MostNetworks {
		problems.add(string(Networks), "%d ranges are too many: at most %d", len(s.Networks), MostNetworks)
	}
	for i, text := range s.Networks {
		prefix, message := network(text)
		if message != "" {
			problems.add(fmt.Sprintf("%s[%d]", Networks, i), "%s", message)
			continue
		}
		l.networks = append(l.networks, prefix)
	}
	slices.SortFunc(l.networks, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	l.networks = slices.Compact(l.networks)
	if len(s.Windows) > MostWindows {
		problems.add(string(Windows), "%d windows are too many: at most %d", len(s.Windows), MostWindows)
	}
	for i := range s.Windows {
		w, ok := s.Windows[i].compile(fmt.Sprintf("%s[%d]", Windows, i), problems)
		if ok {
			l.windows = append(l.windows, w)
			l.Spec.Windows = append(l.Spec.Windows, w.spec())
		}
	}
	for _, n := range Names() {
		number := s.Number(n)
		if number == nil {
			continue
		}
		if *number < 0 || *number > MostNumber {
			problems.add(string(n), "%d is out of range: a number from 1 on, or 0 for no limit", *number)
		}
		*l.Spec.Number(n) = *number
	}
	if len(problems.Problems) > 0 {
		return nil, problems
	}
	for _, p := range l.networks {
		l.Spec.Networks = append(l.Spec.Networks, p.String())
	}
	if l.Spec.Empty() {
		return nil, nil
	}
	return l, nil
}

// network reads a range of addresses. Addresses of IPv4 in the form of IPv6 are those of IPv4, as those of clients are.
func network(text string) (p netip.Prefix, message string) {
	text = strings.TrimSpace(text)
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), ""
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Sprintf("%q is not a range of addresses: write 10.0.0.0/8, 2001:db8::/32 or 10.1.2.3", text)
	}
	if p != p.Masked() {
		return p, fmt.Sprintf("%q has bits set beyond its prefix length: write %s", text, p.Masked())
	}
	if mapped := 128 - 32; p.Addr().Is4In6() {
		if p.Bits() < mapped {
			return p, fmt.Sprintf("%q is wider than all addresses of IPv4: write 0.0.0.0/0", text)
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p, ""
}

// From tells whether a request may come from an address. No address is within any network.
func (l *Limits) From(a netip.Addr) bool {
	if l == nil || len(l.networks) == 0 {
		return true
	}
	a = a.Unmap().WithZone("")
	for _, p := range l.networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// At tells whether the token works at an instant; else when it does next, which is zero when it never will.
func (l *Limits) At(now time.Time) (open bool, next time.Time) {
	if l == nil || len(l.windows) == 0 {
		return true, next
	}
	for i := range l.windows {
		if l.windows[i].open(now) {
			return true, next
		}
	}
	for i := range l.windows {
		if at := l.windows[i].opens(now); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return false, next
}
