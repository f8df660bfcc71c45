package proxy

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/proxy/loop"
)

// Ready reads an answer on the loop's goroutine. On an idle connection it is the end.
func (c *upstreamConn) Ready() {
	x := c.x
	if x == nil {
		c.pool.evict(c)
		return
	}
	defer x.panicked()
	brought := x.brought
	if len(brought) == 0 {
		brought = c.socket.Loop().Desk().In[:0]
	}
	for {
		if c.socket.Late() {
			x.dropUpstream()
			x.proceedFrom(stepTimeout)
			return
		}
		have := len(brought)
		n, err := c.socket.TryRead(brought[have:cap(brought)])
		brought = brought[:have+n]
		switch {
		case err == loop.ErrAgain:
			x.keepBrought(brought)
			if c.socket.Rest() {
				return
			}
		case err != nil && have == 0: // a GET may be sent again (RFC 9112, 9.3.1)
			x.dropUpstream()
			x.proceedFrom(stepAgain)
			return
		case err == io.EOF:
			x.hold(brought)
			return
		case err != nil:
			x.dropUpstream()
			x.proceedFrom(stepBroken)
			return
		default:
			switch got := x.answerQuickly(brought); {
			case got == answerDone:
				return
			case got == answerOther || len(x.brought) > 0: // or it comes in many pieces
				x.hold(brought)
				return
			}
		}
	}
}

// keepBrought keeps what has come of the answer beyond Ready.
func (x *exchange) keepBrought(brought []byte) {
	switch {
	case len(brought) == 0, len(x.brought) > 0 && &x.brought[0] == &brought[0]:
		x.brought = brought
	default:
		x.brought = append(slices.Grow(x.brought[:0], cap(brought)), brought...) // for all that may still come
	}
}

// hold has a goroutine read the answer, what has come of it included.
func (x *exchange) hold(brought []byte) {
	u := x.upstream
	u.x = nil
	x.keepBrought(brought)
	u.ahead = x.brought
	x.proceedFrom(stepReceive)
}

// finish sends the answer that is written to the client, and has the connection rest.
func (x *exchange) finish(out []byte) {
	c := x.conn
	n, err := c.socket.TryWrite(out)
	if err != nil && err != loop.ErrAgain {
		x.release()
		_ = c.Close()
		return
	}
	if n < len(out) {
		c.behind = append([]byte(nil), out[n:]...)
		x.release()
		c.enter(phaseIdle)
		c.give()
		return
	}
	x.release()
	c.enter(phaseIdle)
	if !c.socket.Rest() {
		c.Ready()
	}
}

// outcome is what became of what has come of an answer.
type outcome uint8

const (
	answerMore  outcome = iota // there must come more
	answerDone                 // it was handed on
	answerOther                // a goroutine has to read it
)

// answerQuickly hands an answer on when all of it has come and it is an ordinary one: final, with a body of a length that
// is given once, on a connection that stays open, and with a head that can be read in one way only.
func (x *exchange) answerQuickly(in []byte) outcome {
	end := bytes.Index(in, []byte("\r\n\r\n"))
	switch {
	case end < 0 && len(in) == cap(in):
		return answerOther
	case end < 0:
		return answerMore
	}
	status, fields, ok := cutStatus(in[:end+2])
	if !ok {
		return answerOther
	}
	body := in[end+4:]
	desk := x.loop().Desk()
	out, length, r := x.appendAnswer(desk.Out[:0], status, fields)
	switch {
	case r != nil || length < 0 || length >= cap(in)-end-4 || length < len(body): // a full buffer may have left something
		return answerOther
	case length > len(body):
		return answerMore
	}
	x.event.Upstream = time.Since(x.event.Start)
	if status < 400 || status >= 500 {
		x.forget()
	}
	out = append(out, body...)
	desk.Out = out
	u := x.upstream
	x.upstream, u.x = nil, nil
	u.done()
	x.pool.putAfter(u, 0)
	x.completeAfter(x.event.Upstream, status, int64(length))
	x.finish(out)
	return answerDone
}

// cutStatus reads a status line (RFC 9112, 4) and gives the field lines behind it.
func cutStatus(head []byte) (status int, fields []byte, ok bool) {
	const version = "HTTP/1.1 "
	end := bytes.IndexByte(head, '\n')
	if end < len(version)+4 || head[end-1] != '\r' || !hasPrefix(head, version) {
		return 0, nil, false
	}
	line := head[len(version) : end-1]
	for i, b := range line {
		switch {
		case i < 3 && (b < '0' || b > '9'), i == 3 && b != ' ', b < ' ' || b == 0x7f:
			return 0, nil, false
		}
	}
	status = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	switch {
	case status < 200 || status > 599, status == fasthttp.StatusNoContent, status == fasthttp.StatusResetContent, status == fasthttp.StatusNotModified, status == fasthttp.StatusPartialContent:
		return 0, nil, false
	}
	return status, head[end+1:], true
}

// appendAnswer writes the head of the answer, and gives the length of its body; a negative one says that it is not an
// ordinary answer.
func (x *exchange) appendAnswer(out []byte, status int, fields []byte) (head []byte, length int, r *refusal) {
	out = append(out, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(append(append(out, ' '), fasthttp.StatusMessage(status)...), '\r', '\n')
	length = -1
	for len(fields) > 0 {
		end := bytes.IndexByte(fields, '\n')
		if end < 1 || fields[end-1] != '\r' {
			return out, -1, nil
		}
		line := fields[:end-1]
		fields = fields[end+1:]
		name, value, ok := cutField(line)
		if !ok {
			return out, -1, nil
		}
		switch len(name) {
		case len("content-length"):
			if equalFold(name, "content-length") {
				if length >= 0 {
					return out, -1, nil
				}
				if length = lengthOf(value); length < 0 {
					return out, -1, nil
				}
				continue
			}
		case len("connection"):
			if equalFold(name, "connection") {
				if !equalFold(value, "keep-alive") {
					return out, -1, nil
				}
				continue
			}
		case len("transfer-encoding"), len("trailer"): // of which the latter is as long as "upgrade"
			if equalFold(name, "transfer-encoding") || equalFold(name, "trailer") || equalFold(name, "upgrade") {
				return out, -1, nil
			}
		}
		passed, keeps, r := x.passOn(name, value)
		if r != nil {
			return out, -1, r
		}
		if keeps {
			out = appendField(out, name, passed)
		}
	}
	if length < 0 {
		return out, -1, nil
	}
	out = append(out, "X-Request-Id: "...)
	out, _ = x.event.ID.AppendText(out) // it has no error to give
	if x.h.options.OwnPages {
		out = append(out, "\r\nContent-Security-Policy: sandbox"...)
	}
	out = append(out, "\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(length), 10)
	return append(out, "\r\n\r\n"...), length, nil
}

// cutField reads a field line (RFC 9112, 5) without its end. False: it is not one, or could be read in another way.
func cutField(line []byte) (name, value []byte, ok bool) {
	colon := 0
	for colon < len(line) && tokenByte[line[colon]] {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return nil, nil, false
	}
	value = trimSpace(line[colon+1:])
	for _, b := range value {
		if !valueByte[b] {
			return nil, nil, false
		}
	}
	return line[:colon], value, true
}

// valueByte are the bytes of field values (RFC 9110, 5.5).
var valueByte = func() (ok [256]bool) {
	for c := range ok {
		ok[c] = c >= ' ' && c != 0x7f || c == '\t'
	}
	return ok
}()

// lengthOf reads a Content-Length of a few digits; -1 is anything else.
func lengthOf(value []byte) int {
	if len(value) == 0 || len(value) > 7 {
		return -1
	}
	n := 0
	for _, b := range value {
		if b < '0' || b > '9' {
			return -1
		}
		n = n*10 + int(b-'0')
	}
	return n
}
