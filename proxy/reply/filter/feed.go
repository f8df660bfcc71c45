package filter

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Feed takes out of an Atom feed what the forge rendered: the elements that hold markup (RFC 4287, 3.1.1 and 4.1.3.1). All else
// keeps its spelling.
type Feed struct{}

// Copy writes the feed that it reads from src to dst without those elements. Memory is bounded by the longest single text.
// Errors of src and dst are wrapped; ErrIllegible says that the answer itself is at fault.
func (Feed) Copy(dst io.Writer, src io.Reader) error {
	var read bytes.Buffer // what came, from the end of the last token on
	in := xml.NewDecoder(io.TeeReader(src, &read))
	in.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, ErrIllegible }
	var at int64
	inside := 0 // elements that are open in what is taken out, that one included
	for {
		token, err := in.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return illegible(err)
		}
		text := read.Next(int(in.InputOffset() - at))
		at = in.InputOffset()
		kept := inside == 0
		switch token := token.(type) {
		case xml.StartElement:
			if !kept || isRendered(&token) {
				inside++
				kept = false
			}
		case xml.EndElement:
			inside = max(inside-1, 0)
		}
		if !kept {
			continue
		}
		if _, err := dst.Write(text); err != nil {
			return writing(err)
		}
	}
}

// isRendered tells whether an element holds markup. A link that leads to some holds none.
func isRendered(e *xml.StartElement) bool {
	for _, a := range e.Attr {
		if a.Name.Local == "type" && e.Name.Local != "link" && strings.Contains(strings.ToLower(a.Value), "html") {
			return true
		}
	}
	return false
}

func illegible(err error) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("reading the answer: %w", ErrIllegible)
	}
	return fmt.Errorf("reading the answer: %w", err)
}
