package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A client that sends all of a long body before it reads gets the answer that says why it was refused.
func TestRefusedLongBodyIsAnswered(t *testing.T) {
	const length = 64 << 20 // more than sockets hold
	head := func(g *gateway, token, more string) string {
		return fmt.Sprintf("POST /api/v4/projects/7/issues HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n", token, length, more)
	}
	send := func(t *testing.T, c net.Conn, head string, status int) {
		t.Helper()
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(c, head); err != nil {
			t.Fatal(err)
		}
		chunk := make([]byte, 1<<20)
		for sent := 0; sent < length; sent += len(chunk) {
			if _, err := c.Write(chunk); err != nil {
				t.Fatalf("after %d bytes: %v", sent, err)
			}
		}
		r := bufio.NewReader(c)
		a, last := readAnswer(t, r, "POST")
		if a.wants(t, status); !last {
			t.Error("the connection goes on")
		}
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("then %v", err)
		}
	}
	g := newGateway(t, mustNotBeCalled(t), nil)
	t.Run("longer than the limit", func(t *testing.T) {
		send(t, g.connect(t), head(g, g.token, ""), 413)
	})
	t.Run("without permission", func(t *testing.T) {
		send(t, g.connect(t), head(g, g.mint(t, nil), ""), 403)
	})
	t.Run("no HTTP", func(t *testing.T) {
		send(t, g.connect(t), head(g, g.token, "no colon\r\n"), 400)
	})
	t.Run("without event loops", func(t *testing.T) {
		g := newGateway(t, mustNotBeCalled(t), func(o *Options) { o.withoutLoops = true })
		send(t, g.connect(t), head(g, g.token, ""), 413)
	})
	t.Run("over TLS", func(t *testing.T) {
		certificate, _ := newCertificate(t)
		c, err := tls.Dial("tcp", g.serveTLS(t, certificate), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		send(t, c, head(g, g.token, ""), 413)
	})
}

// Who goes on sending, or stays without sending, does not hold the connection for ever, nor a shutdown.
func TestLingeringEnds(t *testing.T) {
	g := newGateway(t, mustNotBeCalled(t), func(o *Options) { o.Timeouts.ReadStall = 200 * time.Millisecond })
	refused := func(t *testing.T) net.Conn {
		t.Helper()
		c := g.connect(t)
		_, _ = fmt.Fprintf(c, "POST /api/v4/projects/7/issues HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: %s\r\nContent-Type: application/json\r\nContent-Length: 64000000\r\n\r\n%s", g.token, strings.Repeat("x", 16<<10))
		a, _ := readAnswer(t, c.r, "POST")
		a.wants(t, 413)
		return c
	}
	open := g.server.door.Looped
	ends := func(t *testing.T) {
		t.Helper()
		for range 500 {
			if open() == 0 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%d connections are open", open())
	}
	t.Run("nothing is sent", func(t *testing.T) {
		refused(t)
		ends(t)
	})
	t.Run("too little is sent", func(t *testing.T) {
		c := refused(t)
		go func() {
			for {
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}()
		ends(t)
	})
	t.Run("a shutdown", func(t *testing.T) {
		c := refused(t)
		go func() {
			chunk := make([]byte, 64<<10)
			for {
				if _, err := c.Write(chunk); err != nil {
					return
				}
			}
		}()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := g.server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
}
