package params

import (
	"bytes"
	"patgate/routes/params/refusal"
	"strings"
	"testing"
)

// TestBareText: where a row takes a text for its body, that is all that it takes.
func TestBareText(t *testing.T) {
	row := plainRow(nil)
	row.Body.Text = true
	var s Set
	for body, want := range map[string]refusal.Code{
		`"1.0.0"`: refusal.CodeNone, " \"1.0.0\"\n": refusal.CodeNone, `"\u0031"`: refusal.CodeNone, ``: refusal.CodeNone,
		`{}`: refusal.CodeJSON, `{"private_token":"x"}`: refusal.CodeJSON, `1`: refusal.CodeJSON, `["1"]`: refusal.CodeJSON,
		`"1" "2"`: refusal.CodeJSON, `"1`: refusal.CodeJSON, `"\u0000"`: refusal.CodeControl,
		`"patgate_0123456789012345678901234567890123456789"`: refusal.CodeSecret,
	} {
		s.Reset(row, nil)
		t.Run(body, func(t *testing.T) { wantCode(t, s.JSON(strings.NewReader(body)), want) })
	}
	s.Reset(row, nil)
	if err := s.JSON(strings.NewReader(` "1.0.0"`)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.Complete(); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteJSON(&out, strings.NewReader(` "1.0.0"`)); err != nil || strings.TrimSpace(out.String()) != `"1.0.0"` {
		t.Errorf("%q, %v", out.String(), err)
	}
	s.Reset(plainRow(nil), nil)
	wantCode(t, s.JSON(strings.NewReader(`"1.0.0"`)), refusal.CodeJSON)
}
