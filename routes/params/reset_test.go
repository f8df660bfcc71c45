package params

import (
	"bytes"
	"testing"

	"patgate/proxy/resettest"
	"patgate/routes"
)

// TestNothingOfARequestIsKept: a field that is added to a Set and not forgotten with the others fails here.
func TestNothingOfARequestIsKept(t *testing.T) {
	s := &Set{}
	resettest.Fill(s, &bytes.Buffer{})
	s.decoder = nil
	resettest.Check(t, s, func() { s.Reset(&routes.Route{}, nil) }, map[string]string{"route": "it is the next one's",
		"Memo": "it is what is remembered from one request to the next"})
}
