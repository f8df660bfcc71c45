package surface

import (
	"bytes"
	"testing"

	"patgate/proxy/resettest"
)

// anySurface is some surface, and anyVisit a visit.
type (
	anySurface struct{ Surface }
	anyVisit   struct{ Visit }
)

// TestNothingOfARequestIsKept: a field that is added to a value of a request and not forgotten with the others fails here.
func TestNothingOfARequestIsKept(t *testing.T) {
	const (
		own   = "Resolve begins with its Reset, which has a test of its own"
		anew  = "Classify sets it anew, whose route is forgotten"
		begun = "Begin sets it"
		loop  = "no loop sets it"
	)
	j := &Judgement{}
	resettest.Fill(j, anyVisit{}, &bytes.Buffer{})
	resettest.Check(t, j, j.Forget, map[string]string{"Set.*": own, "Op.*": anew, "Rules": begun, "Session": begun, "Enforced": loop,
		"Would": loop, "used": loop, "resolving": "it is set when the forge is asked"})
	j = &Judgement{}
	resettest.Fill(j, anyVisit{}, &bytes.Buffer{})
	resettest.Check(t, j, j.Reset, map[string]string{"Set.*": own, "Op.*": anew, "resolving": "it is set when the forge is asked"})
	q := &Request{}
	resettest.Fill(q, anySurface{})
	resettest.Check(t, q, q.Reset, map[string]string{"Fields.*": "the next block is read into it, which begins all of it anew"})
	s := &Sending{}
	resettest.Fill(s, &bytes.Buffer{})
	resettest.Check(t, s, s.Reset, nil)
}
