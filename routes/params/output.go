package params

import (
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// flushed is from how many bytes on what is written to another writer is handed on.
const flushed = 8 << 10

// output is the JSON that a walk writes. It has the tokens that the decoder reads, in their order, so it is valid JSON too. It
// has no white space, numbers stay as they came, and strings are escaped in one way.
type output struct {
	text  []byte
	to    io.Writer // takes what is long; nil: everything stays in text
	comma bool      // what comes next in the open container is not the first in it
}

// begin begins another text.
func (o *output) begin(to io.Writer) { *o = output{text: o.text[:0], to: to} }

// shed empties it, and gives back a long text.
func (o *output) shed() {
	clear(o.text)
	if o.begin(nil); cap(o.text) > maxKeptBuffer {
		o.text = nil
	}
}

// separate writes the comma in front of a member or an element.
func (o *output) separate() {
	if o.comma {
		o.text = append(o.text, ',')
	}
	o.comma = true
}

// open writes the beginning of an object or a list.
func (o *output) open(bracket jsontext.Kind) {
	o.separate()
	o.text = append(o.text, byte(bracket))
	o.comma = false
}

// close writes the end of an object or a list.
func (o *output) close(bracket jsontext.Kind) error {
	o.text = append(o.text, byte(bracket))
	o.comma = true
	return o.handOn()
}

// name writes the name of a member: its text, and how it came.
func (o *output) name(raw jsontext.Value, text []byte) error {
	err := o.value(raw, text)
	o.text = append(o.text, ':')
	o.comma = false
	return err
}

// value writes a value without members: a string with escapes anew, anything else as it is.
func (o *output) value(raw jsontext.Value, text []byte) (err error) {
	o.separate()
	if raw[0] == '"' && len(raw) != len(`""`)+len(text) { // an escape is longer than what it says
		o.text, err = appendQuoted(o.text, text)
	} else {
		o.text = append(o.text, raw...)
	}
	if err != nil {
		return err
	}
	return o.handOn()
}

// handOn hands on what is long.
func (o *output) handOn() error {
	if o.to == nil || len(o.text) < flushed {
		return nil
	}
	return o.flush()
}

// end writes the line feed behind everything.
func (o *output) end() error {
	o.text = append(o.text, '\n')
	if o.to == nil {
		return nil
	}
	return o.flush()
}

func (o *output) flush() error {
	_, err := o.to.Write(o.text)
	clear(o.text)
	if o.text = o.text[:0]; err != nil {
		return fmt.Errorf("writing the JSON body: %w", err)
	}
	return nil
}
