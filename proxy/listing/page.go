package listing

import (
	"errors"
	"io"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"patgate/proxy/reply/filter"
	"patgate/routes"
)

// MostPages is how many pages of the forge's are read for one of a client's. A list with more entries than they hold, before the
// client's page is full, is refused.
const MostPages = 50

// mostEntry bounds an entry, in bytes.
const mostEntry = 1 << 20

// ErrNoRoom is the error of a page for which there is no memory.
var ErrNoRoom = errors.New("there is no memory for the page")

// Page gathers one page of those entries of a list that are kept. Which entries it has, and whether there are more, depends on
// the kept ones alone.
type Page struct {
	Number, Size int  // as the client asked
	More         bool // an entry that is kept follows
	Read         int  // entries of the forge's so far
	Kept         int  // of them, those that are kept, in pages before too; of no meaning when More is set

	whole   bool // it is the whole list
	entries *routes.Entries
	keeps   func(jsontext.Value) (bool, error)
	room    func(bytes int64) bool
	text    []byte
}

// NewPage begins a page. value gives a parameter of the query; what is no number that the forge would take is its default. room
// tells whether there is memory for so many bytes.
func NewPage(e *routes.Entries, value func(string) string, keeps func(jsontext.Value) (bool, error),
	room func(int64) bool) *Page {
	p := &Page{entries: e, keeps: keeps, room: room}
	p.Number = positive(value(e.Pages.Page), 1, 1<<30)
	p.Size = positive(value(e.Pages.Size), e.Pages.Default, e.Pages.Most)
	switch {
	case e.At == "":
		p.text = append(p.text, '[')
	case e.Total == "":
		p.text = append(strconv.AppendQuote([]byte(`{"ok":true,`), e.At), ":["...)
	default:
		p.text = append(strconv.AppendQuote([]byte{'{'}, e.At), ":["...)
	}
	return p
}

// positive reads a number above zero, of at most as much.
func positive(text string, otherwise, most int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, most)
}

// Whole makes the page the whole list, which the forge does not cut into pages: GitLab's links of an issue, for one. It is called
// before the first entry is read.
func (p *Page) Whole() { p.whole, p.Number, p.Size = true, 1, math.MaxInt }

// Add reads a page of the forge's.
func (p *Page) Add(src io.Reader) error {
	return filter.Entries{At: p.entries.At, Most: mostEntry}.Each(src, func(entry jsontext.Value) error {
		p.Read++
		if p.More {
			return nil // nobody needs to know
		}
		kept, err := p.keeps(entry)
		if err != nil || !kept {
			return err
		}
		p.Kept++
		switch first := (p.Number - 1) * p.Size; {
		case p.Kept <= first:
			return nil
		case p.Kept > first+p.Size:
			p.More = true
			return nil
		case p.Kept > first+1:
			p.text = append(p.text, ',')
		}
		if n := len(p.text) + len(entry); n > cap(p.text) && !p.room(int64(2*n)) {
			return ErrNoRoom
		}
		p.text = append(p.text, entry...)
		return nil
	})
}

// Text gives the answer. The page is over. How many entries there are is said where it is in the head: see Fields.
func (p *Page) Text() []byte {
	p.text = append(p.text, ']')
	if p.entries.Total != "" && !p.More {
		p.text = append(strconv.AppendQuote(append(p.text, ','), p.entries.Total), ':')
		p.text = strconv.AppendInt(p.text, int64(p.Kept), 10)
	}
	if p.entries.At != "" {
		p.text = append(p.text, '}')
	}
	return p.text
}
