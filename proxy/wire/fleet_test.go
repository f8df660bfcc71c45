package wire

import (
	"net"
	"testing"
	"time"

	"patgate/dial"
	"patgate/fleet"
	"patgate/fleet/share"
)

// When this node's share falls while more is in use, whoever has been admitted before does not wait for what nobody gives back.
// Beyond the share somebody else's idle connection makes room.
func TestAShareThatFallsWhileConnectionsAreInUse(t *testing.T) {
	var size fleet.Size
	p := newFleetPool(t, &size)
	by := Claim{Holder: Holder{1}}
	get := func() *Upstream {
		t.Helper()
		got := make(chan *Upstream, 1)
		go func() {
			c, err := p.get(false, by)
			if err != nil {
				t.Error(err)
			}
			got <- c
		}()
		select {
		case c := <-got:
			return c
		case <-time.After(10 * time.Second):
			t.Fatal("it waits")
			return nil
		}
	}
	for range 4 {
		get()
	}
	size.Set(3)
	get()
	if open, _ := p.Counts(); open != 5 {
		t.Errorf("%d are open", open)
	}
	if p.room(p.fleet.Share(p.max)) {
		t.Error("a further one may be opened beside those that are there")
	}
}

// newFleetPool makes a pool of six connections of all nodes, to somebody who accepts them and says nothing.
func newFleetPool(t *testing.T, size *fleet.Size) *Pool {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	d, _ := dial.New(dial.Options{URL: "http://" + ln.Addr().String()})
	limits := &Timeouts{ReadHeader: time.Minute, Idle: time.Minute, ReadStall: time.Minute, WriteStall: time.Minute,
		ClientGone:   time.Minute,
		UpstreamDial: time.Second, UpstreamResponse: time.Minute, UpstreamStall: time.Minute, UpstreamIdle: time.Minute}
	all := NewLoops(1)
	t.Cleanup(all.Close)
	p := NewPool(PoolOptions{Dialer: d, Connections: 6, Fleet: size, Timeouts: limits, Watchdog: NewWatchdog(limits), Loops: all})
	t.Cleanup(p.Close)
	return p
}

// When this node's share falls, what it has beyond that is closed: connections in use when they are given back, and idle ones.
func TestAShareThatFallsWhileConnectionsAreIdle(t *testing.T) {
	var size fleet.Size
	p := newFleetPool(t, &size)
	get := func(holder uint64) *Upstream {
		t.Helper()
		c, err := p.Get(false, Claim{Holder: Holder{holder}, Share: share.Borrower{Holder: Holder{holder}}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	counts := func(open, idle int) {
		t.Helper()
		if o, i := p.Counts(); o != open || i != idle {
			t.Errorf("%d are open and %d of them idle, want %d and %d", o, i, open, idle)
		}
	}
	var used []*Upstream
	for i := range uint64(6) {
		used = append(used, get(i))
	}
	for round := uint64(0); round != p.loops.all[0].Round(); time.Sleep(20 * time.Millisecond) {
		round = p.loops.all[0].Round() // until the loop has told of all that they can be written to
	}
	p.Put(used[0])
	p.Put(used[1])
	counts(6, 2)
	size.Set(2)
	p.Put(used[2])
	counts(5, 2)
	p.reap(p.dog.now.Load())
	counts(3, 0)
	for _, c := range used[3:] {
		p.Put(c)
	}
	counts(3, 3)
	size.Set(6)
	p.reap(p.dog.now.Load())
	counts(1, 1)
	size.Set(1)
	for i := range uint64(6) {
		get(i) // nothing counts as in use any more
	}
	counts(6, 0)
}
