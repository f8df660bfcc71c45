package surface

import (
	"bytes"
	"errors"
	"io"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/wire"
)

// longestNothing is the length of the longest body that Shed looks at, in bytes.
const longestNothing = 64

// Shed takes its body off a GET, HEAD or DELETE when it says nothing: HTTP libraries send an empty object, or an empty chunked
// body, with every request. What is left is read as any other body.
func (b *Body) Shed(q *Request) error {
	if !b.Present() || b.Length > longestNothing ||
		q.Method != fasthttp.MethodGet && !q.IsHead && q.Method != fasthttp.MethodDelete {
		return nil
	}
	text := make([]byte, longestNothing+1)
	n, err := io.ReadFull(b.from, text)
	text = text[:n]
	ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	switch {
	case err != nil && !ended:
		return &wire.UploadError{Err: err}
	case ended && (b.Length < 0 || b.Length == int64(n)) && isNothing(text, &q.Fields):
		b.Received, b.Length, b.from = int64(n), 0, nil
	default:
		b.from = io.MultiReader(bytes.NewReader(text), b.from)
	}
	return nil
}

// isNothing tells whether a body is empty, or is JSON that has no parameter in it.
func isNothing(text []byte, f *header.Block) bool {
	if len(text) == 0 {
		return true
	}
	mediaType, _, _ := bytes.Cut(f.Get(header.ContentType), []byte{';'})
	if f.Has(header.ContentEncoding) || len(mediaType) > 0 && !header.EqualFold(header.TrimSpace(mediaType), "application/json") {
		return false
	}
	text = bytes.Trim(text, " \t\r\n")
	return string(text) == "{}" || string(text) == "null"
}
