package console

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"patgate/admin/catalogue"
	"patgate/admin/console/rows"
	"patgate/admin/learning"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/routes"
)

// forgeTokensPage are the tokens that the owner has at the forge itself.
type forgeTokensPage struct {
	Tokens    []forgeTokenRow
	Seen      []forgeTokenRow // came through patgate, and are not among Tokens
	Available bool
	Problem   string
}

// forgeTokenRow is one of them.
type forgeTokenRow struct {
	Name, Description          string
	Scopes                     []scopeMark
	Created, LastUsed, Expires rows.Moment
	Granular, Stale            bool
	Replace                    string // address of the form, or of what was seen of it
	Requests                   int64  // that were seen through patgate
}

// scopeMark is a scope of the forge's own, and whether it is a broad one.
type scopeMark struct {
	Name string
	Wide bool
}

// stale is for how long a token of the forge's may go unused before that is pointed out.
const stale = 90 * 24 * time.Hour

func (q *request) showForgeTokens() error {
	list, err := q.o.Tokens.ForgeTokens(q.ctx(), q.caller)
	p := forgeTokensPage{Available: true}
	status := http.StatusOK
	switch {
	case errors.Is(err, tokens.ErrNotFound):
		p.Available = false
	case err != nil:
		status, p.Problem = q.words(err)
		if status == http.StatusInternalServerError {
			return err
		}
	}
	seen, err := q.seen()
	if err != nil {
		return err
	}
	now := q.o.Now()
	for _, t := range list {
		row := forgeTokenRow{
			Name:        t.Name,
			Description: t.Description,
			Created:     q.instant(t.CreatedAt),
			LastUsed:    q.instant(t.LastUsedAt),
			Expires:     q.instant(t.ExpiresAt),
			Granular:    t.Granular,
			Stale:       now.Sub(t.CreatedAt) > stale && now.Sub(t.LastUsedAt) > stale,
		}
		row.Scopes, row.Replace = marks(t.Scopes), q.o.Path+"/tokens/new?"+replacement(&t).Encode()
		if i := slices.IndexFunc(seen, func(s learning.Listed) bool { return s.ForgeTokenID == t.ID }); i >= 0 {
			row.Replace, row.Requests = q.o.Path+smallerPath(&seen[i]), seen[i].Requests
			seen = slices.Delete(seen, i, i+1)
		}
		p.Tokens = append(p.Tokens, row)
	}
	for i := range seen {
		s := &seen[i]
		row := forgeTokenRow{Name: s.Name, Scopes: marks(s.Scopes), Granular: s.Kind == "granular", Requests: s.Requests,
			Replace: q.o.Path + smallerPath(s), LastUsed: q.instant(lastSeen(s))}
		p.Seen = append(p.Seen, row)
	}
	q.render("forge-tokens", status, page{Title: q.o.Forge + " tokens", Nav: "forge-tokens"}, p)
	return nil
}

// seen gives the credentials of the forge's own that came through patgate and are those of whoever is signed in.
func (q *request) seen() ([]learning.Listed, error) {
	if q.o.Learning == nil {
		return nil, nil
	}
	list, err := q.o.Learning.List(q.ctx(), q.caller, false)
	list = slices.DeleteFunc(list, func(l learning.Listed) bool { return l.Kind == "token" || l.UserID != q.caller.UserID() })
	for i := range list {
		list[i].Name = cmp.Or(list[i].Name, fmt.Sprintf("%s token %d", q.o.Forge, list[i].ID))
	}
	return list, err
}

func smallerPath(l *learning.Listed) string { return fmt.Sprintf("/forge-tokens/%d/smaller", l.ID) }

// lastSeen is when a credential last came; the zero time is never.
func lastSeen(l *learning.Listed) time.Time {
	if l.Last == nil {
		return time.Time{}
	}
	return *l.Last
}

// marks shows the scopes of a credential of the forge's own.
func marks(scopes []string) (all []scopeMark) {
	for _, s := range scopes {
		all = append(all, scopeMark{s, catalogue.Wide(s)})
	}
	return all
}

// seenToken gives a credential of the caller's own that was seen.
func (q *request) seenToken(id int64) (*learning.Listed, error) {
	list, err := q.seen()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(l learning.Listed) bool { return l.ID == id })
	if i < 0 {
		return nil, tokens.ErrNotFound
	}
	return &list[i], nil
}

// replaceForgeToken shows the least that would have been enough for a credential of the forge's own.
func (q *request) replaceForgeToken() error {
	id, err := strconv.ParseInt(q.r.PathValue("id"), 10, 64)
	if err != nil {
		return tokens.ErrNotFound
	}
	l, err := q.seenToken(id)
	if err != nil {
		return err
	}
	return q.showSmaller(id, &smallerPage{Name: l.Name, Path: smallerPath(l), Up: "/forge-tokens", UpName: q.o.Forge + " tokens",
		Scopes: marks(l.Scopes)})
}

// replacement fills in the form for what shall take a token's place.
func replacement(t *forge.OwnToken) url.Values {
	v := url.Values{
		"name":        {t.Name},
		"description": {"In place of the token “" + t.Name + "” (" + strings.Join(t.Scopes, ", ") + ")"},
	}
	if template := catalogue.TemplateFor(t.Scopes); template != "" {
		v.Set("template", template)
	}
	return v
}

// search answers the script with projects and groups that fit what is typed.
func (q *request) search() error {
	type item struct {
		Kind string `json:"kind"`
		ID   int64  `json:"id"`
		Path string `json:"path"`
		Name string `json:"name"`
	}
	found, err := q.o.Tokens.Search(q.ctx(), q.caller, q.r.URL.Query().Get("q"))
	answer := struct {
		Items   []item `json:"items"`
		Problem string `json:"problem,omitempty"`
	}{Items: []item{}}
	status := http.StatusOK
	if err != nil {
		status, answer.Problem = q.words(err)
	}
	for _, f := range found {
		kind := "project"
		if f.Kind == routes.RefGroup {
			kind = "group"
		}
		answer.Items = append(answer.Items, item{kind, f.ID, f.Path, f.Name})
	}
	q.w.Header().Set("Content-Type", "application/json")
	q.w.WriteHeader(status)
	return json.NewEncoder(q.w).Encode(answer)
}
