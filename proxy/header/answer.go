package header

import "bytes"

// State is how far the bytes of a head have been read.
type State uint8

// The states of a head.
const (
	More      State = iota // there must come more
	Whole                  // it was read to its end
	Malformed              // it can be read in no way, or in more than one
)

// CutLine takes the first line of a head, without its CR LF.
func CutLine(in []byte) (line, rest []byte, got State) {
	end := bytes.IndexByte(in, '\n')
	if !IsLineEnd(in, end) {
		return nil, in, Unended(end)
	}
	return in[:end-1], in[end+1:], Whole
}

// IsLineEnd tells whether the first line feed, which stands at the index at, ends a line: whether a carriage return is before it.
func IsLineEnd(in []byte, at int) bool { return at > 0 && in[at-1] == '\r' }

// Unended gives the state of a line that has no line end. at is the index of its line feed: without one, when at is negative,
// More is to come; with one that no carriage return precedes, it is Malformed.
func Unended(at int) State {
	if at < 0 {
		return More
	}
	return Malformed
}

// Ends tells whether the end of a head stands somewhere in what has come.
func Ends(in []byte) bool { return bytes.Contains(in, []byte("\r\n\r\n")) }

// Begins tells whether what has come can be the beginning of a request: a method, behind line ends that are passed over (RFC
// 9112, 2.2 and 3), as far as it came, and then a blank. What other protocols begin with is none: a TLS record, the name of an
// SSH client.
func Begins(in []byte) bool {
	in = bytes.TrimLeft(in, "\r\n")
	at := 0
	for at < len(in) && tokenByte[in[at]] {
		at++
	}
	return at == len(in) || at > 0 && in[at] == ' '
}

// ReadField reads a field line (RFC 9112, 5) without its end. False: it is not one, or could be read in another way.
func ReadField(line []byte) (name, value []byte, ok bool) {
	colon := 0
	for colon < len(line) && tokenByte[line[colon]] {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return nil, nil, false
	}
	value = TrimSpace(line[colon+1:])
	return line[:colon], value, IsValue(value)
}

// firstStatus and lastStatus bound the status of an answer (RFC 9110, 15).
const (
	firstStatus = 100
	lastStatus  = 599
)

// ReadStatus reads a status line (RFC 9112, 4) without its end; old tells that it is of HTTP/1.0. False: it is not one, or could
// be read in another way. Where the reason phrase is missing, the blank before it may be too: many servers leave it out.
func ReadStatus(line []byte) (status int, old, ok bool) {
	const version = "HTTP/1.1 "
	if len(line) < len(version)+3 || string(line[:len(version)]) != version {
		if len(line) < len(version)+3 || string(line[:len(version)]) != "HTTP/1.0 " {
			return 0, false, false
		}
		old = true
	}
	line = line[len(version):]
	for _, b := range line[:3] {
		if b < '0' || b > '9' {
			return 0, false, false
		}
		status = 10*status + int(b-'0')
	}
	if len(line) > 3 && line[3] != ' ' || status < firstStatus || status > lastStatus {
		return 0, false, false
	}
	return status, old, IsValue(line[3:])
}

// AnswerHead reads the head of an answer as it comes in. The zero value is at its beginning.
type AnswerHead struct {
	Status int
	Size   int // of the lines that were read

	old             bool // of HTTP/1.0
	length, chunked bool // how the answer says where its body ends
	media, coding   bool // whether it says what its body is
}

// Read goes on with what has come, from the first byte of the head on. It is Whole when the head is; what cannot be read in
// one way only, such as a body with two lengths or of two types, is Malformed.
func (a *AnswerHead) Read(in []byte) State {
	for {
		line, _, got := CutLine(in[a.Size:])
		if got != Whole {
			return got
		}
		first := a.Size == 0
		a.Size += len(line) + len("\r\n")
		ok := true
		switch {
		case first:
			a.Status, a.old, ok = ReadStatus(line)
		case len(line) == 0:
			return Whole
		default:
			ok = a.field(line)
		}
		if !ok {
			return Malformed
		}
	}
}

// field reads a field line; false says that the answer cannot be passed on with it.
func (a *AnswerHead) field(line []byte) bool {
	name, value, ok := ReadField(line)
	switch {
	case !ok:
		return false
	case EqualFold(name, "content-length"):
		twice := a.length || a.chunked
		a.length = true
		return !twice && isLength(value)
	case EqualFold(name, "transfer-encoding"):
		twice := a.length || a.chunked
		a.chunked = true
		return !twice && !a.old && EqualFold(value, "chunked")
	case EqualFold(name, "content-type"):
		twice := a.media
		a.media = true
		return !twice
	case EqualFold(name, "content-encoding"):
		twice := a.coding
		a.coding = true
		return !twice
	}
	return true
}

// isLength tells whether a value is a Content-Length (RFC 9110, 8.6) that a number of 64 bits holds.
func isLength(value []byte) bool {
	for _, c := range value {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(value) > 0 && len(value) <= 18
}
