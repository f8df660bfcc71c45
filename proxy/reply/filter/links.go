package filter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Links puts another origin in the place of a forge's own wherever it stands in a text: in JSON, HTML, XML and YAML alike,
// which leave the characters of an address as they are. It is immutable and may be shared.
type Links struct {
	roots   []root // of the forge, longest first
	longest int    // of roots
	to      []byte
}

// NewLinks makes Links for the addresses of the forge as they stand behind http:// or https:// ("gitlab.example.com:8443"), with
// the path that it lies under if it does, and the origin that takes their place.
func NewLinks(roots []string, to []byte) *Links {
	l := &Links{to: bytes.Clone(to)}
	for _, text := range roots {
		l.roots = append(l.roots, rootOf(text))
		l.longest = max(l.longest, len(text))
	}
	slices.SortFunc(l.roots, func(a, b root) int { return b.length() - a.length() })
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
		if !end && len(text)-host <= l.longest+1 { // two more than the longest root tell where it ends
			rest := max(used, at-len("https"))
			return append(dst, text[used:rest]...), rest
		}
		start, found := schemeBefore(text[used:at])
		n := 0
		if found {
			n = l.root(text[host:])
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

// root gives the length of the forge's address at the beginning of a text; 0 when another stands there. Hosts are compared
// without regard to case, and paths with it.
func (l *Links) root(text []byte) int {
	for _, r := range l.roots {
		host, n := len(r.host), r.length()
		if len(text) < n || !bytes.EqualFold(text[:host], []byte(r.host)) || string(text[host:n]) != r.path {
			continue
		}
		if len(text) == n || !goesOn(text[n:]) {
			return n
		}
	}
	return 0
}

// goesOn tells whether an authority, or the last segment of a path, is longer than what stands in front of this text: by another
// label or extension, a port, or by what makes the host the name of a user.
func goesOn(text []byte) bool {
	if text[0] == '.' { // it may end a sentence
		return len(text) > 1 && joins(text[1])
	}
	return joins(text[0])
}

// joins tells whether a character belongs to the name that it stands behind. Of those that may (RFC 3986, 3.2 and 3.3), some
// rather end an address in a text.
func joins(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80 ||
		bytes.IndexByte([]byte("-_~%@:+=$"), c) >= 0
}
