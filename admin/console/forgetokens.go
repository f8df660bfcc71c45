package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"patgate/admin/catalogue"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/routes"
)

// forgeTokensPage are the tokens that the owner has at the forge itself.
type forgeTokensPage struct {
	Tokens    []forgeTokenRow
	Available bool
	Problem   string
}

// forgeTokenRow is one of them.
type forgeTokenRow struct {
	Name, Description          string
	Scopes                     []scopeMark
	Created, LastUsed, Expires moment
	Granular, Stale            bool
	Replace                    string // address of the form
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
		for _, s := range t.Scopes {
			row.Scopes = append(row.Scopes, scopeMark{s, catalogue.Wide(s)})
		}
		row.Replace = q.o.Path + "/tokens/new?" + replacement(&t).Encode()
		p.Tokens = append(p.Tokens, row)
	}
	q.render("forge-tokens", status, page{Title: q.o.Forge + " tokens", Nav: "forge-tokens"}, p)
	return nil
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
