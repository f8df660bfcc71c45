package proxy

import (
	"bytes"
	"testing"

	"patgate/proxy/meter"
	"patgate/proxy/reply"
	"patgate/proxy/resettest"
	"patgate/proxy/surface"
)

type (
	anySurface struct{ surface.Surface }
	anyVisit   struct{ surface.Visit }
	anyMeter   struct{}
	anyChanger struct{ reply.Changer }
)

func (anyMeter) Take(int64) *reply.Refusal { return nil }

// TestNothingOfARequestIsKept: a field that is added to an exchange and not forgotten with the others fails here.
func TestNothingOfARequestIsKept(t *testing.T) {
	x := &exchange{}
	resettest.Fill(x, anySurface{}, anyVisit{}, anyMeter{}, anyChanger{}, &bytes.Buffer{}, reply.ErrInternal)
	// These give back what they hold, and have tests.
	x.body, x.pass = surface.Body{}, meter.Pass{}
	x.shown.seen, x.shown.trying = nil, false
	resettest.Check(t, x, x.reset, map[string]string{
		"request.Fields.*":    "the next head is read into it, which begins all of it anew",
		"judgement.Set.*":     "Resolve begins with its Reset, which has a test of its own",
		"judgement.Op.*":      "Classify sets it anew, whose route is forgotten",
		"judgement.resolving": "it is set when the forge is asked",
	})
}
