package memo

import (
	"fmt"
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	var m Of[string]
	texts := []string{"a", "ab", "ba", strings.Repeat("x", MaxText), strings.Repeat("x", MaxText+1)}
	for i := range 3 * size {
		texts = append(texts, fmt.Sprintf("Name-%d: value", i))
	}
	for range 2 {
		for _, text := range texts {
			b := []byte(text)
			m.Keep(b, "of "+text)
			clear(b) // it was copied
			got := m.Find([]byte(text))
			switch {
			case len(text) > MaxText:
				if got != nil {
					t.Errorf("%d bytes are remembered", len(text))
				}
			case got == nil || *got != "of "+text:
				t.Errorf("%q: got %v", text, got)
			}
		}
	}
	remembered := 0
	for _, text := range texts {
		if got := m.Find([]byte(text)); got != nil {
			remembered++
			if *got != "of "+text {
				t.Errorf("%q: got %q", text, *got)
			}
		}
	}
	if remembered == 0 || remembered > size {
		t.Errorf("%d texts are remembered", remembered)
	}
	if n := testing.AllocsPerRun(100, func() {
		m.Keep([]byte("a"), "again")
		m.Find([]byte("a"))
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
