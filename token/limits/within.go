package limits

import "net/netip"

// Beyond gives the limits of parent that child is not within, in their order: none means that whatever child lets through is let
// through by parent too. It is on the safe side: each network of child must be within one of parent's, and the windows of child
// must be within those that parent has in the same time zone. A nil child has no limit.
func Beyond(child, parent *Limits) (beyond []Name) {
	if parent == nil {
		return nil
	}
	if child == nil {
		child = &Limits{}
	}
	for _, n := range Names() {
		var within bool
		switch n {
		case Networks:
			within = len(parent.networks) == 0 || child.networksWithin(parent)
		case Windows:
			within = len(parent.windows) == 0 || child.windowsWithin(parent)
		default:
			most, own := *parent.Spec.Number(n), *child.Spec.Number(n)
			within = most == 0 || own != 0 && own <= most
		}
		if !within {
			beyond = append(beyond, n)
		}
	}
	return beyond
}

func (l *Limits) networksWithin(parent *Limits) bool {
	for _, own := range l.networks {
		if !covered(own, parent.networks) {
			return false
		}
	}
	return len(l.networks) > 0
}

// covered tells whether a network is within one of some.
func covered(p netip.Prefix, by []netip.Prefix) bool {
	for _, wide := range by {
		if wide.Bits() <= p.Bits() && wide.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

func (l *Limits) windowsWithin(parent *Limits) bool {
	theirs := weeks(parent.windows)
	for _, w := range theirs {
		if w.whole() {
			return true
		}
	}
	for zone, own := range weeks(l.windows) {
		if wide := theirs[zone]; wide == nil || !wide.has(own) {
			return false
		}
	}
	return len(l.windows) > 0
}
