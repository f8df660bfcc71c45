package params

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"patgate/routes"
	"patgate/routes/params/names"
	"patgate/routes/params/refusal"
)

// ErrBodyChanged is returned by Set.WriteJSON when the second reading of a body differs from the first.
var ErrBodyChanged = errors.New("the body changed between reading and writing")

// JSON reads and checks a JSON body: nothing at all, or one object. Duplicate names (compared decoded), comments, NaN,
// invalid UTF-8, and anything behind the object are refused. Errors that are no *Refusal come from src.
func (s *Set) JSON(src io.Reader) error {
	s.fromJSON = len(s.Targets)
	return s.walk(src, nil, false)
}

// WriteJSON reads the same body again and writes it token by token: order and number literals are kept, strings are
// escaped in one way, the references are replaced by what Resolve was given. Everything is checked a second time. An
// empty body writes nothing; any other output ends with a line feed.
func (s *Set) WriteJSON(dst io.Writer, src io.Reader) error {
	if !s.ready() {
		return ErrUnresolved
	}
	defer s.shedJSON()
	s.out.begin(dst)
	s.drafted = false // what was drafted is written over
	return s.walk(src, &s.out, true)
}

// frame is one open container.
type frame struct {
	base   int  // length of the path that its children extend
	list   bool // an array
	filled bool // a child was read
	name   bool // an object whose next token is a member's name
}

// walk is one pass over a body: the first checks, and drafts what is in memory; the second checks again, and writes. It does not
// recurse, so that MaxDepth alone bounds it.
type walk struct {
	*Set
	dec    *jsontext.Decoder
	out    *output // nil: nothing is written
	second bool
	next   int // index of the next target in the second pass
	odd    int // number of frames, plus one, from which on a member's name is outside the grammar; 0: none
	values int
}

func (s *Set) walk(src io.Reader, out *output, second bool) error {
	if s.decoder == nil {
		s.decoder = jsontext.NewDecoder(src)
	} else {
		s.long = s.long || s.readLong()
		s.decoder.Reset(src)
	}
	w := walk{Set: s, dec: s.decoder, out: out, second: second, next: s.fromJSON}
	s.path, s.frames = s.path[:0], s.frames[:0]
	switch kind := w.dec.PeekKind(); kind {
	case '{':
	case '"':
		if !s.route.Body.Text {
			return errNoObject
		}
		return w.bare()
	case 0:
		if _, err := w.dec.ReadToken(); err == io.EOF && w.dec.InputOffset() == 0 && len(w.dec.UnreadBuffer()) == 0 {
			return nil
		} else if err != io.EOF {
			return w.failed(err)
		}
		return refusal.New(refusal.CodeJSON, "the body holds white space and no JSON: send an object, or no body")
	default:
		return errNoObject
	}
	if s.route.Body.Text {
		return refusal.New(refusal.CodeJSON, "the JSON body must be one text")
	}
	for first := true; first || len(s.frames) > 0; first = false {
		if err := w.step(); err != nil {
			return err
		}
	}
	if second && w.next != len(s.Targets) {
		return ErrBodyChanged
	}
	return w.end()
}

// errNoObject refuses a body whose value is not what the row takes.
var errNoObject = refusal.New(refusal.CodeJSON,
	"the JSON body must be an object: forges read lists and bare values in ways of their own")

// bare reads a body that is one text: npm sends the version of a tag as that.
func (w *walk) bare() error {
	raw, err := w.dec.ReadValue()
	if err != nil {
		return w.failed(err)
	}
	w.path = append(w.path[:0], "body"...) // its name in refusals
	text, err := w.text(raw)
	if err == nil {
		err = w.write(raw, text)
	}
	if err != nil {
		return err
	}
	return w.end()
}

// end refuses anything behind the object.
func (w *walk) end() error {
	if _, err := w.dec.ReadToken(); err != io.EOF {
		if err == nil {
			return refusal.New(refusal.CodeJSON, "the JSON body must end after its object")
		}
		return w.failed(err)
	}
	if w.out == nil {
		return nil
	}
	return w.out.end()
}

// step reads one token: a member's name, a value, or the beginning or end of a container.
func (w *walk) step() error {
	kind := w.dec.PeekKind()
	if n := len(w.frames); n > 0 && w.frames[n-1].name && kind == '"' {
		return w.member()
	}
	switch kind {
	case '}', ']':
		return w.leave()
	case '{', '[':
		return w.enter(kind)
	}
	raw, err := w.dec.ReadValue()
	if err != nil {
		return w.failed(err)
	}
	if err := w.value(); err != nil {
		return err
	}
	if err := w.scalar(raw); err != nil {
		return err
	}
	w.done()
	return nil
}

// value counts a value and, when it is a list's element, the element.
func (w *walk) value() error {
	if w.values++; w.values > valueLimit(w.route) {
		return refusal.New(refusal.CodeTooMany,
			"the JSON body has too many values: send it in several requests, or raise the row's body limit")
	}
	n := len(w.frames)
	if n == 0 {
		return nil
	}
	w.frames[n-1].filled = true
	if !w.frames[n-1].list || w.second {
		return nil
	}
	for i := range w.route.Targets {
		if t := &w.route.Targets[i]; t.Required && t.Param != "" && listOf(t.Param) == string(w.path) {
			w.elements[i]++
		}
	}
	return nil
}

// done puts the path back to that of the open container, after a value.
func (w *walk) done() {
	n := len(w.frames)
	if n == 0 {
		return
	}
	f := &w.frames[n-1]
	w.path, f.name = w.path[:f.base], !f.list
	if w.odd > n {
		w.odd = 0
	}
}

func (w *walk) enter(kind jsontext.Kind) error {
	if _, err := w.dec.ReadToken(); err != nil {
		return w.failed(err)
	}
	if len(w.frames) == MaxDepth {
		return refusal.New(refusal.CodeTooDeep, "the JSON body is nested deeper than 32 levels")
	}
	if err := w.value(); err != nil {
		return err
	}
	if kind == '[' {
		w.path = append(w.path, '[', ']')
	}
	w.frames = append(w.frames, frame{base: len(w.path), list: kind == '[', name: kind == '{'})
	if w.out != nil {
		w.out.open(kind)
	}
	return nil
}

func (w *walk) leave() error {
	bracket, err := w.dec.ReadToken()
	if err != nil {
		return w.failed(err)
	}
	f := w.frames[len(w.frames)-1]
	if !f.filled && len(w.path) > 0 {
		if err := w.emptyContainer(f); err != nil {
			return err
		}
	}
	w.frames = w.frames[:len(w.frames)-1]
	w.done()
	if w.out == nil {
		return nil
	}
	return w.out.close(bracket.Kind())
}

// emptyContainer judges {} and [] like values. An empty list of references names nothing and passes.
func (w *walk) emptyContainer(f frame) error {
	l := w.leaf(nil)
	l.empty = true
	d, err := w.decide(l)
	switch {
	case err != nil:
		return err
	case d.kind == entryRepeat, d.kind == entryTarget && !f.list:
		return refusal.Named(refusal.CodeShape, w.path, "must be one id or full path, not a list or an object")
	}
	return nil
}

// createMember is the member by which Ruby's JSON reader, called as Grape calls it, makes an object of a class instead of
// the one that was read: {"json_class": "String", "raw": [...]} is a text (json 2, JSON.create_id). It is refused anywhere.
const createMember = "json_class"

func (w *walk) member() error {
	raw, err := w.dec.ReadValue()
	if err != nil {
		return w.failed(err)
	}
	key, err := w.text(raw)
	if err != nil {
		return err
	}
	if len(key) > MaxName {
		return refusal.Named(refusal.CodeName, key, "has a name longer than 256 bytes")
	}
	if err := checkText(key, nil, true); err != nil {
		return err
	}
	if string(key) == createMember {
		return refusal.Named(refusal.CodeReserved, key,
			"makes Ruby's JSON reader build another value than the one that is written: leave it out")
	}
	var odd bool
	w.path, odd = names.AppendMember(w.path, key)
	n := len(w.frames)
	if n == 1 {
		odd = !names.PlainName(key)
		if err := w.root(key); err != nil {
			return err
		}
	}
	if odd && w.odd == 0 {
		w.odd = n + 1
	}
	w.frames[n-1].name = false
	if w.out == nil {
		return nil
	}
	return w.out.name(raw, key)
}

// root records a parameter's name, so it is not taken from the query as well.
func (w *walk) root(key []byte) error {
	if w.second {
		return nil
	}
	start := len(w.buf)
	w.buf = append(w.buf, key...)
	return w.seen(w.buf[start:len(w.buf):len(w.buf)], inBody, false)
}

func (w *walk) leaf(value []byte) leaf {
	return leaf{name: w.path, value: value, place: inBody, odd: w.odd != 0, json: true}
}

func (w *walk) scalar(raw jsontext.Value) error {
	text := []byte(raw)
	if raw[0] == '"' {
		var err error
		if text, err = w.text(raw); err != nil {
			return err
		}
	}
	d, err := w.decide(w.leaf(text))
	if err != nil {
		return err
	}
	switch kind := raw.Kind(); {
	case d.kind == entryTarget && w.route.Named && (kind == 'n' || string(raw) == "0" || kind == '"' && len(text) == 0):
		d = decision{} // to Gitea null, no id and no name are as good as absent; Go clients send them for what they leave out
	case d.kind != entryPlain && kind != '"' && kind != '0':
		return refusal.Named(refusal.CodeReference, w.path, "must be an id or a full path; leave it out when there is none")
	}
	quoted := raw[0] == '"'
	if !w.second {
		if err := w.record(d, text, quoted); err != nil || w.out == nil {
			return err
		}
		if d.kind == entryTarget || d.kind == entryRepeat {
			w.leaveGap(d.kind, quoted)
			return nil
		}
		return w.write(raw, text)
	}
	switch d.kind {
	case entryTarget:
		if w.next >= len(w.Targets) || !bytes.Equal(w.Targets[w.next].text, text) {
			return ErrBodyChanged
		}
		w.next++
		return w.replace(quoted, w.replacements[w.next-1])
	case entryRepeat:
		if !w.repeatsPath(text) && !bytes.Equal(text, w.id) {
			return ErrBodyChanged
		}
		if len(w.id) > 0 {
			return w.replace(quoted, w.id)
		}
	}
	return w.write(raw, text)
}

// record keeps what the first pass found. quoted: the value is a JSON string.
func (w *walk) record(d decision, text []byte, quoted bool) error {
	w.readCommands(w.path, text, quoted)
	if d.undeclared {
		w.Undeclared++
	}
	if d.kind == entryPlain {
		return nil
	}
	start := len(w.buf)
	w.buf = append(w.buf, text...)
	text = w.buf[start:]
	if d.kind == entryTarget {
		return w.addTarget(leaf{name: w.path, value: text, place: inBody}, d.rule)
	}
	start = len(w.buf)
	w.buf = append(w.buf, w.path...)
	w.repeats = append(w.repeats, repeat{name: w.buf[start:], value: text})
	return nil
}

// replace writes a checked id in the form in which the client sent the value.
func (w *walk) replace(quoted bool, with []byte) error {
	var err error
	if w.scratch, err = appendChecked(w.scratch[:0], quoted, with); err != nil {
		return err
	}
	return w.out.value(w.scratch, with)
}

// appendChecked appends a checked id in the form in which the client sent the value: as a number or as a string.
func appendChecked(dst []byte, quoted bool, with []byte) ([]byte, error) {
	if ref, ok := routes.ParseReference(routes.RefGroup, with); !quoted && ok && ref.ID != 0 {
		return append(dst, with...), nil
	}
	return appendQuoted(dst, with)
}

// appendQuoted appends a JSON string.
func appendQuoted(dst, text []byte) ([]byte, error) {
	dst, err := jsontext.AppendQuote(dst, text)
	if err != nil {
		return dst, fmt.Errorf("writing the JSON body: %w", err)
	}
	return dst, nil
}

// text decodes a JSON string that the decoder gave, and refuses NUL and tokens in it. The result is valid until the decoder
// reads on.
func (w *walk) text(raw jsontext.Value) ([]byte, error) {
	var err error
	text := []byte(raw[1 : len(raw)-1]) // the decoder has read it: without escapes this is what it says
	if bytes.IndexByte(text, '\\') >= 0 {
		w.scratch, err = jsontext.AppendUnquote(w.scratch[:0], []byte(raw))
		text = w.scratch
	}
	switch {
	case err != nil, !utf8.Valid(text):
		return nil, refusal.New(refusal.CodeUTF8, "the JSON body has a string that is not UTF-8")
	case bytes.IndexByte(text, 0) >= 0:
		return nil, refusal.Named(refusal.CodeControl, w.path, "holds a NUL character")
	case refusal.HoldsToken(text):
		return nil, refusal.Named(refusal.CodeSecret, w.path,
			"holds a patgate token: tokens belong in a header, and never into what is sent on")
	}
	return text, nil
}

// write writes a value without members. text is raw, decoded.
func (w *walk) write(raw jsontext.Value, text []byte) error {
	if w.out == nil {
		return nil
	}
	return w.out.value(raw, text)
}

// failed turns the decoder's error into a refusal, unless the source failed.
func (w *walk) failed(err error) error {
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return refusal.New(refusal.CodeDuplicate, "the JSON body has an object with the same name twice")
	case errors.As(err, &syntactic), err == io.EOF, err == io.ErrUnexpectedEOF:
		return refusal.New(refusal.CodeJSON, "the body is not one strict JSON object in UTF-8")
	}
	return fmt.Errorf("reading the JSON body: %w", err)
}
