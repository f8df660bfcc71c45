package resettest

//lint:file-ignore U1000 reflection alone sets and reads the fields here

import (
	"bytes"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"
)

// TestWhatIsNotForgottenIsSeen fills a struct of every kind of field, and forgets all of it but one at a time.
func TestWhatIsNotForgottenIsSeen(t *testing.T) {
	type inner struct {
		n    int8
		text string
	}
	type memory struct {
		yes    bool
		when   time.Time
		list   []inner
		in     inner
		buffer bytes.Buffer
		reader io.Reader
		to     *inner
		by     map[string]int
		call   func()
		hash   [2]byte
		part   float64
	}
	filled := func() *memory {
		m := &memory{}
		Fill(m, &bytes.Reader{})
		return m
	}
	all := []string{"yes", "when", "list", "in.n", "in.text", "buffer", "reader", "to", "by", "call", "hash", "part"}
	if got := remaining(reflect.ValueOf(filled()).Elem(), ""); !slices.Equal(got, all) {
		t.Errorf("filled are %q, want %q", got, all)
	}
	m := filled()
	*m = memory{list: m.list[:0], buffer: m.buffer}
	m.buffer.Reset()
	if got := remaining(reflect.ValueOf(m).Elem(), ""); len(got) > 0 {
		t.Errorf("of what was forgotten %q remain", got)
	}
	m = filled()
	Check(t, m, func() { *m = memory{in: inner{text: m.in.text}} }, map[string]string{"in.text": "for this test"})
}
