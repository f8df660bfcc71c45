package cli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// slowClients is how many connections a slow attack opens.
const slowClients = 400

// drip writes bytes one at a time until the other side ends the connection.
func drip(c net.Conn, every time.Duration) {
	for {
		if _, err := c.Write([]byte{'a'}); err != nil {
			return
		}
		time.Sleep(every)
	}
}

// Threat: slowloris. Attack: hundreds of connections that send a header one byte at a time.
func TestAttackSlowHeaders(t *testing.T) {
	g := underAttack(t, "PATGATE_TIMEOUTS_READ_HEADER=1s")
	var got statuses
	g.during(t, cheap, func() {
		g.many(slowClients, func(_ int, c net.Conn) {
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\nX-Slow: ")
			go drip(c, 50*time.Millisecond)
			got.read(bufio.NewReader(c)) // ends when patgate ends it
		})
	})
	got.only(t, 408, 0)
}

// Threat: the same with bodies, which a holder of a token may send and which patgate reads before it forwards them.
// Attack: never stopping for as long as the limit of a pause, but never getting on either.
func TestAttackSlowBodies(t *testing.T) {
	g := underAttack(t, "PATGATE_TIMEOUTS_READ_STALL=1s")
	for name, head := range map[string]string{
		"JSON":     fmt.Sprintf("POST /api/v4/projects/%d/issues HTTP/1.1\r\nContent-Type: application/json\r\n", g.world.api),
		"streamed": fmt.Sprintf("PUT /api/v4/projects/%d/packages/generic/a/1/f HTTP/1.1\r\nContent-Type: application/octet-stream\r\n", g.world.api),
	} {
		t.Run(name, func(t *testing.T) {
			var got statuses
			g.during(t, cheap, func() {
				g.many(slowClients/2, func(_ int, c net.Conn) {
					_, _ = io.WriteString(c, head+"Host: h\r\nPRIVATE-TOKEN: "+g.token+"\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat(" ", 20000))
					go drip(c, 100*time.Millisecond)
					got.read(bufio.NewReader(c))
				})
			})
			got.only(t, 408, 0)
		})
	}
}

// Threat: memory for headers. Attack: headers that are as long as they may be and never end, and ones that are longer.
func TestAttackHugeHeaders(t *testing.T) {
	g := underAttack(t, "PATGATE_TIMEOUTS_READ_HEADER=1s")
	lines := func(bytes int) string {
		return "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 990)+"\r\n", bytes/1000)
	}
	t.Run("as long as they may be", func(t *testing.T) {
		var got statuses
		g.during(t, cheap, func() {
			g.many(slowClients, func(_ int, c net.Conn) {
				_, _ = io.WriteString(c, lines(15000))
				got.read(bufio.NewReader(c))
			})
		})
		got.only(t, 408, 0)
	})
	g = underAttack(t) // with time enough to read as much as is refused
	t.Run("longer", func(t *testing.T) {
		var got statuses
		g.during(t, cheap, func() {
			g.many(slowClients, func(_ int, c net.Conn) {
				go io.WriteString(c, lines(1<<20))
				got.read(bufio.NewReader(c))
			})
		})
		got.only(t, 431, 0) // a reset may overtake the answer
		if got.count[431] == 0 {
			t.Error("nobody was told why")
		}
	})
	t.Run("many lines", func(t *testing.T) {
		var got statuses
		g.during(t, cheap, func() {
			g.many(slowClients, func(_ int, c net.Conn) {
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n"+strings.Repeat("a: b\r\n", 2000)+"\r\n")
				got.read(bufio.NewReader(c))
			})
		})
		got.only(t, 400)
	})
}

// Threat: one client takes all connections. Attack: more idle connections from one address than the server may have.
// Control: a client at another address opens a new connection for each request.
func TestAttackManyConnections(t *testing.T) {
	g := underAttack(t, "PATGATE_LIMITS_CONNECTIONS=300", "PATGATE_LIMITS_CONNECTIONS_PER_CLIENT=100", "PATGATE_TIMEOUTS_READ_HEADER=2s")
	var got statuses
	g.during(t, cheap, func() {
		g.many(2*300, func(_ int, c net.Conn) { got.read(bufio.NewReader(c)) })
	})
	if got.count[429] < 400 {
		t.Errorf("answers %v", got.count)
	}
}

// Threat: the process runs out of file descriptors. Attack: more connections than it may have files. Control: who has a
// connection is served all the while, nothing ends the process, the log does not fill, and afterwards all is as before.
func TestAttackFileDescriptors(t *testing.T) {
	g := underAttack(t, "PATGATE_TIMEOUTS_READ_HEADER=2s")
	before := g.held(t)
	c, err := net.Dial("tcp", strings.TrimPrefix(g.gate, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	ask := func() int {
		_, _ = io.WriteString(c, "GET "+g.issues+" HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: "+g.token+"\r\n\r\n")
		return new(statuses).read(r)
	}
	if status := ask(); status != 200 {
		t.Fatalf("status %d", status)
	}
	limit := g.openFiles(t) + 30
	if err := unix.Prlimit(g.server.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: limit}, nil); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.many(80, func(_ int, c net.Conn) { new(statuses).read(bufio.NewReader(c)) })
	}()
	full := false
	for i := 0; ; i++ {
		if status := ask(); status != 200 {
			t.Fatalf("request %d on a connection that was open got %d\n%s", i, status, g.lastLines(5))
		}
		full = full || g.openFiles(t) >= limit
		select {
		case <-done:
		default:
			time.Sleep(10 * time.Millisecond)
			continue
		}
		break
	}
	if !full {
		t.Error("the limit was never reached")
	}
	g.recovers(t, before)
	other := 0
	for line := range bytes.Lines([]byte(g.logText())) {
		if !bytes.Contains(line, []byte(`"msg":"decision"`)) {
			other++
		}
	}
	if other > 50 {
		t.Errorf("%d lines were logged of it\n%s", other, g.lastLines(3))
	}
}
