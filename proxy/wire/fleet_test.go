package wire

import (
	"net"
	"testing"
	"time"

	"patgate/dial"
	"patgate/fleet"
)

// When this node's share falls while more is in use, whoever has been admitted before does not wait for what nobody gives back.
// Beyond the share somebody else's idle connection makes room.
func TestAShareThatFallsWhileConnectionsAreInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	d, _ := dial.New(dial.Options{URL: "http://" + ln.Addr().String()})
	limits := &Timeouts{ReadHeader: time.Minute, Idle: time.Minute, ReadStall: time.Minute, WriteStall: time.Minute, ClientGone: time.Minute,
		UpstreamDial: time.Second, UpstreamResponse: time.Minute, UpstreamStall: time.Minute, UpstreamIdle: time.Minute}
	all := NewLoops(1)
	defer all.Close()
	var size fleet.Size
	p := NewPool(PoolOptions{Dialer: d, Connections: 6, Fleet: &size, Timeouts: limits, Watchdog: NewWatchdog(limits), Loops: all})
	defer p.Close()
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
