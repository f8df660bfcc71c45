// Package inventory shows the tokens that somebody has at the forge itself.
package inventory

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"patgate/admin/catalogue"
	"patgate/admin/console/rows"
	"patgate/admin/learning"
	"patgate/forge"
	"patgate/routes"
)

// Page are the tokens of one owner.
type Page struct {
	Tokens    []Row
	Seen      []Row // came through patgate, and are not among Tokens
	Available bool  // the forge lists them
	Problem   string
}

// Row is one of them.
type Row struct {
	Name, Description          string
	Scopes                     []Mark
	Created, LastUsed, Expires rows.Moment
	Granular, Stale            bool
	Replace                    string // address of the form, or of the page of what it did
	Requests                   int64  // that were seen through patgate
}

// Mark is a scope of the forge's own, and whether it is a broad one.
type Mark struct {
	Name string
	Wide bool
}

// stale is for how long a token of the forge's may go unused before that is pointed out.
const stale = 90 * 24 * time.Hour

// Fill fills a page below a path with the forge's list of tokens, and with what was seen of them.
func (p *Page) Fill(list []forge.OwnToken, seen []learning.Listed, path string, now time.Time) {
	for _, t := range list {
		row := Row{
			Name:        t.Name,
			Description: t.Description,
			Created:     rows.At(t.CreatedAt, now),
			LastUsed:    rows.At(t.LastUsedAt, now),
			Expires:     rows.At(t.ExpiresAt, now),
			Granular:    t.Granular,
			Stale:       now.Sub(t.CreatedAt) > stale && now.Sub(t.LastUsedAt) > stale,
		}
		row.Scopes, row.Replace = Marks(t.Scopes), path+"/tokens/new?"+replacement(&t).Encode()
		if i := slices.IndexFunc(seen, func(s learning.Listed) bool { return s.ForgeTokenID == t.ID }); i >= 0 {
			row.Replace, row.Requests = path+Smaller(&seen[i]), seen[i].Requests
			seen = slices.Delete(seen, i, i+1)
		}
		p.Tokens = append(p.Tokens, row)
	}
	for i := range seen {
		s := &seen[i]
		row := Row{Name: s.Name, Scopes: Marks(s.Scopes), Granular: s.Kind == "granular", Requests: s.Requests,
			Replace: path + Smaller(s)}
		if s.Last != nil {
			row.LastUsed = rows.At(*s.Last, now)
		} else {
			row.LastUsed = rows.At(time.Time{}, now)
		}
		p.Seen = append(p.Seen, row)
	}
}

// Own leaves those that a user has at the forge, each with a name.
func Own(list []learning.Listed, user int64, forge string) []learning.Listed {
	list = slices.DeleteFunc(list, func(l learning.Listed) bool { return l.Kind == "token" || l.UserID != user })
	for i := range list {
		list[i].Name = cmp.Or(list[i].Name, fmt.Sprintf("%s token %d", forge, list[i].ID))
	}
	return list
}

// Smaller is the page on what would have been enough for one.
func Smaller(l *learning.Listed) string { return fmt.Sprintf("/forge-tokens/%d/smaller", l.ID) }

// Marks shows scopes of the forge's own.
func Marks(scopes []string) (all []Mark) {
	for _, s := range scopes {
		all = append(all, Mark{s, catalogue.Wide(s)})
	}
	return all
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

// Item is a project or group that was found at the forge, as the script takes it.
type Item struct {
	Kind string `json:"kind"`
	ID   int64  `json:"id"`
	Path string `json:"path"`
	Name string `json:"name"`
}

// Results are what was found at the forge, as the script takes it.
type Results struct {
	Items []Item `json:"items"`
	// More tells that there may be more of them.
	More bool `json:"more,omitempty"`
	// Text is the path in the address that was typed. Path is what was looked for, where it has the form of a path; Group tells
	// that it can only be that of a group.
	Text    string `json:"text,omitempty"`
	Path    string `json:"path,omitempty"`
	Group   bool   `json:"group,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// ResultsOf makes the results of a search for at most so many projects, and groups.
func ResultsOf(found []forge.Found, text string, most int) Results {
	a := Results{Items: []Item{}}
	if ref, ok := routes.ParseReference(routes.RefProject, []byte(text)); ok && ref.ID == 0 && strings.Contains(text, "/") {
		a.Path = text
	}
	counts := map[string]int{}
	for _, f := range found {
		kind := "project"
		if f.Kind == routes.RefGroup {
			kind = "group"
		}
		counts[kind]++
		a.Items = append(a.Items, Item{kind, f.ID, f.Path, f.Name})
	}
	a.More = most < mostFound && (counts["project"] >= most || counts["group"] >= most)
	return a
}

// mostFound is of how many projects, or groups, no more can be asked for.
const mostFound = 100
