package listing

import (
	"bytes"
	"iter"
	"strconv"
	"strings"

	"patgate/proxy/header"
)

// Rest is what the head of a page of the forge's says of the pages behind it.
type Rest struct {
	Paged bool // it says anything of pages: a list that the forge does not cut into pages comes without
	next  bool
	total int // of entries; -1 when it says none
}

// RestOf reads the fields of an answer.
func RestOf(fields iter.Seq2[[]byte, []byte]) Rest {
	r := Rest{total: -1}
	for name, value := range fields {
		switch {
		case header.EqualFold(name, "x-page"), header.EqualFold(name, "x-per-page"):
			r.Paged = true
		case header.EqualFold(name, "x-next-page"):
			r.Paged = true
			r.next = r.next || len(bytes.TrimSpace(value)) > 0
		case header.EqualFold(name, "link"):
			r.Paged = true
			r.next = r.next || bytes.Contains(value, []byte(`rel="next"`))
		case header.EqualFold(name, "x-total-count"):
			r.Paged = true
			if n, err := strconv.Atoi(string(value)); err == nil {
				r.total = n
			}
		}
	}
	return r
}

// Follows tells whether another page follows, when so many entries were read by then.
func (r Rest) Follows(read int) bool { return r.next || r.total > read }

// Fields gives what the client is told of the pages. address is that of the list, to which the parameters of pages are added. How
// many entries there are is said on the last page alone: on another one it would depend on how many were left out. Of a whole
// list nothing is said, as the forge says nothing. paged: it is said in X-Page and the like too (surface.Dialect.PageFields).
func (p *Page) Fields(address string, paged bool) (out [][2]string) {
	if p.whole {
		return nil
	}
	var links []string
	link := func(page int, rel string) {
		at := address + p.entries.Pages.Page + "=" + strconv.Itoa(page) + "&" + p.entries.Pages.Size + "=" + strconv.Itoa(p.Size)
		links = append(links, "<"+at+">; rel=\""+rel+"\"")
	}
	previous, next := "", ""
	if p.Number > 1 {
		previous = strconv.Itoa(p.Number - 1)
		link(p.Number-1, "prev")
	}
	if p.More {
		next = strconv.Itoa(p.Number + 1)
		link(p.Number+1, "next")
	}
	link(1, "first")
	last := max(1, (p.Kept+p.Size-1)/p.Size)
	if !p.More {
		link(last, "last")
	}
	out = append(out, [2]string{"Link", strings.Join(links, ", ")})
	total := strconv.Itoa(p.Kept)
	switch {
	case !paged && p.More:
		return out
	case !paged:
		return append(out, [2]string{"X-Total-Count", total})
	}
	out = append(out, [2]string{"X-Page", strconv.Itoa(p.Number)}, [2]string{"X-Per-Page", strconv.Itoa(p.Size)},
		[2]string{"X-Next-Page", next}, [2]string{"X-Prev-Page", previous})
	if !p.More {
		out = append(out, [2]string{"X-Total", total}, [2]string{"X-Total-Pages", strconv.Itoa(last)})
	}
	return out
}
