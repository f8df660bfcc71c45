package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Push is what the first part of a receive-pack request says, in front of the pack (gitprotocol-pack, "Reference Update
// Request"). A request without commands is what git sends to try its credential out.
type Push struct {
	Shallow      [][]byte // names of the objects at which the client's history ends
	Updates      []Update
	Capabilities Capabilities
	Options      []string // push options, as they came
}

// Update is one command of a push.
type Update struct {
	Old, New []byte // names of objects; zeros: none
	Name     []byte // full: refs/heads/main
	Create   bool   // the client takes the ref for absent; the forge refuses when it is not
	Delete   bool
}

const (
	maxPacket  = 65520
	maxUpdates = 100_000
	maxOptions = 1000
)

var (
	// ErrMalformedPush is wrapped by every error of ReadPush that is about what was read; its texts are for the client.
	ErrMalformedPush = errors.New("the push cannot be read")
	// ErrPushTooLong: the list of refs or options is longer than is read.
	ErrPushTooLong = errors.New("the push names more refs or options than are read")
)

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformedPush, what) }

// ReadPush reads the list of commands and, where the client announces them, the push options. It reads not a byte more,
// and at most limit bytes: behind them the pack begins. What it takes, AppendHead writes again.
func ReadPush(r io.Reader, limit int64) (*Push, error) {
	lines := packets{from: r, left: limit}
	p := &Push{}
	seen := map[string]bool{}
	for {
		line, flush, err := lines.next()
		if err != nil {
			return nil, err
		}
		if flush {
			break
		}
		line = trimNewline(line)
		if id, found := bytes.CutPrefix(line, []byte("shallow ")); found {
			if !isObject(id) {
				return nil, malformed("a shallow line names no object")
			}
			p.Shallow = append(p.Shallow, bytes.Clone(id))
			continue
		}
		if bytes.HasPrefix(line, []byte("push-cert")) {
			return nil, malformed("signed pushes are not passed on")
		}
		if len(p.Updates) == 0 {
			var capabilities []byte
			var found bool
			if line, capabilities, found = bytes.Cut(line, []byte{0}); !found {
				return nil, malformed("the first command has no capabilities")
			}
			if p.Capabilities, err = parseCapabilities(capabilities); err != nil {
				return nil, err
			}
		}
		u, err := parseUpdate(line)
		switch {
		case err != nil:
			return nil, err
		case len(u.Old) != p.Capabilities.objectLength():
			return nil, malformed("a command names objects of another format than the push")
		case seen[string(u.Name)]:
			return nil, malformed("a ref is named twice")
		case len(p.Updates) == maxUpdates:
			return nil, ErrPushTooLong
		}
		seen[string(u.Name)] = true
		p.Updates = append(p.Updates, u)
	}
	for _, id := range p.Shallow {
		if len(id) != p.Capabilities.objectLength() && len(p.Updates) > 0 {
			return nil, malformed("a shallow line names an object of another format than the push")
		}
	}
	if !p.Capabilities.options {
		return p, nil
	}
	return p, p.readOptions(&lines)
}

// readOptions reads the list behind that of the commands.
func (p *Push) readOptions(lines *packets) error {
	for {
		line, flush, err := lines.next()
		switch {
		case err != nil:
			return err
		case flush:
			return nil
		case len(p.Options) == maxOptions:
			return ErrPushTooLong
		}
		if line = trimNewline(line); bytes.ContainsAny(line, "\x00\n") {
			return malformed("a push option does not end where its packet does")
		}
		p.Options = append(p.Options, string(line))
	}
}

// AppendHead writes the head anew, in the one way that every git reads alike, with options in the place of the client's. Each
// option must be one line.
func (p *Push) AppendHead(dst []byte, options []string) []byte {
	for _, id := range p.Shallow {
		dst = appendPacket(dst, "shallow "+string(id))
	}
	var line []byte
	for i := range p.Updates {
		u := &p.Updates[i]
		line = append(append(line[:0], u.Old...), ' ')
		line = append(append(line, u.New...), ' ')
		line = append(line, u.Name...)
		if i == 0 {
			line = p.Capabilities.append(append(line, 0), len(options) > 0)
		}
		dst = appendPacket(dst, string(line))
	}
	dst = append(dst, "0000"...)
	if len(options) == 0 || len(p.Updates) == 0 {
		return dst
	}
	for _, option := range options {
		dst = appendPacket(dst, option)
	}
	return append(dst, "0000"...)
}

// parseUpdate reads "<old> <new> <name>".
func parseUpdate(line []byte) (Update, error) {
	before, rest, _ := bytes.Cut(line, []byte{' '})
	after, name, found := bytes.Cut(rest, []byte{' '})
	if !found || !isObject(before) || !isObject(after) || len(before) != len(after) {
		return Update{}, malformed("a command is not of the form old new ref")
	}
	if !isRef(name) {
		return Update{}, malformed("a command names no full ref, such as refs/heads/main")
	}
	u := Update{
		Old:    bytes.Clone(before),
		New:    bytes.Clone(after),
		Name:   bytes.Clone(name),
		Create: isZero(before),
		Delete: isZero(after),
	}
	if u.Create && u.Delete {
		return Update{}, malformed("a command neither makes, moves nor deletes its ref")
	}
	return u, nil
}

// packets reads pkt-lines (gitprotocol-common).
type packets struct {
	from io.Reader
	left int64
	buf  []byte
}

// next reads one packet; its bytes are good until the next call.
func (p *packets) next() (line []byte, flush bool, err error) {
	var head [4]byte
	if err := p.read(head[:]); err != nil {
		return nil, false, err
	}
	length := 0
	for _, c := range head {
		switch {
		case c >= '0' && c <= '9':
			length = length<<4 | int(c-'0')
		case c >= 'a' && c <= 'f':
			length = length<<4 | int(c-'a'+10)
		default:
			return nil, false, malformed("a packet's length is not four lower-case hexadecimal digits")
		}
	}
	switch {
	case length == 0:
		return nil, true, nil
	case length <= len(head) || length > maxPacket:
		return nil, false, malformed("a packet has a length that none may have")
	}
	if cap(p.buf) < length {
		p.buf = make([]byte, maxPacket)
	}
	line = p.buf[:length-len(head)]
	return line, false, p.read(line)
}

func (p *packets) read(b []byte) error {
	if p.left -= int64(len(b)); p.left < 0 {
		return ErrPushTooLong
	}
	_, err := io.ReadFull(p.from, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("it ends within its list of refs")
	}
	return err
}

func trimNewline(line []byte) []byte { return bytes.TrimSuffix(line, []byte{'\n'}) }

// isObject tells whether b is the name of an object, SHA-1 or SHA-256, in lower case.
func isObject(b []byte) bool {
	if len(b) != 40 && len(b) != 64 {
		return false
	}
	for _, c := range b {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}

func isZero(b []byte) bool { return len(bytes.Trim(b, "0")) == 0 }

// isRef holds a full ref name to the rules of git-check-ref-format.
func isRef(name []byte) bool {
	rest, found := bytes.CutPrefix(name, []byte("refs/"))
	if !found || len(name) > 4096 || bytes.Contains(name, []byte("..")) || bytes.Contains(name, []byte("@{")) ||
		name[len(name)-1] == '.' {
		return false
	}
	for segment := range bytes.SplitSeq(rest, []byte{'/'}) {
		if len(segment) == 0 || segment[0] == '.' || bytes.HasSuffix(segment, []byte(".lock")) {
			return false
		}
	}
	for _, c := range name {
		if c <= ' ' || c == 0x7f || bytes.IndexByte([]byte(`~^:?*[\`), c) >= 0 {
			return false
		}
	}
	return true
}
