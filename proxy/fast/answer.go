package fast

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
	"patgate/proxy/wire/loop"
)

// Answered reads an answer on the loop's goroutine.
func (f *flight) Answered(c *wire.Upstream) {
	defer f.panicked()
	brought, borrowed := f.brought, false
	if len(brought) == 0 {
		brought, borrowed = f.conn.Loop().Desk().In[:0], true
	}
	for {
		if c.Late() {
			step := Timeout
			if c.Gone() {
				step = Gone
			}
			f.discard()
			f.proceed(nil, step)
			return
		}
		have := len(brought)
		n, err := c.TryRead(brought[have:cap(brought)])
		brought = brought[:have+n]
		switch {
		case err == loop.ErrAgain:
			f.keepBrought(brought, borrowed)
			if c.Rest() {
				return
			}
		case err != nil && have == 0: // RFC 9112, 9.3.1
			c.Failed(err)
			f.discard()
			f.proceed(nil, f.lost())
			return
		case err == io.EOF:
			f.hold(c, brought, borrowed)
			return
		case err != nil:
			f.discard()
			f.proceed(nil, Broken)
			return
		default:
			switch got := f.answer(c, brought); {
			case got == answerDone:
				return
			case got == answerOther || len(f.brought) > 0: // or it comes in many pieces
				f.hold(c, brought, borrowed)
				return
			}
		}
	}
}

// discard closes the connection that the request was sent on.
func (f *flight) discard() {
	u := f.upstream
	f.upstream = nil
	u.Discard()
}

// keepBrought keeps what has come of the answer beyond Answered, in memory of its own: borrowed tells that it stands in the
// loop's.
func (f *flight) keepBrought(brought []byte, borrowed bool) {
	if borrowed && len(brought) > 0 {
		brought = append(slices.Grow(f.brought[:0], cap(brought)), brought...) // for all that may still come
	}
	if len(brought) > 0 {
		f.brought = brought
	}
}

// hold has a goroutine read the answer, with the part that has already come.
func (f *flight) hold(u *wire.Upstream, brought []byte, borrowed bool) {
	f.upstream = nil
	u.Leave()
	f.keepBrought(brought, borrowed)
	u.Ahead(f.brought)
	f.proceed(u, Receive)
}

// outcome says what to do with the bytes of an answer that have come.
type outcome uint8

const (
	answerMore  outcome = iota // there must come more
	answerDone                 // it was handed on
	answerOther                // a goroutine has to read it
)

// answer hands an answer on when all of it has come and it is an ordinary one: final, with a body of a length that is given
// once, on a connection that stays open, and with a head that can be read in one way only.
func (f *flight) answer(u *wire.Upstream, in []byte) outcome {
	c := f.conn
	if c.Leaving() {
		return answerOther // it says that the connection ends
	}
	status, fields, got := cutStatus(in)
	if got != answerDone {
		return unlessFull(got, in)
	}
	s, desk := f.front.station(c), c.Loop().Desk()
	out, body, length, got := f.appendAnswer(desk.Out[:0], s, status, fields)
	if f.event.Method == fasthttp.MethodHead {
		length = 0 // what the answer tells is the length of another one (RFC 9110, 9.3.2)
	}
	switch {
	case got != answerDone:
		return unlessFull(got, in)
	case length < len(body), length > len(body)+cap(in)-len(in)-1: // more than was announced, or than there is room for
		return answerOther
	case length > len(body):
		return answerMore
	}
	f.event.Upstream = time.Since(f.event.Start)
	out = append(out, body...)
	desk.Out = out
	f.upstream = nil
	u.Answered()
	f.complete(status, length)
	s.put(f)
	c.Finish(out)
	return answerDone
}

// unlessFull says that a goroutine has to read what is not complete and has no room to become so.
func unlessFull(got outcome, in []byte) outcome {
	if got == answerMore && len(in) == cap(in) {
		return answerOther
	}
	return got
}

// cutStatus reads the status line of an ordinary answer and gives what is behind it.
func cutStatus(in []byte) (status int, fields []byte, got outcome) {
	line, fields, state := header.CutLine(in)
	if state != header.Whole {
		return 0, nil, outcomeOf(state)
	}
	status, old, ok := header.ReadStatus(line)
	if !ok || old || status != fasthttp.StatusOK && !isOrdinary(status) {
		return 0, nil, answerOther
	}
	return status, fields, answerDone
}

// isOrdinary tells whether an answer of a status is handed on as it comes.
func isOrdinary(status int) bool {
	switch status {
	case fasthttp.StatusNoContent, fasthttp.StatusResetContent, fasthttp.StatusNotModified, fasthttp.StatusPartialContent,
		fasthttp.StatusRequestTimeout,
		fasthttp.StatusForbidden: // the forge may say that the owner's credential lacks a scope
		return false
	}
	return status >= firstFinal
}

// outcomeOf gives what becomes of an answer whose head is not whole.
func outcomeOf(state header.State) outcome {
	if state == header.More {
		return answerMore
	}
	return answerOther
}

// answerLine is what is done with a line of an answer, whatever was asked for.
type answerLine struct {
	kind   lineKind
	once   uint8 // a bit for each name that must not come twice
	length int   // of the body, as a Content-Length says
}

type lineKind uint8

const (
	linePassed lineKind = iota // as it is
	lineDropped
	lineLength
	lineOther // depends on the request, or a goroutine has to see to it
)

// appendAnswer writes the head of the answer, and gives its body, as far as it has come, and the length of it.
func (f *flight) appendAnswer(out []byte, s *station, status int, fields []byte) (head, body []byte, length int, got outcome) {
	out = append(out, statusLines[status-firstFinal]...)
	length = -1
	var lengthText []byte
	var passage reply.Passage
	begun := false
	once := uint8(0)
	for {
		end := bytes.IndexByte(fields, '\n')
		if !header.IsLineEnd(fields, end) {
			return out, nil, 0, outcomeOf(header.Unended(end))
		}
		text := fields[:end+1]
		line := text[:end-1]
		fields = fields[end+1:]
		if len(line) == 0 {
			break
		}
		known, written := s.answered.Find(line), false
		if known == nil {
			if !begun {
				passage, begun = f.passage(status), true
			}
			var l answerLine
			var ok bool
			if l, out, ok = readAnswerLine(&passage, &s.scratch, out, line); !ok {
				return out, nil, 0, answerOther
			}
			known, written = &l, l.kind == linePassed
			if l.kind != lineOther {
				s.answered.Keep(line, l)
			}
		}
		if once&known.once != 0 {
			return out, nil, 0, answerOther
		}
		once |= known.once
		switch known.kind {
		case linePassed:
			if !written {
				out = append(out, text...)
			}
		case lineLength:
			if length >= 0 {
				return out, nil, 0, answerOther
			}
			length, lengthText = known.length, header.TrimSpace(line[len("content-length:"):])
		}
	}
	if length < 0 {
		return out, nil, 0, answerOther
	}
	out = append(out, "X-Request-Id: "...)
	out, _ = f.event.ID.AppendText(out) // it has no error to give
	out = append(out, f.front.tail...)
	return append(append(out, lengthText...), "\r\n\r\n"...), fields, length, answerDone
}

// readAnswerLine reads a line of an answer, and writes it when it is passed on. False: a goroutine has to read the answer.
func readAnswerLine(p *reply.Passage, scratch *[]byte, out, line []byte) (l answerLine, written []byte, ok bool) {
	name, value, ok := header.ReadField(line)
	if !ok || wire.EndsConnection(name, value) {
		return l, out, false
	}
	switch len(name) {
	case len("content-length"):
		if header.EqualFold(name, "content-length") {
			l = answerLine{kind: lineLength, length: lengthOf(value)}
			return l, out, l.length >= 0
		}
	case len("connection"):
		if header.EqualFold(name, "connection") {
			return answerLine{kind: lineDropped}, out, true
		}
	case len("transfer-encoding"), len("trailer"):
		if header.EqualFold(name, "transfer-encoding") || header.EqualFold(name, "trailer") {
			return l, out, false
		}
	}
	if l.once = onceOf(name); l.once != 0 && len(value) == 0 {
		return l, out, false // the HTTP library leaves it out
	}
	passed, passes, r := p.Field(scratch, name, value)
	switch {
	case r != nil:
		return l, out, false
	case passes == reply.PassesNever:
		return answerLine{kind: lineOther}, out, true
	}
	at := len(out)
	out = surface.AppendField(out, name, passed)
	if plain := out[at : len(out)-2]; passes == reply.PassesAlways && string(plain) == string(line) {
		return answerLine{kind: linePassed, once: l.once}, out, true
	}
	return answerLine{kind: lineOther, once: l.once}, out, true
}

// onceOf gives the bit of a name whose last line alone the HTTP library passes on; 0 for other names.
func onceOf(name []byte) uint8 {
	for i, single := range [...]string{"server", "content-type", "content-encoding"} {
		if header.EqualFold(name, single) {
			return 1 << i
		}
	}
	return 0
}

// firstFinal and lastFinal bound the status of final answers (RFC 9110, 15).
const (
	firstFinal = 200
	lastFinal  = 599
)

// statusLines are the first lines of answers.
var statusLines = func() (lines [lastFinal - firstFinal + 1]string) {
	for i := range lines {
		lines[i] = fmt.Sprintf("HTTP/1.1 %d %s\r\n", firstFinal+i, fasthttp.StatusMessage(firstFinal+i))
	}
	return lines
}()

// lengthOf reads a Content-Length of a few digits, as it is written here too; -1 is anything else.
func lengthOf(value []byte) int {
	if len(value) == 0 || len(value) > 7 || value[0] == '0' && len(value) > 1 {
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
