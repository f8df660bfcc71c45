package forgetest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// paginate cuts the page out of a list and sets the headers as GitLab's OffsetHeaderBuilder does: the address is built
// from the path as it was sent and the configured host, the query repeats every parameter, those of the path and the
// body included, in alphabetical order. With pagination=keyset there are no numbers, only a Link to the next page.
func (c *call) paginate(a answer) answer {
	per := positive(c.params.text("per_page"), 20, 100)
	page := positive(c.params.text("page"), 1, 1<<30)
	total := len(a.list)
	pages := max(1, (total+per-1)/per)
	from := min((page-1)*per, total)
	to := min(from+per, total)
	items := a.list[from:to]
	a.list = append([]any{}, items...)

	href := func(page int, keyset bool) string {
		extra := map[string]string{"per_page": strconv.Itoa(per)}
		if keyset {
			extra["id_after"] = strconv.Itoa(to)
		}
		extra["page"] = strconv.Itoa(page)
		return c.f.external + rawPath(c.r) + "?" + c.query(extra)
	}
	if a.header == nil {
		a.header = http.Header{}
	}
	if c.params.text("pagination") == "keyset" {
		if page < pages {
			a.header.Set("Link", "<"+href(page+1, true)+`>; rel="next"`)
		}
		return a
	}
	var links []string
	prev, next := "", ""
	if page > 1 && page <= pages {
		prev = strconv.Itoa(page - 1)
		links = append(links, "<"+href(page-1, false)+`>; rel="prev"`)
	}
	if page < pages {
		next = strconv.Itoa(page + 1)
		links = append(links, "<"+href(page+1, false)+`>; rel="next"`)
	}
	links = append(links, "<"+href(1, false)+`>; rel="first"`, "<"+href(pages, false)+`>; rel="last"`)
	a.header.Set("X-Per-Page", strconv.Itoa(per))
	a.header.Set("X-Page", strconv.Itoa(page))
	a.header.Set("X-Next-Page", next)
	a.header.Set("X-Prev-Page", prev)
	a.header.Set("Link", strings.Join(links, ", "))
	a.header.Set("X-Total", strconv.Itoa(total))
	a.header.Set("X-Total-Pages", strconv.Itoa(pages))
	return a
}

// query writes all parameters of a call as Rails' Hash#to_query does: sorted, arrays with [] behind the name.
func (c *call) query(extra map[string]string) string {
	var parts []string
	add := func(name, value string) { parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(value)) }
	for name, value := range c.params {
		if _, replaced := extra[name]; replaced {
			continue
		}
		switch v := value.(type) {
		case []any:
			for _, item := range v {
				add(name+"[]", fmt.Sprint(item))
			}
		case map[string]any:
			for key, item := range v {
				add(name+"["+key+"]", fmt.Sprint(item))
			}
		case nil:
			add(name, "")
		default:
			add(name, fmt.Sprint(v))
		}
	}
	for name, value := range extra {
		add(name, value)
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

// positive reads a number; other text gives the default, larger numbers the highest.
func positive(s string, otherwise, highest int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, highest)
}
