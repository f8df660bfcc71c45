package learn

import (
	"errors"
	"reflect"
	"testing"
)

func TestDaysAreKeptInOrderAndBounded(t *testing.T) {
	var days []Count
	for _, day := range []Day{20_000, 20_002, 20_001, 20_002} {
		days = AddCount(days, Count{day, 2})
	}
	want := []Count{{20_000, 2}, {20_001, 2}, {20_002, 4}}
	if !reflect.DeepEqual(days, want) {
		t.Errorf("%v, want %v", days, want)
	}
	kept, err := ParseDays(AppendDays(nil, days))
	if err != nil || !reflect.DeepEqual(kept, want) {
		t.Errorf("%v, %v", kept, err)
	}
	if days = AddCount(days, Count{20_001 + DaysKept, 1}); !reflect.DeepEqual(days, []Count{{20_002, 4}, {20_001 + DaysKept, 1}}) {
		t.Errorf("%v", days)
	}
}

func TestWhatIsDamagedIsNoUnit(t *testing.T) {
	for _, kept := range []string{"\x00\x01", "\x05", "\x80", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01", "\x05\x80"} {
		if days, err := ParseDays([]byte(kept)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q gives %v, %v", kept, days, err)
		}
	}
	for _, parts := range [][3]string{{"", "[]", "[]"}, {"{}", "[{}]", "[]"}, {`{"acts":[{}]}`, "[]", "[[]]"}, {"{}", "[]", "7"}} {
		if u, err := ParseUnit(parts[0], parts[1], parts[2]); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q gives %+v, %v", parts, u, err)
		}
	}
}
