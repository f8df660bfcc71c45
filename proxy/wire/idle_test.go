package wire

import "testing"

func TestIdleListGivesToItsHolderOnly(t *testing.T) {
	l := &idleList{}
	conn := func(user uint64, idle int64) *Upstream {
		c := &Upstream{holder: Holder{user}, idle: idle}
		l.push(c)
		return c
	}
	a1, b, a2 := conn(1, 10), conn(2, 20), conn(1, 30)
	same := Holder{2}
	for other := uint64(3); ; other++ { // one of another holder in the same chain
		if h := (Holder{other}); h.slot() == same.slot() {
			conn(other, 40)
			break
		}
	}
	switch {
	case l.pop(Holder{9}) != nil:
		t.Error("who has none got one")
	case l.since() != 10:
		t.Errorf("the oldest is of %d", l.since())
	case l.pop(Holder{1}) != a2:
		t.Error("the newest of its own is not given first")
	case l.pop(same) != b || l.pop(same) != nil:
		t.Error("one of another holder was given, or its own was not")
	case !l.remove(a1) || l.remove(a1):
		t.Error("one is removed once")
	case len(l.removeOlder(func(c *Upstream) bool { return c.idle < 50 })) != 1 || l.all != (chain{}):
		t.Error("not all are gone")
	}
	l.push(a1)
	if all := l.close(); len(all) != 1 || l.push(b) {
		t.Error("a closed list takes one in")
	}
}
