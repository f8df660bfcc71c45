package filter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Links puts another origin in the place of a forge's own wherever it stands in a text: in JSON, HTML, XML and YAML alike,
// which leave the characters of an address as they are. It is immutable and may be shared.
type Links struct {
	hosts   []string // host[:port], lower case, longest first
	longest int      // of hosts
	to      []byte
}

// NewLinks makes Links for the hosts ("gitlab.example.com", "gitlab.example.com:8443"), with http or https, and the origin
// that takes their place.
func NewLinks(hosts []string, to []byte) *Links {
	l := &Links{to: bytes.Clone(to)}
	for _, h := range hosts {
		l.hosts = append(l.hosts, strings.ToLower(h))
		l.longest = max(l.longest, len(h))
	}
	slices.SortFunc(l.hosts, func(a, b string) int { return len(b) - len(a) })
	return l
}

// Append appends a text to dst with the origins replaced.
func (l *Links) Append(dst, text []byte) []byte {
	dst, _ = l.advance(dst, text, true)
	return dst
}

// Copy copies a text with the origins replaced. Memory is bounded, however long the text is. Errors of src and dst are
// wrapped.
func (l *Links) Copy(dst io.Writer, src io.Reader) error {
	in, out := make([]byte, 0, 16<<10), make([]byte, 0, 17<<10)
	for {
		n, err := src.Read(in[len(in):cap(in)])
		in = in[:len(in)+n]
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading the answer: %w", err)
		}
		end := err != nil
		var used int
		out, used = l.advance(out[:0], in, end)
		in = in[:copy(in, in[used:])]
		if _, err := dst.Write(out); err != nil {
			return writing(err)
		}
		if end {
			return nil
		}
	}
}

// scheme is the longest beginning of an origin.
const scheme = "https://"

// advance appends to dst as much of text as can be judged, and tells how much that is: an origin may go on behind the
// end of text unless that is the end of all.
func (l *Links) advance(dst, text []byte, end bool) (out []byte, used int) {
	for {
		i := bytes.Index(text[used:], []byte("://"))
		if i < 0 {
			rest := len(text)
			if !end { // a scheme, and the beginning of what separates it from the host
				rest = max(used, rest-len(scheme))
			}
			return append(dst, text[used:rest]...), rest
		}
		at := used + i
		host := at + len("://")
		if !end && len(text)-host <= l.longest+1 { // two more than the longest host tell where it ends
			rest := max(used, at-len("https"))
			return append(dst, text[used:rest]...), rest
		}
		start, found := schemeBefore(text[used:at])
		n := 0
		if found {
			n = l.host(text[host:])
		}
		if n == 0 {
			dst = append(dst, text[used:host]...)
			used = host
			continue
		}
		dst = append(append(dst, text[used:used+start]...), l.to...)
		used = host + n
	}
}

// schemeBefore finds http or https at the end of a text.
func schemeBefore(text []byte) (start int, found bool) {
	for _, s := range [...]string{"https", "http"} {
		if n := len(text) - len(s); n >= 0 && bytes.EqualFold(text[n:], []byte(s)) {
			return n, true
		}
	}
	return 0, false
}

// host gives the length of the forge's host at the beginning of a text; 0 when another stands there.
func (l *Links) host(text []byte) int {
	for _, h := range l.hosts {
		n := len(h)
		if len(text) < n || !bytes.EqualFold(text[:n], []byte(h)) {
			continue
		}
		if len(text) == n || !goesOn(text[n:]) {
			return n
		}
	}
	return 0
}

// goesOn tells whether an authority is longer than the host in front of this text: by another label, a port, or by what
// makes the host the name of a user.
func goesOn(text []byte) bool {
	switch c := text[0]; {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '@', c == '%',
		c == ':', c >= 0x80:
		return true
	case c == '.':
		return len(text) > 1 && (text[1] >= 'a' && text[1] <= 'z' || text[1] >= 'A' && text[1] <= 'Z' ||
			text[1] >= '0' && text[1] <= '9' || text[1] >= 0x80)
	}
	return false
}
