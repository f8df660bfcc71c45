package filter

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Entries reads a list of an answer, one entry after the other: the answer itself, or the value of one of its keys. It must be
// that: anything else is ErrIllegible.
type Entries struct {
	At   string // the key; empty: the answer is the list
	Most int    // bytes that an entry may have
}

// Each calls f for every entry, in order. An entry is valid only until f returns, and may be any JSON value, in which names may
// stand twice. An error of f ends it.
func (e Entries) Each(src io.Reader, f func(entry jsontext.Value) error) error {
	from := &bounded{from: src, most: e.Most + slack, rest: e.Most + slack}
	in := jsontext.NewDecoder(from, jsontext.AllowDuplicateNames(true))
	if e.At == "" {
		if err := from.list(in, f); err != nil {
			return err
		}
	} else if err := e.inObject(from, in, f); err != nil {
		return err
	}
	if in.PeekKind() != 0 {
		return fmt.Errorf("reading the answer: text behind its value: %w", ErrIllegible)
	}
	if _, err := in.ReadToken(); err != io.EOF {
		return reading(err)
	}
	return nil
}

// slack is how far a decoder may read ahead of what it gives.
const slack = 64 << 10

// inObject finds the list. Its key stands once.
func (e Entries) inObject(from *bounded, in *jsontext.Decoder, f func(entry jsontext.Value) error) error {
	if in.PeekKind() != '{' {
		return unlike(in)
	}
	if _, err := in.ReadToken(); err != nil {
		return reading(err)
	}
	found := false
	for in.PeekKind() == '"' {
		from.again()
		name, err := in.ReadToken()
		if err != nil {
			return reading(err)
		}
		switch is := name.String() == e.At; {
		case is && found:
			return fmt.Errorf("reading the answer: its list stands twice: %w", ErrIllegible)
		case is:
			found = true
			err = from.list(in, f)
		default:
			_, err = in.ReadValue()
			err = reading(err)
		}
		if err != nil {
			return err
		}
	}
	if _, err := in.ReadToken(); err != nil {
		return reading(err)
	}
	if !found {
		return fmt.Errorf("reading the answer: it has no list: %w", ErrIllegible)
	}
	return nil
}

// unlike is for an answer that is another value than it should be.
func unlike(in *jsontext.Decoder) error {
	if in.PeekKind() == 0 {
		if _, err := in.ReadToken(); err != nil {
			return reading(err)
		}
	}
	return fmt.Errorf("reading the answer: it is no list: %w", ErrIllegible)
}

// bounded is a source that gives at most so many bytes for each entry.
type bounded struct {
	from io.Reader
	most int
	rest int
}

// again begins another entry.
func (b *bounded) again() { b.rest = b.most }

// Read reads, and fails when the entry is longer than it may be.
func (b *bounded) Read(p []byte) (int, error) {
	if b.rest <= 0 {
		return 0, fmt.Errorf("an entry is too long: %w", ErrIllegible)
	}
	n, err := b.from.Read(p[:min(len(p), b.rest)])
	b.rest -= n
	return n, err
}

func (b *bounded) list(in *jsontext.Decoder, f func(entry jsontext.Value) error) error {
	if in.PeekKind() != '[' {
		return unlike(in)
	}
	if _, err := in.ReadToken(); err != nil {
		return reading(err)
	}
	for {
		b.again()
		switch in.PeekKind() {
		case ']', 0:
			_, err := in.ReadToken()
			return reading(err)
		}
		entry, err := in.ReadValue()
		if err != nil {
			return reading(err)
		}
		if len(entry) > b.most-slack {
			return fmt.Errorf("reading the answer: an entry is too long: %w", ErrIllegible)
		}
		if err := f(entry); err != nil {
			return err
		}
	}
}

// Member gives the value of a member of an object, or of one inside it: namespace.id. It is nil when there is none, or a null.
// The object is one in which no name stands twice.
func Member(object jsontext.Value, path string) jsontext.Value {
	if value := member(object, path); value.Kind() != 'n' {
		return value
	}
	return nil
}

// IsNull tells whether a member is there and is a null.
func IsNull(object jsontext.Value, path string) bool { return member(object, path).Kind() == 'n' }

// member is Member, and gives a null.
func member(object jsontext.Value, path string) jsontext.Value {
	name, rest, inside := strings.Cut(path, ".")
	in := jsontext.NewDecoder(bytes.NewReader(object))
	if in.PeekKind() != '{' {
		return nil
	}
	if _, err := in.ReadToken(); err != nil {
		return nil
	}
	for in.PeekKind() == '"' {
		key, err := in.ReadToken()
		if err != nil {
			return nil
		}
		if key.String() != name {
			if in.SkipValue() != nil {
				return nil
			}
			continue
		}
		value, err := in.ReadValue()
		switch {
		case err != nil:
			return nil
		case inside:
			return member(value.Clone(), rest)
		}
		return value.Clone()
	}
	return nil
}

// ID reads the decimal number of a container. ok is false for anything else.
func ID(value jsontext.Value) (id int64, ok bool) {
	id, err := strconv.ParseInt(string(value), 10, 64)
	return id, err == nil && id > 0 && value[0] != '+'
}

// Unambiguous tells whether a value is an object that has one meaning: no name in it stands twice.
func Unambiguous(entry jsontext.Value) bool { return entry.Kind() == '{' && entry.IsValid() }
