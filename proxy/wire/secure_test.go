package wire

import (
	"net"
	"testing"
	"time"

	"patgate/proxy/wire/loop"
)

type nobody struct{}

func (nobody) Ready() {}

// A connection is drained only when nothing has come behind a record: not on the socket, not beside it in the read that brought it,
// and not a part of the next one.
func TestRecordsKnowWhatCameBehindThem(t *testing.T) {
	l, err := loop.New(0)
	if err != nil {
		t.Skip("there are no loops here")
	}
	defer l.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	socket, err := l.Adopt(c.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	socket.Handle(nobody{})
	if err := socket.Start(false); err != nil {
		t.Fatal(err)
	}
	r := &records{Socket: socket, way: inLoop}
	s := &secure{records: r}
	const record = "\x17\x03\x03\x00\x0a0123456789"
	read := func(room, want int) {
		t.Helper()
		if n, err := r.Read(make([]byte, room)); n != want || err != nil {
			t.Fatalf("read %d, %v; want %d", n, err, want)
		}
	}
	for name, room := range map[string]int{"on the socket": len(record), "beside it": 2 * len(record), "a part of it": len(record) + 3} {
		_, _ = peer.Write([]byte(record + record))
		time.Sleep(10 * time.Millisecond)
		read(room, len(record))
		if s.drained() || r.Silent() {
			t.Errorf("%s: a record behind was not seen", name)
		}
		for left := len(record); left > 0; {
			n, err := r.Read(make([]byte, 100))
			if err != nil {
				t.Fatal(err)
			}
			left -= n
		}
		if !s.drained() || !r.Silent() {
			t.Errorf("%s: something was seen behind the last record", name)
		}
	}
	_, _ = peer.Write([]byte(record[:7]))
	time.Sleep(10 * time.Millisecond)
	read(100, 7)
	if s.drained() || r.Silent() {
		t.Error("a part of a record was not seen")
	}
}
