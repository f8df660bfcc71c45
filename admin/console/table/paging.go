package table

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"patgate/store"
)

// sizes are how many tokens a page may have.
var sizes = [...]int{20, 50, 100}

const (
	// countTo is how far what is looked for is counted.
	countTo = 1000
	// mostPages is how far a list goes.
	mostPages = 1 << 20
)

// Paging is which page of the table is shown, and how large pages are.
type Paging struct {
	Number, Pages, Size int
	// More tells that there are more than were counted.
	More                        bool
	From, To, Total             int
	First, Previous, Next, Last string
	Sizes                       []Choice
	// Keep are the other parameters of the page, for the form that jumps.
	Keep []Field
}

// Field is a hidden field of a form.
type Field struct{ Name, Value string }

// Ask reads which page is asked for into a filter.
func (p *Paging) Ask(in url.Values, f *store.Filter) {
	number, err := strconv.Atoi(in.Get("page"))
	if err != nil || number < 1 || number > mostPages {
		number = 1
	}
	size, err := strconv.Atoi(in.Get("size"))
	if err != nil || !slices.Contains(sizes[:], size) {
		size = sizes[0]
	}
	p.Number, p.Size = number, size
	f.Limit, f.Offset = size, (number-1)*size
	if f.Search != "" || f.Holds != "" || f.Reach != nil || f.Networked != nil || f.From.IsValid() || f.NeverUsed ||
		!f.UnusedSince.IsZero() || f.LastUsed != (store.Span{}) {
		f.CountTo = countTo
	}
}

// ToLast goes back to the last page, when one beyond it was asked for.
func (p *Paging) ToLast(total int, f *store.Filter) {
	if f.CountTo > 0 {
		total = min(total, f.CountTo)
	}
	p.Number = (total-1)/p.Size + 1
	f.Offset = (p.Number - 1) * p.Size
}

// Answer says what came: so many tokens of so many.
func (p *Paging) Answer(shown, total int, f *store.Filter, in url.Values, with func(map[string]string) string) {
	if p.More = f.CountTo > 0 && total > f.CountTo; p.More {
		total = f.CountTo
	}
	p.Total, p.From, p.To = total, min(f.Offset+1, total), f.Offset+shown
	p.Pages = min(mostPages, max(1, (total+p.Size-1)/p.Size))
	at := func(number int) string {
		if number == 1 {
			return with(map[string]string{"page": ""})
		}
		return with(map[string]string{"page": strconv.Itoa(number)})
	}
	if p.Number > 1 {
		p.First, p.Previous = at(1), at(min(p.Number-1, p.Pages))
	}
	if p.Number < p.Pages {
		p.Next, p.Last = at(p.Number+1), at(p.Pages)
	}
	for _, size := range sizes {
		text := strconv.Itoa(size)
		p.Sizes = append(p.Sizes, Choice{text, text, size == p.Size})
	}
	for name, values := range in {
		for _, value := range values {
			if name != "page" && name != "size" && value != "" {
				p.Keep = append(p.Keep, Field{name, value})
			}
		}
	}
	slices.SortFunc(p.Keep, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
}
