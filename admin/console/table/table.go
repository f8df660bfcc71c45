package table

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"patgate/admin/console/rows"
	"patgate/admin/counts"
	"patgate/admin/filters"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/store"
)

// Card is a number over the table, which narrows the table to what it counts.
type Card struct {
	Label, Link, Kind string
	Count             int
	Chosen            bool
}

// Page is the table.
type Page struct {
	Everyone              bool
	Path                  string
	Cards                 []Card
	Tokens                []rows.Token
	Paging                Paging
	Search, State, Badge  string
	Sort                  string
	CreatedAfter, Expires string
	LastUsed, Owner       string
	Asked                 *filters.Asked
	Filling               bool
	CSV, JSON             string // addresses of the whole list
	Unanswered            bool   // something that was asked for cannot be read
	in                    url.Values
	reach                 *store.Reach
	holds                 string
	Sorts, States         []Choice
	Filtered              bool
	Clear                 string
	Heads                 []Head
	Counts                counts.Counts
	Problem               string
}

// Choice is one of several values.
type Choice struct {
	Value, Label string
	Chosen       bool
}

// Head is a heading of the table; one that can be sorted by has a link.
type Head struct {
	Label, Link, Order string // ascending, descending or empty
}

// Links gives addresses of the page with other values of some parameters than it has now.
func (p *Page) Links(base string, in url.Values) func(set map[string]string) string {
	return func(set map[string]string) string {
		v := url.Values{}
		for name, values := range in {
			v[name] = values
		}
		for name, value := range set {
			if value == "" {
				v.Del(name)
			} else {
				v.Set(name, value)
			}
		}
		return base + p.Path + "?" + v.Encode()
	}
}

// Spans reads what the table may be narrowed by in time. What is no date lists nothing and is told.
func (p *Page) Spans(in url.Values, now time.Time, query *tokens.Query) {
	read := func(name string, into *string, put func(string) bool) {
		if *into = in.Get(name); *into != "" && !put(*into) {
			p.Problem, p.Unanswered = "Give times as a date (2026-12-31) or a length of time (15m, 12h, 30d).", true
		}
	}
	read("created", &p.CreatedAfter, func(s string) bool {
		if d, ok := terms.ParseSpan(s); ok {
			query.Created.After = now.Add(-d)
			return true
		}
		at, ok := terms.ParseEnd(s, now)
		query.Created.After = at
		return ok
	})
	read("expires", &p.Expires, func(s string) bool {
		at, ok := terms.ParseEnd(s, now)
		query.Expires.Before = at
		return ok
	})
	read("last_used", &p.LastUsed, func(s string) bool {
		if d, ok := terms.ParseSpan(s); ok {
			query.LastUsed.Before = now.Add(-d)
			return true
		}
		at, ok := terms.ParseEnd(s, now)
		query.LastUsed.Before = at
		return ok
	})
}

// More tells whether one of the filters is in use that have a field of their own, and no number over the table.
func (p *Page) More() bool {
	asked := slices.ContainsFunc(filters.Names(), func(name string) bool { return name != filters.Badge && p.Ask(name) != "" })
	return asked || p.CreatedAfter != "" || p.Expires != "" || p.LastUsed != "" || p.Owner != ""
}

// Fill makes the cards, choices and headings.
func (p *Page) Fill(with func(map[string]string) string) {
	for _, c := range []struct {
		label, kind, state, badge string
		count                     int
	}{
		{"Active", "active", "active", "", p.Counts.Active},
		{"Expiring soon", "soon", "", "expiring_soon", p.Counts.Soon},
		{"Unused permissions", "unused", "", "unused_permissions", p.Counts.Unused},
		{"Broad", "broad", "", "broad", p.Counts.Broad},
		{"Dangerous", "dangerous", "", "dangerous", p.Counts.Dangerous},
		{"Report mode", "reports", "", "report_mode", p.Counts.Reports},
		{"Paused", "paused", "paused", "", p.Counts.Paused},
		{"Expired", "expired", "expired", "", p.Counts.Expired},
		{"Revoked", "revoked", "revoked", "", p.Counts.Revoked},
	} {
		if c.badge == "report_mode" && c.count == 0 && p.Badge != c.badge {
			continue // most places have none
		}
		p.Cards = append(p.Cards, Card{
			Label:  c.label,
			Kind:   c.kind,
			Count:  c.count,
			Chosen: p.Badge == c.badge && (c.badge != "" || p.State == c.state),
			Link:   with(map[string]string{"state": c.state, "badge": c.badge, "page": ""}),
		})
	}
	for _, s := range []struct{ value, label string }{
		{"active", "Active"},
		{"inactive", "Not active"},
		{"paused", "Paused"},
		{"expired", "Expired"},
		{"revoked", "Revoked"},
		{"any", "All"},
	} {
		p.States = append(p.States, Choice{s.value, s.label, p.State == s.value})
	}
	for _, h := range []struct{ label, sort string }{
		{"Token", "name"},
		{"Where and what", ""},
		{"Created", "created"},
		{"Expires", "expires"},
		{"Last used", "last_used"},
		{"Radius", "reach"},
		{"State", ""},
	} {
		one := Head{Label: h.label}
		if h.sort != "" {
			order := h.sort + "_asc"
			if h.sort == "reach" {
				order = "reach_desc"
			}
			switch p.Sort {
			case h.sort + "_desc":
				one.Order, order = "descending", h.sort+"_asc"
			case h.sort + "_asc":
				one.Order, order = "ascending", h.sort+"_desc"
			}
			one.Link = with(map[string]string{"sort": order, "page": ""})
		}
		p.Heads = append(p.Heads, one)
	}
	for _, s := range []struct{ value, label string }{
		{"expires_asc", "Expires soonest"},
		{"created_desc", "Newest"},
		{"created_asc", "Oldest"},
		{"last_used_desc", "Last used"},
		{"last_used_asc", "Longest unused"},
		{"name_asc", "Name"},
		{"reach_desc", "Largest blast radius"},
	} {
		p.Sorts = append(p.Sorts, Choice{s.value, s.label, p.Sort == s.value})
	}
	p.Filtered = p.Search != "" || p.State != "active" || p.Badge != "" || p.More()
	p.Clear = strings.SplitN(with(nil), "?", 2)[0]
}
