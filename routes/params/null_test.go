package params

import (
	"bytes"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/params/refusal"
)

// Go clients send null, "" or 0 for a field that they leave out, and Go's decoder leaves the field as it is. So it is absent on
// a forge that names containers by names, and nothing on another.
func TestNullInPlaceOfAContainer(t *testing.T) {
	row := func(named, required bool) *routes.Route {
		r := plainRow(nil)
		r.Named = named
		r.Targets = []routes.Target{{Param: "organization", Ref: routes.RefGroup, SendPath: named, Required: required}}
		return r
	}
	const body = `{"organization":null,"name":"fork"}`
	t.Run("absent where containers have names", func(t *testing.T) {
		s := newSet(row(true, false), nil)
		wantCode(t, s.JSON(strings.NewReader(body)), refusal.CodeNone)
		if len(s.Targets) != 0 {
			t.Fatalf("%d containers, want none", len(s.Targets))
		}
		var out bytes.Buffer
		if err := s.WriteJSON(&out, strings.NewReader(body)); err != nil || strings.TrimSpace(out.String()) != body {
			t.Errorf("wrote %q, error %v", out.String(), err)
		}
	})
	t.Run("missing where one is required", func(t *testing.T) {
		s := newSet(row(true, true), nil)
		wantCode(t, s.JSON(strings.NewReader(body)), refusal.CodeNone)
		wantCode(t, s.Complete(), refusal.CodeMissing)
	})
	t.Run("refused where containers have ids", func(t *testing.T) {
		wantCode(t, newSet(row(false, false), nil).JSON(strings.NewReader(body)), refusal.CodeReference)
	})
	t.Run("no id is absent too, but not as a text", func(t *testing.T) {
		r := row(true, false)
		r.Targets[0].SendPath = false
		s := newSet(r, nil)
		wantCode(t, s.JSON(strings.NewReader(`{"organization":0}`)), refusal.CodeNone)
		if len(s.Targets) != 0 {
			t.Errorf("%d containers, want none", len(s.Targets))
		}
		for _, other := range []string{`"0"`, "-1", "0.0", "00"} {
			if err := newSet(r, nil).JSON(strings.NewReader(`{"organization":` + other + `}`)); err == nil {
				t.Errorf("%s passes", other)
			}
		}
	})
	t.Run("no name is absent too", func(t *testing.T) {
		s := newSet(row(true, false), nil)
		wantCode(t, s.JSON(strings.NewReader(`{"organization":""}`)), refusal.CodeNone)
		if len(s.Targets) != 0 {
			t.Errorf("%d containers, want none", len(s.Targets))
		}
		wantCode(t, newSet(row(true, false), nil).JSON(strings.NewReader(`{"organization":" "}`)), refusal.CodeReference)
		wantCode(t, newSet(row(false, false), nil).JSON(strings.NewReader(`{"organization":""}`)), refusal.CodeReference)
	})
	t.Run("any other word is no name", func(t *testing.T) {
		wantCode(t, newSet(row(true, false), nil).JSON(strings.NewReader(`{"organization":true}`)), refusal.CodeReference)
	})
}
