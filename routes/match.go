package routes

import (
	"bytes"
	"unicode/utf8"

	"patgate/routes/pattern"
	"patgate/routes/percent"
)

// Refusals of Classify that are the same for every request.
var (
	errMethod   = refuse(CodeMethod, "this method is not part of the forge's API")
	errTarget   = refuse(CodeTarget, "the request target must be a path, with backslashes, blanks and the like percent-encoded")
	errDots     = refuse(CodeAmbiguousPath, "the path has an empty, \".\" or \"..\" segment")
	errEncoding = refuse(CodeAmbiguousPath, "the path has a percent-encoding that is malformed, not UTF-8, or hides a control "+
		"character, backslash or dot segment: encode each part of the path once, a percent sign as %25")
	errDoubled = refuse(CodeAmbiguousPath, "the path names a project, group or user that is percent-encoded twice: encode "+
		"it once, a slash as %2F")
	errSpelling = refuse(CodeAmbiguousPath, "the path percent-encodes characters that need no encoding, and would be read "+
		"differently without it")
	errFormat = refuse(CodeAmbiguousPath, "the forge would read what follows the dot in the last part of the path as a "+
		"format; leave it out")
	errWide       = refuse(CodeAmbiguousPath, "the forge could read several parts of the path as one id, and take another route")
	errNoRoute    = refuse(CodeNoRoute, "no route of the table matches this method and path")
	errOutOfReach = refuse(CodeTarget, "the path is too long: at most 8 KiB, and 64 parts")
	errLongQuery  = refuse(CodeTarget, "the query is too long: path and query have at most 8 KiB together; send "+
		"long values in the body")
)

// maxTarget bounds a target, in bytes.
const maxTarget = pattern.MaxPath

// methods are those that the table knows, as trie indexes.
const (
	methodGET = iota
	methodPOST
	methodPUT
	methodPATCH
	methodDELETE
	methodCount
)

// HasRows tells whether the table can have rows for a method. HEAD has none: it is read as GET.
func HasRows(method string) bool { return method != "HEAD" && methodIndex(method) >= 0 }

func methodIndex(method string) int {
	switch method {
	case "GET", "HEAD":
		return methodGET
	case "POST":
		return methodPOST
	case "PUT":
		return methodPUT
	case "PATCH":
		return methodPATCH
	case "DELETE":
		return methodDELETE
	}
	return -1
}

// Classify reads a method and a raw request target (path and query, as it came on the wire) into op. The error is a
// *Refusal. Reading is strict: outside captures a path is literal bytes; inside, it is decoded once. What AppendPath
// writes for op classifies to the same operation.
func (t *Table) Classify(op *Operation, method string, target []byte) error {
	op.forget()
	index := methodIndex(method)
	if index < 0 {
		return errMethod
	}
	op.Head = method == "HEAD"
	path := target
	if q := bytes.IndexByte(target, '?'); q >= 0 {
		path, op.Query = target[:q], target[q+1:]
	}
	if len(target) > maxTarget {
		return CheckTarget(target)
	}
	var m pattern.Matcher
	plain, err := m.Cut(path)
	if err != nil {
		return refusalOf(err)
	}
	slash := m.TrimSlash()
	path = m.Path()
	if err := t.match(op, index, &m); err != nil {
		if err == error(errNoRoute) {
			return t.noRoute(index, path)
		}
		return err
	}
	op.slash = slash && op.Route.Pattern.Slash // where a row does not keep it, the forges' routers drop it
	if plain {
		return nil
	}
	return t.confirm(op, index, path)
}

// CheckTarget refuses a target that does not begin with a slash, or is too long, and then says which part of it is.
func CheckTarget(target []byte) error {
	switch path, _, _ := bytes.Cut(target, []byte{'?'}); {
	case len(path) == 0 || path[0] != '/':
		return errTarget
	case len(path) > maxTarget:
		return errOutOfReach
	case len(target) > maxTarget:
		return errLongQuery
	}
	return nil
}

// forget empties what is not overwritten by a match.
func (op *Operation) forget() {
	op.Route = nil
	op.form = nil
	op.n = 0
	op.Query = nil
	op.slash = false
	op.format = ""
}

// refusalOf says why a path is not taken.
func refusalOf(err error) error {
	switch err {
	case pattern.ErrByte:
		return errTarget
	case pattern.ErrDots:
		return errDots
	case pattern.ErrLong:
		return errOutOfReach
	case pattern.ErrFormat:
		return errFormat
	case pattern.ErrWide:
		return errWide
	}
	return errNoRoute
}

func (t *Table) match(op *Operation, method int, m *pattern.Matcher) error {
	leaf, err := m.Find(&t.tries[method], !t.named)
	if err != nil {
		return refusalOf(err)
	}
	op.form = leaf.Of.(*form)
	op.Route = op.form.route
	if !op.cutFormat(m.Path()) {
		return errFormat
	}
	return op.read(m)
}

// cutFormat notes a format of the row that ends a splat at the end of the path: the forge cuts it off there too, also where
// the splat takes several segments, as in Composer's p2/vendor/package.json. Within one segment, the spelling with the
// format has matched before the splat. It is false when the dot is encoded, which has the same meaning for the forge.
func (op *Operation) cutFormat(path []byte) bool {
	op.format = ""
	formats := op.Route.Pattern.Formats
	if len(formats) == 0 || !op.form.Segments[len(op.form.Segments)-1].Splat {
		return true
	}
	for _, format := range formats {
		rest, found := bytes.CutSuffix(path, []byte(format))
		switch {
		case !found:
		case len(rest) > 1 && rest[len(rest)-1] == '.' && rest[len(rest)-2] != '/':
			op.format = format
			return true
		case bytes.HasSuffix(rest, []byte{'.'}) || len(rest) >= 3 && pattern.EncodedDot(rest[len(rest)-3:]):
			return false
		}
	}
	return true
}

// read fills op's captures from what each segment of its variant took, and checks their values.
func (op *Operation) read(m *pattern.Matcher) error {
	op.buf = op.buf[:0]
	if need := len(m.Path()); cap(op.buf) < need {
		op.buf = make([]byte, 0, max(need, 256)) // decoded values are never longer: no append moves it
	}
	f := op.form
	for _, i := range f.Captured {
		s := &f.Segments[i]
		raw := m.Took(i)
		if op.format != "" && i == len(f.Segments)-1 {
			raw = raw[:len(raw)-len(".")-len(op.format)]
		}
		if len(s.Parts) == 1 {
			if err := op.capture(raw); err != nil {
				return err
			}
			continue
		}
		var room [pattern.MaxCaptures]pattern.Span
		inner, _ := pattern.Split(s.Parts, raw, room[:0])
		for _, p := range inner {
			if err := op.capture(raw[p.From:p.To]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (op *Operation) capture(raw []byte) error {
	c := &op.captures[op.n]
	class := op.form.classes[op.n]
	value, ok := op.decode(raw)
	if !ok {
		return errEncoding
	}
	c.Name = op.form.Names[op.n]
	c.Value = value
	c.Ref = class.ref
	c.ID = 0
	c.Named = false
	c.raw = raw
	c.sent = ""
	if class.named {
		if _, ok := ParseName(class.ref, value); !ok {
			return op.misnamed(value)
		}
		c.Named = true
	} else if class.ref != RefNone {
		ref, ok := ParseReference(class.ref, value)
		dotted := class.ref == RefUser && ref.ID == 0 && bytes.IndexByte(value, '.') >= 0
		if !ok || dotted || class.value != nil && !class.value(value) {
			return op.misnamed(value)
		}
		c.ID = ref.ID
	} else if class.value != nil && !class.value(value) {
		return op.form.refusals[op.n]
	}
	op.n++
	return nil
}

// misnamed refuses the value of a capture that is no reference.
func (op *Operation) misnamed(value []byte) error {
	if bytes.IndexByte(value, '%') >= 0 {
		return errDoubled
	}
	return op.form.refusals[op.n]
}

// decode reads a raw capture once. It refuses what the forge could read in another way.
func (op *Operation) decode(raw []byte) ([]byte, bool) {
	at := bytes.IndexByte(raw, '%')
	if at < 0 {
		return raw, true
	}
	start := len(op.buf)
	percents := false
	var all byte // every bit that is set in some decoded byte: what stands unencoded in a path is ASCII
	for ; at >= 0; at = bytes.IndexByte(raw, '%') {
		c, ok := percent.Decode(raw[at:])
		if !ok || c < 0x20 || c == 0x7f || c == '\\' {
			return nil, false
		}
		percents = percents || c == '%'
		all |= c
		op.buf = append(append(op.buf, raw[:at]...), c)
		raw = raw[at+3:]
	}
	op.buf = append(op.buf, raw...)
	value := op.buf[start:]
	if percents && !IsDecoded(value) {
		return nil, false
	}
	return value, (all < utf8.RuneSelf || utf8.Valid(value)) && !hasDotSegment(value)
}

// IsDecoded tells whether a decoded value that has percent signs left is harmless when it is decoded once more.
// GitLab's and Gitea's routers decode once, so that the signs are part of the value (GitLab 19.3: Grape, Rails' router; Workhorse
// matches what is encoded). GitLab's guards against path traversal decode it again, to look.
func IsDecoded(value []byte) bool {
	var room [128]byte
	again := room[:0]
	for i := 0; i < len(value); i++ {
		c := value[i]
		if hidden, ok := percent.Decode(value[i:]); c == '%' && ok {
			c = hidden
			i += 2
			if c < 0x20 || c == 0x7f || c == '\\' {
				return false
			}
		}
		again = append(again, c)
	}
	return !hasDotSegment(again)
}

// hasDotSegment tells whether "." or ".." stands between slashes in a decoded value.
func hasDotSegment(value []byte) bool {
	if bytes.IndexByte(value, '.') < 0 {
		return false
	}
	for len(value) > 0 {
		s := value
		if i := bytes.IndexByte(value, '/'); i >= 0 {
			s, value = value[:i], value[i+1:]
		} else {
			value = nil
		}
		if len(s) == 1 && s[0] == '.' || len(s) == 2 && s[0] == '.' && s[1] == '.' {
			return true
		}
	}
	return false
}
