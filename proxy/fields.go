package proxy

import (
	"bytes"

	"patgate/routes/memo"
	"patgate/token"
)

// field is one header line of a request. Its slices point into the request's own bytes.
type field struct {
	name  []byte // as sent
	value []byte // without the white space around it
	fieldRule
	alias bool // a known name, spelled with "_" for "-"
	known bool // it was seen before, and holds no token
}

// fieldLine is how a header line is read: where its name ends, where its value stands, and what is known of the name.
type fieldLine struct {
	colon, from, to int
	fieldRule
	alias bool
}

// ordinary tells whether the line may be remembered: it is one that clients send with every request, and no secret.
func (l *fieldLine) ordinary() bool {
	return !l.alias && (l.class == classPassed || l.class == classList || l.class == classFraming || l.field == fieldConnection)
}

// fields is a request's header block, read once from its raw bytes.
type fields struct {
	table *fieldTable         // of the forge; nil is GitLab's
	known *memo.Of[fieldLine] // lines that were read before; nil where none are remembered
	list  []field
	size  int       // of the block, with the empty line
	dup   [4]uint64 // by fieldName: came more than once
	seen  [4]uint64
}

// maxFields bounds the header lines of one request.
const maxFields = 128

// errors of reading a header block. Their texts are for the client.
const (
	badFold     = "a header line begins with white space"
	badLineEnd  = "a header line does not end in CR LF, or holds a CR or LF"
	badName     = "a header name is empty or holds a character that no name may hold"
	badTooMany  = "the request has too many header lines"
	badFraming  = "the request gives its length in more than one way"
	badEncoding = "the transfer coding must be chunked"
)

// parse reads a raw header block, from behind the request line up to and with the empty line. It is stricter than the
// HTTP parser in front of it, which lets pass what the forge's own servers could read differently: folded lines, bare
// line feeds, spaces in names. The text of an error is for the client; an empty one is success.
func (f *fields) parse(raw []byte) (problem string) {
	f.list = f.list[:0]
	f.seen, f.dup = [4]uint64{}, [4]uint64{}
	block := raw
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n')
		if end < 1 || raw[end-1] != '\r' {
			return badLineEnd
		}
		line := raw[:end-1]
		raw = raw[end+1:]
		if len(line) == 0 {
			break
		}
		var l fieldLine
		known := false
		if f.known != nil {
			if k := f.known.Find(line); k != nil {
				l, known = *k, true
			}
		}
		if !known {
			if problem := f.read(&l, line); problem != "" {
				return problem
			}
		}
		if len(f.list) == maxFields {
			return badTooMany
		}
		f.list = append(f.list, field{name: line[:l.colon], value: line[l.from:l.to], fieldRule: l.fieldRule, alias: l.alias, known: known})
		bit := uint64(1) << (l.field % 64)
		if f.seen[l.field/64]&bit != 0 {
			f.dup[l.field/64] |= bit
		}
		f.seen[l.field/64] |= bit
	}
	f.size = len(block) - len(raw)
	switch {
	case f.has(fieldContentLength) && f.has(fieldTransferEncoding), f.repeated(fieldContentLength), f.repeated(fieldTransferEncoding):
		return badFraming
	case f.has(fieldTransferEncoding) && !equalFold(f.get(fieldTransferEncoding), "chunked"):
		return badEncoding
	}
	return ""
}

// read reads a line, and remembers it when it may.
func (f *fields) read(l *fieldLine, line []byte) (problem string) {
	switch {
	case line[0] == ' ' || line[0] == '\t':
		return badFold
	case bytes.IndexByte(line, '\r') >= 0:
		return badLineEnd
	}
	if l.colon, l.fieldRule, l.alias = f.table.lookup(line); l.colon < 0 {
		return badName
	}
	l.alias = l.alias && l.class != classDropped
	l.from, l.to = l.colon+1, len(line)
	for l.from < l.to && isSpace(line[l.from]) {
		l.from++
	}
	for l.from < l.to && isSpace(line[l.to-1]) {
		l.to--
	}
	if f.known != nil && l.ordinary() && !token.Find(line) {
		f.known.Keep(line, *l)
	}
	return ""
}

// has tells whether the header is there.
func (f *fields) has(name fieldName) bool { return f.seen[name/64]&(1<<(name%64)) != 0 }

// repeated tells whether the header came more than once.
func (f *fields) repeated(name fieldName) bool { return f.dup[name/64]&(1<<(name%64)) != 0 }

// get gives the first value of a header; nil when it is not there.
func (f *fields) get(name fieldName) []byte {
	if !f.has(name) {
		return nil
	}
	for i := range f.list {
		if f.list[i].field == name {
			return f.list[i].value
		}
	}
	return nil
}

// nominated tells whether a Connection header names the field as one for this connection only.
func (f *fields) nominated(name []byte) bool {
	if !f.has(fieldConnection) {
		return false
	}
	for i := range f.list {
		if f.list[i].field != fieldConnection {
			continue
		}
		for rest := f.list[i].value; len(rest) > 0; {
			var option []byte
			option, rest = cutList(rest)
			if bytes.EqualFold(option, name) {
				return true
			}
		}
	}
	return false
}

// cutList takes the first element of a comma-separated list.
func cutList(list []byte) (element, rest []byte) {
	element, rest, _ = bytes.Cut(list, []byte{','})
	return trimSpace(element), rest
}

// trimSpace removes the optional white space of RFC 9110, 5.6.3.
func trimSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// equalFold compares ASCII text without case.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if d := s[i]; c != d && lowered[c] != lowered[d] {
			return false
		}
	}
	return true
}

// lowered are the bytes of ASCII text in lower case.
var lowered = func() (to [256]byte) {
	for c := range to {
		if to[c] = byte(c); c >= 'A' && c <= 'Z' {
			to[c] += 'a' - 'A'
		}
	}
	return to
}()

// isToken tells whether b is a token of RFC 9110, 5.6.2.
func isToken(b []byte) bool {
	for _, c := range b {
		if !tokenByte[c] {
			return false
		}
	}
	return len(b) > 0
}

var tokenByte = func() (ok [256]bool) {
	for c := range ok {
		ok[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		ok[c] = true
	}
	return ok
}()
