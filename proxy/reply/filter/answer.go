package filter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrIllegible is wrapped by the error for an answer that is not one JSON value, or no feed. What had been written by then is
// cut short: the caller aborts the connection, so that the client does not take it for a whole answer.
var ErrIllegible = errors.New("the answer cannot be read")

// Filter removes members of JSON objects by their names, at any depth, and may rewrite links in texts. It is immutable and
// may be shared.
type Filter struct {
	names    []string
	rendered bool   // members whose names end in renderedSuffix go too
	links    *Links // nil: texts keep their spelling
	// addresses are the members that are addresses of the forge; nil: there are none, or links has them all.
	addresses *Addresses
}

// renderedSuffix ends the names of members that hold what the forge made of a text: description_html.
const renderedSuffix = "_html"

// NewFilter makes a Filter for the names of routes.Response.Remove. Names are compared exactly, after escapes were
// decoded: "runners_token" also removes "runners\u005ftoken".
func NewFilter(names []string) *Filter { return &Filter{names: slices.Clone(names)} }

// WithLinks gives a Filter that also puts another origin in the place of the forge's, in every text, however it is escaped.
func (f *Filter) WithLinks(l *Links) *Filter {
	with := *f
	with.links = l
	return &with
}

// WithAddresses gives a Filter that also rewrites addresses of the forge, in the members that they name alone.
func (f *Filter) WithAddresses(a *Addresses) *Filter {
	with := *f
	with.addresses = a
	return &with
}

// WithoutRendered gives a Filter that also removes what the forge rendered: members whose names end in "_html".
func (f *Filter) WithoutRendered() *Filter {
	with := *f
	with.rendered = true
	return &with
}

// Copy writes the JSON value that it reads from src to dst without the named members. Strings and numbers keep their
// spelling, order is kept, white space is dropped, and a line feed ends the value. An empty answer stays empty.
//
// It works token by token: memory is bounded by the longest single string and by the depth, not by the answer. A removed
// value is never held. Errors of src and dst are wrapped; ErrIllegible says that the answer itself is at fault.
func (f *Filter) Copy(dst io.Writer, src io.Reader) error {
	c := f.copier(dst, src)
	for {
		if done, err := c.next(); done || err != nil {
			return err
		}
	}
}

// Reader gives what Copy would write, as it is read. Its error is that of Copy instead of io.EOF.
func (f *Filter) Reader(src io.Reader) io.Reader {
	r := &reader{}
	r.copier = f.copier(r, src)
	return r
}

// reader runs a copier as far as it is asked to.
type reader struct {
	*copier
	held []byte // written by the copier, from at on not yet read
	at   int
	err  error
}

// Write takes what the copier writes.
func (r *reader) Write(p []byte) (int, error) {
	r.held = append(r.held, p...)
	return len(p), nil
}

// Read gives the next bytes of the filtered answer.
func (r *reader) Read(p []byte) (int, error) {
	for r.at == len(r.held) && r.err == nil {
		r.held, r.at = r.held[:0], 0
		done, err := r.next()
		if r.err = err; done && err == nil {
			r.err = io.EOF
		}
	}
	if r.at < len(r.held) {
		n := copy(p, r.held[r.at:])
		r.at += n
		return n, nil
	}
	return 0, r.err
}

// copier is one copy.
type copier struct {
	*Filter
	in       *jsontext.Decoder
	out      *jsontext.Encoder
	started  bool
	scratch  []byte
	linked   []byte
	position position // only with addresses
}

// copier begins a copy. Duplicate names are let through as they are: remembering all names would cost memory without
// bound, and each of them is compared anyway.
func (f *Filter) copier(dst io.Writer, src io.Reader) *copier {
	return &copier{
		Filter: f,
		in:     jsontext.NewDecoder(src, jsontext.AllowDuplicateNames(true)),
		out:    jsontext.NewEncoder(dst, jsontext.AllowDuplicateNames(true), jsontext.PreserveRawStrings(true)),
	}
}

// next copies one token and tells whether the answer is over.
func (c *copier) next() (done bool, err error) {
	kind := c.in.PeekKind()
	if c.in.StackDepth() == 0 && kind != 0 && c.started {
		return false, fmt.Errorf("reading the answer: text behind its value: %w", ErrIllegible)
	}
	if kind == 0 {
		if _, err := c.in.ReadToken(); err != io.EOF || c.in.StackDepth() != 0 {
			return false, reading(err)
		}
		return true, nil
	}
	c.started = true
	return false, c.step()
}

// step copies one token, or drops one member.
func (c *copier) step() error {
	kind := c.in.PeekKind()
	parent, n := c.in.StackIndex(c.in.StackDepth())
	if kind == '{' || kind == '[' || kind == '}' || kind == ']' {
		token, err := c.in.ReadToken()
		if err != nil {
			return reading(err)
		}
		if c.addresses != nil {
			c.position.bracket(c.addresses, kind, parent)
		}
		return writing(c.out.WriteToken(token))
	}
	raw, err := c.in.ReadValue()
	if err != nil {
		return reading(err)
	}
	switch isName := parent == '{' && n%2 == 0; {
	case isName && c.removes(raw):
		return reading(c.in.SkipValue())
	case isName && c.addresses != nil:
		c.position.name(c.addresses, c.scratch) // removes has unquoted it
	case kind == '"' && parent == '{' && c.addresses != nil:
		raw = c.member(raw)
	}
	if kind == '"' && c.links != nil {
		raw = c.link(raw)
	}
	return writing(c.out.WriteValue(raw))
}

// link rewrites a text, still quoted, when an address stands in it.
func (c *copier) link(raw jsontext.Value) jsontext.Value {
	if !bytes.Contains(raw, []byte("//")) && !bytes.Contains(raw, []byte{'\\'}) {
		return raw
	}
	c.scratch, _ = jsontext.AppendUnquote(c.scratch[:0], []byte(raw))
	c.linked = c.links.Append(c.linked[:0], c.scratch)
	if bytes.Equal(c.linked, c.scratch) {
		return raw
	}
	c.scratch, _ = jsontext.AppendQuote(c.scratch[:0], c.linked)
	return jsontext.Value(c.scratch)
}

// removes tells whether a member's name, still quoted, is one of the names.
func (c *copier) removes(name jsontext.Value) bool {
	c.scratch, _ = jsontext.AppendUnquote(c.scratch[:0], []byte(name))
	if c.rendered && bytes.HasSuffix(c.scratch, []byte(renderedSuffix)) {
		return true
	}
	for _, n := range c.names {
		if string(c.scratch) == n {
			return true
		}
	}
	return false
}

func reading(err error) error {
	if err == nil {
		return nil
	}
	return unread(err)
}

// unread is apart from reading because its variable costs an allocation.
func unread(err error) error {
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) || err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("reading the answer: %w", ErrIllegible)
	}
	return fmt.Errorf("reading the answer: %w", err)
}

func writing(err error) error {
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return nil
}
