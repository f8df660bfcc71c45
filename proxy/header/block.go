package header

import (
	"bytes"

	"patgate/routes/memo"
	"patgate/token"
)

// Field is one header line of a request. Its slices point into the request's own bytes.
type Field struct {
	Text  []byte // the name as sent
	Value []byte // without the white space around it
	Rule
	Alias bool // a known name, spelled with "_" for "-"
	Known bool // it was seen before, and holds no token
	Own   bool // it is the request's patgate token, and shows it plainly
}

// Line is how a header line of a request is read: where its name ends, where its value stands, and what is known of the name.
type Line struct {
	colon, from, to int
	Rule
	alias bool
}

// ordinary tells whether the line may be remembered: it is one that clients send with every request, and no secret.
func (l *Line) ordinary() bool {
	return !l.alias && (l.Class == ClassPassed || l.Class == ClassList || l.Class == ClassFraming || l.Name == Connection)
}

// Block is a request's header block, read once from its raw bytes. The zero value reads as in front of a GitLab and remembers
// nothing.
type Block struct {
	Table *Table         // of the forge; nil is GitLab's
	Memo  *memo.Of[Line] // lines that were read before; nil where none are remembered
	List  []Field        // in the order in which they came
	Size  int            // of the block, with the empty line

	dup  [4]uint64 // by Name: came more than once
	seen [4]uint64
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
	badLength   = "the Content-Length is no number"
	badValue    = "a header value holds a control character"
	badTrailer  = "the request announces trailers, and has no chunked body that they could follow"
)

// Parse reads a raw header block, from behind the request line up to and with the empty line. It takes nothing that can be
// read in two ways (RFC 9110, 5.5; RFC 9112, 2.2, 5 and 6): no folded lines, no bare line feeds, no control characters, no
// blanks around names. It takes nothing either that the HTTP library of the goroutines refuses, so that a request is good or
// bad whichever way it takes. The text of an error is for the client; an empty one is success.
func (b *Block) Parse(raw []byte) (problem string) {
	b.List = b.List[:0]
	b.seen, b.dup = [4]uint64{}, [4]uint64{}
	block := raw
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n')
		if !IsLineEnd(raw, end) {
			return badLineEnd
		}
		line := raw[:end-1]
		raw = raw[end+1:]
		if len(line) == 0 {
			break
		}
		var l Line
		known := false
		if b.Memo != nil {
			if k := b.Memo.Find(line); k != nil {
				l, known = *k, true
			}
		}
		if !known {
			if problem := b.read(&l, line); problem != "" {
				return problem
			}
		}
		if len(b.List) == maxFields {
			return badTooMany
		}
		b.List = append(b.List, Field{Text: line[:l.colon], Value: line[l.from:l.to], Rule: l.Rule, Alias: l.alias, Known: known})
		bit := uint64(1) << (l.Name % 64)
		if b.seen[l.Name/64]&bit != 0 {
			b.dup[l.Name/64] |= bit
		}
		b.seen[l.Name/64] |= bit
	}
	b.Size = len(block) - len(raw)
	switch {
	case b.Has(ContentLength) && b.Has(TransferEncoding), b.Repeated(ContentLength), b.Repeated(TransferEncoding):
		return badFraming
	case b.Has(TransferEncoding) && !EqualFold(b.Get(TransferEncoding), "chunked"):
		return badEncoding
	case b.Has(ContentLength) && !isLength(b.Get(ContentLength)):
		return badLength
	case b.Has(Trailer) && !b.Has(TransferEncoding):
		return badTrailer
	}
	return ""
}

// read reads a line, and remembers it when it may.
func (b *Block) read(l *Line, line []byte) (problem string) {
	if isSpace(line[0]) {
		return badFold
	}
	l.colon, l.Rule, l.alias = b.Table.lookup(line)
	switch {
	case l.colon >= 0 && IsValue(line[l.colon+1:]):
	case bytes.IndexByte(line, '\r') >= 0:
		return badLineEnd
	case l.colon < 0:
		return badName
	default:
		return badValue
	}
	l.alias = l.alias && l.Class != ClassDropped
	l.from, l.to = l.colon+1, len(line)
	for l.from < l.to && isSpace(line[l.from]) {
		l.from++
	}
	for l.from < l.to && isSpace(line[l.to-1]) {
		l.to--
	}
	if b.Memo != nil && l.ordinary() && !token.Find(line) {
		b.Memo.Keep(line, *l)
	}
	return ""
}

// Add adds a field that stands in no block.
func (b *Block) Add(name Name, value []byte) {
	b.List = append(b.List, Field{Value: value, Rule: Rule{Name: name}})
	b.seen[name/64] |= 1 << (name % 64)
}

// Has tells whether the header is there.
func (b *Block) Has(name Name) bool { return b.seen[name/64]&(1<<(name%64)) != 0 }

// Repeated tells whether the header came more than once.
func (b *Block) Repeated(name Name) bool { return b.dup[name/64]&(1<<(name%64)) != 0 }

// Get gives the first value of a header; nil when it is not there.
func (b *Block) Get(name Name) []byte {
	if !b.Has(name) {
		return nil
	}
	for i := range b.List {
		if b.List[i].Name == name {
			return b.List[i].Value
		}
	}
	return nil
}

// Nominated tells whether a Connection header names the field as one for this connection only.
func (b *Block) Nominated(name []byte) bool {
	return b.Has(Connection) && b.nominates(name)
}

func (b *Block) nominates(name []byte) bool {
	for i := range b.List {
		if b.List[i].Name != Connection {
			continue
		}
		for rest := b.List[i].Value; len(rest) > 0; {
			var option []byte
			option, rest = CutList(rest)
			if bytes.EqualFold(option, name) {
				return true
			}
		}
	}
	return false
}
