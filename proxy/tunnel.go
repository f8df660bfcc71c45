package proxy

import (
	"io"
	"net"

	"github.com/valyala/fasthttp"

	"patgate/proxy/reply"
	"patgate/proxy/wire"
)

// tunnel passes a websocket upgrade through on a connection of its own. It is only for callers without a patgate token. A server
// that leaves begins none.
func (x *exchange) tunnel() (kept bool) {
	q, d := &x.request, &x.delivery
	if q.Conn.Leaving() {
		x.refuse(reply.ErrLeaving)
		return false
	}
	claim := x.claim()
	claim.Lasting = true
	c, err := x.h.forge.Others.Get(true, claim)
	if err == nil {
		if err = c.Exchange(x.sending.Head, &wire.Upload{}, false, &d.answer); err != nil {
			c.Drop()
		}
	}
	if err != nil {
		x.event.Failure = reply.FailureOf(err)
		x.refuse(reply.Of(err))
		return false
	}
	d.upstream = c
	x.judgeCredential(d.answer.StatusCode())
	if r := x.copyHead(); r != nil {
		return x.broken(r, reply.FailureRedirect)
	}
	if d.answer.StatusCode() != fasthttp.StatusSwitchingProtocols {
		return x.deliver()
	}
	out := &x.ctx.Response
	out.Header.Set("Connection", "Upgrade")
	out.Header.Set("Upgrade", "websocket")
	conn := q.Conn
	x.ctx.Hijack(func(client net.Conn) {
		if conn != nil {
			conn.Enter(wire.PhaseTunnel)
		}
		x.join(client)
	})
	return true
}

// join copies in both directions until either side ends.
func (x *exchange) join(client net.Conn) {
	c := x.delivery.upstream
	c.Unbounded() // a websocket may be silent for as long as it likes
	done := make(chan struct{}, 2)
	go func() {
		_, _ = io.Copy(c.Conn, client)
		done <- struct{}{}
	}()
	var sent int64
	go func() {
		sent, _ = io.Copy(client, c.Reader())
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
