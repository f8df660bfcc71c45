package table

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"patgate/admin/counts"
	"patgate/admin/export"
	"patgate/admin/filters"
	"patgate/admin/tokens"
	"patgate/store"
)

// New reads what the address of a page asks for: everyone's tokens, or the caller's own.
func New(in url.Values, everyone bool) *Page {
	p := &Page{
		in:       in,
		Everyone: everyone,
		Path:     "/tokens",
		Search:   in.Get("search"),
		State:    in.Get("state"),
		Badge:    in.Get("badge"),
		Sort:     in.Get("sort"),
		Owner:    in.Get("owner"),
	}
	if everyone {
		p.Path = "/everyone"
	}
	return p
}

// Query reads what is asked for. A query that cannot be read is a problem in p.Problem, and lists nothing, rather than too much.
func (p *Page) Query(ctx context.Context, s *tokens.Service, c tokens.Caller) (*tokens.Query, error) {
	query, now := &tokens.Query{All: p.Everyone}, s.Now()
	var err error
	if p.State == "" || p.Badge != "" {
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
	query.Search, query.WithNames = p.Search, true
	p.Spans(p.in, now, query)
	if p.Everyone && p.Owner != "" {
		if query.UserID, err = s.UserNamed(ctx, c, p.Owner); err != nil {
			return nil, err
		}
		if query.UserID == 0 {
			p.Problem, p.Unanswered = "No owner is called "+p.Owner+": write the user name, or the user id at the forge.", true
		}
	}
	known := func(name string) bool { _, is := s.Table().Catalogue().Find(name); return is }
	p.Asked = filters.Read(p.in.Get, now, known, &query.Filter)
	for _, name := range filters.Names() {
		if problem := p.Asked.Problems[name]; problem != "" {
			p.Problem, p.Unanswered = Labels()[name]+": "+problem+".", true
		}
	}
	if query.Reach, err = s.Reach(ctx, c, p.Everyone, p.Asked.On, p.Asked.Named, query.Holds); err != nil {
		return nil, err
	}
	p.reach, p.holds = query.Reach, query.Holds
	return query, nil
}

// Load lists what is asked for, and fills in everything but the rows.
func (p *Page) Load(ctx context.Context, s *tokens.Service, c *tokens.Owner, base string) (list []tokens.Inspected, err error) {
	query, err := p.Query(ctx, s, c)
	if err != nil {
		return nil, err
	}
	p.Paging.Ask(p.in, &query.Filter)
	total := 0
	if !p.Unanswered {
		list, total, err = s.Inspect(ctx, c, *query)
		if err == nil && len(list) == 0 && total > 0 { // beyond the last page
			p.Paging.ToLast(total, &query.Filter)
			list, total, err = s.Inspect(ctx, c, *query)
		}
	}
	if err == nil {
		p.Counts, err = counts.Of(ctx, s, c, p.Everyone)
	}
	if err == nil {
		p.Filling, err = s.Incomplete(ctx, &query.Filter)
	}
	if err != nil {
		return nil, err
	}
	link := p.Links(base, p.in)
	p.CSV, p.JSON = base+p.Path+".csv?"+p.in.Encode(), base+p.Path+".json?"+p.in.Encode()
	p.Paging.Answer(len(list), total, &query.Filter, p.in, link)
	p.Fill(link)
	return list, nil
}

// ErrUnread says that something that was asked for cannot be read, and p.Problem says what.
var ErrUnread = errors.New("a filter cannot be read")

// Send writes all the tokens that are asked for, in the order of ids, a piece at a time, for as long as still gives no error.
// begun tells whether anything was sent.
func (p *Page) Send(ctx context.Context, w http.ResponseWriter, s *tokens.Service, c tokens.Caller, format string,
	still func() error) (begun bool, err error) {
	query, err := p.Query(ctx, s, c)
	switch {
	case err != nil:
		return false, err
	case p.Problem != "":
		return false, ErrUnread
	}
	var out *export.Writer
	query.Limit = export.Pieces
	err = query.Walk(func(f store.Filter) ([]store.Listed, int, error) {
		q := *query
		q.Filter = f
		return s.List(ctx, c, q.UserID, q.All, q.Filter)
	}, func(list []store.Listed) (err error) {
		if err := still(); err != nil {
			return err
		}
		if !begun { // what cannot be read at all is a page that says so
			begun = true
			w.Header().Set("Content-Type", map[string]string{"csv": "text/csv; " +
				"charset=utf-8", "json": "application/json"}[format])
			w.Header().Set("Content-Disposition", `attachment; filename="tokens.`+format+`"`)
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(longestSending))
			if out, err = export.New(w, format, s.Now()); err != nil {
				return err
			}
			out.Measure = s.Marks().Radius
		}
		for i := range list {
			if err := out.Add(&list[i], p.reaches(&list[i])); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return begun, err
	}
	return begun, out.Close()
}

// longestSending is how long a download may take.
const longestSending = time.Hour

// reaches is the word for How in what is downloaded.
func (p *Page) reaches(l *store.Listed) string {
	if p.reach == nil {
		return ""
	}
	return string(filters.HowOf(l, p.reach, p.Asked.On, p.holds))
}

// How says what lets a token reach the place that was asked for; empty when no place was.
func (p *Page) How(t *tokens.Inspected) string {
	if p.reach == nil {
		return ""
	}
	how := filters.HowOf(&t.Listed, p.reach, p.Asked.On, p.holds)
	if p.reach.Anywhere && how == filters.May {
		return "may, as it holds too many permissions to look through"
	}
	switch how {
	case filters.Anywhere:
		return ""
	case filters.ByName:
		return "names " + p.Asked.Values[filters.On]
	case filters.ByGroup:
		return "by a group above"
	case filters.May:
		return "may reach it, as its owner does"
	}
	return "may, while in report mode"
}

// Labels are what filters are called on the page.
func Labels() map[string]string {
	return map[string]string{filters.Can: "Who can", filters.On: "On", filters.Reach: "Reach", filters.Network: "Network",
		filters.Unused: "Use", filters.Credential: "Credential", filters.Badge: "Mark"}
}

// Ask gives the value of a filter, for the form.
func (p *Page) Ask(name string) string { return p.Asked.Values[name] }
