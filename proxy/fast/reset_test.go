package fast

import (
	"bytes"
	"maps"
	"testing"

	"patgate/proxy/reply"
	"patgate/proxy/resettest"
	"patgate/proxy/surface"
)

// anySurface is some surface, and anyVisit a visit.
type (
	anySurface struct{ surface.Surface }
	anyVisit   struct{ surface.Visit }
)

// meter is some meter of a body.
type meter struct{}

func (meter) Take(int64) *reply.Refusal { return nil }

// TestNothingOfARequestIsKept: a field that is added to what a loop uses for every request and not forgotten with the others fails here.
func TestNothingOfARequestIsKept(t *testing.T) {
	const (
		read     = "the next head is read into it, which begins all of it anew"
		own      = "Resolve begins with its Reset, which has a test of its own"
		classify = "Classify sets it anew, whose route is forgotten"
		asked    = "it is set when the forge is asked"
		begin    = "Gateway.Begin sets it"
		head     = "Gateway.Read sets it"
		judge    = "Gateway.Judge sets it"
		rebuild  = "Gateway.Rebuild sets it"
		no       = "a request that sets it is a goroutine's, and w.reset forgets it"
		body     = "it is of a request with a body, which w.reset forgets"
		keep     = "flight.keep sets it"
	)
	whole := map[string]string{"request.Fields.*": read, "judgement.Set.*": own, "judgement.Op.*": classify, "judgement.resolving": asked}
	settled := map[string]string{
		"request.Table": begin, "request.Dialect": begin, "request.Surface": begin, "request.ID": begin, "request.Start": begin,
		"request.Conn": begin, "request.Secure": begin, "request.InLoop": "it holds of every request here",
		"request.Upstream": head, "request.Method": head, "request.IsHead": head, "request.Root": head, "request.Target": head,
		"request.Path": head, "request.Origin": head, "request.Sealed.*": no,
		"judgement.Rules": judge, "judgement.Session": judge, "judgement.Enforced": no, "judgement.Would": no, "judgement.used": no,
		"sending.Head": rebuild, "sending.Target": rebuild, "sending.Auth": rebuild, "sending.WholeAnswer": rebuild,
		"sending.scratch": rebuild, "sending.Upload.*": body, "sending.Bearer": no, "sending.List": no, "sending.AnyFormat": no,
	}
	maps.Copy(settled, whole)
	filled := func() *work {
		w := &work{}
		resettest.Fill(w, anySurface{}, anyVisit{}, meter{}, &bytes.Buffer{})
		w.body, w.source = surface.Body{}, bytes.Reader{} // Body.Release gives back what it holds, and has tests
		return w
	}
	w := filled()
	resettest.Check(t, w, w.settle, settled)
	w = filled()
	resettest.Check(t, w, w.reset, whole)
	f := &flight{}
	resettest.Fill(f, anySurface{})
	resettest.Check(t, f, f.forget, map[string]string{"event.*": "the log may still point to it; Gateway.Begin begins it anew",
		"over": "it is set when the flight is over", "spoiled": "such a flight is used for no other request",
		"sent": keep, "body": keep, "origin": keep, "received": keep})
}
