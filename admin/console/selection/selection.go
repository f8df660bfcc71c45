// Package selection has the pages on which something is done to several tokens at once.
package selection

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"patgate/admin/bulk"
	"patgate/admin/console/rows"
	"patgate/admin/console/words"
	"patgate/admin/terms"
	"patgate/admin/tokens"
)

// Page asks before something is done to several tokens, or tells the outcome.
type Page struct {
	Action                string
	Title, Text, Button   string
	Danger, Reason        bool
	Tokens                []rows.Token
	IDs                   []int64 // all that were selected
	Missing               []int64 // were selected, and are not there for this reader
	Permissions           []Right // that may be taken away
	Problem, Value        string
	Done                  bool // what follows is the outcome
	Good, Already, Failed []Outcome
	Back                  string // the list, without the console's path
}

// Right is a permission with what is dangerous about it; empty for most.
type Right struct{ Name, Dangers string }

// Outcome says what was done to one token.
type Outcome struct {
	ID          int64
	Name, Owner string
	Problem     string
}

// of gives the page of an action on so many tokens.
func of(action bulk.Action, n int, everyone bool) *Page {
	p := &Page{Action: string(action), Back: "/tokens"}
	if everyone {
		p.Back = "/everyone"
	}
	those := words.Plural(n, "token", "tokens")
	switch action {
	case bulk.Pause:
		p.Title, p.Button, p.Reason = "Pause "+those+"?", "Pause "+those, true
		p.Text = "They stop working at once, until they are resumed one by one."
	case bulk.Revoke:
		p.Title, p.Button, p.Reason, p.Danger = "Revoke "+those+"?", "Revoke "+those, true, true
		p.Text = "They stop working at once, for good, and with them every token that they made. This cannot be undone."
	case bulk.Narrow:
		p.Title, p.Button = "Take permissions from "+those, "Take them from "+those
		p.Text = "What you tick is taken from every scope of each of these tokens. A token that would be left with nothing " +
			"is not changed. Each narrowing can be undone on the token's page for 14 days."
	}
	return p
}

// Load reads which tokens are selected, and what for. Their rows are for the caller to fill in.
func Load(ctx context.Context, s *tokens.Service, c tokens.Caller, in url.Values) (p *Page, list []tokens.Inspected, err error) {
	action, ok := bulk.Parse(in.Get("action"))
	if !ok {
		return nil, nil, tokens.ErrNotFound
	}
	ids, problem := selected(in)
	var missing []int64
	for _, id := range ids {
		t, err := s.InspectOne(ctx, c, id)
		switch {
		case errors.Is(err, tokens.ErrNotFound):
			missing = append(missing, id)
		case err != nil:
			return nil, nil, err
		default:
			list = append(list, *t)
		}
	}
	p = of(action, len(list), in.Get("everyone") != "")
	p.IDs, p.Problem, p.Missing = ids, problem, missing
	if action == bulk.Narrow {
		for _, name := range bulk.Permissions(list) {
			p.Permissions = append(p.Permissions, Right{Name: name})
		}
	}
	return p, list, nil
}

// Weigh says what is dangerous about permissions, and puts it first.
func (p *Page) Weigh(dangers func(permission string) string) {
	for i := range p.Permissions {
		p.Permissions[i].Dangers = dangers(p.Permissions[i].Name)
	}
	slices.SortStableFunc(p.Permissions, func(a, b Right) int {
		switch {
		case (a.Dangers == "") == (b.Dangers == ""):
			return 0
		case a.Dangers != "":
			return -1
		}
		return 1
	})
}

// selected reads which tokens are selected, each once. A problem is for the reader.
func selected(in url.Values) (ids []int64, problem string) {
	for _, text := range in["id"] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id <= 0 {
			return nil, "What was selected cannot be read."
		}
		if len(ids) <= bulk.Most && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	switch {
	case len(ids) == 0:
		return nil, "Nothing is selected: tick the tokens first."
	case len(ids) > bulk.Most:
		return nil, fmt.Sprintf("At most %d tokens can be changed at once.", bulk.Most)
	}
	return ids, ""
}

// Order reads the rest of the form into an order.
func (p *Page) Order(in url.Values) bulk.Order {
	o := bulk.Order{Action: bulk.Action(p.Action), Reason: strings.TrimSpace(in.Get("reason"))}
	p.Value = o.Reason
	switch {
	case p.Problem != "":
	case len([]rune(o.Reason)) > terms.MaxDescription:
		p.Problem = fmt.Sprintf("The reason is too long: at most %d characters.", terms.MaxDescription)
	case o.Action == bulk.Narrow:
		if o.Take = in["take"]; len(o.Take) == 0 {
			p.Problem = "Tick what is to be taken away."
		}
	}
	return o
}

// Tell puts the outcome into the page. say says an error to a person.
func (p *Page) Tell(all []bulk.Done, say func(error) string) {
	p.Done = true
	for _, d := range all {
		o := Outcome{ID: d.ID, Name: d.Name, Owner: d.Owner}
		switch {
		case d.Err != nil:
			if o.Problem = bulk.ErrNothingLeft.Error(); !errors.Is(d.Err, bulk.ErrNothingLeft) {
				o.Problem = say(d.Err)
			}
			if o.Name == "" {
				o.Name = strconv.FormatInt(d.ID, 10)
			}
			p.Failed = append(p.Failed, o)
		case d.Already:
			p.Already = append(p.Already, o)
		default:
			p.Good = append(p.Good, o)
		}
	}
	done := map[string]string{"pause": "paused", "revoke": "revoked", "narrow": "narrowed"}[p.Action]
	p.Title = fmt.Sprintf("%d of %s: %s", len(p.Good), words.Plural(len(all), "token", "tokens"), done)
}
