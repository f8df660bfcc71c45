package params

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"patgate/routes/params/refusal"
)

// Every name at the top is compared with all others, so their number is bounded in every carrier; inside objects, where
// the decoder tells duplicates, there are as many as there may be values.
func TestNamesAreBounded(t *testing.T) {
	list := func(n int, pattern, between string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(pattern, i)
		}
		return strings.Join(all, between)
	}
	json := func(n int) error {
		return newSet(plainRow(nil), nil).JSON(reader("{" + list(n, `"n%d":1`, ",") + "}"))
	}
	form := func(n int) error { return newSet(plainRow(nil), nil).Form([]byte(list(n, "n%d=1", "&"))) }
	for _, c := range []struct {
		name string
		err  error
		want refusal.Code
	}{
		{"as many as there may be in JSON", json(2 * MaxPairs), refusal.CodeNone},
		{"more in JSON", json(2*MaxPairs + 1), refusal.CodeTooMany},
		{"as many as there may be in a form", form(MaxPairs), refusal.CodeNone},
		{"more in a form", form(MaxPairs + 1), refusal.CodeTooMany},
		{"many inside an object", newSet(plainRow(nil), nil).JSON(reader(`{"a":{` + list(MaxValues-10, `"n%d":1`, ",") + `}}`)),
			refusal.CodeNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantCode(t, c.err, c.want)
		})
	}
}

// What a decoder and an encoder have held of a long body is not kept for the next request, whatever the body was made of and
// whether it was read to its end.
func TestLongJSONIsNotKept(t *testing.T) {
	long := strings.Repeat("1", 1<<20)
	for _, c := range []struct {
		name, body string
		kept       bool
		want       refusal.Code
	}{
		{"a short body", `{"title":"x"}`, true, refusal.CodeNone},
		{"a string", `{"title":"` + long + `"}`, false, refusal.CodeNone},
		{"a string with escapes", `{"title":"\n` + long + `"}`, false, refusal.CodeNone},
		{"a string in a list", `{"title":["` + long + `"]}`, false, refusal.CodeNone},
		{"a number", `{"title":` + long + `}`, false, refusal.CodeNone},
		{"white space before all", strings.Repeat(" ", 1<<20) + `{}`, false, refusal.CodeNone},
		{"white space behind all", `{}` + strings.Repeat(" ", 1<<20), false, refusal.CodeNone},
		{"white space within", `{"title":` + strings.Repeat(" ", 1<<20) + `1}`, false, refusal.CodeNone},
		{"a string that does not end", `{"title":"` + long, false, refusal.CodeJSON},
		{"a string that is no UTF-8", `{"title":"` + long + "\xff" + `"}`, false, refusal.CodeJSON},
		{"a long name", `{"` + long + `":1}`, false, refusal.CodeName},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSet(plainRow(nil), nil)
			wantCode(t, s.JSON(reader(c.body)), c.want)
			if c.want == refusal.CodeNone {
				if err := s.Resolve(0, nil); err != nil {
					t.Fatal(err)
				}
				if err := s.WriteJSON(new(bytes.Buffer), reader(c.body)); err != nil {
					t.Fatal(err)
				}
				if kept := s.decoder != nil || cap(s.out.text) > maxKeptBuffer || s.out.to != nil; kept != c.kept {
					t.Errorf("kept after it was written: %t", kept)
				}
			}
			s.Reset(plainRow(nil), nil)
			if kept := s.decoder != nil || cap(s.out.text) > maxKeptBuffer || s.out.to != nil; kept != c.kept {
				t.Errorf("kept for the next request: %t", kept)
			}
		})
	}
}

// Nor is it when the second pass ends early, because the body cannot be read again or nobody takes what is written.
func TestLongJSONIsNotKeptAfterAPassThatFailed(t *testing.T) {
	body := `{"title":"` + strings.Repeat("1", 1<<20) + `","x":1}`
	for name, again := range map[string]io.Reader{
		"at once":       iotest.ErrReader(io.ErrUnexpectedEOF),
		"soon":          io.MultiReader(strings.NewReader(body[:100]), iotest.ErrReader(io.ErrUnexpectedEOF)),
		"another body":  strings.NewReader("{}"),
		"an empty body": strings.NewReader(""),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSet(plainRow(nil), nil)
			wantCode(t, s.JSON(reader(body)), refusal.CodeNone)
			if err := s.Resolve(0, nil); err != nil {
				t.Fatal(err)
			}
			_ = s.WriteJSON(new(bytes.Buffer), again)
			s.Reset(plainRow(nil), nil)
			if s.decoder != nil || cap(s.out.text) > maxKeptBuffer || s.out.to != nil {
				t.Error("kept for the next request")
			}
		})
	}
}
