// Package multipart strictly reads multipart/form-data bodies and the media types that announce them. It refuses what readers
// could take differently.
package multipart

import (
	"bytes"
	"fmt"
	"io"
	"patgate/routes/params/refusal"
)

const (
	scanBuffer   = 64 << 10 // bytes read ahead of a multipart body
	maxPartLines = 4 << 10  // bytes of one part's header lines
)

// Scanner cuts a multipart body at its boundary. It takes the strict form only: no preamble, no blanks behind a boundary,
// CR LF everywhere, nothing behind the closing boundary.
type Scanner struct {
	src        io.Reader
	delimiter  []byte // CR LF -- boundary
	buf        []byte
	start, end int
	opening    bool // the next content is the first piece of its part
}

func NewScanner(src io.Reader, boundary []byte) *Scanner {
	return &Scanner{src: src, buf: make([]byte, scanBuffer), delimiter: append([]byte("\r\n--"), boundary...)}
}

// fill reads more. At the end of the body it returns io.EOF.
func (c *Scanner) fill() error {
	if c.start > 0 {
		c.end = copy(c.buf, c.buf[c.start:c.end])
		c.start = 0
	}
	for range 100 {
		n, err := c.src.Read(c.buf[c.end:])
		c.end += n
		switch {
		case n > 0:
			return nil
		case err == io.EOF:
			return io.EOF
		case err != nil:
			return fmt.Errorf("reading the multipart body: %w", err)
		}
	}
	return fmt.Errorf("reading the multipart body: %w", io.ErrNoProgress)
}

// need makes sure that n bytes are in the buffer.
func (c *Scanner) need(n int) error {
	for c.end-c.start < n {
		if err := c.fill(); err == io.EOF {
			return truncated()
		} else if err != nil {
			return err
		}
	}
	return nil
}

func truncated() error {
	return refusal.New(refusal.CodeMultipart, "the multipart body ends before its closing boundary")
}

// First reads the first boundary, with which the body must begin.
func (c *Scanner) First() (last bool, err error) {
	opening := c.delimiter[2:]
	if err := c.need(len(opening)); err != nil {
		return false, err
	}
	if !bytes.HasPrefix(c.buf[c.start:c.end], opening) {
		return false, refusal.New(refusal.CodeMultipart, "the multipart body does not begin with its boundary")
	}
	c.start += len(opening)
	return c.AfterBoundary()
}

// AfterBoundary reads what follows a boundary: a line end before a part, or -- and the end of the body.
func (c *Scanner) AfterBoundary() (last bool, err error) {
	if err := c.need(2); err != nil {
		return false, err
	}
	mark := string(c.buf[c.start : c.start+2])
	c.start += 2
	switch mark {
	case "\r\n":
		return false, nil
	case "--":
		return true, c.nothingMore()
	}
	return false, refusal.New(refusal.CodeMultipart,
		"a boundary of the multipart body is followed by something else than a line end")
}

// nothingMore makes sure that the body is over, but for one line end.
func (c *Scanner) nothingMore() error {
	for c.end-c.start <= 2 {
		err := c.fill()
		if err == io.EOF {
			if rest := string(c.buf[c.start:c.end]); rest == "" || rest == "\r\n" {
				return nil
			}
			break
		}
		if err != nil {
			return err
		}
	}
	return refusal.New(refusal.CodeMultipart, "the multipart body goes on behind its closing boundary")
}

// Lines reads the header lines of a part, without the empty line at their end. They are valid until the next call.
func (c *Scanner) Lines() ([]byte, error) {
	for {
		held := c.buf[c.start:c.end]
		if i := bytes.Index(held, []byte("\r\n\r\n")); i >= 0 && i <= maxPartLines {
			c.start, c.opening = c.start+i+4, true
			return held[:i], nil
		}
		if len(held) > maxPartLines+4 {
			return nil, refusal.New(refusal.CodeMultipart, "a part of the multipart body has header lines of more than 4 KiB")
		}
		if err := c.need(len(held) + 1); err != nil {
			return nil, err
		}
	}
}

// Content gives the next piece of a part's content, valid until the next call. end is true when the part is over.
func (c *Scanner) Content() (piece []byte, end bool, err error) {
	if c.opening {
		c.opening = false
		if err := c.notBoundary(); err != nil {
			return nil, false, err
		}
	}
	for {
		held := c.buf[c.start:c.end]
		i := bytes.Index(held, c.delimiter)
		switch {
		case i == 0:
			c.start += len(c.delimiter)
			return nil, true, nil
		case i < 0:
			i = len(held) - len(c.delimiter) + 1
		}
		if i > 0 {
			c.start += i
			return held[:i], false, nil
		}
		if err := c.need(len(held) + 1); err != nil {
			return nil, false, err
		}
	}
}

// notBoundary refuses a boundary that stands where a part's content begins: some readers take it for the end of the part.
func (c *Scanner) notBoundary() error {
	if err := c.need(len(c.delimiter) - 2); err != nil {
		return err
	}
	if bytes.HasPrefix(c.buf[c.start:c.end], c.delimiter[2:]) {
		return refusal.New(refusal.CodeMultipart, "a part of the multipart body begins with the boundary")
	}
	return nil
}
