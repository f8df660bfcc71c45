package params

import (
	"fmt"
	"patgate/routes/params/refusal"
	"strings"
	"testing"
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
