package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"patgate/admin/console/words"
	"patgate/admin/counts"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/store"
)

// pageSize is how many tokens stand on one page of the table.
const pageSize = 20

// tokenRow is a token in the table.
type tokenRow struct {
	ID                              int64
	Name, Description, LastFour     string
	Owner                           string // in the administrators' view
	State, StateWords, Reason       string
	Badges                          []words.Badge
	Scopes, MoreScopes              []scopeRow // MoreScopes only in the table
	Created, Expires, LastUsed      moment
	Uses                            int64
	Active, CanRotate, CanEdit, Own bool
}

// card is a number over the table, which narrows the table to what it counts.
type card struct {
	Label, Link, Kind string
	Count             int
	Chosen            bool
}

// listPage is the table.
type listPage struct {
	Everyone               bool
	Path                   string
	Cards                  []card
	Tokens                 []tokenRow
	Total, From, To        int
	Search, State, Badge   string
	Sort                   string
	CreatedAfter, Expires  string
	LastUsed, Owner        string
	Sorts, States          []choice
	Previous, Next         string
	Filtered               bool
	Clear                  string
	Heads                  []head
	Counts                 counts.Counts
	Problem                string
	PageNumber, PagesTotal int
}

// choice is one of several values.
type choice struct {
	Value, Label string
	Chosen       bool
}

// head is a heading of the table; one that can be sorted by has a link.
type head struct {
	Label, Link, Order string // ascending, descending or empty
}

func (q *request) showList() error { return q.list(false) }

// showEveryone is the administrators' table.
func (q *request) showEveryone() error {
	if !q.o.Tokens.Administrates(q.caller) {
		return tokens.ErrNotFound
	}
	return q.list(true)
}

func (q *request) list(everyone bool) error {
	in := q.r.URL.Query()
	p := listPage{
		Everyone: everyone,
		Path:     "/tokens",
		Search:   in.Get("search"),
		State:    in.Get("state"),
		Badge:    in.Get("badge"),
		Sort:     in.Get("sort"),
		Owner:    in.Get("owner"),
	}
	pageInfo := page{Title: "Tokens", Nav: "tokens"}
	if everyone {
		p.Path, pageInfo = "/everyone", page{Title: "Everyone's tokens", Nav: "everyone"}
	}
	query := tokens.Query{All: everyone, Badge: p.Badge}
	var err error
	if p.State == "" {
		p.State = "active"
	}
	if query.State, err = store.ParseState(p.State); err != nil {
		p.State, query.State = "active", store.StateActive
	}
	if p.Sort == "" {
		p.Sort = store.SortExpiresAsc.String()
	}
	if query.Sort, err = store.ParseSort(p.Sort); err != nil {
		p.Sort, query.Sort = store.SortExpiresAsc.String(), store.SortExpiresAsc
	}
	if p.Badge != "" {
		p.State = "active"
	}
	query.Search = p.Search
	q.spans(in, &p, &query)
	if everyone && p.Owner != "" {
		if query.UserID, err = strconv.ParseInt(p.Owner, 10, 64); err != nil || query.UserID <= 0 {
			p.Problem, query.UserID = "The owner is a user id at "+q.o.Forge+", a number.", 0
		}
	}
	number, err := strconv.Atoi(in.Get("page"))
	if err != nil || number < 1 || number > 1<<20 {
		number = 1
	}
	query.Limit, query.Offset = pageSize, (number-1)*pageSize
	list, total, err := q.o.Tokens.Inspect(q.ctx(), q.caller, query)
	if err != nil {
		return err
	}
	if p.Counts, err = counts.Of(q.ctx(), q.o.Tokens, q.caller, everyone); err != nil {
		return err
	}
	p.Total, p.From, p.To = total, min(query.Offset+1, total), query.Offset+len(list)
	p.PageNumber, p.PagesTotal = number, max(1, (total+pageSize-1)/pageSize)
	with := func(set map[string]string) string {
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
		return q.o.Path + p.Path + "?" + v.Encode()
	}
	if number > 1 {
		p.Previous = with(map[string]string{"page": strconv.Itoa(min(number-1, p.PagesTotal))})
	}
	if query.Offset+len(list) < total {
		p.Next = with(map[string]string{"page": strconv.Itoa(number + 1)})
	}
	p.fill(with)
	names := q.names(list)
	for i := range list {
		row := q.row(&list[i], names)
		if len(row.Scopes) > scopesShown+1 {
			row.Scopes, row.MoreScopes = row.Scopes[:scopesShown], row.Scopes[scopesShown:]
		}
		p.Tokens = append(p.Tokens, row)
	}
	q.render("list", http.StatusOK, pageInfo, &p)
	return nil
}

// spans reads what the table may be narrowed by in time. What is no date narrows nothing and is told.
func (q *request) spans(in url.Values, p *listPage, query *tokens.Query) {
	read := func(name string, into *string, put func(string) bool) {
		if *into = in.Get(name); *into != "" && !put(*into) {
			p.Problem = "Give times as a date (2026-12-31) or a length of time (15m, 12h, 30d)."
		}
	}
	now := q.o.Now()
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

// fill makes the cards, choices and headings.
func (p *listPage) fill(with func(map[string]string) string) {
	for _, c := range []struct {
		label, kind, state, badge string
		count                     int
	}{
		{"Active", "active", "active", "", p.Counts.Active},
		{"Expiring in 2 weeks", "soon", "", "expiring_soon", p.Counts.Soon},
		{"Unused permissions", "unused", "", "unused_permissions", p.Counts.Unused},
		{"Broad", "broad", "", "broad", p.Counts.Broad},
		{"Report mode", "reports", "", "report_mode", p.Counts.Reports},
		{"Paused", "paused", "paused", "", p.Counts.Paused},
		{"Expired", "expired", "expired", "", p.Counts.Expired},
		{"Revoked", "revoked", "revoked", "", p.Counts.Revoked},
	} {
		if c.badge == "report_mode" && c.count == 0 && p.Badge != c.badge {
			continue // most places have none
		}
		p.Cards = append(p.Cards, card{
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
		p.States = append(p.States, choice{s.value, s.label, p.State == s.value})
	}
	for _, h := range []struct{ label, sort string }{
		{"Token", "name"},
		{"Where and what", ""},
		{"Created", "created"},
		{"Expires", "expires"},
		{"Last used", "last_used"},
		{"State", ""},
	} {
		one := head{Label: h.label}
		if h.sort != "" {
			order := h.sort + "_asc"
			switch p.Sort {
			case h.sort + "_asc":
				one.Order, order = "ascending", h.sort+"_desc"
			case h.sort + "_desc":
				one.Order = "descending"
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
	} {
		p.Sorts = append(p.Sorts, choice{s.value, s.label, p.Sort == s.value})
	}
	p.Filtered = p.Search != "" || p.State != "active" || p.Badge != "" || p.CreatedAfter != "" || p.Expires != "" ||
		p.LastUsed != "" || p.Owner != ""
	p.Clear = strings.SplitN(with(nil), "?", 2)[0]
}

// row shows a token.
func (q *request) row(t *tokens.Inspected, names names) tokenRow {
	own := t.Owner.UserID == q.caller.UserID()
	return tokenRow{
		ID:          t.ID,
		Name:        t.Name,
		Description: t.Description,
		LastFour:    t.LastFour,
		Owner:       t.Owner.Username,
		State:       t.State,
		StateWords:  words.State(t.State),
		Reason:      t.Reason,
		Badges:      words.Badges(t.Badges),
		Scopes:      q.scopes(t, names),
		Created:     q.instant(t.CreatedAt),
		Expires:     q.instant(t.ExpiresAt),
		LastUsed:    q.instant(t.LastUsedAt),
		Uses:        t.Uses,
		Own:         own,
		Active:      t.State == "active" || t.State == "credential_invalid",
		CanRotate:   own && t.RotatedTo == 0,
		CanEdit:     own && t.RotatedTo == 0,
	}
}
