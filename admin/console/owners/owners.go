// Package owners is the administrators' table of owners: what the tokens of each of them amount to.
package owners

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"patgate/admin/console/rows"
	"patgate/admin/console/table"
	"patgate/admin/marks"
	"patgate/admin/tokens"
	"patgate/store"
)

// Path is the page's path, and everyone that of the tokens that it counts.
const (
	Path     = "/owners"
	everyone = "/everyone"
)

// Number is a figure that leads to the tokens that it counts.
type Number struct {
	Label, Link, Kind string
	Count             int
}

// Row is an owner.
type Row struct {
	Name     string
	UserID   int64
	Link     string // of all tokens
	Numbers  []Number
	Reach    rows.Radius
	ByReach  string // of the tokens by their blast radius
	LastUsed rows.Moment
	ByUse    string // of the tokens by their last use
}

// Page is the table.
type Page struct {
	Search, Sort string
	Heads        []table.Head
	Rows         []Row
	Paging       table.Paging
	Clear        string
	Counting     bool // not all tokens were judged yet
}

// Load lists the owners that an address of the page asks for.
func Load(ctx context.Context, s *tokens.Service, c tokens.Caller, in url.Values, base string) (*Page, error) {
	p := &Page{Search: strings.TrimSpace(in.Get("search")), Clear: base + Path}
	f := store.OwnerFilter{Search: p.Search}
	f.Sort, _ = store.ParseOwnerSort(in.Get("sort")) // what is unknown is the first order
	p.Sort = f.Sort.String()
	var part store.Filter
	p.Paging.Ask(in, &part)
	f.Limit, f.Offset = part.Limit, part.Offset
	list, total, err := s.OwnerTallies(ctx, c, f)
	if err == nil && len(list) == 0 && total > 0 { // beyond the last page
		p.Paging.ToLast(total, &part)
		f.Offset = part.Offset
		list, total, err = s.OwnerTallies(ctx, c, f)
	}
	if err == nil {
		p.Counting, err = s.Judging(ctx)
	}
	if err != nil {
		return nil, err
	}
	with := func(set map[string]string) string {
		v := url.Values{}
		for name, values := range in {
			v[name] = values
		}
		for name, value := range set {
			if v.Set(name, value); value == "" {
				v.Del(name)
			}
		}
		return base + Path + "?" + v.Encode()
	}
	p.Paging.Answer(len(list), total, &part, in, with)
	p.heads(with)
	for i := range list {
		p.Rows = append(p.Rows, row(&list[i], base, s.Now()))
	}
	return p, nil
}

// heads are the headings. Each sorts its column by the highest first.
func (p *Page) heads(with func(map[string]string) string) {
	for _, h := range []struct{ label, sort string }{{"Owner", "name"}, {"Active", "active"}, {"Broad", "broad"},
		{"Dangerous", "dangerous"}, {"Unused for 60 days", "unused"}, {"Expiring soon", "soon"}, {"Highest radius", "reach"},
		{"Last used", "last_used"}} {
		head := table.Head{Label: h.label, Link: with(map[string]string{"sort": h.sort, "page": ""})}
		if h.sort == p.Sort {
			head.Order = "descending"
			if h.sort == "name" {
				head.Order = "ascending"
			}
		}
		p.Heads = append(p.Heads, head)
	}
}

// row shows an owner.
func row(o *store.OwnerTally, base string, now time.Time) Row {
	to := func(query ...string) string {
		v := url.Values{"owner": {strconv.FormatInt(o.UserID, 10)}}
		for i := 0; i < len(query); i += 2 {
			v.Set(query[i], query[i+1])
		}
		return base + everyone + "?" + v.Encode()
	}
	radius := marks.Radius{Figure: o.Reach}
	return Row{
		Name:   o.Username,
		UserID: o.UserID,
		Link:   to("state", store.StateAny.String()),
		Numbers: []Number{
			{"Active", to(), "active", o.Active},
			{"Broad", to("badge", "broad"), "broad", o.Broad},
			{"Dangerous", to("badge", "dangerous"), "dangerous", o.Dangerous},
			{"Unused for 60 days", to("unused", "60d"), "unused", o.Idle},
			{"Expiring soon", to("badge", "expiring_soon"), "soon", o.Soon},
		},
		Reach:    rows.Radius{Short: radius.Short(), Level: radius.Level(), Why: strconv.FormatInt(o.Reach, 10)},
		ByReach:  to("sort", store.SortReachDesc.String()),
		LastUsed: rows.At(o.LastUsedAt, now),
		ByUse:    to("state", store.StateAny.String(), "sort", store.SortLastUsedDesc.String()),
	}
}
