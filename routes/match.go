package routes

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"patgate/routes/percent"
)

// Refusals of Classify that are the same for every request.
var (
	errMethod   = refuse(CodeMethod, "this method is not part of the forge's API")
	errTarget   = refuse(CodeTarget, "the request target must be a path, with backslashes, blanks and the like percent-encoded")
	errDots     = refuse(CodeAmbiguousPath, "the path has an empty, \".\" or \"..\" segment")
	errEncoding = refuse(CodeAmbiguousPath, "the path has a percent-encoding that is malformed, not UTF-8, or hides a control "+
		"character, backslash or dot segment: encode each part of the path once, a percent sign as %25")
	errDoubled = refuse(CodeAmbiguousPath, "the path names a project, group or user that is percent-encoded twice: encode it once, "+
		"a slash as %2F")
	errSpelling = refuse(CodeAmbiguousPath, "the path percent-encodes characters that need no encoding, and would be read "+
		"differently without it")
	errFormat = refuse(CodeAmbiguousPath, "the forge would read what follows the dot in the last part of the path as a "+
		"format; leave it out")
	errNoRoute    = refuse(CodeNoRoute, "no route of the table matches this method and path")
	errOutOfReach = refuse(CodeTarget, "the path is too long: at most 8 KiB, and 64 parts")
	errLongQuery  = refuse(CodeTarget, "the query is too long: path and query have at most 8 KiB together; send "+
		"long values in the body")
)

// maxTarget bounds a target, in bytes.
const maxTarget = 8 << 10

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
		if len(path) <= maxTarget {
			return errLongQuery
		}
		return errOutOfReach
	}
	var m matcher
	plain, err := m.cut(path)
	if err != nil {
		return err
	}
	if m.n > 1 && m.ends[m.n-1] == m.ends[m.n-2]+1 {
		op.slash = true
		path = path[:len(path)-1]
		m.n--
	}
	m.path = path
	if err := t.match(op, index, &m); err != nil {
		if err == error(errNoRoute) {
			return t.noRoute(index, path)
		}
		return err
	}
	op.slash = op.slash && op.Route.Pattern.slash // where a row does not keep it, the forges' routers drop it
	if plain {
		return nil
	}
	return t.confirm(op, index, path)
}

// forget empties what is not overwritten by a match.
func (op *Operation) forget() {
	op.Route = nil
	op.variant = nil
	op.n = 0
	op.Query = nil
	op.slash = false
	op.format = ""
}

// cut finds the segments of a path and refuses what no path may hold. plain tells that every percent-encoding in it, if
// there is any, is the only spelling of its byte: what AppendPath would write is the path itself.
func (m *matcher) cut(path []byte) (plain bool, err error) {
	if len(path) == 0 || path[0] != '/' {
		return false, errTarget
	}
	plain = true
	start, dot := 1, false
	for i := 1; i < len(path); i++ {
		is := pathByte[path[i]]
		if is == byteOrdinary { // most are
			continue
		}
		switch is {
		case byteDot:
			dot = true
		case byteSlash:
			if i == start || m.n == maxSegments || dot && isDots(path[start:i]) {
				return false, cutError(m.n)
			}
			m.ends[m.n], m.dot[m.n] = uint16(i), dot
			m.n++
			start, dot = i+1, false
		case bytePercent:
			plain = plain && onlySpelling(path[i:])
			dot = dot || encodedDot(path[i:])
		default:
			return false, errTarget
		}
	}
	if m.n == maxSegments || dot && isDots(path[start:]) {
		return false, cutError(m.n)
	}
	m.ends[m.n], m.dot[m.n] = uint16(len(path)), dot
	m.n++
	return plain, nil
}

func cutError(segments int) error {
	if segments == maxSegments {
		return errOutOfReach
	}
	return errDots
}

// isDots tells whether a segment is "." or "..".
func isDots(s []byte) bool {
	return len(s) <= 2 && len(s) > 0 && s[0] == '.' && (len(s) == 1 || s[1] == '.')
}

// onlySpelling tells whether raw, which begins with a percent sign, begins with the one spelling of a byte: two upper-case
// digits, and not of an unreserved character, which is written as it is.
func onlySpelling(raw []byte) bool {
	c, ok := percent.Decode(raw)
	return ok && raw[1] < 'a' && raw[2] < 'a' && !percent.Unreserved(c)
}

// pathByte says what a byte of a raw path is: pchar of RFC 3986, 3.3, and the slash. The zero value may not stand in one.
var pathByte = func() (kinds [256]byteKind) {
	for c := range kinds {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			kinds[c] = byteOrdinary
		}
	}
	for _, c := range []byte("-._~!$&'()*+,;=:@") {
		kinds[c] = byteOrdinary
	}
	kinds['/'], kinds['%'], kinds['.'] = byteSlash, bytePercent, byteDot
	return kinds
}()

type byteKind uint8

const (
	byteOrdinary byteKind = iota + 1
	byteSlash
	bytePercent
	byteDot
)

// matcher is the state of one walk through the trie.
type matcher struct {
	path []byte
	ends [maxSegments]uint16 // where each raw segment ends
	dot  [maxSegments]bool   // which of them hold a dot, written or encoded: those are no words
	n    int                 // raw segments

	taken [maxSegments]uint8 // by depth in the pattern: the last raw segment that it takes
	found *leaf
	kept  [maxSegments]uint8 // taken, of found
	// dotted: a row was met that the forge would take with what follows a dot as the format (Grape's `.:format`).
	dotted bool
	plain  bool // the forge knows no formats: a dot is a dot
}

// start is where a raw segment begins.
func (m *matcher) start(segment int) int {
	if segment == 0 {
		return 1
	}
	return int(m.ends[segment-1]) + 1
}

func (t *Table) match(op *Operation, method int, m *matcher) error {
	root := t.tries[method]
	if root == nil {
		return errNoRoute
	}
	m.plain = t.named
	if trunk := t.trunks[method]; trunk != nil && m.n > t.depth && hasPrefix(m.path, t.base) && m.path[len(t.base)] == '/' {
		for i := range t.depth {
			m.taken[i] = uint8(i)
		}
		m.walk(trunk, t.depth, t.depth)
	} else {
		m.walk(root, 0, 0)
	}
	if m.dotted {
		return errFormat
	}
	if m.found == nil {
		return errNoRoute
	}
	if wides := m.found.variant.contested; wides != nil && m.isContested(wides) {
		return errWide
	}
	op.Route, op.variant = m.found.route, m.found.variant
	if !op.cutFormat(m.path) {
		return errFormat
	}
	return op.read(m)
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// cutFormat notes a format of the row that ends a splat at the end of the path: the forge cuts it off there too, also where
// the splat takes several segments, as in Composer's p2/vendor/package.json. Within one segment, the spelling with the
// format has matched before the splat. It is false when the dot is encoded, which has the same meaning for the forge.
func (op *Operation) cutFormat(path []byte) bool {
	op.format = ""
	formats := op.Route.Pattern.formats
	if len(formats) == 0 || !op.variant.segments[len(op.variant.segments)-1].splat {
		return true
	}
	for _, format := range formats {
		rest, found := bytes.CutSuffix(path, []byte(format))
		switch {
		case !found:
		case len(rest) > 1 && rest[len(rest)-1] == '.' && rest[len(rest)-2] != '/':
			op.format = format
			return true
		case bytes.HasSuffix(rest, []byte{'.'}) || len(rest) >= 3 && encodedDot(rest[len(rest)-3:]):
			return false
		}
	}
	return true
}

// walk follows the trie from a raw segment on; depth counts pattern segments. It returns true when the search is over.
func (m *matcher) walk(n *node, segment, depth int) bool {
	if segment >= m.n {
		return n.leaf != nil && m.reach(n.leaf, depth)
	}
	if depth >= maxSegments {
		return false
	}
	raw := m.path[m.start(segment):m.ends[segment]]
	m.taken[depth] = uint8(segment)
	if next := n.literals.find(raw); next != nil && m.walk(next, segment+1, depth+1) {
		return true
	}
	if len(n.edges) == 0 && segment+1 < m.n {
		return false
	}
	dot := m.dot[segment]
	last := segment+1 == m.n && !m.plain && dot
	if last && n.formatted(raw) {
		m.dotted = true
		return true
	}
	for i := range n.edges {
		e := &n.edges[i]
		if last && e.shape == shapeWord && e.to.leaf != nil {
			m.dotted = true
			return true
		}
		if e.pair {
			if segment+1 < m.n {
				m.taken[depth] = uint8(segment + 1)
				if m.walk(e.to, segment+2, depth+1) {
					return true
				}
			}
			continue
		}
		if e.splat {
			for to := segment; to < m.n; to++ {
				m.taken[depth] = uint8(to)
				if m.walk(e.to, to+1, depth+1) {
					return true
				}
			}
			continue
		}
		m.taken[depth] = uint8(segment)
		if e.takes(raw, dot) && m.walk(e.to, segment+1, depth+1) {
			return true
		}
	}
	return false
}

// formatted tells whether a literal child of n stands before a dot of raw: issues.json is the row of issues.
func (n *node) formatted(raw []byte) bool {
	for i := 1; i < len(raw); i++ {
		if raw[i] != '.' && !encodedDot(raw[i:]) {
			continue
		}
		if next := n.literals.find(raw[:i]); next != nil && next.leaf != nil {
			return true
		}
	}
	return false
}

// reach takes a leaf. A row with After goes on looking for the rows that the forge tries before it.
func (m *matcher) reach(l *leaf, depth int) bool {
	if m.found == nil || slices.Contains(m.found.route.Pattern.after, l.route) {
		m.found = l
		copy(m.kept[:depth], m.taken[:depth])
	}
	return len(m.found.route.Pattern.after) == 0
}

// read fills op's captures from what each segment of its variant took, and checks their values.
func (op *Operation) read(m *matcher) error {
	op.buf = op.buf[:0]
	if need := len(m.path); cap(op.buf) < need {
		op.buf = make([]byte, 0, max(need, 256)) // decoded values are never longer: no append moves it
	}
	v := op.variant
	for _, i := range v.captured {
		s := &v.segments[i]
		from := 0
		if i > 0 {
			from = int(m.kept[i-1]) + 1
		}
		raw := m.path[m.start(from):m.ends[m.kept[i]]]
		if op.format != "" && i == len(v.segments)-1 {
			raw = raw[:len(raw)-len(".")-len(op.format)]
		}
		if len(s.parts) == 1 {
			if err := op.capture(raw); err != nil {
				return err
			}
			continue
		}
		var room [MaxCaptures]span
		inner, _ := splitParts(s.parts, raw, room[:0])
		for _, p := range inner {
			if err := op.capture(raw[p.from:p.to]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (op *Operation) capture(raw []byte) error {
	c := &op.captures[op.n]
	class := op.variant.classes[op.n]
	value, ok := op.decode(raw)
	if !ok {
		return errEncoding
	}
	c.Name = op.variant.names[op.n]
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
		if !ok || class.value != nil && !class.value(value) || class.ref == RefUser && ref.ID == 0 && bytes.IndexByte(value, '.') >= 0 {
			return op.misnamed(value)
		}
		c.ID = ref.ID
	} else if class.value != nil && !class.value(value) {
		return op.variant.refusals[op.n]
	}
	op.n++
	return nil
}

// misnamed refuses the value of a capture that is no reference.
func (op *Operation) misnamed(value []byte) error {
	if bytes.IndexByte(value, '%') >= 0 {
		return errDoubled
	}
	return op.variant.refusals[op.n]
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

// IsDecoded tells whether a value that was decoded, and has percent signs left, is nothing to fear where it is decoded once more.
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
