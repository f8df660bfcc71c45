package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// The limits of pages are GitLab's.
const (
	standardPage = 20
	longestPage  = 100
)

// page is which part of a list is asked for.
type page struct{ number, size int }

func (p *params) page() page {
	n, size := p.number("page", 1), p.number("per_page", standardPage)
	if n < 1 || n > 1<<31 {
		p.problems.Add("page", "pages are counted from 1")
		n = 1
	}
	if size < 1 {
		p.problems.Add("per_page", "must be from 1 to %d", longestPage)
	}
	return page{int(n), int(min(max(size, 1), longestPage))}
}

func (p page) offset() int { return (p.number - 1) * p.size }

// write sets GitLab's headers of a page, with Link.
func (p page) write(h http.Header, q *call, total int) {
	pages := max(1, (total+p.size-1)/p.size)
	set := func(name string, n int) {
		text := ""
		if n > 0 {
			text = strconv.Itoa(n)
		}
		h.Set(name, text)
	}
	next, previous := 0, 0
	if p.number < pages {
		next = p.number + 1
	}
	if p.number > 1 {
		previous = min(p.number-1, pages)
	}
	h.Set("X-Total", strconv.Itoa(total))
	set("X-Total-Pages", pages)
	set("X-Page", p.number)
	set("X-Per-Page", p.size)
	set("X-Next-Page", next)
	set("X-Prev-Page", previous)
	var links []string
	link := func(rel string, n int) {
		query, err := url.ParseQuery(q.URL.RawQuery)
		if err != nil {
			query = url.Values{}
		}
		query.Set("page", strconv.Itoa(n))
		query.Set("per_page", strconv.Itoa(p.size))
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel=%q`, q.Origin, q.URL.Path, query.Encode(), rel))
	}
	if previous > 0 {
		link("prev", previous)
	}
	if next > 0 {
		link("next", next)
	}
	link("first", 1)
	link("last", pages)
	h.Set("Link", strings.Join(links, ", "))
}
