package proxy

import (
	"io"
	"net"

	"github.com/valyala/fasthttp"
)

// tunnel passes a websocket upgrade through on a connection of its own. It is only for callers without a patgate token.
func (x *exchange) tunnel() (kept bool) {
	x.pool = x.h.others
	c, err := x.pool.get(true, x.claim())
	if err == nil {
		if err = c.exchange(x.head, &upload{}, false, &x.answer); err != nil {
			x.pool.drop(c)
		}
	}
	if err != nil {
		x.event.Failure = failureOf(err)
		x.refuse(refusalOf(err))
		return false
	}
	x.upstream = c
	if x.answer.StatusCode() != fasthttp.StatusSwitchingProtocols {
		x.copyAnswer()
		return x.deliver()
	}
	x.copyAnswer()
	out := &x.ctx.Response
	out.Header.Set("Connection", "Upgrade")
	out.Header.Set("Upgrade", "websocket")
	conn := x.conn
	x.ctx.Hijack(func(client net.Conn) {
		if conn != nil {
			conn.enter(phaseTunnel)
		}
		x.join(client)
	})
	return true
}

// join copies in both directions until either side ends.
func (x *exchange) join(client net.Conn) {
	c := x.upstream
	c.limit = 0 // a websocket may be silent for as long as it likes
	done := make(chan struct{}, 2)
	go func() {
		_, _ = io.Copy(c.Conn, client)
		done <- struct{}{}
	}()
	var sent int64
	go func() {
		sent, _ = io.Copy(client, c.br)
		done <- struct{}{}
	}()
	<-done
	_ = client.Close()
	_ = c.Conn.Close()
	<-done
	x.free(false)
	x.complete(fasthttp.StatusSwitchingProtocols, sent)
	x.release()
}
